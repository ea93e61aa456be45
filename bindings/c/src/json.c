#include "json.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { DEEPEST = 16 };

static const struct json_text nothing = {NULL, NULL};

static const char* skip_space(const char* at, const char* end) {
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) {
        ++at;
    }
    return at;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The end of the string that begins at `at`, after its quote; NULL when it is none. */
static const char* skip_string(const char* at, const char* end) {
    if (at == end || *at != '"') {
        return NULL;
    }
    for (++at; at < end && *at != '"'; ++at) {
        if ((unsigned char)*at < 0x20) {
            return NULL;
        }
        if (*at == '\\') {
            ++at;
            if (at == end || strchr("\"\\/bfnrtu", *at) == NULL || *at == '\0') {
                return NULL;
            }
            if (*at == 'u') {
                for (int i = 0; i < 4; ++i) {
                    ++at;
                    if (at == end || hex_digit(*at) < 0) {
                        return NULL;
                    }
                }
            }
        }
    }
    return at < end ? at + 1 : NULL;
}

static const char* skip_value(const char* at, const char* end, int depth);

/* The end of the object or array that begins at `at`. */
static const char* skip_container(const char* at, const char* end, int depth) {
    const int object = *at == '{';
    const char close = object ? '}' : ']';
    at = skip_space(at + 1, end);
    if (at < end && *at == close) {
        return at + 1;
    }
    for (;;) {
        if (object) {
            at = skip_string(skip_space(at, end), end);
            if (at == NULL) {
                return NULL;
            }
            at = skip_space(at, end);
            if (at == end || *at != ':') {
                return NULL;
            }
            ++at;
        }
        at = skip_value(skip_space(at, end), end, depth + 1);
        if (at == NULL) {
            return NULL;
        }
        at = skip_space(at, end);
        if (at == end || (*at != ',' && *at != close)) {
            return NULL;
        }
        if (*at++ == close) {
            return at;
        }
    }
}

/* The end of the value that begins at `at`; NULL when there is none. */
static const char* skip_value(const char* at, const char* end, int depth) {
    static const char* const words[] = {"true", "false", "null"};
    if (at == end || depth > DEEPEST) {
        return NULL;
    }
    if (*at == '{' || *at == '[') {
        return skip_container(at, end, depth);
    }
    if (*at == '"') {
        return skip_string(at, end);
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); ++i) {
        const size_t length = strlen(words[i]);
        if ((size_t)(end - at) >= length && memcmp(at, words[i], length) == 0) {
            return at + length;
        }
    }
    const char* const begin = at;
    while (at < end && *at != '\0' && strchr("+-.0123456789eE", *at) != NULL) {
        ++at;
    }
    return at > begin ? at : NULL;
}

struct json_text json_value(struct json_text text) {
    if (text.begin == NULL) {
        return nothing;
    }
    const char* begin = skip_space(text.begin, text.end);
    const char* end = skip_value(begin, text.end, 0);
    if (end == NULL || skip_space(end, text.end) != text.end) {
        return nothing;
    }
    return (struct json_text){begin, end};
}

/* The value after `at`, which is the end of a key or a separator; `*next` is where to go on. */
static struct json_text value_at(const char* at, const char* end, const char** next) {
    at = skip_space(at, end);
    *next = skip_value(at, end, 0);
    return *next == NULL ? nothing : (struct json_text){at, *next};
}

struct json_text json_member(struct json_text value, const char* name) {
    if (value.begin == NULL || *value.begin != '{') {
        return nothing;
    }
    const size_t length = strlen(name);
    const char* at = skip_space(value.begin + 1, value.end);
    while (at != NULL && at < value.end && *at == '"') {
        const char* const key = at + 1;
        const char* const key_end = skip_string(at, value.end);
        if (key_end == NULL) {
            return nothing;
        }
        const struct json_text member = value_at(skip_space(key_end, value.end) + 1, value.end, &at);
        if (at == NULL) {
            return nothing;
        }
        if ((size_t)(key_end - 1 - key) == length && memcmp(key, name, length) == 0) {
            return member;
        }
        at = skip_space(skip_space(at, value.end) + 1, value.end); /* the comma or the end */
    }
    return nothing;
}

struct json_text json_element(struct json_text value, size_t index) {
    if (value.begin == NULL || *value.begin != '[') {
        return nothing;
    }
    const char* at = value.begin + 1;
    while (at < value.end) {
        const struct json_text element = value_at(at, value.end, &at);
        if (at == NULL) {
            return nothing; /* the bracket at the end is no value */
        }
        if (index-- == 0) {
            return element;
        }
        at = skip_space(at, value.end) + 1;
    }
    return nothing;
}

/* One \uXXXX at `at`, after the backslash. */
static unsigned long escaped_unit(const char* at) {
    unsigned long unit = 0;
    for (int i = 1; i <= 4; ++i) {
        unit = unit * 16 + (unsigned long)hex_digit(at[i]);
    }
    return unit;
}

static size_t to_utf8(unsigned long point, char* out) {
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    const size_t more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const unsigned char lead[] = {0, 0xC0, 0xE0, 0xF0};
    out[0] = (char)(lead[more] | (point >> (6 * more)));
    for (size_t i = 1; i <= more; ++i) {
        out[i] = (char)(0x80 | ((point >> (6 * (more - i))) & 0x3F));
    }
    return more + 1;
}

/* Decodes one character at `*at` (never a quote) into `out`; returns its bytes. */
static size_t decode(const char** at, char* out) {
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    if (**at != '\\') {
        out[0] = *(*at)++;
        return 1;
    }
    ++*at;
    if (**at != 'u') {
        out[0] = to[strchr(from, **at) - from];
        ++*at;
        return 1;
    }
    unsigned long point = escaped_unit(*at);
    *at += 5;
    if (point >= 0xD800 && point < 0xDC00 && (*at)[0] == '\\' && (*at)[1] == 'u') {
        const unsigned long low = escaped_unit(*at + 1);
        if (low >= 0xDC00 && low < 0xE000) {
            point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
            *at += 6;
        }
    }
    const int lone_surrogate = point >= 0xD800 && point < 0xE000;
    return to_utf8(lone_surrogate || point == 0 ? 0xFFFD : point, out);
}

int json_string(struct json_text value, char* out, size_t room) {
    if (room == 0 || value.begin == NULL || *value.begin != '"') {
        return 0;
    }
    size_t length = 0;
    const char* at = value.begin + 1;
    while (at < value.end - 1) {
        char bytes[4];
        const size_t count = decode(&at, bytes);
        if (length + count >= room) {
            /* A character that does not fit goes whole: drop what of it is there already. */
            while (length > 0 && ((unsigned char)bytes[0] & 0xC0) == 0x80 && count == 1) {
                const unsigned char last = (unsigned char)out[--length];
                if ((last & 0xC0) != 0x80) {
                    break;
                }
            }
            break;
        }
        memcpy(out + length, bytes, count);
        length += count;
    }
    out[length] = '\0';
    return 1;
}

int json_int(struct json_text value, int* out) {
    if (value.begin == NULL) {
        return 0;
    }
    long long number = 0;
    const char* at = value.begin;
    const int negative = *at == '-';
    at += negative;
    if (at == value.end) {
        return 0;
    }
    for (; at < value.end; ++at) {
        if (*at < '0' || *at > '9' || number > INT_MAX) {
            return 0;
        }
        number = number * 10 + (*at - '0');
    }
    if (number > INT_MAX) {
        return 0;
    }
    *out = (int)(negative ? -number : number);
    return 1;
}

int json_true(struct json_text value) {
    return value.begin != NULL && *value.begin == 't';
}

size_t json_quote(const char* text, char* out, size_t room) {
    size_t length = 0;
    if (room < 3) {
        return 0;
    }
    out[length++] = '"';
    for (; *text != '\0'; ++text) {
        if (length + 8 > room) {
            return 0; /* the longest escape, the quote and the NUL */
        }
        const unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            out[length++] = '\\';
            out[length++] = (char)c;
        } else if (c < 0x20) {
            length += (size_t)snprintf(out + length, 7, "\\u%04x", c);
        } else {
            out[length++] = (char)c;
        }
    }
    out[length++] = '"';
    out[length] = '\0';
    return length;
}
