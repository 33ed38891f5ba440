"""What an app writes to beside its own code: databases, uploads, logs. Read from its code, which is never run."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Sequence

from infra.app_model import kept_paths, writing_code
from infra.app_model.kept_paths import Written
from infra.app_model.path_values import ROOT, Values
from infra.app_model.python_source import Module
from infra.app_model.sources import Sources
from infra.app_model.syntax import called_name

TELLING = (
    *("sqlite:", "sqlite+", "sqlite3.connect", "aiosqlite.connect", "duckdb.connect", "apsw.Connection", "TinyDB"),
    *("SqliteDatabase", "SqliteExtDatabase", "SqliteDict", "backends.sqlite3", "spatialite", "FileHandler"),
    *("instance_path", "instance_relative_config", "MEDIA_ROOT", "UPLOAD", "mkdir(", "makedirs(", "write_text"),
    *("write_bytes", "fast_app", "FastHTML", "storage.", '.db"', ".db'", ".db3", ".sqlite", ".duckdb"),
)
OPENS = re.compile(r"open\((?:[^()]|\([^()]*\)){0,200}?[\"'][rbt]*[wax+][bt+]*[\"']")
"""What a text must have for a parse to be worth it."""
LOOKED_AT = (
    *(
        ast.Constant,
        ast.JoinedStr,
        ast.BinOp,
        ast.Dict,
        ast.Assign,
        ast.AnnAssign,
        ast.Attribute,
        ast.keyword,
        ast.Call,
    ),
)


def find(sources: Sources, modules: Sequence[Module], variables: Sequence[str] = ()) -> list[Written]:
    """The paths beside its code that an app writes to, those of the same file in order.

    Args:
        sources: The app's files.
        modules: The modules that its processes may load.
        variables: The environment variables that are set: a path that depends on one is not known.
    """
    known = _flask(sources, modules)
    found: dict[str, Written] = {}
    for module in modules:
        if not module.has(*TELLING) and not OPENS.search(module.text):
            continue
        values = Values(module, modules, known, variables)
        for node in _nodes(module, values):
            for item in writing_code.of_node(node, values):
                found.setdefault(item.path, item)
    return kept_paths.choose(sources, list(found.values()))


def _nodes(module: Module, values: Values) -> Iterator[ast.AST]:
    """Every piece of code, except for defaults that do not count because a variable is set."""
    left_out: set[ast.AST] = set()
    if any(name in module.text for name in ("DATA_DIR", *values.variables)):
        roots = [node for node in module.nodes if isinstance(node, ast.Call | ast.BoolOp) and values.is_set(node)]
        left_out = {below for root in roots for below in ast.walk(root) if below is not root}
    urls = module.has("sqlite:", "sqlite+")
    nodes = [node for node in module.nodes if isinstance(node, LOOKED_AT) and _tells(node, urls=urls)]
    counted = [node for node in nodes if node not in left_out]
    return iter(sorted(counted, key=lambda node: (node.lineno, node.col_offset)))


def _tells(node: ast.AST, *, urls: bool) -> bool:
    """Whether a piece of code may say something by itself; texts do only if they may be the URLs of databases."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, str) and node.value.startswith("sqlite")
    if isinstance(node, ast.Attribute):
        return node.attr in ("instance_path", "general", "user")
    return urls or not isinstance(node, ast.JoinedStr | ast.BinOp)


def _flask(sources: Sources, modules: Sequence[Module]) -> dict[str, str]:
    """Where Flask has its ``instance_path`` and ``root_path``, by the module that makes the app.

    Source: Flask's documentation, "Instance Folders": beside the module or the outermost package.
    """
    for module in modules:
        for node in module.calls if module.has("Flask(", "Quart(") else ():
            if called_name(node) in ("Flask", "Quart"):
                folder = home = posixpath.dirname(module.path)
                while home and "__init__.py" in sources.names(home):
                    home = posixpath.dirname(home)
                given = [keyword.value for keyword in node.keywords if keyword.arg == "instance_path"]
                path = Values(module, modules).path(given[0]) if given else posixpath.join(home, "instance")
                return {"instance_path": posixpath.join(ROOT, path), "root_path": posixpath.join(ROOT, folder)}
    return {"instance_path": f"{ROOT}/instance"}
