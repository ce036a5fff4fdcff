/* Which members of an event, and of its args, are read. */

#include "event_members.h"

#include <string.h>

#define MOST_KEY_BYTES 25
#define KEYS_OF_A_SIZE 5

/* Keys by their size, up to one without a name. A spelling is one of several that mean the same: kineto_chunk.py has them replaced
   in the text, which it finds where the colon follows at once. */
struct key { const char *name; int field; bool is_spelling; };
#define KEY(name, field) {name, field, false}
#define SPELLING(name, field) {name, field, true}
static const struct key event_keys[MOST_KEY_BYTES + 1][KEYS_OF_A_SIZE + 1] = {
    [2] = {KEY("ph", PH), KEY("ts", TS)},
    [3] = {KEY("cat", CAT), KEY("pid", PID), KEY("tid", TID), KEY("dur", DUR)},
    [4] = {KEY("name", NAME), KEY("args", ARGS)},
};
static const struct key args_keys[MOST_KEY_BYTES + 1][KEYS_OF_A_SIZE + 1] = {
    [4] = {KEY("grid", GRID), KEY("Addr", ADDRESS)},
    [5] = {KEY("bytes", BYTES), KEY("block", BLOCK), KEY("dtype", DTYPE), SPELLING("Bytes", MEMORY_BYTES)},
    [6] = {KEY("device", DEVICE), KEY("stream", STREAM)},
    [9] = {KEY("Device Id", DEVICE_ID)},
    [10] = {KEY("Group size", GROUP_SIZE), SPELLING("Input Dims", INPUT_DIMS), SPELLING("Input dims", INPUT_DIMS),
        KEY("Input type", INPUT_TYPE), KEY("Call stack", CALL_STACK)},
    [11] = {SPELLING("External id", EXTERNAL_ID), SPELLING("external id", EXTERNAL_ID),
        KEY("correlation", CORRELATION), KEY("Device Type", DEVICE_TYPE)},
    [13] = {KEY("shared memory", SHARED_MEMORY), KEY("graph node id", GRAPH_NODE_ID),
        KEY("In msg nelems", MESSAGE_ELEMENTS), KEY("Fwd thread id", FORWARD_THREAD)},
    [14] = {KEY("Total Reserved", RESERVED)},
    [15] = {KEY("Sequence number", SEQUENCE_NUMBER), KEY("Total Allocated", ALLOCATED)},
    [16] = {KEY("Module Hierarchy", MODULE)},
    [18] = {KEY("Process Group Name", PROCESS_GROUP)},
    [20] = {KEY("registers per thread", REGISTERS)},
    [25] = {KEY("est. achieved occupancy %", OCCUPANCY)},
};

static const struct key *key_of(const struct key (*keys)[KEYS_OF_A_SIZE + 1], text_at from, size_t size) {
    const struct key *key = size <= MOST_KEY_BYTES ? keys[size] : NULL;
    for (; key && key->name; key++)
        if (!memcmp(key->name, from, size)) return key;
    return NULL;
}

static text_at members_end(text_at at, struct event *event, const struct key (*keys)[KEYS_OF_A_SIZE + 1], int depth);

static text_at member_value_end(text_at at, struct event *event, const struct key *key, int depth) {
    struct value unread;
    if (!key) return value_end(at, &unread, depth);
    event->is_odd |= event->seen >> key->field & 1;
    event->seen |= BIT(key->field);
    if (key->field != ARGS) return value_end(at, &event->values[key->field], depth);
    if (*at == '{') {
        event->has_args = true;
        return members_end(at + 1, event, args_keys, depth);
    }
    at = value_end(at, &unread, depth);
    event->is_odd |= at && unread.kind != NOTHING;
    return at;
}

/* After the brace of an event, or of its args. */
static text_at members_end(text_at at, struct event *event, const struct key (*keys)[KEYS_OF_A_SIZE + 1], int depth) {
    at = after_space(at);
    if (*at == '}') return at + 1;
    for (;; at = after_space(at + 1)) {
        bool is_plain;
        text_at name = at + 1;
        if (*at != '"' || !(at = string_end(name, &is_plain))) return NULL;
        size_t size = (size_t)(at - name);
        const struct key *key = key_of(keys, name, size);
        event->is_odd |= (!is_plain && memchr(name, '\\', size)) || (size == 5 && !memcmp(name, "Byte_", 5))
            || (key && key->is_spelling && at[1] != ':');
        at = after_space(at + 1);
        if (*at != ':' || !(at = member_value_end(after_space(at + 1), event, key, depth + 1))) return NULL;
        at = after_space(at);
        if (*at == '}') return at + 1;
        if (*at != ',') return NULL;
    }
}

text_at event_end(text_at at, struct event *event) {
    event->seen = 0;
    event->has_args = event->is_odd = false;
    return *at == '{' ? members_end(at + 1, event, event_keys, 1) : NULL;
}
