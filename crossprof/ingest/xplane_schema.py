"""The wire schema of XPlane, written down as data: no generated code, so no version of protobuf fights with TensorFlow's.

Maps are declared as lists of entries, which is what they are on the wire. Text is declared as bytes, because writers do
not check that it is UTF-8. Fields that are not named here are skipped by the decoder.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import ptars
from google.protobuf.descriptor_pool import DescriptorPool

from crossprof.store.descriptors import pool_of

__all__ = ["decoder", "message_pool"]

_PACKAGE = "crossprof.xplane"

Fields = dict[str, tuple[int, str]]
"""The fields of a message: their number and type, with a * where they are repeated."""

_PLANE: Fields = {
    "id": (1, "int64"),
    "name": (2, "bytes"),
    "event_names": (4, "*EventEntry"),
    "stat_names": (5, "*StatEntry"),
    "stats": (6, "*PlaneStat"),
}
_LINE: Fields = {"id": (1, "int64"), "name": (2, "bytes"), "timestamp_ns": (3, "int64"), "display_name": (11, "bytes")}
_EVENT: Fields = {
    "metadata_id": (1, "int64"),
    "offset_ps": (2, "int64"),
    "duration_ps": (3, "int64"),
    "num_occurrences": (5, "int64"),
}
_MESSAGES: dict[str, Fields] = {
    "Space": {"planes": (1, "*Plane"), "errors": (2, "*bytes"), "warnings": (3, "*bytes"), "hostnames": (4, "*bytes")},
    "Plane": {**_PLANE, "lines": (3, "*Line")},
    "PlaneWithoutLines": _PLANE,
    "Line": {**_LINE, "events": (4, "*Event")},
    "LineWithoutEvents": _LINE,
    "Event": {**_EVENT, "stats": (4, "*Stat")},
    # Most stats of events are of no use to anybody: they are found by their id, and only those that are asked for are decoded.
    "EventLine": {"events": (4, "*EncodedEvent")},
    "EncodedEvent": {**_EVENT, "stats": (4, "*bytes")},
    "StatId": {"metadata_id": (1, "int64")},
    "StatNumber": {"double_value": (2, "double"), "uint64_value": (3, "uint64"), "int64_value": (4, "int64")},
    "StatText": {"str_value": (5, "bytes"), "ref_value": (7, "uint64")},
    # The bytes value (5 and 6 are str and bytes) of an event holds whole HLO modules, so only a plane's is decoded.
    "Stat": {
        "metadata_id": (1, "int64"),
        "double_value": (2, "double"),
        "uint64_value": (3, "uint64"),
        "int64_value": (4, "int64"),
        "str_value": (5, "bytes"),
        "ref_value": (7, "uint64"),
    },
    "PlaneStat": {
        "metadata_id": (1, "int64"),
        "double_value": (2, "double"),
        "uint64_value": (3, "uint64"),
        "int64_value": (4, "int64"),
        "str_value": (5, "bytes"),
        "ref_value": (7, "uint64"),
        "bytes_value": (6, "bytes"),
    },
    "EventName": {"id": (1, "int64"), "name": (2, "bytes"), "display_name": (4, "bytes"), "stats": (5, "*Stat")},
    "EventEntry": {"key": (1, "int64"), "value": (2, "EventName")},
    "StatName": {"id": (1, "int64"), "name": (2, "bytes")},
    "StatEntry": {"key": (1, "int64"), "value": (2, "StatName")},
    # What the profiler was told, from the plane "Task Environment". The path of the user's log directory (10) is left out.
    "ProfileOptions": {
        "include_dataset_ops": (1, "bool"),
        "host_tracer_level": (2, "uint32"),
        "device_tracer_level": (3, "uint32"),
        "python_tracer_level": (4, "uint32"),
        "version": (5, "uint32"),
        "enable_hlo_proto": (7, "bool"),
        "start_timestamp_ns": (8, "uint64"),
        "duration_ms": (9, "uint64"),
    },
}


@cache
def message_pool() -> DescriptorPool:
    """The messages in a descriptor pool of their own, away from every other package's."""
    return pool_of(_PACKAGE, _MESSAGES)


@cache
def decoder(message: str) -> Any:  # ptars has no types
    """A decoder of one message: its list_to_record_batch(payloads) raises ValueError for bytes of another shape."""
    descriptor = message_pool().FindMessageTypeByName(f"{_PACKAGE}.{message}")
    return ptars.HandlerPool([descriptor.file]).get_for_message(descriptor)
