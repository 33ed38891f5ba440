"""Installs this program: unpacked and compiled, so that each run starts fast."""

from __future__ import annotations

import hashlib
import importlib.resources
import py_compile
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from infra.agent.system import copies, files
from infra.agent.system.layout import (
    COLLECTOR,
    COMMAND,
    COMPRESSOR,
    FILE_SERVER,
    JOB_RECORDER,
    LAUNCHER,
    LIB,
    PERSISTER,
    PERSON,
    RECORDER,
    SERVER,
    STOPPER,
    TOOLS,
)

if TYPE_CHECKING:
    if sys.version_info >= (3, 11):
        from importlib.resources.abc import Traversable
    else:
        from importlib.abc import Traversable

PARTS = ("agent", "app_model", "common", "protocol")
"""The packages of ``infra`` that this program consists of."""

COPIES = "agent-"
"""How the names of the copies of the program begin."""
RUNNING = Path(__file__).parents[3]
"""The copy of the program that runs."""
COMMAND_TEXT = """\
#!/usr/bin/python3 -I
# Written by launchpad-agent prepare.
import sys

sys.path.insert(0, "{path}")
from infra.agent.cli import main

sys.exit(main())
"""
PERSON_TEXT = COMMAND_TEXT.replace("main", "person_main")
COPY = re.compile(r'sys\.path\.insert\(0, "([^"]+)"\)')
FILE_SERVER_TEXT = """\
# Written by launchpad-agent prepare.
import sys

sys.path.insert(0, "{path}")
from infra.agent.proxy.file_server import main

main()
"""


def sources() -> dict[str, str]:
    """The texts of the program's modules, by their paths below ``infra``; it may run packed or from a directory."""
    folder = importlib.resources.files("infra")
    return {name: text for part in PARTS for name, text in _modules(folder / part, part)}


def _modules(folder: Traversable, name: str) -> Iterator[tuple[str, str]]:
    for item in folder.iterdir():
        path = f"{name}/{item.name}"
        if item.is_dir():
            yield from _modules(item, path)
        elif item.name.endswith(".py"):
            yield path, item.read_text(encoding="utf-8")


def is_intact(path: Path) -> bool:
    """Whether the modules in a copy of the program are those that its name was made of.

    Args:
        path: The directory of the copy.
    """
    try:
        found = {name: text for part in PARTS for name, text in _modules(path / "infra" / part, part)}
    except (OSError, UnicodeDecodeError):
        return False
    return path == _place(found) and (path / copies.COMPLETE).exists()


def installed(command: str) -> Path | None:
    """The directory of the copy that a text of the command runs; None if it is not such a text."""
    match = COPY.search(command)
    return Path(match[1]) if match else None


def _place(modules: dict[str, str]) -> Path:
    """Where a copy of the program with these modules is."""
    text = "\0".join(f"{name}\0{text}" for name, text in sorted(modules.items()))
    return LIB / f"{COPIES}{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def install(*, anew: bool = False) -> bool:
    """Install the program as /usr/local/bin/launchpad-agent. Says whether anything changed.

    Args:
        anew: Whether it is installed although it seems to be there, as somebody has changed it.
    """
    modules = sources()
    path = _place(modules)
    command = COMMAND_TEXT.format(path=path)
    if (
        not anew
        and COMMAND.exists()
        and COMMAND.read_text(encoding="utf-8") == command
        and (path / copies.COMPLETE).exists()
    ):
        return False
    package = path / "infra"
    for folder in sorted({package, *(parent for name in modules for parent in (package / name).parents)}):
        if folder.is_relative_to(package):
            files.directory(folder, 0o755)
    files.write(package / "__init__.py", "")
    for name, text in modules.items():
        files.write(package / name, text)
        py_compile.compile(str(package / name), doraise=True)
    files.write(LAUNCHER, modules["agent/process/exec_shim.py"])
    files.write(STOPPER, modules["agent/process/stop_shim.py"])
    files.write(RECORDER, modules["agent/process/record_shim.py"])
    files.write(PERSISTER, modules["agent/process/persist_shim.py"])
    files.write(JOB_RECORDER, modules["agent/process/record_job_shim.py"])
    # In a directory of its own, which gunicorn's path gets: nothing in it has the name of an app's module.
    files.directory(SERVER.parent, 0o755)
    files.write(SERVER, modules["agent/process/serve_shim.py"])
    files.write(COLLECTOR, modules["agent/build/collect_shim.py"])
    files.write(COMPRESSOR, modules["agent/build/compress_shim.py"])
    files.write(FILE_SERVER, FILE_SERVER_TEXT.format(path=path))
    files.write(PERSON, PERSON_TEXT.format(path=path), 0o755)
    for name in ("uv", "poetry", "pipenv", "pdm", "hatch"):
        files.write(TOOLS / name, modules["agent/process/tool_shim.py"], 0o755)
    files.write(path / copies.COMPLETE, "")
    files.write(COMMAND, command, 0o755)
    _remove_others(path)
    return True


def _remove_others(current: Path) -> None:
    """Remove older copies of the program that nobody runs any more."""
    for path in LIB.glob(f"{COPIES}*"):
        if path != current and not copies.in_use(path):
            files.remove_tree(path)
