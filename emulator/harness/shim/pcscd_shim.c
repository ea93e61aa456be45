/*
 * Preloaded into a private pcscd where the daemon or its driver would touch what belongs to the whole
 * machine.
 *
 * CARDLATCH_PCSCD_RUN=FOLDER, where user namespaces are refused (Docker's default seccomp profile,
 * Ubuntu 24.04): pcscd insists on making /run/pcscd and writes its pid file there; an unprivileged instance
 * must not, and several must not share it. Every path below /run/pcscd is rewritten to below FOLDER. The
 * calls are those that pcscd 1.9.9 to 2.5 imports for such paths, in their plain and their 64-bit names.
 *
 * CARDLATCH_PCSCD_USB=FOLDER: pcscd's USB bus is FOLDER (pcscd_usb.c). Its folder of USB drivers, which it
 * looks for at a path that is compiled in and ends in /pcsc/drivers, is FOLDER/drivers: ours is the only one
 * there.
 *
 * CARDLATCH_PCSCD_LOOPBACK=1, with stock vpcd: that driver listens on every interface without authentication.
 * Binding to every interface becomes binding to 127.0.0.1.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

static const char k_prefix[] = "/run/pcscd";
static const char k_var_prefix[] = "/var/run/pcscd";

static const char k_drivers[] = "/pcsc/drivers";
static const char k_bundle[] = "/cardlatch.bundle/";

/* `folder` and `rest` in `buffer`; `path` when there is no room. */
static const char* join(const char* path, const char* folder, const char* rest, char* buffer, size_t size) {
    const int written = snprintf(buffer, size, "%s%s", folder, rest);
    return written > 0 && (size_t)written < size ? buffer : path;
}

/* The same for what is in the folder of USB drivers: the folder, and our driver in it. */
static const char* rewrite_driver(const char* path, char* buffer, size_t size) {
    const char* folder = getenv("CARDLATCH_PCSCD_USB");
    const char* at = folder == NULL ? NULL : strstr(path, k_drivers);
    if (at == NULL) {
        return path;
    }
    const char* rest = at + sizeof k_drivers - 1;
    if (*rest != '\0' && strncmp(rest, k_bundle, sizeof k_bundle - 1) != 0) {
        return path;
    }
    return join(path, folder, at + sizeof "/pcsc" - 1, buffer, size);
}

/* The path to use instead of `path`: `buffer`, or `path` itself when it is not below pcscd's folder. */
static const char* rewrite(const char* path, char* buffer, size_t size) {
    const char* folder = getenv("CARDLATCH_PCSCD_RUN");
    const char* rest = NULL;
    if (path == NULL) {
        return path;
    }
    if (folder == NULL) {
        return rewrite_driver(path, buffer, size);
    }
    if (strncmp(path, k_prefix, sizeof k_prefix - 1) == 0) {
        rest = path + sizeof k_prefix - 1;
    } else if (strncmp(path, k_var_prefix, sizeof k_var_prefix - 1) == 0) {
        rest = path + sizeof k_var_prefix - 1;
    }
    if (rest == NULL || (*rest != '\0' && *rest != '/')) {
        return rewrite_driver(path, buffer, size);
    }
    return join(path, folder, rest, buffer, size);
}

/* next_: the next definition of `name`, through a union because ISO C has no cast from object to function
 * pointer. */
#define NEXT(type, name)                                                                                     \
    static type next_;                                                                                       \
    if (next_ == NULL) {                                                                                     \
        union {                                                                                              \
            void* object;                                                                                    \
            type function;                                                                                   \
        } found;                                                                                             \
        found.object = dlsym(RTLD_NEXT, name);                                                               \
        next_ = found.function;                                                                              \
    }

/* The same for a call with a `path`, which is rewritten. */
#define NEXT_WITH_PATH(type, name)                                                                           \
    NEXT(type, name)                                                                                         \
    char buffer[PATH_MAX];                                                                                   \
    path = rewrite(path, buffer, sizeof buffer)

typedef int (*path_call)(const char*);
typedef int (*path_mode_call)(const char*, mode_t);
typedef int (*path_int_call)(const char*, int);
typedef int (*stat_call)(const char*, struct stat*);
typedef int (*stat64_call)(const char*, struct stat64*);
typedef int (*open_call)(const char*, int, ...);
typedef int (*openat_call)(int, const char*, int, ...);
typedef FILE* (*fopen_call)(const char*, const char*);
typedef DIR* (*opendir_call)(const char*);
typedef void* (*dlopen_call)(const char*, int);
typedef int (*bind_call)(int, const struct sockaddr*, socklen_t);

EXPORT int mkdir(const char* path, mode_t mode) {
    NEXT_WITH_PATH(path_mode_call, "mkdir");
    return next_(path, mode);
}

EXPORT int chmod(const char* path, mode_t mode) {
    NEXT_WITH_PATH(path_mode_call, "chmod");
    return next_(path, mode);
}

EXPORT int access(const char* path, int mode) {
    NEXT_WITH_PATH(path_int_call, "access");
    return next_(path, mode);
}

EXPORT int unlink(const char* path) {
    NEXT_WITH_PATH(path_call, "unlink");
    return next_(path);
}

EXPORT int remove(const char* path) {
    NEXT_WITH_PATH(path_call, "remove");
    return next_(path);
}

EXPORT int stat(const char* restrict path, struct stat* restrict info) {
    NEXT_WITH_PATH(stat_call, "stat");
    return next_(path, info);
}

EXPORT int lstat(const char* restrict path, struct stat* restrict info) {
    NEXT_WITH_PATH(stat_call, "lstat");
    return next_(path, info);
}

EXPORT int stat64(const char* restrict path, struct stat64* restrict info) {
    NEXT_WITH_PATH(stat64_call, "stat64");
    return next_(path, info);
}

EXPORT int lstat64(const char* restrict path, struct stat64* restrict info) {
    NEXT_WITH_PATH(stat64_call, "lstat64");
    return next_(path, info);
}

EXPORT FILE* fopen(const char* restrict path, const char* restrict mode) {
    NEXT_WITH_PATH(fopen_call, "fopen");
    return next_(path, mode);
}

EXPORT FILE* fopen64(const char* restrict path, const char* restrict mode) {
    NEXT_WITH_PATH(fopen_call, "fopen64");
    return next_(path, mode);
}

/* The mode argument of open() exists only with these flags. */
static mode_t optional_mode(int flags, va_list arguments) {
    return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
}

EXPORT int open(const char* path, int flags, ...) {
    NEXT_WITH_PATH(open_call, "open");
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = optional_mode(flags, arguments);
    va_end(arguments);
    return next_(path, flags, mode);
}

EXPORT int open64(const char* path, int flags, ...) {
    NEXT_WITH_PATH(open_call, "open64");
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = optional_mode(flags, arguments);
    va_end(arguments);
    return next_(path, flags, mode);
}

EXPORT int openat(int folder, const char* path, int flags, ...) {
    NEXT_WITH_PATH(openat_call, "openat");
    va_list arguments;
    va_start(arguments, flags);
    const mode_t mode = optional_mode(flags, arguments);
    va_end(arguments);
    return next_(folder, path, flags, mode);
}

EXPORT DIR* opendir(const char* path) {
    NEXT_WITH_PATH(opendir_call, "opendir");
    return next_(path);
}

EXPORT void* dlopen(const char* path, int flags) {
    NEXT_WITH_PATH(dlopen_call, "dlopen");
    return next_(path, flags);
}

EXPORT int bind(int fd, const struct sockaddr* address, socklen_t length) {
    NEXT(bind_call, "bind")
    struct sockaddr_in loopback;
    if (getenv("CARDLATCH_PCSCD_LOOPBACK") != NULL && address->sa_family == AF_INET &&
        length == sizeof loopback) {
        memcpy(&loopback, address, sizeof loopback);
        if (loopback.sin_addr.s_addr == htonl(INADDR_ANY)) {
            loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        }
        return next_(fd, (const struct sockaddr*)&loopback, length);
    }
    return next_(fd, address, length);
}
