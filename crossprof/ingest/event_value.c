/* JSON values onto values of columns. */

#include "event_value.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool room_for(uint8_t **block, size_t *room, size_t size) {
    if (size <= *room) return true;
    uint8_t *grown = realloc(*block, 2 * size);
    if (!grown) return false;
    *block = grown;
    *room = 2 * size;
    return true;
}

static bool is_utf8(text_at at, text_at end) {
    while (at < end) {
        int more = *at < 0x80 ? 0 : *at >= 0xC2 && *at <= 0xDF ? 1 : (*at & 0xF0) == 0xE0 ? 2 : *at >= 0xF0 && *at <= 0xF4 ? 3 : -1;
        if (more < 0 || end - at <= more) return false;
        if ((*at == 0xE0 && at[1] < 0xA0) || (*at == 0xED && at[1] > 0x9F) || (*at == 0xF0 && at[1] < 0x90)
            || (*at == 0xF4 && at[1] > 0x8F))
            return false;
        for (at++; more; more--, at++)
            if ((*at & 0xC0) != 0x80) return false;
    }
    return true;
}

static size_t put_utf8(uint8_t *out, uint32_t point) {
    int more = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const uint8_t leads[] = {0, 0xC0, 0xE0, 0xF0};
    for (int i = more; i > 0; i--, point >>= 6) out[i] = (uint8_t)(0x80 | (point & 0x3F));
    out[0] = (uint8_t)(leads[more] | point);
    return (size_t)more + 1;
}

/* A string whose escapes are valid, without them: its size. No text is longer than it was. */
static bool unescaped(text_at at, text_at end, uint8_t *out, size_t *size) {
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    uint8_t *from = out;
    while (at < end) {
        if (*at != '\\') {
            *out++ = *at++;
        } else if (at[1] != 'u') {
            *out++ = (uint8_t)meant[strchr(letters, at[1]) - letters];
            at += 2;
        } else {
            uint32_t point = (uint32_t)code_unit(at + 2);
            at += 6;
            if (point >= 0xD800 && point <= 0xDBFF) {
                point = 0x10000 + ((point - 0xD800) << 10) + ((uint32_t)code_unit(at + 2) - 0xDC00);
                at += 6;
            }
            if (!point) return false;
            out += put_utf8(out, point);
        }
    }
    *size = (size_t)(out - from);
    return true;
}

bool is_whole_plain(const struct value *value) {
    return value->kind == WHOLE && value->is_plain && (!value->is_negative || value->digits <= INT64_MAX);
}

/* An array without white space, as DuckDB writes it. Numbers and texts that it may write otherwise are odd. */
static bool compact(text_at at, text_at end, uint8_t *out, size_t *size) {
    uint8_t *from = out;
    while (at < end) {
        struct value inner = {.kind = ABSENT};
        bool is_plain;
        text_at next = at + 1;
        if (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t') {
            at++;
            continue;
        }
        if (*at == '{') return false;
        if (*at == '"') {
            next = string_end(at + 1, &is_plain) + 1;
            if (memchr(at, '\\', (size_t)(next - at))) return false;
        } else if (*at == '-' || (*at >= '0' && *at <= '9')) {
            next = number_end(at, &inner);
            if (!is_whole_plain(&inner)) return false;
        }
        memcpy(out, at, (size_t)(next - at));
        out += next - at;
        at = next;
    }
    *size = (size_t)(out - from);
    return true;
}

bool text_of(const struct value *value, struct texts *texts, struct scratch *scratch, int32_t *number) {
    size_t size = (size_t)(value->to - value->from);
    if ((value->kind == STRING && value->is_plain) || is_whole_plain(value)) {
        *number = text_number(texts, value->from, size);
        return *number >= 0;
    }
    if ((value->kind != STRING && value->kind != NESTED) || !room_for(&scratch->bytes, &scratch->room, size + 4)) return false;
    bool is_done = value->kind == STRING ? unescaped(value->from, value->to, scratch->bytes, &size)
                                         : compact(value->from, value->to, scratch->bytes, &size);
    if (!is_done || !is_utf8(scratch->bytes, scratch->bytes + size)) return false;
    *number = text_number(texts, scratch->bytes, size);
    return *number >= 0;
}

bool whole_of(const struct value *value, struct value *number) {
    *number = *value;
    if (value->kind == STRING) {
        if (!value->is_plain || value->from == value->to || value->to - value->from > 18) return false;
        if (*value->from != '-' && (*value->from < '0' || *value->from > '9')) return false;
        if (number_end(value->from, number) != value->to) return false;
    }
    return is_whole_plain(number);
}

/* Up to 2^53, and over a power of ten that a double holds, the quotient is the double nearest to the decimal number. */
bool double_of(const struct value *value, double *out) {
    static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
        1e18, 1e19};
    if ((value->kind != WHOLE && value->kind != FRACTION) || !value->is_plain || value->digits >= UINT64_C(1) << 53) return false;
    *out = (double)value->digits / powers[value->decimals];
    *out = value->is_negative ? -*out : *out;
    return true;
}

/* Step by step, so that it rounds as the macro does. */
bool ns_of_double(double ts, double dur, int64_t *ns) {
    if (!(ts >= -4e15 && ts <= 4e15 && dur >= -9e12 && dur <= 9e12)) return false;
    int64_t whole_ts = (int64_t)ts, whole_dur = (int64_t)dur;
    double rest = ts - (double)whole_ts + dur - (double)whole_dur;
    *ns = whole_ts * 1000 + whole_dur * 1000 + (int64_t)round(rest * 1000);
    return true;
}

bool exact_ns(const struct value *value, uint64_t most_ns, int64_t *ns) {
    static const uint64_t scales[] = {1000, 100, 10, 1};
    if ((value->kind != WHOLE && value->kind != FRACTION) || !value->is_plain || value->decimals > 3) return false;
    if (value->digits > most_ns / scales[value->decimals]) return false;
    *ns = (int64_t)(value->digits * scales[value->decimals]);
    *ns = value->is_negative ? -*ns : *ns;
    return true;
}
