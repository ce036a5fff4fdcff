/* The members of an event that kineto.sql reads. */

#ifndef CROSSPROF_EVENT_MEMBERS_H
#define CROSSPROF_EVENT_MEMBERS_H

#include "event_json.h"
#include "event_table.h"

#define BIT(field) (UINT64_C(1) << (field))

/* In JSON an event has a time and a duration where its row has a start and an end. */
enum { TS = START, DUR = END, ARGS = FIELDS };

struct event {
    struct value values[FIELDS];
    uint64_t seen; /* one bit a field */
    bool has_args;
    bool is_odd; /* a key is twice there, or spelled so that only who reads any JSON can tell what it is */
};

/* Where the object ends that should be an event; NULL where it is none, or not plainly valid. */
text_at event_end(text_at at, struct event *event);

/* A value that is there and not null. */
static inline const struct value *given(const struct event *event, int field) {
    const struct value *value = &event->values[field];
    return event->seen >> field & 1 && value->kind != NOTHING ? value : NULL;
}

#endif
