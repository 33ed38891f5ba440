"""The types of the package as data, the check of inputs against them, and the schema that describes them.

Source: the schema of pulumi-command 1.2.1; error texts as its Go framework (pulumi-go-provider 1.3) words them.
"""

from dataclasses import dataclass, field
from typing import Any

from .values import ARCHIVE, ASSET, UNKNOWN, Json, Object, map_inner, peel, secret, signature

VERSION = "1.2.1"


@dataclass(frozen=True)
class Field:
    """One property. kind: string, number, integer, boolean, any, asset, [kind], {"*": kind} or a Record."""

    kind: Any
    required: bool = False
    secret: bool = False
    replaces: bool = False
    default: Any = None


@dataclass(frozen=True)
class Record:
    """An object type: its name in Go's error texts, its Pulumi token if it has one, its fields."""

    name: str
    fields: dict[str, Field]
    token: str = ""


@dataclass(frozen=True)
class Resource:
    """A resource type or function: what goes in, and what comes out besides the inputs."""

    inputs: Record
    outputs: dict[str, Field] = field(default_factory=dict)
    updatable: bool = True


_ENDPOINT = {
    "user": Field("string", default="root"),
    "password": Field("string", secret=True),
    "host": Field("string", required=True),
    "port": Field("number", default=22),
    "privateKey": Field("string", secret=True),
    "privateKeyPassword": Field("string", secret=True),
    "agentSocketPath": Field("string"),
    "dialErrorLimit": Field("integer", default=10),
    "perDialTimeout": Field("integer", default=15),
    "hostKey": Field("string"),
}
_PROXY = Record("remote.ProxyConnection", _ENDPOINT, "command:remote:ProxyConnection")
_CONNECTION = Record("remote.Connection", {**_ENDPOINT, "proxy": Field(_PROXY)}, "command:remote:Connection")
_TRIGGERS = {"triggers": Field(["any"], replaces=True)}
_LIFECYCLE = {**_TRIGGERS, "create": Field("string"), "update": Field("string"), "delete": Field("string")}
_RUN = {
    "stdin": Field("string"),
    "logging": Field("string"),
    "environment": Field({"*": "string"}),
    "addPreviousOutputInEnv": Field("boolean"),
}
_LOCAL = {
    **_RUN,
    "interpreter": Field(["string"]),
    "dir": Field("string"),
    "assetPaths": Field(["string"]),
    "archivePaths": Field(["string"]),
}
_REMOTE = {"connection": Field(_CONNECTION, required=True, secret=True)}
_STREAMS = {"stdout": Field("string", required=True), "stderr": Field("string", required=True)}
_FILES = {"assets": Field({"*": "asset"}), "archive": Field("asset")}
_COPY = {**_REMOTE, **_TRIGGERS, "remotePath": Field("string", required=True)}

RESOURCES = {
    "local:Command": Resource(Record("local.CommandInputs", {**_LIFECYCLE, **_LOCAL}), {**_STREAMS, **_FILES}),
    "remote:Command": Resource(Record("remote.CommandInputs", {**_LIFECYCLE, **_RUN, **_REMOTE}), _STREAMS),
    "remote:CopyToRemote": Resource(
        Record("remote.CopyToRemoteInputs", {**_COPY, "source": Field("asset", required=True)})
    ),
    "remote:CopyFile": Resource(
        Record("remote.CopyFileInputs", {**_COPY, "localPath": Field("string", required=True)}), updatable=False
    ),
}
FUNCTIONS = {
    "local:run": Resource(
        Record("local.RunInputs", {**_LOCAL, "command": Field("string", required=True)}), {**_STREAMS, **_FILES}
    )
}


def check(record: Record, inputs: Object) -> list[tuple[str, str]]:
    """What is wrong with these inputs, as pairs of property and reason."""
    failures = []
    for name, spec in record.fields.items():
        if name in inputs:
            failures += _mismatch(record.name, name, spec.kind, peel(inputs[name]))
        elif spec.required:
            failures.append((name, f"Missing required field '{name}' on '{record.name}'"))
    unknown = [name for name in inputs if name not in record.fields]
    return failures + [(name, f"Unrecognized field '{name}' on '{record.name}'") for name in unknown]


def check_source(source: Json) -> list[tuple[str, str]]:
    """What is wrong with the source of a CopyToRemote."""
    source = peel(source)
    mark, content = signature(source), source if isinstance(source, dict) else {}
    if mark == ASSET:
        if content.get("path") or "text" in content:
            return []
        return [("asset", "asset must be a path-based file asset or a text asset")]
    if mark == ARCHIVE:
        return [] if content.get("path") else [("archive", "archive must be a path to a file or directory")]
    return [("asset", "either asset or archive must be set")]


_PYTHON_TYPES = {"string": str, "number": float, "integer": float, "boolean": bool}
_GO_NAMES = {"number": "float64", "integer": "int", "boolean": "bool", "any": "interface {}"}
_GO_GIVEN = {str: "string", bool: "bool", float: "float64", list: "[]interface {}"}


def _mismatch(owner: str, name: str, kind: Any, value: Json) -> list[tuple[str, str]]:
    """Why `value` is not of this kind, in the words of the official plugin: one pair, or none if it is."""
    if value == UNKNOWN or kind in ("any", "asset"):
        return []  # what an asset must be is the resource's own check
    if isinstance(kind, list) and isinstance(value, list):
        elements = ((f"{name}[{i}]", kind[0], item) for i, item in enumerate(value))
    elif isinstance(kind, dict) and isinstance(value, dict):
        elements = ((f"{name}[{key}] value", kind["*"], item) for key, item in value.items())
    else:
        reason = _unlike(owner, name, kind, value)
        return [(name, reason)] if reason else []
    found = (_mismatch(owner, element, inner, peel(item)) for element, inner, item in elements)
    return next(filter(None, found), [])


def _unlike(owner: str, name: str, kind: Any, value: Json) -> str:
    reason = ""
    if isinstance(value, dict):
        if not isinstance(kind, Record):
            reason = (
                f"Cannot decode Object{{}} to type {_go_name(kind)}; it isn't a struct, and no custom decoder exists"
            )
        elif problems := check(kind, value):
            listed = "".join(f"\n\t{inner}: {problem}" for inner, problem in problems)
            reason = f"{len(problems)} failures decoding:{listed}"
        return f"An error occurred decoding '{owner.rpartition('.')[2]}.{name}': {reason}" if reason else ""
    if isinstance(kind, str) and type(value) is _PYTHON_TYPES[kind]:
        return ""
    return f"Field '{name}' on '{owner}' must be a '{_go_name(kind)}'; got '{_GO_GIVEN[type(value)]}' instead"


def _go_name(kind: Any) -> str:
    match kind:
        case Record():
            return kind.name
        case [inner]:
            return f"[]{_go_name(inner)}"
        case {"*": inner}:
            return f"map[string]{_go_name(inner)}"
    return _GO_NAMES.get(kind, str(kind))


def complete(record: Record, inputs: Object, *, defaults: bool = True) -> Object:
    """The inputs with defaults filled in and with every field secret that must be."""
    result = dict(inputs)
    for name, spec in record.fields.items():
        if defaults and spec.default is not None and name not in result:
            result[name] = spec.default
        if name not in result:
            continue
        if isinstance(spec.kind, Record):
            result[name] = map_inner(result[name], _completer(spec.kind, defaults))
        if spec.secret:
            result[name] = secret(result[name])
    return result


def _completer(record: Record, defaults: bool) -> Any:
    return lambda value: complete(record, value, defaults=defaults) if isinstance(value, dict) else value


def package() -> Object:
    """The package's schema, for `pulumi package get-schema` and languages that read it when they run."""
    return {
        "name": "command",
        "version": VERSION,
        "resources": {f"command:{token}": _described(resource) for token, resource in RESOURCES.items()},
        "functions": {
            f"command:{token}": {
                "inputs": _object(function.inputs.fields),
                "outputs": _object({**function.inputs.fields, **function.outputs}),
            }
            for token, function in FUNCTIONS.items()
        },
        "types": {record.token: _object(record.fields) for record in (_CONNECTION, _PROXY)},
    }


def _described(resource: Resource) -> Object:
    inputs = _object(resource.inputs.fields)
    return {
        **_object({**resource.inputs.fields, **resource.outputs}),
        "inputProperties": inputs["properties"],
        "requiredInputs": inputs["required"],
    }


def _object(fields: dict[str, Field]) -> Object:
    return {
        "type": "object",
        "properties": {name: _property(spec) for name, spec in fields.items()},
        "required": sorted(name for name, spec in fields.items() if spec.required),
    }


def _property(spec: Field) -> Object:
    flags = {"secret": spec.secret, "replaceOnChanges": spec.replaces, "default": spec.default}
    return {**_kind(spec.kind), **{name: value for name, value in flags.items() if value}}


def _kind(kind: Any) -> Object:
    if isinstance(kind, Record):
        return {"$ref": f"#/types/{kind.token}"}
    if isinstance(kind, list):
        return {"type": "array", "items": _kind(kind[0])}
    if isinstance(kind, dict):
        return {"type": "object", "additionalProperties": _kind(kind["*"])}
    return {"$ref": f"pulumi.json#/{kind.capitalize()}"} if kind in ("any", "asset") else {"type": kind}
