#include "json.h"

#include <cardlatch/control.h>

#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The protocol allows 64 KiB to the stack; answers stay far below this. */
enum { LONGEST_REQUEST = 65536, LONGEST_ANSWER = 1 << 20, FIRST_ROOM = 4096 };

/* Source: JSON-RPC 2.0 specification, section 5.1. */
enum { RPC_INVALID_PARAMS = -32602 };

struct cardlatch_connection {
    int socket;
    int next_id;
    char* answer;
    size_t answer_room;
    char error[512];
};

static int failed(cardlatch_connection* connection, int result, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(connection->error, sizeof(connection->error), format, arguments);
    va_end(arguments);
    return result;
}

static void hang_up(cardlatch_connection* connection) {
    if (connection->socket >= 0) {
        close(connection->socket);
        connection->socket = -1;
    }
}

int cardlatch_connect(const char* path, cardlatch_connection** connection) {
    if (connection == NULL) {
        return CARDLATCH_E_ARGUMENT;
    }
    *connection = calloc(1, sizeof(**connection));
    if (*connection == NULL) {
        return CARDLATCH_E_MEMORY;
    }
    (*connection)->socket = -1;
    if (path == NULL) {
        path = getenv("CARDLATCH_CONTROL");
    }
    if (path == NULL || *path == '\0') {
        return failed(*connection, CARDLATCH_E_CONNECT,
                      "no control socket: run this inside `cardlatch run`, or name the socket");
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        return failed(*connection, CARDLATCH_E_CONNECT, "control socket %s: the path is too long", path);
    }
    strcpy(address.sun_path, path);
    const int number = socket(AF_UNIX, SOCK_STREAM, 0);
    if (number < 0 || connect(number, (const struct sockaddr*)&address, sizeof(address)) != 0) {
        const int why = errno;
        if (number >= 0) {
            close(number);
        }
        return failed(*connection, CARDLATCH_E_CONNECT, "control socket %s: %s; does the stack still run?",
                      path, strerror(why));
    }
    (*connection)->socket = number;
    return CARDLATCH_OK;
}

void cardlatch_close(cardlatch_connection* connection) {
    if (connection != NULL) {
        hang_up(connection);
        free(connection->answer);
        free(connection);
    }
}

const char* cardlatch_error(const cardlatch_connection* connection) {
    return connection == NULL ? "no connection" : connection->error;
}

static int send_all(int socket, const char* data, size_t length) {
    while (length > 0) {
        const ssize_t count = send(socket, data, length, MSG_NOSIGNAL);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            return 0;
        }
        data += count;
        length -= (size_t)count;
    }
    return 1;
}

/* Reads one line; `*line` lies in the connection until the next call. */
static int read_line(cardlatch_connection* connection, struct json_text* line) {
    size_t length = 0;
    for (;;) {
        if (length == connection->answer_room) {
            const size_t room = length == 0 ? FIRST_ROOM : 2 * length;
            char* larger = room > LONGEST_ANSWER ? NULL : realloc(connection->answer, room);
            if (larger == NULL) {
                hang_up(connection);
                return room > LONGEST_ANSWER
                           ? failed(connection, CARDLATCH_E_PROTOCOL, "the answer is too long")
                           : failed(connection, CARDLATCH_E_MEMORY, "no memory for the answer");
            }
            connection->answer = larger;
            connection->answer_room = room;
        }
        const ssize_t count =
            recv(connection->socket, connection->answer + length, connection->answer_room - length, 0);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            hang_up(connection);
            return failed(connection, CARDLATCH_E_CONNECT,
                          "the stack closed the connection before it answered");
        }
        const char* newline = memchr(connection->answer + length, '\n', (size_t)count);
        length += (size_t)count;
        if (newline != NULL) {
            *line = (struct json_text){connection->answer, newline};
            return CARDLATCH_OK;
        }
    }
}

/* Sends a request and finds the result in the answer. */
static int ask(cardlatch_connection* connection, const char* method, const char* params,
               struct json_text* result) {
    if (connection == NULL || method == NULL) {
        return CARDLATCH_E_ARGUMENT;
    }
    connection->error[0] = '\0';
    if (connection->socket < 0) {
        return failed(connection, CARDLATCH_E_CONNECT, "not connected");
    }
    char name[128];
    char* request = malloc(LONGEST_REQUEST);
    if (request == NULL) {
        return failed(connection, CARDLATCH_E_MEMORY, "no memory for the request");
    }
    const int id = connection->next_id++;
    int length = -1;
    if (json_quote(method, name, sizeof(name)) > 0 && (params == NULL || strchr(params, '\n') == NULL)) {
        length = snprintf(request, LONGEST_REQUEST,
                          "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":%s,\"params\":%s}\n", id, name,
                          params == NULL ? "{}" : params);
    }
    if (length < 0 || length >= LONGEST_REQUEST) {
        free(request);
        return failed(connection, CARDLATCH_E_ARGUMENT, "the request is no single line of at most 64 KiB");
    }
    const int sent = send_all(connection->socket, request, (size_t)length);
    free(request);
    if (!sent) {
        hang_up(connection);
        return failed(connection, CARDLATCH_E_CONNECT, "the stack has closed the connection");
    }
    struct json_text line = {NULL, NULL};
    const int got = read_line(connection, &line);
    if (got != CARDLATCH_OK) {
        return got;
    }
    const struct json_text answer = json_value(line);
    *result = json_member(answer, "result");
    if (result->begin != NULL) {
        return CARDLATCH_OK;
    }
    const struct json_text error = json_member(answer, "error");
    int code = 0;
    char message[sizeof(connection->error)];
    if (!json_int(json_member(error, "code"), &code) ||
        !json_string(json_member(error, "message"), message, sizeof(message))) {
        return failed(connection, CARDLATCH_E_PROTOCOL, "the answer is no JSON-RPC");
    }
    return failed(connection, code == RPC_INVALID_PARAMS ? CARDLATCH_E_ARGUMENT : CARDLATCH_E_REFUSED, "%s",
                  message);
}

int cardlatch_call(cardlatch_connection* connection, const char* method, const char* params, char** result) {
    struct json_text text = {NULL, NULL};
    if (result != NULL) {
        *result = NULL;
    }
    const int got = ask(connection, method, params, &text);
    if (got == CARDLATCH_OK && result != NULL) {
        const size_t length = (size_t)(text.end - text.begin);
        *result = malloc(length + 1);
        if (*result == NULL) {
            return failed(connection, CARDLATCH_E_MEMORY, "no memory for the result");
        }
        memcpy(*result, text.begin, length);
        (*result)[length] = '\0';
    }
    return got;
}

/* False when `item` describes no slot. */
static int read_slot(struct json_text item, struct cardlatch_slot* slot) {
    memset(slot, 0, sizeof(*slot));
    return json_int(json_member(item, "slot"), &slot->number) &&
           json_string(json_member(item, "reader"), slot->reader, sizeof(slot->reader)) &&
           json_string(json_member(item, "state"), slot->state, sizeof(slot->state)) &&
           json_string(json_member(item, "profile"), slot->profile, sizeof(slot->profile)) &&
           json_string(json_member(item, "atr"), slot->atr, sizeof(slot->atr));
}

int cardlatch_status(cardlatch_connection* connection, struct cardlatch_slot* slots, size_t room) {
    struct json_text result = {NULL, NULL};
    const int got = ask(connection, "status", NULL, &result);
    if (got != CARDLATCH_OK) {
        return got;
    }
    const struct json_text list = json_member(result, "slots");
    int count = 0;
    for (struct json_text item = json_element(list, 0); item.begin != NULL;
         item = json_element(list, (size_t)++count)) {
        struct cardlatch_slot slot;
        if (!read_slot(item, &slot)) {
            return failed(connection, CARDLATCH_E_PROTOCOL, "the answer to status has no such slot");
        }
        if (slots != NULL && (size_t)count < room) {
            slots[count] = slot;
        }
    }
    return count;
}

int cardlatch_insert(cardlatch_connection* connection, int slot, const char* profile) {
    char name[8192];
    char params[sizeof(name) + 64];
    struct json_text result = {NULL, NULL};
    if (profile == NULL) {
        snprintf(params, sizeof(params), "{\"slot\":%d}", slot);
    } else if (json_quote(profile, name, sizeof(name)) > 0) {
        snprintf(params, sizeof(params), "{\"slot\":%d,\"profile\":%s}", slot, name);
    } else {
        return connection == NULL
                   ? CARDLATCH_E_ARGUMENT
                   : failed(connection, CARDLATCH_E_ARGUMENT, "the profile's name is too long");
    }
    return ask(connection, "insert", params, &result);
}

static int act(cardlatch_connection* connection, const char* method, int slot) {
    char params[32];
    struct json_text result = {NULL, NULL};
    snprintf(params, sizeof(params), "{\"slot\":%d}", slot);
    return ask(connection, method, params, &result);
}

int cardlatch_remove(cardlatch_connection* connection, int slot) {
    return act(connection, "remove", slot);
}

int cardlatch_reset(cardlatch_connection* connection, int slot) {
    return act(connection, "reset", slot);
}

int cardlatch_acquire(cardlatch_connection* connection, int slot, int within_ms) {
    char params[64];
    struct json_text result = {NULL, NULL};
    snprintf(params, sizeof(params), "{\"slot\":%d,\"within_ms\":%d}", slot, within_ms);
    const int got = ask(connection, "acquire", params, &result);
    if (got != CARDLATCH_OK) {
        return got;
    }
    return json_true(json_member(result, "acquired")) ? CARDLATCH_OK : CARDLATCH_NO;
}

static int refuse(cardlatch_connection* connection, const char* what) {
    return connection == NULL ? CARDLATCH_E_ARGUMENT : failed(connection, CARDLATCH_E_ARGUMENT, "%s", what);
}

/* Overwrites a PIN in a way that the compiler keeps. */
static void forget(char* text, size_t size) {
    volatile char* at = text;
    while (size-- > 0) {
        *at++ = '\0';
    }
}

int cardlatch_type(cardlatch_connection* connection, int slot, const char* pin, const char* fresh) {
    enum { LONGEST = 2048 };
    char present[LONGEST] = "null";
    char next[LONGEST] = "null";
    char params[2 * LONGEST + 64];
    struct json_text result = {NULL, NULL};
    const int fits = (pin == NULL || json_quote(pin, present, sizeof(present)) > 0) &&
                     (fresh == NULL || json_quote(fresh, next, sizeof(next)) > 0);
    int got = CARDLATCH_E_ARGUMENT;
    if (!fits) {
        got = refuse(connection, "the PIN is too long");
    } else {
        if (pin == NULL && fresh == NULL) {
            snprintf(params, sizeof(params), "{\"slot\":%d,\"cancel\":true}", slot);
        } else {
            snprintf(params, sizeof(params), "{\"slot\":%d,\"pin\":%s,\"new\":%s}", slot, present, next);
        }
        got = ask(connection, "type", params, &result);
    }
    forget(present, sizeof(present));
    forget(next, sizeof(next));
    forget(params, sizeof(params));
    return got;
}

int cardlatch_reader_add(cardlatch_connection* connection, const char* name, const char* card,
                         struct cardlatch_slot* slot) {
    char called[1024] = "null";
    char holds[8192] = "\"none\"";
    char params[sizeof(called) + sizeof(holds) + 64];
    struct json_text result = {NULL, NULL};
    if ((name != NULL && json_quote(name, called, sizeof(called)) <= 0) ||
        (card != NULL && json_quote(card, holds, sizeof(holds)) <= 0)) {
        return refuse(connection, "the reader's or the card's name is too long");
    }
    snprintf(params, sizeof(params), "{\"name\":%s,\"cards\":[%s]}", called, holds);
    const int got = ask(connection, "reader_add", params, &result);
    struct cardlatch_slot made;
    if (got == CARDLATCH_OK && !read_slot(json_element(json_member(result, "slots"), 0), &made)) {
        return failed(connection, CARDLATCH_E_PROTOCOL, "the answer to reader_add has no slot");
    }
    if (got == CARDLATCH_OK && slot != NULL) {
        *slot = made;
    }
    return got;
}

int cardlatch_reader_remove(cardlatch_connection* connection, int slot) {
    return act(connection, "reader_remove", slot);
}

int cardlatch_fault_add(cardlatch_connection* connection, int slot, const char* spec, char* name,
                        size_t room) {
    char text[4096];
    char params[sizeof(text) + 64];
    char given[128] = "";
    struct json_text result = {NULL, NULL};
    if (spec == NULL || json_quote(spec, text, sizeof(text)) <= 0) {
        return refuse(connection, "the fault is missing or too long");
    }
    if (slot < 0) {
        snprintf(params, sizeof(params), "{\"spec\":%s}", text);
    } else {
        snprintf(params, sizeof(params), "{\"spec\":%s,\"slot\":%d}", text, slot);
    }
    const int got = ask(connection, "fault_add", params, &result);
    if (got != CARDLATCH_OK) {
        return got;
    }
    const struct json_text fault = json_element(json_member(result, "faults"), 0);
    if (!json_string(json_member(fault, "name"), given, sizeof(given))) {
        return failed(connection, CARDLATCH_E_PROTOCOL, "the answer to fault_add has no name");
    }
    if (name != NULL && room > 0) {
        snprintf(name, room, "%s", given);
    }
    return CARDLATCH_OK;
}

int cardlatch_fault_struck(cardlatch_connection* connection, const char* name) {
    struct json_text result = {NULL, NULL};
    const int got = ask(connection, "fault_list", NULL, &result);
    if (got != CARDLATCH_OK || name == NULL) {
        return got != CARDLATCH_OK ? got : refuse(connection, "the fault's name is missing");
    }
    const struct json_text list = json_member(result, "faults");
    size_t count = 0;
    for (struct json_text item = json_element(list, 0); item.begin != NULL;
         item = json_element(list, ++count)) {
        char found[128];
        int struck = 0;
        if (json_string(json_member(item, "name"), found, sizeof(found)) && strcmp(found, name) == 0 &&
            json_int(json_member(item, "struck"), &struck)) {
            return struck;
        }
    }
    return failed(connection, CARDLATCH_E_ARGUMENT, "no fault \"%s\"", name);
}

int cardlatch_fault_remove(cardlatch_connection* connection, const char* name) {
    char text[256];
    char params[sizeof(text) + 32];
    struct json_text result = {NULL, NULL};
    if (name == NULL || json_quote(name, text, sizeof(text)) <= 0) {
        return refuse(connection, "the fault's name is missing or too long");
    }
    snprintf(params, sizeof(params), "{\"name\":%s}", text);
    return ask(connection, "fault_remove", params, &result);
}

int cardlatch_fault_clear(cardlatch_connection* connection) {
    struct json_text result = {NULL, NULL};
    return ask(connection, "fault_clear", NULL, &result);
}
