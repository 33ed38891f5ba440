"""How an app's dependencies are installed: read from its files, decided without running anything of the app."""

from __future__ import annotations

import hashlib
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import files
from .failure import Failure

LOCAL = re.compile(r"^(-e|--editable)\b|^(\.|/|file:)|@\s*file:|^[^#@]*\.(whl|tar\.gz|zip)(\s|$)")
INCLUDE = re.compile(r"^(?:-r|--requirement|-c|--constraint)[ =]?\s*(?P<path>\S+)")


@dataclass(frozen=True)
class Plan:
    """How to fill the virtualenv.

    ``commands`` are shell lines that see $UV, $VENV and $PYTHON. ``shared``: the virtualenv depends on nothing but
    ``content`` and may serve every release with the same content; otherwise the app itself is installed into it.
    """

    kind: str
    commands: tuple[str, ...]
    shared: bool
    content: str
    requires_python: str = ""

    def key(self, *conditions: str) -> str:
        """A hash of what the virtualenv is made of: this plan and the conditions of the machine."""
        parts = [self.kind, *self.commands, self.content, *conditions]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def plan(root: Path) -> Plan:
    """Decide by the files in the app's root directory: uv.lock before requirements.txt before pyproject.toml."""
    project = _project(root)
    requires = str(project.get("project", {}).get("requires-python", "")) if project else ""
    lock = files.text_in_tree(root, "uv.lock")
    if project is not None and lock is not None:
        return _locked(project, lock, root, requires)
    if files.in_tree(root, "requirements.txt"):
        return _requirements(root, requires)
    if project is not None and "project" in project:
        shared = not _installs_itself(project) and not _local_sources(project)
        only = " --no-install-project" if shared else ""
        content = files.text_in_tree(root, "pyproject.toml") or ""
        return Plan("pyproject.toml", (f'"$UV" sync --no-dev --python "$PYTHON"{only}',), shared, content, requires)
    if project is not None and "build-system" in project:
        commands = ('"$UV" venv --quiet --python "$PYTHON" "$VENV"', '"$UV" pip install --python "$VENV/bin/python" .')
        return Plan("pyproject.toml", commands, shared=False, content="", requires_python=requires)
    what = (
        "its pyproject.toml has neither [project] nor [build-system]" if project is not None else "it has none of them"
    )
    raise Failure(
        "The app does not say what it depends on: it needs a requirements.txt, or a pyproject.toml with or without "
        f"uv.lock; {what}.\nAn app without dependencies has an empty requirements.txt."
    )


def _project(root: Path) -> dict[str, Any] | None:
    text = files.text_in_tree(root, "pyproject.toml")
    if text is None:
        return None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Failure(f"pyproject.toml is not TOML: {error}") from error


def _locked(project: dict[str, Any], lock: str, root: Path, requires: str) -> Plan:
    shared = not _installs_itself(project) and not re.search(r'source = \{ (editable|directory|path) = "', lock)
    only = " --no-install-project" if shared else ""
    content = lock + (files.text_in_tree(root, "pyproject.toml") or "")
    command = f'"$UV" sync --frozen --no-dev --python "$PYTHON"{only}'
    return Plan("uv.lock", (command,), shared, content, requires)


def _requirements(root: Path, requires: str) -> Plan:
    texts = requirement_texts(root, "requirements.txt")
    lines = [line.strip() for text in texts.values() for line in text.splitlines()]
    hashes = " --require-hashes" if any("--hash=" in line for line in lines) else ""
    shared = not any(LOCAL.search(line) for line in lines)
    content = "\0".join(f"{name}\0{text}" for name, text in sorted(texts.items()))
    commands = (
        '"$UV" venv --quiet --python "$PYTHON" "$VENV"',
        f'"$UV" pip install --python "$VENV/bin/python"{hashes} --requirements requirements.txt',
    )
    return Plan("requirements.txt", commands, shared, content, requires)


def requirement_texts(root: Path, name: str) -> dict[str, str]:
    """A requirements file and all that it includes, by their path from the app's root."""
    found: dict[str, str] = {}
    todo = [name]
    while todo:
        path = todo.pop()
        if path in found or "://" in path:
            continue
        text = files.text_in_tree(root, path)
        if text is None:
            raise Failure(f"requirements: the file {path}, which requirements.txt includes, is not in the repository")
        found[path] = text
        for line in text.splitlines():
            if match := INCLUDE.match(line.strip()):
                todo.append(str(Path(path).parent / match["path"]))
    return found


def _installs_itself(project: dict[str, Any]) -> bool:
    package = project.get("tool", {}).get("uv", {}).get("package")
    return bool(package) if package is not None else "build-system" in project


def _local_sources(project: dict[str, Any]) -> bool:
    uv = project.get("tool", {}).get("uv", {})
    sources = [
        source for value in uv.get("sources", {}).values() for source in (value if isinstance(value, list) else [value])
    ]
    return "workspace" in uv or any("path" in source or "workspace" in source for source in sources)
