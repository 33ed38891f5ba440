"""The miniature clone as a fixture, empty and with a stack."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.unit.toolchain.clone import ROOT, Clone, executable
from tests.unit.toolchain.project import with_stack


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    root = tmp_path / "a clone"  # the space is on purpose
    shutil.copytree(ROOT / "toolchain", root / "toolchain")
    (root / ".venv/bin").mkdir(parents=True)
    (root / ".venv/bin/python").symlink_to(sys.executable)
    for name in ("bin", "plugins", "logs"):
        (root / ".launchpad" / name).mkdir(parents=True)
    executable(root / "plugins/command/pulumi-resource-command", "exit 0")
    tools = tmp_path / "tools"
    tools.mkdir()
    kept = ("PULUMI", "LAUNCHPAD", "XDG", "VIRTUAL_ENV")
    environment = {key: value for key, value in os.environ.items() if not key.startswith(kept)}
    environment |= {
        "PATH": f"{tools}:/usr/bin:/bin",
        "HOME": str(tmp_path / "home"),
        "LAUNCHPAD_CACHE": str(tmp_path / "cache"),
    }
    return Clone(root, tools, environment)


@pytest.fixture
def project(clone: Clone) -> Clone:
    return with_stack(clone)
