"""What one piece of an app's code says about a path that it writes to."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from infra.app_model import syntax
from infra.app_model.kept_paths import Kind, Written
from infra.app_model.path_values import Values, inside
from infra.app_model.syntax import called_name, text_of

FLASK_SQLALCHEMY = "from flask_sqlalchemy import"
URL = re.compile(r"sqlite(?:\+\w+)?:///(?P<path>[^?]+)(?:\?.*)?", re.DOTALL)
DATABASES = {
    "connect": ("sqlite3", "aiosqlite", "duckdb", "apsw"),
    "Connection": ("apsw",),
    "SqliteDatabase": (),
    "SqliteExtDatabase": (),
    "SqliteDict": (),
    "TinyDB": (),
    "fast_app": (),
}
"""Calls whose first argument is a database's file: the call and the modules that it belongs to; none: any."""
CLASSES = ("database", "Database")
"""Calls of fastlite and sqlite-utils, and of many an app's own class, whose first argument may be such a file."""
ENDINGS = (".db", ".db3", ".sqlite", ".sqlite3", ".duckdb")
"""How the names of such files end."""
NAMES = re.compile(r"(?:\w+_)?(?:db|database|sqlite)(?:_?(?:path|file|filename|file_path))?", re.IGNORECASE)
"""Names that people give to the path of a database."""
HANDLERS = ("FileHandler", "RotatingFileHandler", "TimedRotatingFileHandler", "WatchedFileHandler")
FOLDERS = ("MEDIA_ROOT", "UPLOAD_FOLDER", "UPLOADS_FOLDER", "UPLOAD_DIR", "UPLOAD_PATH", "UPLOADED_FILES_DEST")
"""Settings that name a folder for what visitors upload."""
CHANGES_DATA = re.compile(
    r"(?:insert|replace)(?: or \w+)?\s+into|update\s+\w+\s+set|delete\s+from|create\s+(?:table|virtual|index|unique)"
    r"|\.commit\(|\.executescript\(",
    re.IGNORECASE,
)
"""What a module says that does not only read from a database. Source: the SQL that SQLite understands."""


def of_node(node: ast.AST, values: Values) -> Iterator[Written]:
    """What one piece of code says."""
    where = f"{values.module.path} line {getattr(node, 'lineno', 0)}"
    if isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
        yield from _url(node, values, where)
    elif isinstance(node, ast.Dict):
        yield from _map(node, values, where)
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _setting(_name(target), node.value, values, where)
    elif isinstance(node, ast.AnnAssign) and node.value:
        yield from _setting(_name(node.target), node.value, values, where)
    elif isinstance(node, ast.Attribute) and node.attr == "instance_path":
        yield from _item(values.known["instance_path"], "/", f"{where} uses instance_path")
    elif isinstance(node, ast.Attribute) and node.attr in ("general", "user") and _name(node.value) == "storage":
        if "NICEGUI_STORAGE_PATH" not in values.variables:
            yield Written(".nicegui/", f"NiceGUI keeps the storage of {where} there")
    elif isinstance(node, ast.keyword):
        if node.arg == "instance_relative_config" and isinstance(node.value, ast.Constant) and node.value.value is True:
            yield from _item(values.known["instance_path"], "/", f"{where} sets instance_relative_config")
        yield from _setting(node.arg or "", node.value, values, where)
    elif isinstance(node, ast.Call):
        yield from _calls(node, values, where)


def _item(path: str | None, end: str, reason: str, kind: Kind = "folder") -> Iterator[Written]:
    """A path, if it is in the app's directory."""
    if relative := inside(path):
        yield Written(relative + end, reason, kind)


def _url(node: ast.expr, values: Values, where: str) -> Iterator[Written]:
    """A database's URL. Flask-SQLAlchemy takes a relative one from the instance folder."""
    match = URL.fullmatch(values.text(node) or "")
    if not match or match["path"].startswith(":memory:") or not match["path"].strip():
        return
    path = match["path"]
    if _uses_flask_sqlalchemy(values) and not path.startswith("/"):
        yield from _item(values.known["instance_path"], "/", f"Flask-SQLAlchemy keeps {path} of {where} there")
    else:
        yield from _item(path, "", f"the database of {where}", "database")


def _uses_flask_sqlalchemy(values: Values) -> bool:
    return any(module.has(FLASK_SQLALCHEMY) for module in (values.module, *values.others))


def _map(node: ast.Dict, values: Values, where: str) -> Iterator[Written]:
    """Django's ``DATABASES`` and ``LOGGING``, and settings in maps."""
    pairs = {text_of(key): value for key, value in zip(node.keys, node.values, strict=True)}
    if text_of(pairs.get("ENGINE")).endswith(("sqlite3", "spatialite")):
        yield from _item(values.text(pairs.get("NAME")), "", f"the database of {where}", "database")
    if text_of(pairs.get("class")).endswith(HANDLERS):
        yield from _item(values.path(pairs.get("filename")), "", f"the log of {where}", "log")
    for name, value in pairs.items():
        yield from _setting(name, value, values, where)


def _setting(name: str, value: ast.expr, values: Values, where: str) -> Iterator[Written]:
    """A setting that names a folder, or a database's file that the app opens elsewhere."""
    if name in FOLDERS:
        yield from _item(values.text(value), "/", f"{name} of {where}")
    elif NAMES.fullmatch(name) and (path := values.path(value)).endswith(ENDINGS):
        yield Written(path, f"the database that {name} of {where} names", "reads")


def _calls(node: ast.Call, values: Values, where: str) -> Iterator[Written]:
    """A call that opens a database or a log, makes a folder, or writes a file."""
    name = called_name(node)
    owner = syntax.owner(node)
    keywords = {keyword.arg: keyword.value for keyword in node.keywords}
    first = node.args[0] if node.args else keywords.get("database") or keywords.get("filename") or keywords.get("path")
    if name in ("fast_app", "FastHTML"):
        yield from _session_key(keywords, values, where)
    if name in DATABASES:
        if not DATABASES[name] or (isinstance(owner, ast.Name) and owner.id in DATABASES[name]):
            kind: Kind = "database" if CHANGES_DATA.search(values.module.text) else "reads"
            yield from _item(values.text(first), "", f"the database of {where}", kind)
    elif name in CLASSES and (path := values.path(first)).endswith(ENDINGS):
        yield Written(path, f"the database of {where}", "reads")
    elif name in HANDLERS:
        yield from _item(values.path(first), "", f"the log of {where}", "log")
    elif name in ("makedirs", "mkdir"):
        if path := values.path(owner if name == "mkdir" and not _is_os(owner) else first):
            yield Written(f"{path}/", f"{where} makes {path}", "makes")
    elif name == "open" and (owner is None or not _is_os(owner)):
        yield from _opened(node, owner, values, where)
    elif name in ("write_text", "write_bytes"):
        yield from _file(values.path(owner), values, where)


def _session_key(keywords: Mapping[str | None, ast.expr], values: Values, where: str) -> Iterator[Written]:
    """The file in which FastHTML keeps the key of its sessions. Source: FastHTML's API reference, ``key_fname``."""
    if "secret_key" not in keywords:
        path = values.text(keywords["key_fname"]) if "key_fname" in keywords else ".sesskey"
        yield from _item(path, "", f"FastHTML of {where} keeps the key of its sessions there", "database")


def _opened(node: ast.Call, owner: ast.expr | None, values: Values, where: str) -> Iterator[Written]:
    """``open(path, "w")`` or ``path.open("w")``."""
    file, modes = (node.args[0] if node.args else None, node.args[1:2]) if owner is None else (owner, node.args[:1])
    modes += [keyword.value for keyword in node.keywords if keyword.arg == "mode"]
    if any(set(text_of(mode)) & set("wax+") for mode in modes):
        yield from _file(values.path(file), values, where)


def _file(path: str, values: Values, where: str) -> Iterator[Written]:
    """A file that a function writes; what a script's own lines write is its result, and no app's data."""
    line = int(where.rsplit(" ", 1)[1])
    if path and line in values.module.lines_of_functions and line not in values.module.lines_elsewhere:
        yield Written(path, f"{where} writes {path}", "file")


def _is_os(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Name) and node.id in ("os", "io", "codecs", "gzip", "zipfile", "Image", "webbrowser")


def _name(target: ast.expr) -> str:
    """The setting that is assigned to: ``NAME``, ``app.config["NAME"]`` or ``settings.NAME``."""
    if isinstance(target, ast.Subscript):
        return text_of(target.slice)
    if isinstance(target, ast.Attribute):
        return target.attr
    return target.id if isinstance(target, ast.Name) else ""
