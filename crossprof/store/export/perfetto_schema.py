"""The part of Perfetto's trace format that an export writes, as data: no generated code, as for XPlane.

Names and numbers are those of protos/perfetto/trace/trace.proto. Enumerations are written as integers, which is what they are.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import ptars
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

from crossprof.store.descriptors import Messages, pool_of

__all__ = ["COUNTER", "SLICE_BEGIN", "SLICE_END", "encoder", "message"]

SLICE_BEGIN, SLICE_END, COUNTER = 1, 2, 4
"""TrackEvent.Type"""

_PACKAGE = "crossprof.perfetto"
_MESSAGES: Messages = {
    "Events": {"packet": (1, "*EventPacket")},  # the same message as Trace, without what events do not need
    "EventPacket": {
        "timestamp": (8, "uint64"),
        "trusted_packet_sequence_id": (10, "uint32"),
        "track_event": (11, "TrackEvent"),
        "sequence_flags": (13, "uint32"),
    },
    "TrackEvent": {
        "debug_annotations": (4, "*DebugAnnotation"),
        "type": (9, "int32"),
        "name_iid": (10, "uint64"),
        "track_uuid": (11, "uint64"),
        "categories": (22, "*string"),
        "counter_value": (30, "int64"),
        "double_counter_value": (44, "double"),
        "flow_ids": (47, "fixed64"),  # may repeat; ptars would pack several, which Perfetto does not read
    },
    "DebugAnnotation": {
        "name_iid": (1, "uint64"),
        "int_value": (4, "int64"),
        "double_value": (5, "double"),
        "string_value": (6, "string"),
        "string_value_iid": (17, "uint64"),
    },
    "Trace": {"packet": (1, "*Packet")},
    "Packet": {
        "clock_snapshot": (6, "ClockSnapshot"),
        "trusted_packet_sequence_id": (10, "uint32"),
        "interned_data": (12, "InternedData"),
        "sequence_flags": (13, "uint32"),
        "track_descriptor": (60, "TrackDescriptor"),
    },
    "ClockSnapshot": {"clocks": (1, "*Clock")},
    "Clock": {"clock_id": (1, "uint32"), "timestamp": (2, "uint64")},
    "InternedData": {
        "event_names": (2, "*InternedName"),
        "debug_annotation_names": (3, "*InternedName"),
        "debug_annotation_string_values": (29, "*InternedName"),  # whose text is bytes, the same on the wire
    },
    "InternedName": {"iid": (1, "uint64"), "name": (2, "string")},
    "TrackDescriptor": {
        "uuid": (1, "uint64"),
        "name": (2, "string"),
        "process": (3, "ProcessDescriptor"),
        "parent_uuid": (5, "uint64"),
        "counter": (8, "CounterDescriptor"),
        "child_ordering": (11, "int32"),
        "sibling_order_rank": (12, "int32"),
    },
    "ProcessDescriptor": {"pid": (1, "int32"), "process_name": (6, "string")},
    "CounterDescriptor": {"unit_name": (6, "string")},
}


@cache
def _pool() -> DescriptorPool:
    return pool_of(_PACKAGE, _MESSAGES)


def message(name: str) -> Any:
    """The class of a message."""
    return GetMessageClass(_pool().FindMessageTypeByName(f"{_PACKAGE}.{name}"))


@cache
def encoder() -> Any:  # ptars has no types
    """What makes messages Events of Arrow rows: its `schema` says of which, its record_batch_to_array takes them."""
    descriptor = _pool().FindMessageTypeByName(f"{_PACKAGE}.Events")
    return ptars.HandlerPool([descriptor.file]).get_for_message(descriptor)
