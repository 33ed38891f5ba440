"""Finds the variables that an app reads from its environment, without a default, and that nobody sets."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from infra.app_model import cache, own_database, reach, start, syntax
from infra.app_model.build_plan import BuildPlan
from infra.app_model.files import Files
from infra.app_model.python_source import Module
from infra.app_model.sources import Sources
from infra.protocol import database
from infra.protocol.specs import DeploySpec
from infra.protocol.variables import NAME, RESERVED

ALREADY = frozenset(
    {*RESERVED, "HOST", "HOME", "USER", "LANG", "LC_ALL", "TZ", "PWD", "SHELL", "TMPDIR", "WEB_CONCURRENCY"}
)
"""Variables that a process has or can do without, in addition to all that begin with LAUNCHPAD_ or PYTHON."""
GETTERS = frozenset({"os.getenv", "os.environ.get"})
"""Functions that answer None where a variable is not set and there is no default."""
STRICT = frozenset({"decouple.config", "prettyconf.config"})
"""Functions that fail where a variable is not set and there is no default."""
OBJECTS = re.compile(r"(?:^|\.)(?:env|config)$")
"""Names of objects of environs, django-environ and starlette, of which the same holds."""
TYPES = frozenset(
    {
        *("str", "int", "bool", "float", "list", "json", "url", "db", "db_url", "cache", "cache_url", "email_url"),
        *("get_value", "decimal", "dict", "path", "search_url", "bytes", "tuple"),
    }
)
"""Methods of these objects that read a variable."""
DATABASE_READER = "dj_database_url.config"
"""A function that reads DATABASE_URL by itself, or another variable that it is told."""
DATABASE_URL = "DATABASE_URL"
SECRET = re.compile(r"KEY|SECRET|TOKEN|PASS|CREDENTIAL|DSN|DATABASE_URL|REDIS_URL|_URI\b|PRIVATE", re.IGNORECASE)

ON_MACHINE = {cache.VARIABLE: ("cache", "redis"), DATABASE_URL: ("database", database.POSTGRES)}
"""The key that has the machine run a service, by the variable that an app reads its address from."""


@dataclass(frozen=True)
class Unset:
    """A variable that is read.

    Attributes:
        name: Its name.
        where: The file and the line.
        needed: Whether the app fails without it, and does not only see that it is missing.
        of_database: Whether it is a part of the address of a PostgreSQL that the machine can have.
    """

    name: str
    where: str
    needed: bool
    of_database: bool = False

    @property
    def key(self) -> str:
        """The config key for it: one for secrets if its name sounds like one."""
        return f"{'secrets' if SECRET.search(self.name) else 'env'}.{self.name}"

    @property
    def on_machine(self) -> tuple[str, str]:
        """The config key, with its value, that has the machine run what the variable is about; empty if none does."""
        return ON_MACHINE.get(DATABASE_URL if self.of_database else self.name, ("", ""))


def find(files: Files, plan: BuildPlan, spec: DeploySpec) -> list[Unset]:
    """The variables that the app reads and nobody sets; those that it fails without come first.

    Args:
        files: The app's files.
        plan: What was decided: variables that it sets are not among them.
        spec: The settings: neither are those that they set.
    """
    sources = Sources(files)
    begins = start.find(sources)
    modules = reach.reachable(sources, begins.files or [begins.path], plan.processes.values())
    given = {*set_already(spec), *plan.generated, *plan.environment}
    parts = own_database.proposed(modules, given)
    found: dict[str, Unset] = {}
    for module in modules:
        for name, line, needed in _read(module, as_program=module.path == begins.path):
            known = name in given or name.startswith(("LAUNCHPAD_", "PYTHON")) or not NAME.fullmatch(name)
            if not known and (name not in found or (needed and not found[name].needed)):
                found[name] = Unset(name, f"{module.path} line {line}", needed, name in parts)
    return sorted(found.values(), key=lambda unset: (not unset.needed, unset.name))


def set_already(spec: DeploySpec) -> set[str]:
    """The variables that the settings set, or Launchpad by itself."""
    of_database = database.VARIABLES[spec.database.engine]
    of_cache = (cache.VARIABLE,) if spec.uses_cache else ()
    return {*ALREADY, *dict(spec.env), *dict(spec.secrets), *of_database, *of_cache}


def notes(modules: Iterable[Module], spec: DeploySpec) -> tuple[str, ...]:
    """What a person should know: that the app needs a database, and which key has the machine bring one.

    Args:
        modules: The app's modules.
        spec: The settings.
    """
    if DATABASE_URL in set_already(spec):
        return ()
    for module in modules:
        read = _read(module, as_program=False) if module.has(DATABASE_URL, DATABASE_READER.partition(".")[0]) else ()
        for name, line, _ in read:
            if name == DATABASE_URL:
                return (
                    f"{module.path} line {line} reads {name}, and nobody sets it; with launchpad:database postgres the "
                    "machine has a database for this app",
                )
    return ()


def _read(module: Module, *, as_program: bool) -> Iterator[tuple[str, int, bool]]:
    """The variables that a module reads without a default: the name, the line, and whether it fails without.

    Args:
        module: The module.
        as_program: Whether it may be what is run: what is under ``if __name__`` counts then alone.
    """
    unused = [item for item, guarded in module.statements if guarded and not as_program]
    skipped = {id(node) for item in unused for node in ast.walk(item)}
    asked = {name for node in module.nodes if (name := _asked(module, node))}
    chosen = {id(value) for node in module.nodes if isinstance(node, ast.BoolOp) for value in node.values[:-1]}
    for node in module.nodes:
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            # A plain ``environ`` is what a server passes to a WSGI app.
            if "os.environ" in module.origins(node.value):
                name = syntax.text_of(node.slice)
                yield name, node.lineno, name not in asked
        elif isinstance(node, ast.Call) and not node.args and module.origin(node.func) == DATABASE_READER:
            if not _has_default(node):
                yield _named(node, "env") or DATABASE_URL, node.lineno, True
        elif isinstance(node, ast.Call) and len(node.args) == 1 and not _has_default(node):
            called = module.origin(node.func)
            if GETTERS.intersection(module.origins(node.func)) and id(node) not in chosen:
                yield syntax.text_of(node.args[0]), node.lineno, False
            elif called in STRICT or _is_strict(module, node.func):
                yield syntax.text_of(node.args[0]), node.lineno, True


def _asked(module: Module, node: ast.AST) -> str:
    """The variable of an expression such as ``"NAME" in os.environ``, which asks if it is set; empty for others."""
    if isinstance(node, ast.Compare) and any("os.environ" in module.origins(other) for other in node.comparators):
        return syntax.text_of(node.left)
    return ""


def _has_default(call: ast.Call) -> bool:
    return any(keyword.arg in ("default", None) for keyword in call.keywords)


def _named(call: ast.Call, name: str) -> str:
    """The text of a keyword argument; empty if there is none."""
    return next((syntax.text_of(keyword.value) for keyword in call.keywords if keyword.arg == name), "")


def _is_strict(module: Module, function: ast.expr) -> bool:
    """Whether a call is one of an object that reads the environment: ``env("X")``, ``env.int("X")``."""
    if isinstance(function, ast.Attribute) and function.attr in TYPES:
        return bool(OBJECTS.search(module.origin(function.value)))
    return isinstance(function, ast.Name) and bool(OBJECTS.search(function.id))
