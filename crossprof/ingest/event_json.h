/* The grammar of JSON, over hostile text that ends in a zero byte: at it every loop stops. */

#ifndef CROSSPROF_EVENT_JSON_H
#define CROSSPROF_EVENT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MOST_DEPTH 64
#define MOST_NUMBER_BYTES 64
#define PADDING 64 /* zero bytes after the text */

typedef const uint8_t *text_at;

enum kind { ABSENT, NOTHING, STRING, WHOLE, FRACTION, NESTED, OTHER };
struct value {
    text_at from, to; /* of a string, what is between its quotes */
    enum kind kind;
    bool is_plain;     /* a string of ASCII without escapes, or a number that is written as everyone writes it */
    bool is_negative;
    uint64_t digits;   /* of a number, without its point */
    int decimals;
};

static inline text_at after_space(text_at at) {
    while (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t') at++;
    return at;
}

/* Each of these gives where it ends, or NULL where it is not plainly valid. */
text_at string_end(text_at at, bool *is_plain); /* from the quote that opens it, exclusive, to the one that closes it */
text_at number_end(text_at at, struct value *value);
text_at value_end(text_at at, struct value *value, int depth);
int code_unit(text_at at); /* of four hexadecimal digits, or -1 */

#endif
