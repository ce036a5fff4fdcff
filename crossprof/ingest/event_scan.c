/* Events of Kineto JSON into columns, faster than a reader of any JSON can: only what kineto.sql reads is kept.

   What this file answers must be what kineto_chunk.py answers through DuckDB's reader, or nothing: an event with anything unusual in a
   field that is read is handed back as it stands ("odd"), and a chunk that is not plainly valid JSON as a whole. So the meaning of
   odd types, spellings and damage stays in one place. The text is hostile: it ends in a zero byte, at which every loop stops. */

#include "event_members.h"
#include "event_table.h"
#include "event_value.h"

#include <stdlib.h>
#include <string.h>

#define MOST_EVENT_BYTES (1 << 20)

enum { RARE, KERNEL, OP, CALL, ANNOTATION, MEMORY, LANES };
#define OF_ANY (BIT(PH) | BIT(CAT) | BIT(NAME) | BIT(PID) | BIT(TID) | BIT(START) | BIT(END))
static const uint64_t lane_fields[LANES] = {
    [RARE] = BIT(FIELDS) - 1,
    [KERNEL] = OF_ANY | BIT(DEVICE) | BIT(STREAM) | BIT(CORRELATION) | BIT(BYTES) | BIT(MESSAGE_ELEMENTS) | BIT(DTYPE) | BIT(GRID)
        | BIT(BLOCK) | BIT(REGISTERS) | BIT(SHARED_MEMORY) | BIT(OCCUPANCY) | BIT(GRAPH_NODE_ID) | BIT(PROCESS_GROUP)
        | BIT(GROUP_SIZE),
    [OP] = OF_ANY | BIT(INPUT_DIMS) | BIT(INPUT_TYPE) | BIT(EXTERNAL_ID) | BIT(SEQUENCE_NUMBER) | BIT(FORWARD_THREAD) | BIT(MODULE)
        | BIT(CALL_STACK),
    [CALL] = OF_ANY | BIT(CORRELATION) | BIT(EXTERNAL_ID),
    [ANNOTATION] = OF_ANY | BIT(DEVICE) | BIT(STREAM),
    [MEMORY] = OF_ANY | BIT(MEMORY_BYTES) | BIT(ADDRESS) | BIT(DEVICE_TYPE) | BIT(DEVICE_ID) | BIT(ALLOCATED) | BIT(RESERVED),
};
static const struct { const char *cat; int lane; } lane_of_cat[] = {
    {"cpu_op", OP}, {"operator", OP}, {"kernel", KERNEL}, {"gpu_memcpy", KERNEL}, {"memcpy", KERNEL}, {"gpu_memset", KERNEL},
    {"memset", KERNEL}, {"cuda_runtime", CALL}, {"cuda_driver", CALL}, {"runtime", CALL}, {"hip_runtime", CALL},
    {"xpu_runtime", CALL}, {"mtia_runtime", CALL}, {"privateuse1_runtime", CALL}, {"python_function", ANNOTATION},
    {"user_annotation", ANNOTATION}, {"overhead", ANNOTATION}, {"cuda_sync", ANNOTATION}, {"gpu_user_annotation", ANNOTATION},
    {"mtia_ccp_events", ANNOTATION}, {"cuda_profiler_range", ANNOTATION}, {NULL, 0},
};

struct tally { int64_t events, unreadable, untimed, edges; };
struct last { text_at from; size_t size; enum kind kind; int32_t number; }; /* the text of a field, which the next event often repeats */
struct scan {
    uint8_t *text, *odd;
    size_t size, room, odd_size, odd_room;
    struct scratch scratch;
    int64_t base_ns;
    bool is_coarse;
    struct tally tally;
    struct lane lanes[LANES];
    struct texts texts;
    struct event event;
    int64_t start_ns, end_ns;
    bool is_timed, has_end;
    struct last last[FIELDS];
};

/* Start and end of the event, by the double nearest to its text unless kineto_chunk.py has found times that no double holds. */
static bool take_times(struct scan *scan) {
    const struct value *ts = given(&scan->event, TS), *dur = given(&scan->event, DUR);
    int64_t start = 0, length = 0;
    double start_us, length_us = 0;
    scan->is_timed = scan->has_end = false;
    if (scan->is_coarse) {
        if ((ts && !exact_ns(ts, 3900000000000000000, &start)) || (dur && !exact_ns(dur, 8900000000000000, &length))) return false;
        scan->is_timed = ts != NULL;
        scan->has_end = ts && dur;
        length += start;
    } else {
        if ((ts && !double_of(ts, &start_us)) || (dur && !double_of(dur, &length_us))) return false;
        if (ts && ts->kind == FRACTION && start_us >= 8e12) return false; /* kineto_chunk.py looks at the head of a chunk only */
        scan->is_timed = ts && ns_of_double(start_us, 0, &start);
        scan->has_end = ts && dur && ns_of_double(start_us, length_us, &length);
    }
    scan->start_ns = scan->base_ns + start;
    scan->end_ns = scan->base_ns + length;
    return true;
}

/* Events: which relations may take one, and its way into their lanes. */

static bool is(const struct value *value, const char *text) {
    size_t size = strlen(text);
    return value && value->kind == STRING && (size_t)(value->to - value->from) == size && !memcmp(value->from, text, size);
}

static bool starts(const struct value *value, const char *text) {
    size_t size = strlen(text);
    return value && value->kind == STRING && (size_t)(value->to - value->from) >= size && !memcmp(value->from, text, size);
}

static int lane_of(const struct value *cat) {
    char lower[20]; /* no category is longer */
    size_t size = cat && cat->kind == STRING ? (size_t)(cat->to - cat->from) : 0;
    if (!size || size >= sizeof lower) return LANES;
    for (size_t i = 0; i < size; i++) lower[i] = (char)(cat->from[i] >= 'A' && cat->from[i] <= 'Z' ? cat->from[i] | 32 : cat->from[i]);
    lower[size] = 0;
    for (int i = 0; lane_of_cat[i].cat; i++)
        if (!strcmp(lane_of_cat[i].cat, lower)) return lane_of_cat[i].lane;
    return LANES;
}

/* A text that is compared must be one that can be compared as it stands. */
static bool is_comparable(const struct value *value) {
    return !value || is_whole_plain(value) || (value->kind == STRING && value->is_plain);
}

static unsigned lanes_of(const struct scan *scan, char phase) {
    const struct value *name = given(&scan->event, NAME);
    bool is_written_oddly = name && name->kind == STRING && !name->is_plain;
    bool is_memory = is_written_oddly || is(name, "[memory]");
    unsigned lanes = 0;
    if (phase == 'X') {
        int lane = lane_of(given(&scan->event, CAT));
        lanes |= lane < LANES ? 1u << lane : 0;
        /* Markers of steps are annotations, whatever their category. */
        if ((lane == OP || lane == ANNOTATION) && (is_written_oddly || starts(name, "ProfilerStep#")))
            lanes |= 1u << OP | 1u << ANNOTATION | 1u << RARE;
    }
    if (phase == 'B' || phase == 'E' || (phase == 'i' && (is_written_oddly || is(name, "Record Window End")))) lanes |= 1u << RARE;
    if ((phase == 'X' || phase == 'i' || phase == 'I') && is_memory) lanes |= 1u << MEMORY;
    return lanes;
}

/* The number of a text, without a look for it where it is that of the event before. */
static bool text_again(struct scan *scan, enum field field, const struct value *value, int32_t *number) {
    struct last *last = &scan->last[field];
    size_t size = (size_t)(value->to - value->from);
    if (!last->from || last->kind != value->kind || last->size != size || memcmp(last->from, value->from, size)) {
        last->from = NULL;
        if (!text_of(value, &scan->texts, &scan->scratch, &last->number)) return false;
        *last = (struct last){value->from, size, value->kind, last->number};
    }
    *number = last->number;
    return true;
}

static bool place(struct scan *scan, struct lane *lane, enum field field) {
    union { int32_t text; int32_t small; int64_t whole; uint64_t natural; double real; } out;
    const struct value *value = given(&scan->event, field);
    struct value number;
    if (field == START || field == END) {
        set_value(lane, field, field == START || scan->has_end, field == START ? &scan->start_ns : &scan->end_ns);
        return true;
    }
    if (value) {
        switch (column_kinds[field].type) {
        case TEXT:
            if (!text_again(scan, field, value, &out.text)) return false;
            break;
        case FLOAT64:
            if (!double_of(value, &out.real)) return false;
            break;
        case UINT64:
            if (!whole_of(value, &number) || number.is_negative) return false;
            out.natural = number.digits;
            break;
        default:
            if (!whole_of(value, &number) || number.digits > INT64_MAX) return false;
            out.whole = number.is_negative ? -(int64_t)number.digits : (int64_t)number.digits;
            if (column_kinds[field].type == INT32) {
                if (out.whole < INT32_MIN || out.whole > INT32_MAX) return false;
                out.small = (int32_t)out.whole;
            }
        }
    }
    set_value(lane, field, value != NULL, &out);
    return true;
}

static bool take_rows(struct scan *scan, unsigned lanes) {
    for (int number = 0; number < LANES; number++) {
        struct lane *lane = &scan->lanes[number];
        if (!(lanes >> number & 1)) continue;
        if (!make_room(lane)) return false;
        for (int field = 0; field < FIELDS; field++)
            if (lane->fields >> field & 1 && !place(scan, lane, field)) return false;
    }
    for (int number = 0; number < LANES; number++)
        if (lanes >> number & 1) add_row(&scan->lanes[number], scan->event.has_args);
    return true;
}

/* Whether the event is taken, or known to be of no relation. */
static bool take(struct scan *scan) {
    const struct value *ph = given(&scan->event, PH);
    if (scan->event.is_odd || !is_comparable(ph) || !is_comparable(given(&scan->event, CAT))) return false;
    char phase = ph && ph->kind == STRING && ph->to - ph->from == 1 ? (char)*ph->from : 0;
    bool is_span = phase == 'X' || phase == 'B' || phase == 'E';
    scan->is_timed = false;
    if ((is_span || phase == 'i' || phase == 'I') && !take_times(scan)) return false;
    unsigned lanes = scan->is_timed ? lanes_of(scan, phase) : 0;
    if (lanes && !take_rows(scan, lanes)) return false;
    scan->tally.events++;
    scan->tally.unreadable += !ph;
    scan->tally.untimed += is_span && !scan->is_timed;
    scan->tally.edges += (phase == 'B' || phase == 'E') && scan->is_timed;
    return true;
}

static bool keep_odd(struct scan *scan, text_at from, text_at to) {
    size_t size = (size_t)(to - from);
    if (!room_for(&scan->odd, &scan->odd_room, scan->odd_size + size + 1)) return false;
    if (scan->odd_size) scan->odd[scan->odd_size++] = ',';
    memcpy(scan->odd + scan->odd_size, from, size);
    scan->odd_size += size;
    return true;
}

/* What Python calls */

#define EXPORT __attribute__((visibility("default")))

EXPORT struct scan *scan_new(void) {
    struct scan *scan = calloc(1, sizeof *scan);
    for (int lane = 0; scan && lane < LANES; lane++) scan->lanes[lane].fields = lane_fields[lane];
    return scan;
}

EXPORT void scan_free(struct scan *scan) {
    for (int lane = 0; lane < LANES; lane++) free_lane(&scan->lanes[lane]);
    free_texts(&scan->texts);
    free(scan->text);
    free(scan->odd);
    free(scan->scratch.bytes);
    free(scan);
}

/* Begin a chunk. */
EXPORT void scan_begin(struct scan *scan) {
    scan->size = 0;
}

/* Where so many further bytes of the chunk are to be written; NULL without memory. */
EXPORT uint8_t *scan_room(struct scan *scan, size_t size) {
    if (size > SIZE_MAX / 4 - scan->size) return NULL;
    return room_for(&scan->text, &scan->room, scan->size + size + PADDING) ? scan->text + scan->size : NULL;
}

/* So many of them were written. */
EXPORT void scan_written(struct scan *scan, size_t size) {
    scan->size += size;
}

static bool take_chunk(struct scan *scan) {
    text_at end = scan->text + scan->size, at = after_space(scan->text);
    for (;; at = after_space(at + 1)) {
        text_at from = at;
        if (!(at = event_end(at, &scan->event)) || at - from > MOST_EVENT_BYTES) return false;
        if (!take(scan) && !keep_odd(scan, from, at)) return false;
        at = after_space(at);
        /* At one instant begins and ends come as they stand in the file: all of a chunk go one way. */
        if (at == end) return !(scan->odd_size && scan->tally.edges);
        if (*at != ',') return false;
    }
}

/* Add the events of the chunk, with commas between them, to the lanes. 0 where it is not plainly that; then none of them is. */
EXPORT int scan_events(struct scan *scan, int64_t base_ns, int is_coarse) {
    int64_t rows[LANES];
    for (int lane = 0; lane < LANES; lane++) rows[lane] = scan->lanes[lane].rows;
    memset(scan->last, 0, sizeof scan->last);
    scan->tally = (struct tally){0, 0, 0, 0};
    scan->odd_size = 0;
    scan->base_ns = base_ns;
    scan->is_coarse = is_coarse;
    if (!room_for(&scan->text, &scan->room, scan->size + PADDING)) return 0;
    memset(scan->text + scan->size, 0, PADDING);
    if (take_chunk(scan)) return 1;
    for (int lane = 0; lane < LANES; lane++) scan->lanes[lane].rows = rows[lane];
    return 0;
}

/* Empty the lanes. */
EXPORT void scan_clear(struct scan *scan) {
    for (int lane = 0; lane < LANES; lane++) scan->lanes[lane].rows = 0;
    forget_texts(&scan->texts);
}

/* How many bytes the lanes take. */
EXPORT int64_t scan_bytes(const struct scan *scan) {
    int64_t bytes = scan->texts.count ? scan->texts.ends[scan->texts.count] : 0;
    for (int lane = 0; lane < LANES; lane++) bytes += scan->lanes[lane].rows * row_bytes(&scan->lanes[lane]);
    return bytes;
}

EXPORT const char *scan_text(const struct scan *scan, size_t *size) {
    *size = scan->size;
    return (const char *)scan->text;
}

/* The events that are to be read otherwise, with commas between them. */
EXPORT const char *scan_odd(const struct scan *scan, size_t *size) {
    *size = scan->odd_size;
    return (const char *)scan->odd;
}

/* How many events were taken, those without a phase, spans without a time, and begins and ends. */
EXPORT void scan_tally(const struct scan *scan, int64_t out[4]) {
    memcpy(out, &scan->tally, sizeof scan->tally);
}

/* The rows of one lane, until an event is added to it. */
EXPORT void scan_stream(const struct scan *scan, int lane, struct lane_stream *out) {
    lane_stream(out, &scan->lanes[lane], &scan->texts);
}
