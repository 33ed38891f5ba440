"""A clone in miniature that has the launchpad command, and a stack which is up."""

import shutil
import sys
from pathlib import Path

from tests.unit.toolchain.clone import ROOT, Clone, executable

SALT = "encryptionsalt: v1:made:here # Pulumi's\n"
BLANK = "encryptionsalt:              # Pulumi's\n"
SETTINGS = "# Stack dev.\nconfig:\n  launchpad:machine: {}\n"
LAUNCHPAD = "toolchain/bin/launchpad"
SOMEONE = """
import os, platform
os.geteuid = lambda: int(os.environ["SOMEONE"])
platform.system = lambda: os.environ["SYSTEM"]
"""
"""Python's start for a user and a computer that the test names."""


def with_stack(clone: Clone) -> Clone:
    """The clone with stack dev up in it, and a CLI that writes down what it is asked."""
    (clone.root / "Pulumi.yaml").write_text("name: launchpad\nruntime: python\n")
    (clone.root / "Pulumi.dev.yaml").write_text(SETTINGS.format("embedded") + SALT)
    stack = clone.root / ".launchpad/state/.pulumi/stacks/launchpad/dev.json"
    stack.parent.mkdir(parents=True)
    stack.write_text('{"checkpoint": {"latest": {"resources": [{"urn": "urn:root"}]}}}')
    executable(
        clone.root / ".launchpad/bin/pulumi",
        'echo "$*" >>"$HOME.asked"; case "$1" in destroy) exit "${FAILS:-0}" ;; esac',
    )
    executable(clone.root / "toolchain/setup", "exit 0")
    for package in ("cli", "infra"):
        shutil.copytree(ROOT / package, clone.root / package, ignore=shutil.ignore_patterns("__pycache__"))
    python(clone, 'echo "$*" >>"$HOME.asked"')
    someone = clone.tools / "someone"
    someone.mkdir()
    (someone / "sitecustomize.py").write_text(SOMEONE)
    clone.environment |= {"PYTHONPATH": str(someone), "SOMEONE": "1000", "SYSTEM": "Linux"}
    clone.tool("sudo", "exit 1")
    return clone


def python(clone: Clone, driver: str) -> None:
    """Give the clone an interpreter that has ``driver``, lines of shell, in place of the embedded machine's driver."""
    (clone.root / ".venv/bin/python").unlink()
    executable(
        clone.root / ".venv/bin/python", f'case "$*" in "-m infra"*) {driver} ;; *) exec {sys.executable} "$@" ;; esac'
    )


def asked(project: Clone) -> list[str]:
    """What the clone's pulumi, and its driver, were asked so far."""
    file = Path(project.environment["HOME"] + ".asked")
    return file.read_text().splitlines() if file.exists() else []
