/* A scalar with its type and its source text.
 *
 * Types are those of the YAML 1.2 core schema; the text is what the user
 * wrote, and it is what goes into a command line: 0.10 stays 0.10.
 */
#ifndef MPIBATCH_MODEL_VALUE_H
#define MPIBATCH_MODEL_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum value_type {
    VALUE_NULL,
    VALUE_BOOL,
    VALUE_INT,
    VALUE_FLOAT,
    VALUE_STRING
};

/* The longest text of a value. */
enum { VALUE_MAX_BYTES = 1 << 20 };

struct value {
    enum value_type type;
    union {
        bool boolean;
        int64_t integer;
        double number;
    } u;
    const char *text; /* NUL-terminated UTF-8; whose it is, the owner says */
};

/* The value that text means as a plain (unquoted) YAML scalar: "", "~",
 * "null" null; "true", "True", "TRUE" and false alike booleans; integers
 * [-+]?[0-9]+, 0o7, 0xf (one that does not fit int64 is a float); floats with
 * point or exponent, .inf, .nan; everything else a string. v->text = text. */
void value_resolve(struct value *v, const char *text);

/* The type that value_resolve would give the first len bytes of s, which need
 * no NUL behind them; without converting. */
enum value_type value_type_of(const char *s, size_t len);

/* A string value: what a quoted scalar is. v->text = text. */
void value_string(struct value *v, const char *text);

/* The value as a double: integers, floats and booleans; false for others. */
bool value_number(const struct value *v, double *number);

/* The value as an integer: integers and booleans; false for others. */
bool value_integer(const struct value *v, int64_t *integer);

/* Are they the same value? Two numbers (integers and floats) by what they are,
 * two booleans too, all others by their texts. */
bool value_equal(const struct value *a, const struct value *b);

/* What holds for several values: their type together - none yet: VALUE_NULL;
 * INT and FLOAT: FLOAT; others that differ, or null: STRING - and the bytes of
 * the longest text. */
enum value_type value_type_join(enum value_type a, enum value_type b);
void value_survey(const struct value *v, enum value_type *type,
                  uint32_t *longest);

/* "null", "boolean", "integer", "number", "string": for messages. */
const char *value_type_name(enum value_type type);

#endif
