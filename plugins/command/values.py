"""Property values as the engine sends them: JSON in which secrets, unknowns, assets and outputs are marked objects.

The plugin keeps inputs in this marked form, so that what was secret or unknown stays so in the outputs.
Source of the marks: sdk/go/common/resource/sig and sdk/go/common/resource/plugin/rpc.go of pulumi/pulumi.
"""

from typing import Any, Final

from google.protobuf.struct_pb2 import Struct, Value

Json = Any
Object = dict[str, Json]

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_UNKNOWNS: Final = {
    UNKNOWN,
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",  # boolean
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",  # number
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",  # array
    "030794c1-ac77-496b-92df-f27374a8bd58",  # asset
    "e48ece36-62e2-4504-bad9-02848725956a",  # archive
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",  # object
}


def from_struct(struct: Struct) -> Object:
    """The properties of a message as Python objects, without entries that have no value."""
    plain = {key: _from_value(value) for key, value in struct.fields.items()}
    return {key: value for key, value in plain.items() if value is not None}


def _from_value(value: Value) -> Json:
    match value.WhichOneof("kind"):
        case "struct_value":
            return from_struct(value.struct_value)
        case "list_value":
            return [_from_value(item) for item in value.list_value.values]
        case "string_value":
            return value.string_value
        case "number_value":
            return value.number_value
        case "bool_value":
            return value.bool_value
    return None


def to_struct(properties: Object) -> Struct:
    """The reverse of from_struct."""
    struct = Struct()
    struct.update(properties)
    return struct


def signature(value: Json) -> str | None:
    """The kind of marked object; None for an ordinary value."""
    mark = value.get(SIGNATURE) if isinstance(value, dict) else None
    return mark if isinstance(mark, str) else None


def secret(value: Json) -> Json:
    """The value, marked as secret exactly once."""
    if signature(value) == OUTPUT:
        return {**value, "secret": True}
    return value if signature(value) == SECRET else {SIGNATURE: SECRET, "value": value}


def map_inner(value: Json, change: Any) -> Json:
    """Apply `change` to the value inside secret and output marks, and keep the marks."""
    if signature(value) in (SECRET, OUTPUT) and "value" in value:
        return {**value, "value": map_inner(value["value"], change)}
    return change(value)


def peel(value: Json) -> Json:
    """The value inside secret and output marks, not recursively; UNKNOWN if it is not known yet."""
    while signature(value) in (SECRET, OUTPUT):
        value = value.get("value", UNKNOWN)
    return UNKNOWN if isinstance(value, str) and value in _UNKNOWNS else value


def reveal(value: Json) -> Json:
    """The plain value, with marks removed at every depth. Assets and archives stay marked objects."""
    value = peel(value)
    if isinstance(value, dict):
        return {key: reveal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [reveal(item) for item in value]
    return value


def same(old: Json, new: Json) -> bool:
    """Whether the engine considers two values equal: assets by hash, secrets only to equal secrets."""
    return bool(_folded(old) == _folded(new))


def _folded(value: Json) -> Json:
    mark = signature(value)
    if mark in (SECRET, OUTPUT):
        hidden = mark == SECRET or value.get("secret", False)
        inner = _folded(value.get("value", UNKNOWN))
        return ("secret", inner) if hidden and not (isinstance(inner, tuple) and inner[0] == "secret") else inner
    if mark in (ASSET, ARCHIVE):
        return (mark, value.get("hash"))
    if isinstance(value, dict):
        return {key: _folded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_folded(item) for item in value]
    return peel(value)
