"""Installs this program: unpacked and compiled, so that each run starts fast."""

from __future__ import annotations

import hashlib
import importlib.resources
import py_compile
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

COMMAND_TEXT = """\
#!/usr/bin/python3 -I
# Written by launchpad-agent prepare.
import sys

sys.path.insert(0, "{path}")
from infra.agent.cli import main

sys.exit(main())
"""
PERSON_TEXT = COMMAND_TEXT.replace("main", "person_main")
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


def install() -> bool:
    """Install the program as /usr/local/bin/launchpad-agent. Says whether anything changed."""
    modules = sources()
    digest = hashlib.sha256(
        "\0".join(f"{name}\0{text}" for name, text in sorted(modules.items())).encode()
    ).hexdigest()[:12]
    path = LIB / f"agent-{digest}"
    command = COMMAND_TEXT.format(path=path)
    if COMMAND.exists() and COMMAND.read_text(encoding="utf-8") == command and (path / copies.COMPLETE).exists():
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
    for path in LIB.glob("agent-*"):
        if path != current and not copies.in_use(path):
            files.remove_tree(path)
