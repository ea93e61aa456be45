/* As much JSON as the control protocol's answers need: looking into a text, without building anything. */
#ifndef CARDLATCH_JSON_H
#define CARDLATCH_JSON_H

#include <stddef.h>

/** A piece of JSON text. `begin` is NULL for "not there". */
struct json_text {
    const char* begin;
    const char* end;
};

/** The value that fills `text`, without the white space around it; not there when it is no JSON. */
struct json_text json_value(struct json_text text);

/** The member `name` of an object. `value` has to come from here. */
struct json_text json_member(struct json_text value, const char* name);

/** The element `index` of an array. */
struct json_text json_element(struct json_text value, size_t index);

/** The characters of a string in UTF-8, NUL-terminated and cut to `room` bytes at a character's border.
 * Returns 0 when `value` is no string, else 1. */
int json_string(struct json_text value, char* out, size_t room);

/** A whole number. Returns 0 when `value` is none or out of range, else 1. */
int json_int(struct json_text value, int* out);

/** Whether `value` is true. */
int json_true(struct json_text value);

/** Writes `text` as a JSON string with its quotes into `out`; returns its length without the NUL, or 0 when
 * `room` is too small. */
size_t json_quote(const char* text, char* out, size_t room);

#endif
