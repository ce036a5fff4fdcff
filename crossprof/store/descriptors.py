"""Messages of protobuf as data: no generated code, which would have to agree with the protobuf of every framework."""

from __future__ import annotations

from collections.abc import Mapping

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

__all__ = ["Messages", "pool_of"]

Messages = Mapping[str, Mapping[str, tuple[int, str]]]
"""By message and field: its number, and its type, which is a plain one or another message; with a * before it, repeated."""

_PLAIN = ("double", "fixed64", "int32", "int64", "uint32", "uint64", "bool", "string", "bytes")


def pool_of(package: str, messages: Messages) -> DescriptorPool:
    """The messages in a descriptor pool of their own, away from every other package's."""
    file = FileDescriptorProto(name=f"{package.replace('.', '/')}.proto", package=package, syntax="proto2")
    for name, fields in messages.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            label = FieldDescriptorProto.LABEL_REPEATED if kind.startswith("*") else FieldDescriptorProto.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, label=label)
            plain = kind.removeprefix("*")
            if plain in _PLAIN:
                added.type = FieldDescriptorProto.Type.Value(f"TYPE_{plain.upper()}")
            else:
                added.type = FieldDescriptorProto.TYPE_MESSAGE
                added.type_name = f".{package}.{plain}"
    pool = DescriptorPool()
    pool.Add(file)
    return pool
