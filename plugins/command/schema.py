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
    failures = [
        (name, f"Unrecognized field '{name}' on '{record.name}'") for name in inputs if name not in record.fields
    ]
    for name, spec in record.fields.items():
        if name in inputs:
            problem = _mismatch(record.name, name, spec.kind, peel(inputs[name]))
            failures += [(name, problem)] if problem else []
        elif spec.required:
            failures.append((name, f"Missing required field '{name}' on '{record.name}'"))
    return failures


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


_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (float, int),
    "integer": (float, int),
    "boolean": (bool,),
    "any": (object,),
    "asset": (dict,),
}
_GO_WANTED = {"number": "float64", "integer": "int", "boolean": "bool", "asset": "types.AssetOrArchive"}
_GO_GIVEN = {str: "string", bool: "bool", float: "float64", dict: "map[string]interface {}", list: "[]interface {}"}


def _mismatch(owner: str, name: str, kind: Any, value: Json) -> str | None:
    """Why `value` is not of this kind, in the words of the official plugin; None if it is."""
    if value == UNKNOWN:
        return None
    if isinstance(kind, Record) and isinstance(value, dict):
        problems = check(kind, value)
        listed = "".join(f"\n\t{inner}: {reason}" for inner, reason in problems)
        short, bare = owner.rpartition(".")[2], f"{len(problems)} failures decoding:{listed}"
        return f"An error occurred decoding '{short}.{name}': {bare}" if problems else None
    if isinstance(kind, list) and isinstance(value, list):
        found = (_mismatch(owner, f"{name}[{i}]", kind[0], peel(item)) for i, item in enumerate(value))
        return next(filter(None, found), None)
    if isinstance(kind, dict) and isinstance(value, dict) and signature(value) is None:
        found = (_mismatch(owner, f"{name}[{key}] value", kind["*"], peel(item)) for key, item in value.items())
        return next(filter(None, found), None)
    if isinstance(kind, str) and isinstance(value, _PYTHON_TYPES[kind]):
        wrong = isinstance(value, bool) and kind in ("number", "integer")
        wrong = wrong or (kind == "asset" and signature(value) not in (ASSET, ARCHIVE))
        if not wrong:
            return None
    wanted = _GO_WANTED.get(kind, kind) if isinstance(kind, str) else _go_name(kind)
    return f"Field '{name}' on '{owner}' must be a '{wanted}'; got '{_GO_GIVEN[type(value)]}' instead"


def _go_name(kind: Any) -> str:
    if isinstance(kind, Record):
        return kind.name
    inner = kind[0] if isinstance(kind, list) else kind["*"]
    inner = {"any": "interface {}"}.get(inner, inner)
    return f"[]{inner}" if isinstance(kind, list) else f"map[string]{inner}"


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
