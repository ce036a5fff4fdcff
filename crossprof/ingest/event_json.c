/* What is plainly valid JSON, and where its parts end. */

#include "event_json.h"

#include <string.h>

static int hex(uint8_t digit) {
    if (digit >= '0' && digit <= '9') return digit - '0';
    digit |= 32;
    return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

int code_unit(text_at at) {
    int unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = hex(at[i]);
        if (digit < 0) return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* After a backslash: what follows the escape. Both halves of a surrogate pair are one. */
static text_at after_escape(text_at at) {
    if (*at != 'u') return *at && strchr("\"\\/bfnrt", *at) ? at + 1 : NULL;
    int unit = code_unit(at + 1);
    if (unit < 0 || (unit >= 0xDC00 && unit <= 0xDFFF)) return NULL;
    if (unit < 0xD800 || unit > 0xDBFF) return at + 5;
    if (at[5] != '\\' || at[6] != 'u') return NULL;
    unit = code_unit(at + 7);
    return unit >= 0xDC00 && unit <= 0xDFFF ? at + 11 : NULL;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
#define ZEROS(word) (((word) - EACH(1)) & ~(word) & EACH(0x80))

/* As string_end, from any place of the string on, one byte after the other. */
static text_at odd_string_end(text_at at, bool *is_plain) {
    for (;;) {
        if (*at == '"') return at;
        if (*at < 0x20) return NULL;
        if (*at == '\\' || *at >= 0x80) *is_plain = false;
        at = *at == '\\' ? after_escape(at + 1) : at + 1;
        if (!at) return NULL;
    }
}

text_at string_end(text_at at, bool *is_plain) {
    *is_plain = true;
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (uint64_t word, stop;; at += 8) {
        memcpy(&word, at, 8); /* within the padding */
        stop = ZEROS(word ^ EACH('"')) | ZEROS(word ^ EACH('\\')) | ((word - EACH(0x20)) & ~word & EACH(0x80)) | (word & EACH(0x80));
        if (stop) {
            at += __builtin_ctzll(stop) / 8;
            break;
        }
    }
    if (*at == '"') return at;
#endif
    return odd_string_end(at, is_plain);
}

text_at number_end(text_at at, struct value *value) {
    text_at from = at;
    int count = 0;
    uint64_t digits = 0;
    value->is_negative = *at == '-';
    at += value->is_negative;
    if (*at == '0' && at[1] >= '0' && at[1] <= '9') return NULL;
    for (; *at >= '0' && *at <= '9'; at++, count++) digits = digits * 10 + (uint64_t)(*at - '0');
    if (!count) return NULL;
    value->kind = WHOLE;
    value->decimals = 0;
    if (*at == '.') {
        value->kind = FRACTION;
        for (at++; *at >= '0' && *at <= '9'; at++, value->decimals++) digits = digits * 10 + (uint64_t)(*at - '0');
        if (!value->decimals) return NULL;
    }
    value->digits = digits;
    /* 19 digits are always below 2^64; negative zero is another number. */
    value->is_plain = count + value->decimals <= 19 && !(value->is_negative && !digits);
    if (*at == 'e' || *at == 'E') {
        value->kind = FRACTION;
        value->is_plain = false;
        at++;
        at += *at == '+' || *at == '-';
        for (count = 0; *at >= '0' && *at <= '9'; at++) count++;
        if (!count || count > 2) return NULL;
    }
    return at - from <= MOST_NUMBER_BYTES ? at : NULL;
}

static text_at literal_end(text_at at, const char *literal) {
    size_t size = strlen(literal);
    return strncmp((const char *)at, literal, size) ? NULL : at + size;
}

static text_at nested_end(text_at at, int depth) {
    uint8_t close = *at == '{' ? '}' : ']';
    bool is_object = *at == '{', is_plain;
    struct value inner;
    if (depth > MOST_DEPTH) return NULL;
    at = after_space(at + 1);
    if (*at == close) return at + 1;
    for (;; at = after_space(at + 1)) {
        if (is_object) {
            if (*at != '"' || !(at = string_end(at + 1, &is_plain))) return NULL;
            at = after_space(at + 1);
            if (*at != ':') return NULL;
            at = after_space(at + 1);
        }
        if (!(at = value_end(at, &inner, depth + 1))) return NULL;
        at = after_space(at);
        if (*at == close) return at + 1;
        if (*at != ',') return NULL;
    }
}

text_at value_end(text_at at, struct value *value, int depth) {
    value->from = at;
    value->is_plain = true;
    if (*at == '"') {
        value->kind = STRING;
        value->from = at + 1;
        value->to = string_end(at + 1, &value->is_plain);
        return value->to ? value->to + 1 : NULL;
    }
    if (*at == '{' || *at == '[') {
        value->kind = NESTED;
        at = nested_end(at, depth);
    } else if (*at == '-' || (*at >= '0' && *at <= '9')) {
        at = number_end(at, value);
    } else {
        value->kind = *at == 'n' ? NOTHING : OTHER;
        at = literal_end(at, *at == 'n' ? "null" : *at == 't' ? "true" : "false");
    }
    value->to = at;
    return at;
}
