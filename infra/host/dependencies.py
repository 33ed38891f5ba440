"""How an app's dependencies are installed: read from its files, decided without running anything of the app."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import files, requirements
from .failure import Failure

UNREAD = ("poetry.lock", "Pipfile.lock", "pdm.lock", "pylock.toml")
"""Lock files of other tools, which nothing here reads."""
OUTDATED = "uv.lock does not fit pyproject.toml: run uv lock and commit it"
HARMLESS = frozenset(
    {
        *("package", "dev-dependencies", "default-groups", "environments", "required-environments", "conflicts"),
        *("required-version", "managed", "index", "index-url", "extra-index-url", "index-strategy", "prerelease"),
        *("resolution", "fork-strategy", "exclude-newer", "link-mode", "compile-bytecode"),
    }
)
"""Settings of uv in pyproject.toml that name no other file of the repository."""


@dataclass(frozen=True)
class Plan:
    """How to fill the virtualenv.

    Attributes:
        kind: The file that decides.
        commands: Shell lines that see the variables of virtualenvs.fill.
        unproven: Why the next build of the same files may give something else, or gives something of this commit: the
            virtualenv is then the release's own. Empty where everything in it is in ``content``.
        content: The texts that decide what is installed.
        requires_python: What pyproject.toml demands.
        indexes: The registries of uv.lock.
        note: What a person should know.
    """

    kind: str
    commands: tuple[str, ...]
    unproven: str
    content: str
    requires_python: str = ""
    indexes: tuple[str, ...] = ()
    note: str = ""


def plan(root: Path, top: Path | None = None) -> Plan:
    """Decide by the files in the app's root directory: uv.lock before requirements.txt before pyproject.toml.

    Args:
        root: The app's root directory.
        top: The commit's root directory, where that is another.
    """
    project = _project(root, top)
    lock = files.text_in_tree(root, "uv.lock", top)
    if project is not None and lock is not None:
        found = _locked(project, lock, root, top)
    elif files.in_tree(root, "requirements.txt", top):
        found = _requirements(project, root, top)
    elif project is not None and "project" in project:
        only = "" if _installs_itself(project) else " --no-install-project"
        content = files.text_in_tree(root, "pyproject.toml", top) or ""
        command = f'"$UV" sync --no-dev --python "$PYTHON"{only}'
        found = Plan("pyproject.toml", (command,), "pyproject.toml has no lock", content)
    elif project is not None and "build-system" in project:
        commands = ('"$UV" venv --quiet --python "$PYTHON" "$VENV"', '"$UV" pip install --python "$VENV/bin/python" .')
        found = Plan("pyproject.toml", commands, "the app is installed as a package", "")
    else:
        raise Failure(_missing(project))
    requires = str(_table(project or {}, "project").get("requires-python", ""))
    unread = [name for name in UNREAD if files.in_tree(root, name, top)]
    note = f"{', '.join(unread)} is not read; {found.kind} decides which versions are installed" if unread else ""
    return Plan(found.kind, found.commands, found.unproven, found.content, requires, found.indexes, note)


def _missing(project: dict[str, Any] | None) -> str:
    what = (
        "its pyproject.toml has neither [project] nor [build-system]" if project is not None else "it has none of them"
    )
    return (
        "The app does not say what it depends on: it needs a requirements.txt, or a pyproject.toml with or without "
        f"uv.lock; {what}.\nAn app without dependencies has an empty requirements.txt."
    )


def _project(root: Path, top: Path | None) -> dict[str, Any] | None:
    text = files.text_in_tree(root, "pyproject.toml", top)
    return None if text is None else _toml("pyproject.toml", text)


def _toml(name: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Failure(f"{name} is not TOML: {error}") from error


def _table(value: dict[str, Any], *names: str) -> dict[str, Any]:
    """A table of pyproject.toml; empty where there is none."""
    for depth, name in enumerate(names, 1):
        value = value.get(name, {})
        if not isinstance(value, dict):
            raise Failure(f"pyproject.toml: {'.'.join(names[:depth])} must be a table, not {type(value).__name__}")
    return value


def _locked(project: dict[str, Any], lock: str, root: Path, top: Path | None) -> Plan:
    packages = _toml("uv.lock", lock).get("package", [])
    if not isinstance(packages, list) or not all(isinstance(package, dict) for package in packages):
        raise Failure("uv.lock has no list of packages; run uv lock and commit it")
    own, indexes = "", []
    dynamic = _table(project, "project").get("dynamic", [])
    static = not (isinstance(dynamic, list) and {"dependencies", "optional-dependencies"} & set(map(str, dynamic)))
    for package in packages:
        source = package.get("source")
        source = source if isinstance(source, dict) else {}
        kind = next(iter(source), "nothing")
        if kind == "registry" and str(source[kind]).startswith(("http://", "https://")):
            indexes.append(str(source[kind]))
        elif source != {"virtual": "."}:
            own = own or f"uv.lock has {package.get('name')} from {kind}, not from a registry"
            static = static and kind in ("editable", "directory") and source[kind] == "."
    itself = _installs_itself(project)
    unproven = ("the app is installed as a package" if itself else own) or _settings(project, root, top)
    only = "" if itself else " --no-install-project"
    # The lock is compared with pyproject.toml by itself, whatever index this machine uses. Where all comes from
    # registries that needs no network: what cannot be answered without is a lock that does not fit.
    offline = " --offline" if static else ""
    own = 'env $UNSET UV_DEFAULT_INDEX="$LOCK_INDEX" UV_INDEX="$LOCK_INDEXES"'
    fits = f'{own} "$UV" lock --check{offline} --python "$PYTHON"'
    known = "'network was disabled|needs to be updated'"
    refuse = f'{{ grep -Eq {known} /tmp/lock || cat /tmp/lock; echo "{OUTDATED}"; exit 1; }}'
    commands = (
        f"{fits} >/tmp/lock 2>&1 || {refuse}",
        f'"$UV" sync --frozen --no-dev --python "$PYTHON"{only}',
    )
    content = lock + (files.text_in_tree(root, "pyproject.toml", top) or "")
    return Plan("uv.lock", commands, unproven, content, indexes=tuple(dict.fromkeys(indexes)))


def _requirements(project: dict[str, Any] | None, root: Path, top: Path | None) -> Plan:
    found = requirements.read(root, "requirements.txt", top)
    hashes = " --require-hashes" if found.hashes else ""
    unproven = f"requirements.txt has {found.unpinned!r}, which is not pinned" if found.unpinned else ""
    content = "\0".join(f"{name}\0{text}" for name, text in sorted(found.texts.items()))
    commands = (
        '"$UV" venv --quiet --python "$PYTHON" "$VENV"',
        f'"$UV" pip install --python "$VENV/bin/python"{hashes} --requirements requirements.txt',
    )
    settings = _table(project or {}, "tool", "uv")
    unproven = unproven or ("pyproject.toml has settings of uv" if settings else "") or _settings({}, root, top)
    return Plan("requirements.txt", commands, unproven, content)


def _settings(project: dict[str, Any], root: Path, top: Path | None) -> str:
    """Why uv's settings leave open what is installed; empty where they do not."""
    strange = sorted(set(_table(project, "tool", "uv")) - HARMLESS)
    if strange:
        return f"pyproject.toml has the setting {strange[0]} of uv"
    above = top or root
    for folder in [root, *root.parents]:
        if files.in_tree(folder, "uv.toml", above):
            return "there is a uv.toml"
        if folder != root and files.in_tree(folder, "pyproject.toml", above):
            return "there is a pyproject.toml above the app's directory"
        if folder == above:
            break
    return ""


def _installs_itself(project: dict[str, Any]) -> bool:
    package = _table(project, "tool", "uv").get("package")
    return bool(package) if package is not None else "build-system" in project
