/* Columns of events as Arrow hands them on, and the texts that they share. event_table.c fills them, event_scan.c says with what. */

#ifndef CROSSPROF_EVENT_TABLE_H
#define CROSSPROF_EVENT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The fields that kineto.sql reads; those from DEVICE on are of args. Its types are those of the column list in kineto.py. */
enum field {
    PH, CAT, NAME, PID, TID, START, END,
    DEVICE, STREAM, CORRELATION, EXTERNAL_ID, BYTES, GRID, BLOCK, REGISTERS, SHARED_MEMORY, OCCUPANCY, GRAPH_NODE_ID,
    MESSAGE_ELEMENTS, DTYPE, PROCESS_GROUP, GROUP_SIZE, INPUT_DIMS, INPUT_TYPE, SEQUENCE_NUMBER, FORWARD_THREAD, MODULE,
    CALL_STACK, MEMORY_BYTES, ADDRESS, DEVICE_TYPE, DEVICE_ID, ALLOCATED, RESERVED,
    FIELDS
};

enum type { TEXT, INT32, INT64, UINT64, FLOAT64 };

/* How kineto.sql calls a field, and its type. */
struct column_kind { const char *name; enum type type; };
extern const struct column_kind column_kinds[FIELDS];

/* Distinct texts, by number: an open hash table over bytes that lie one after the other. */
struct texts {
    uint8_t *bytes;
    int32_t *ends; /* ends[0] is 0: text i is bytes[ends[i]] up to bytes[ends[i + 1]] */
    uint64_t *hashes;
    uint32_t *slots; /* number + 1 */
    uint32_t count, room, slot_count;
    size_t bytes_room;
};

/* Events that one relation may take: of each only the fields that it reads. */
struct lane {
    uint64_t fields; /* one bit each */
    int64_t rows, room;
    void *values[FIELDS];
    uint8_t *given[FIELDS]; /* bitmaps, as Arrow has them */
    uint8_t *has_args;
};

struct ArrowSchema;
struct ArrowArray;
struct ArrowArrayStream {
    int (*get_schema)(struct ArrowArrayStream *, struct ArrowSchema *);
    int (*get_next)(struct ArrowArrayStream *, struct ArrowArray *);
    const char *(*get_last_error)(struct ArrowArrayStream *);
    void (*release)(struct ArrowArrayStream *);
    void *private_data;
};
/* Whoever takes the stream over copies its struct, but not what it points at: that lives as long as this does. */
struct lane_state { const struct lane *lane; const struct texts *texts; bool is_over; };
struct lane_stream { struct ArrowArrayStream stream; struct lane_state state; };

/* The number of a text, the same for the same bytes; -1 without memory, or where the texts of a hostile file pile up. */
int32_t text_number(struct texts *texts, const uint8_t *text, size_t size);
void forget_texts(struct texts *texts);
void free_texts(struct texts *texts);

/* Whether a lane has room for one more row. */
bool make_room(struct lane *lane);
/* The last row of a lane, which counts once add_row is called. A value is an int64_t, uint64_t, double or the number of a text. */
void set_value(struct lane *lane, enum field field, bool is_given, const void *value);
void add_row(struct lane *lane, bool has_args);
int64_t row_bytes(const struct lane *lane); /* without the bitmaps */
void free_lane(struct lane *lane);

/* The rows of a lane as a stream of one batch. They must stay as they are until it and the batch are released. */
void lane_stream(struct lane_stream *out, const struct lane *lane, const struct texts *texts);

#endif
