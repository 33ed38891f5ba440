"""Root access for the embedded machine: requested before the engine starts, because the engine cannot prompt."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys

from cli.failure import Failure
from cli.stack import Stack


def need(stack: Stack) -> None:
    """See that the stack's machine can be made here, and ask for sudo's password where there is someone to ask.

    Raises:
        Failure: It cannot, with what to do.
    """
    if not stack.is_local:
        return
    system = platform.system()
    other = "or set launchpad:machine to ec2."
    if system != "Linux":
        raise Failure(
            f"the embedded machine of stack {stack.name} is a Linux container, and this is {system}. Use Linux, {other}"
        )
    if os.geteuid() != 0 and not may_sudo():
        raise Failure(
            f"the embedded machine of stack {stack.name} needs root, and you are neither root nor have sudo without a "
            f"password or somebody here to type it. Run as root, run `sudo -v` first, {other}"
        )


def may_sudo() -> bool:
    """Whether sudo works without a password, or after asking someone who is there for it."""
    return sudo_is_free() or (shutil.which("sudo") is not None and sys.stdin.isatty() and _asked())


def sudo_is_free() -> bool:
    """Whether sudo works without asking."""
    if shutil.which("sudo") is None:
        return False
    return subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0


def _asked() -> bool:
    return subprocess.run(["sudo", "-v"], check=False).returncode == 0
