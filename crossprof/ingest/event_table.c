/* Columns of events and their texts in memory, and the Arrow C stream interface to them
   (https://arrow.apache.org/docs/format/CStreamInterface.html). */

#include "event_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MOST_PROBES 256

const struct column_kind column_kinds[FIELDS] = {
    [PH] = {"ph", TEXT}, [CAT] = {"cat", TEXT}, [NAME] = {"name", TEXT}, [PID] = {"pid", TEXT}, [TID] = {"tid", TEXT},
    [START] = {"start_ns", INT64}, [END] = {"end_ns", INT64}, [DEVICE] = {"device", INT64}, [STREAM] = {"stream", TEXT},
    [CORRELATION] = {"correlation", INT64}, [EXTERNAL_ID] = {"External id", INT64}, [BYTES] = {"bytes", INT64},
    [GRID] = {"grid", TEXT}, [BLOCK] = {"block", TEXT}, [REGISTERS] = {"registers per thread", INT32},
    [SHARED_MEMORY] = {"shared memory", INT64}, [OCCUPANCY] = {"est. achieved occupancy %", FLOAT64},
    [GRAPH_NODE_ID] = {"graph node id", INT64}, [MESSAGE_ELEMENTS] = {"In msg nelems", INT64}, [DTYPE] = {"dtype", TEXT},
    [PROCESS_GROUP] = {"Process Group Name", TEXT}, [GROUP_SIZE] = {"Group size", INT32}, [INPUT_DIMS] = {"Input Dims", TEXT},
    [INPUT_TYPE] = {"Input type", TEXT}, [SEQUENCE_NUMBER] = {"Sequence number", INT64},
    [FORWARD_THREAD] = {"Fwd thread id", INT64}, [MODULE] = {"Module Hierarchy", TEXT}, [CALL_STACK] = {"Call stack", TEXT},
    [MEMORY_BYTES] = {"Byte_", INT64}, [ADDRESS] = {"Addr", UINT64}, [DEVICE_TYPE] = {"Device Type", INT32},
    [DEVICE_ID] = {"Device Id", INT64}, [ALLOCATED] = {"Total Allocated", INT64}, [RESERVED] = {"Total Reserved", INT64},
};
static const struct { const char *format; size_t size; } forms[] = {
    [TEXT] = {"i", 4}, [INT32] = {"i", 4}, [INT64] = {"l", 8}, [UINT64] = {"L", 8}, [FLOAT64] = {"g", 8},
};

static bool grow(void *block, size_t size) {
    void **where = block;
    void *grown = realloc(*where, size);
    if (grown) *where = grown;
    return grown != NULL;
}

/* Texts */

static uint64_t hash(const uint8_t *text, size_t size) {
    uint64_t value = 0x9e3779b97f4a7c15u ^ size, word;
    for (; size >= 8; text += 8, size -= 8) {
        memcpy(&word, text, 8);
        value = (value ^ word) * 0xff51afd7ed558ccdu;
        value ^= value >> 32;
    }
    word = 0;
    memcpy(&word, text, size);
    value = (value ^ word) * 0xc4ceb9fe1a85ec53u;
    return value ^ value >> 29;
}

static bool more_slots(struct texts *texts) {
    uint32_t count = texts->slot_count ? 2 * texts->slot_count : 4096;
    uint32_t *slots = calloc(count, sizeof *slots);
    if (!slots) return false;
    for (uint32_t number = 0; number < texts->count; number++) {
        uint32_t slot = (uint32_t)texts->hashes[number] & (count - 1);
        while (slots[slot]) slot = (slot + 1) & (count - 1);
        slots[slot] = number + 1;
    }
    free(texts->slots);
    texts->slots = slots;
    texts->slot_count = count;
    return true;
}

static bool room_for_text(struct texts *texts, size_t size) {
    if (texts->count + 1 >= texts->room) {
        uint32_t room = texts->room ? 2 * texts->room : 4096;
        if (!grow(&texts->ends, (room + 1) * sizeof *texts->ends)) return false;
        if (!grow(&texts->hashes, room * sizeof *texts->hashes)) return false;
        texts->room = room;
        texts->ends[0] = 0;
    }
    size_t used = (size_t)texts->ends[texts->count];
    if (size > INT32_MAX - used) return false;
    if (used + size > texts->bytes_room) {
        size_t room = 2 * (used + size) + 65536;
        if (!grow(&texts->bytes, room)) return false;
        texts->bytes_room = room;
    }
    return 2 * (texts->count + 1) <= texts->slot_count || more_slots(texts);
}

int32_t text_number(struct texts *texts, const uint8_t *text, size_t size) {
    if (!room_for_text(texts, size)) return -1;
    uint64_t sought = hash(text, size);
    uint32_t slot = (uint32_t)sought & (texts->slot_count - 1);
    for (int probes = 0; texts->slots[slot]; slot = (slot + 1) & (texts->slot_count - 1)) {
        uint32_t number = texts->slots[slot] - 1;
        const int32_t *ends = texts->ends + number;
        if (texts->hashes[number] == sought && (size_t)(ends[1] - ends[0]) == size
            && !memcmp(texts->bytes + ends[0], text, size))
            return (int32_t)number;
        if (++probes > MOST_PROBES) return -1;
    }
    uint32_t number = texts->count++;
    memcpy(texts->bytes + texts->ends[number], text, size);
    texts->ends[number + 1] = texts->ends[number] + (int32_t)size;
    texts->hashes[number] = sought;
    texts->slots[slot] = number + 1;
    return (int32_t)number;
}

void forget_texts(struct texts *texts) {
    if (texts->slots) memset(texts->slots, 0, texts->slot_count * sizeof *texts->slots);
    texts->count = 0;
}

void free_texts(struct texts *texts) {
    free(texts->bytes);
    free(texts->ends);
    free(texts->hashes);
    free(texts->slots);
}

/* Columns */

bool make_room(struct lane *lane) {
    if (lane->rows < lane->room) return true;
    int64_t room = lane->room ? 2 * lane->room : 4096;
    for (int field = 0; field < FIELDS; field++) {
        if (!(lane->fields >> field & 1)) continue;
        if (!grow(&lane->values[field], (size_t)room * forms[column_kinds[field].type].size)) return false;
        if (!grow(&lane->given[field], (size_t)room / 8)) return false;
    }
    if (!grow(&lane->has_args, (size_t)room / 8)) return false;
    lane->room = room;
    return true;
}

static void set_bit(uint8_t *bits, int64_t row, bool value) {
    uint8_t bit = (uint8_t)(1u << (row & 7));
    bits[row >> 3] = (uint8_t)((bits[row >> 3] & ~bit) | (value ? bit : 0));
}

void set_value(struct lane *lane, enum field field, bool is_given, const void *value) {
    size_t size = forms[column_kinds[field].type].size;
    uint8_t *at = (uint8_t *)lane->values[field] + (size_t)lane->rows * size;
    set_bit(lane->given[field], lane->rows, is_given);
    if (is_given) memcpy(at, value, size);
    else memset(at, 0, size);
}

void add_row(struct lane *lane, bool has_args) {
    set_bit(lane->has_args, lane->rows++, has_args);
}

int64_t row_bytes(const struct lane *lane) {
    int64_t bytes = 0;
    for (int field = 0; field < FIELDS; field++)
        if (lane->fields >> field & 1) bytes += (int64_t)forms[column_kinds[field].type].size;
    return bytes;
}

void free_lane(struct lane *lane) {
    for (int field = 0; field < FIELDS; field++) {
        free(lane->values[field]);
        free(lane->given[field]);
    }
    free(lane->has_args);
}

/* Arrow */

struct ArrowSchema {
    const char *format, *name, *metadata;
    int64_t flags, n_children;
    struct ArrowSchema **children, *dictionary;
    void (*release)(struct ArrowSchema *);
    void *private_data;
};
struct ArrowArray {
    int64_t length, null_count, offset, n_buffers, n_children;
    const void **buffers;
    struct ArrowArray **children, *dictionary;
    void (*release)(struct ArrowArray *);
    void *private_data;
};

/* Place FIELDS is args; what is of args hangs under it, the rest under the batch. */
struct schema_block {
    struct ArrowSchema each[FIELDS + 1], texts[FIELDS], *of_batch[FIELDS + 1], *of_args[FIELDS];
};
struct array_block {
    struct ArrowArray each[FIELDS + 1], texts[FIELDS], *of_batch[FIELDS + 1], *of_args[FIELDS];
    const void *buffers[FIELDS + 2][2], *text_buffers[3];
};

static void let_go_schema(struct ArrowSchema *schema) {
    free(schema->private_data); /* of parts there is none */
    schema->release = NULL;
}

static void let_go_array(struct ArrowArray *array) {
    free(array->private_data);
    array->release = NULL;
}

static int get_schema(struct ArrowArrayStream *stream, struct ArrowSchema *out) {
    const struct lane_state *self = stream->private_data;
    struct schema_block *block = calloc(1, sizeof *block);
    if (!block) return ENOMEM;
    *out = (struct ArrowSchema){"+s", "", NULL, 0, 0, block->of_batch, NULL, let_go_schema, block};
    struct ArrowSchema *args = &block->each[FIELDS];
    *args = (struct ArrowSchema){"+s", "args", NULL, 2, 0, block->of_args, NULL, let_go_schema, NULL};
    for (int field = 0; field < FIELDS; field++) {
        if (!(self->lane->fields >> field & 1)) continue;
        bool is_text = column_kinds[field].type == TEXT;
        block->texts[field] = (struct ArrowSchema){"u", "", NULL, 2, 0, NULL, NULL, let_go_schema, NULL};
        block->each[field] = (struct ArrowSchema){
            forms[column_kinds[field].type].format, column_kinds[field].name, NULL, 2, 0, NULL,
            is_text ? &block->texts[field] : NULL, let_go_schema, NULL,
        };
        struct ArrowSchema *parent = field < DEVICE ? out : args;
        parent->children[parent->n_children++] = &block->each[field];
    }
    out->children[out->n_children++] = args;
    return 0;
}

static int get_next(struct ArrowArrayStream *stream, struct ArrowArray *out) {
    struct lane_state *self = stream->private_data;
    const struct lane *lane = self->lane;
    memset(out, 0, sizeof *out);
    if (self->is_over || !lane->rows) return 0;
    struct array_block *block = calloc(1, sizeof *block);
    if (!block) return ENOMEM;
    self->is_over = true;
    block->text_buffers[1] = self->texts->ends;
    block->text_buffers[2] = self->texts->bytes;
    block->buffers[FIELDS][0] = lane->has_args;
    *out = (struct ArrowArray){
        lane->rows, 0, 0, 1, 0, block->buffers[FIELDS + 1], block->of_batch, NULL, let_go_array, block,
    };
    struct ArrowArray *args = &block->each[FIELDS];
    *args = (struct ArrowArray){lane->rows, -1, 0, 1, 0, block->buffers[FIELDS], block->of_args, NULL, let_go_array, NULL};
    for (int field = 0; field < FIELDS; field++) {
        if (!(lane->fields >> field & 1)) continue;
        block->buffers[field][0] = lane->given[field];
        block->buffers[field][1] = lane->values[field];
        block->texts[field] = (struct ArrowArray){
            self->texts->count, 0, 0, 3, 0, block->text_buffers, NULL, NULL, let_go_array, NULL,
        };
        block->each[field] = (struct ArrowArray){
            lane->rows, -1, 0, 2, 0, block->buffers[field], NULL,
            column_kinds[field].type == TEXT ? &block->texts[field] : NULL, let_go_array, NULL,
        };
        struct ArrowArray *parent = field < DEVICE ? out : args;
        parent->children[parent->n_children++] = &block->each[field];
    }
    out->children[out->n_children++] = args;
    return 0;
}

static const char *get_last_error(struct ArrowArrayStream *stream) {
    (void)stream;
    return "out of memory";
}

static void let_go_stream(struct ArrowArrayStream *stream) {
    stream->release = NULL;
}

void lane_stream(struct lane_stream *out, const struct lane *lane, const struct texts *texts) {
    out->state = (struct lane_state){lane, texts, false};
    out->stream = (struct ArrowArrayStream){get_schema, get_next, get_last_error, let_go_stream, &out->state};
}
