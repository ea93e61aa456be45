/*
 * The USB bus of a private pcscd: readers that come and go while the daemon runs.
 *
 * pcscd takes readers into its list and off it where udev tells it to, and nowhere else (hotplug_libudev.c:
 * HPScanUSB at the start, HPEstablishUSBNotifications later; RFReCheckReaderConf, which would read the serial
 * readers' configuration again, has no caller in a daemon built with libudev). So this is libudev for pcscd:
 * the functions that it imports, with a folder for the bus. CARDLATCH_PCSCD_USB=FOLDER names it; without the
 * variable the bus is empty.
 *
 *     FOLDER/devices/ID   a reader that is plugged in: its name in the first line, the driver's address for
 * it in the second FOLDER/events       made here: a datagram socket that takes "add ID" and "remove ID"
 *
 * A real reader's name comes from the driver's Info.plist, read once. Ours says k_any_name there, and what
 * pcscd copies of it with strdup() when a device is added is that device's own name.
 */
#define _GNU_SOURCE
#include <sys/socket.h>
#include <sys/un.h>

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { k_id_size = 32, k_name_size = 256, k_address_size = 2048, k_most_devices = 64 };

/* Has to be as in usb_bus.cpp, which writes the Info.plist. */
static const char k_any_name[] = "cardlatch-reader-of-any-name";
static const char k_vendor[] = "ca4d";
static const char k_product[] = "1a7c";

struct udev {
    int unused;
};

struct udev_monitor {
    int fd;
};

struct udev_device {
    char action[8];
    char id[k_id_size];
    char name[k_name_size];
    char address[k_address_size];
};

struct udev_list_entry {
    char id[k_id_size];
};

struct udev_enumerate {
    struct udev_list_entry entries[k_most_devices + 1]; /* an empty one ends the list */
};

/* The device whose attributes this thread reads. */
static __thread const struct udev_device* current;

static int in_bus(char* path, size_t size, const char* rest, const char* id) {
    const char* folder = getenv("CARDLATCH_PCSCD_USB");
    const int written = folder == NULL ? -1 : snprintf(path, size, "%s%s%s", folder, rest, id);
    return written > 0 && (size_t)written < size;
}

static int is_id(const char* text) {
    const size_t length = strlen(text);
    return length > 0 && length < k_id_size && strspn(text, "0123456789") == length;
}

/* Reads a line of at most `size` - 1 bytes, without its end. */
static int read_line(FILE* file, char* line, size_t size) {
    if (fgets(line, (int)size, file) == NULL) {
        return 0;
    }
    line[strcspn(line, "\n")] = '\0';
    return line[0] != '\0';
}

static struct udev_device* make_device(const char* action, const char* id) {
    struct udev_device* device = calloc(1, sizeof *device);
    if (device == NULL || !is_id(id)) {
        free(device);
        return NULL;
    }
    snprintf(device->action, sizeof device->action, "%s", action);
    snprintf(device->id, sizeof device->id, "%s", id);
    if (strcmp(action, "remove") == 0) {
        return device;
    }
    char path[PATH_MAX];
    FILE* file = in_bus(path, sizeof path, "/devices/", id) ? fopen(path, "re") : NULL;
    const int read = file != NULL && read_line(file, device->name, sizeof device->name) &&
                     read_line(file, device->address, sizeof device->address);
    if (file != NULL) {
        fclose(file);
    }
    if (!read) { /* it has gone meanwhile */
        free(device);
        return NULL;
    }
    return device;
}

EXPORT char* strdup(const char* text) {
    if (current != NULL && current->name[0] != '\0' && strcmp(text, k_any_name) == 0) {
        text = current->name;
    }
    const size_t size = strlen(text) + 1;
    char* copy = malloc(size);
    return copy == NULL ? NULL : memcpy(copy, text, size);
}

EXPORT struct udev* udev_new(void) {
    return calloc(1, sizeof(struct udev));
}

EXPORT struct udev* udev_unref(struct udev* udev) {
    free(udev);
    return NULL;
}

/* The list of what is plugged in. */

EXPORT struct udev_enumerate* udev_enumerate_new(struct udev* udev) {
    (void)udev;
    return calloc(1, sizeof(struct udev_enumerate));
}

EXPORT int udev_enumerate_add_match_subsystem(struct udev_enumerate* list, const char* subsystem) {
    (void)list;
    (void)subsystem;
    return 0;
}

static int by_number(const void* left, const void* right) {
    const struct udev_list_entry* a = left;
    const struct udev_list_entry* b = right;
    const size_t a_length = strlen(a->id);
    const size_t b_length = strlen(b->id);
    return a_length == b_length ? strcmp(a->id, b->id) : (a_length < b_length ? -1 : 1);
}

EXPORT int udev_enumerate_scan_devices(struct udev_enumerate* list) {
    char path[PATH_MAX];
    DIR* folder = list != NULL && in_bus(path, sizeof path, "/devices", "") ? opendir(path) : NULL;
    if (folder == NULL) {
        return -ENOENT;
    }
    size_t count = 0;
    for (const struct dirent* entry = readdir(folder); entry != NULL && count < k_most_devices;
         entry = readdir(folder)) {
        if (is_id(entry->d_name)) {
            snprintf(list->entries[count++].id, k_id_size, "%.*s", k_id_size - 1, entry->d_name);
        }
    }
    closedir(folder);
    qsort(list->entries, count, sizeof list->entries[0], by_number);
    return 0;
}

EXPORT struct udev_list_entry* udev_enumerate_get_list_entry(struct udev_enumerate* list) {
    return list == NULL || list->entries[0].id[0] == '\0' ? NULL : list->entries;
}

EXPORT struct udev_list_entry* udev_list_entry_get_next(struct udev_list_entry* entry) {
    return entry == NULL || entry[1].id[0] == '\0' ? NULL : entry + 1;
}

EXPORT const char* udev_list_entry_get_name(struct udev_list_entry* entry) {
    return entry == NULL ? NULL : entry->id;
}

EXPORT struct udev_enumerate* udev_enumerate_unref(struct udev_enumerate* list) {
    free(list);
    return NULL;
}

/* What comes and goes. */

EXPORT struct udev_monitor* udev_monitor_new_from_netlink(struct udev* udev, const char* name) {
    (void)udev;
    (void)name;
    struct udev_monitor* monitor = calloc(1, sizeof *monitor);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (monitor == NULL) {
        return NULL;
    }
    monitor->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (monitor->fd >= 0 && in_bus(address.sun_path, sizeof address.sun_path, "/events", "")) {
        unlink(address.sun_path); /* of a daemon that was killed */
        if (bind(monitor->fd, (const struct sockaddr*)&address, sizeof address) != 0) {
            fprintf(stderr, "cardlatch: %s: %s: no reader can be plugged in while pcscd runs\n",
                    address.sun_path, strerror(errno));
        }
    }
    return monitor;
}

EXPORT int udev_monitor_filter_add_match_subsystem_devtype(struct udev_monitor* monitor,
                                                           const char* subsystem, const char* type) {
    (void)monitor;
    (void)subsystem;
    (void)type;
    return 0;
}

EXPORT int udev_monitor_enable_receiving(struct udev_monitor* monitor) {
    (void)monitor;
    return 0;
}

EXPORT int udev_monitor_get_fd(struct udev_monitor* monitor) {
    return monitor == NULL ? -1 : monitor->fd;
}

EXPORT struct udev_device* udev_monitor_receive_device(struct udev_monitor* monitor) {
    char event[64];
    const ssize_t size = monitor == NULL ? -1 : recv(monitor->fd, event, sizeof event - 1, MSG_DONTWAIT);
    if (size <= 0) {
        return NULL;
    }
    event[size] = '\0';
    char* id = strchr(event, ' ');
    if (id == NULL) {
        return NULL;
    }
    *id++ = '\0';
    return make_device(event, id);
}

EXPORT struct udev_monitor* udev_monitor_unref(struct udev_monitor* monitor) {
    if (monitor != NULL) {
        close(monitor->fd);
        free(monitor);
    }
    return NULL;
}

/* A device. */

EXPORT struct udev_device* udev_device_new_from_syspath(struct udev* udev, const char* path) {
    (void)udev;
    return make_device("add", path);
}

EXPORT struct udev_device* udev_device_unref(struct udev_device* device) {
    if (current == device) {
        current = NULL;
    }
    free(device);
    return NULL;
}

EXPORT const char* udev_device_get_action(struct udev_device* device) {
    return device->action;
}

EXPORT struct udev_device* udev_device_get_parent_with_subsystem_devtype(struct udev_device* device,
                                                                         const char* subsystem,
                                                                         const char* type) {
    (void)subsystem;
    (void)type;
    current = device;
    return device; /* the interface and its device are one */
}

EXPORT const char* udev_device_get_devnode(struct udev_device* device) {
    return device->address[0] == '\0' ? NULL : device->address;
}

EXPORT const char* udev_device_get_sysname(struct udev_device* device) {
    return device->id;
}

EXPORT const char* udev_device_get_sysattr_value(struct udev_device* device, const char* name) {
    (void)device;
    if (strcmp(name, "idVendor") == 0) {
        return k_vendor;
    }
    return strcmp(name, "idProduct") == 0 ? k_product
                                          : NULL; /* no interface name and no serial number to add */
}

EXPORT const char* udev_device_get_property_value(struct udev_device* device, const char* name) {
    (void)device;
    (void)name;
    return NULL;
}
