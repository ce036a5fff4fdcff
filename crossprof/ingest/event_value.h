/* What a JSON value is as a value of a column, as DuckDB's reader of JSON would have it. */

#ifndef CROSSPROF_EVENT_VALUE_H
#define CROSSPROF_EVENT_VALUE_H

#include "event_json.h"
#include "event_table.h"

/* Memory for one text at a time. */
struct scratch { uint8_t *bytes; size_t room; };

bool room_for(uint8_t **block, size_t *room, size_t size);

/* Each of these says whether it could make the value out; what it could not makes the event odd. */
bool is_whole_plain(const struct value *value);
bool text_of(const struct value *value, struct texts *texts, struct scratch *scratch, int32_t *number);
bool whole_of(const struct value *value, struct value *number); /* of a column of whole numbers; some writers quote it */
bool double_of(const struct value *value, double *out);
bool ns_of_double(double ts, double dur, int64_t *ns); /* as the macro of kineto_chunk.py; false where that is NULL */
bool exact_ns(const struct value *value, uint64_t most_ns, int64_t *ns); /* of microseconds with up to three decimals */

#endif
