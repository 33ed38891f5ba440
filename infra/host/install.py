"""Installs this program itself: unpacked and compiled, so that each run starts fast."""

from __future__ import annotations

import hashlib
import importlib.resources
import py_compile
from pathlib import Path

from . import files
from .layout import COMMAND, LAUNCHER, LIB, STOPPER

COMMAND_TEXT = """\
#!/usr/bin/python3 -I
# Written by launchpad-host prepare.
import sys

sys.path.insert(0, "{path}")
from infra.host.cli import main

sys.exit(main())
"""


def sources() -> dict[str, str]:
    """The program's modules, by file name, wherever they run from (the packed file or a directory)."""
    folder = importlib.resources.files("infra.host")
    return {item.name: item.read_text(encoding="utf-8") for item in folder.iterdir() if item.name.endswith(".py")}


def install() -> bool:
    """Put the program at /usr/local/bin/launchpad-host. Says whether anything changed."""
    modules = sources()
    digest = hashlib.sha256(
        "\0".join(f"{name}\0{text}" for name, text in sorted(modules.items())).encode()
    ).hexdigest()[:12]
    path = LIB / f"host-{digest}"
    command = COMMAND_TEXT.format(path=path)
    if COMMAND.exists() and COMMAND.read_text(encoding="utf-8") == command and (path / "complete").exists():
        return False
    package = path / "infra/host"
    files.directory(package, 0o755)
    files.write(package.parent / "__init__.py", "")
    for name, text in modules.items():
        files.write(package / name, text)
        py_compile.compile(str(package / name), doraise=True)
    files.write(LAUNCHER, modules["launch.py"])
    files.write(STOPPER, modules["stop.py"])
    files.write(path / "complete", "")
    files.write(COMMAND, command, 0o755)
    _remove_others(path)
    return True


def _remove_others(current: Path) -> None:
    """Remove older copies of the program. One that runs just now has all its modules loaded."""
    for path in LIB.glob("host-*"):
        if path != current:
            files.remove_tree(path)
