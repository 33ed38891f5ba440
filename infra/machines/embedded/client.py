"""The client of the driver: runs it directly as root, otherwise through sudo."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import cast

from infra.machines.embedded.answers import Failed
from infra.machines.embedded.requests import A, Ensure, Place, ProvideBase, Request
from infra.machines.embedded.shell import MachineError
from infra.protocol import codec

ROOT = Path(__file__).resolve().parents[3]
DRIVER = "infra.machines.embedded.driver"
"""The driver, which runs as root."""
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def machines() -> Path:
    """The directory of live machines."""
    return Path(os.environ.get("LAUNCHPAD_MACHINES") or "/var/lib/launchpad/machines").absolute()


def cache() -> Path:
    """The cache directory, whose contents may be removed at any time and are recreated."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("LAUNCHPAD_CACHE") or home / "launchpad").absolute()


def place() -> Place:
    """The directories of machines and base images on this computer, and its proxies."""
    return Place(machines(), cache(), tuple((name, os.environ[name]) for name in PROXIES if os.environ.get(name)))


def ask(request: Request[A]) -> A:
    """Send a request to the driver, whose progress goes to standard error.

    Args:
        request: The request; its class determines the type of the answer.

    Returns:
        The driver's answer.

    Raises:
        MachineError: With the driver's error message, or because the driver could not run.
    """
    if sys.platform != "linux":
        raise MachineError(
            "The embedded machine is a Linux container, and this computer does not run Linux. "
            "Use a Linux computer or virtual machine, or set launchpad:machine to ec2."
        )
    if isinstance(request, ProvideBase | Ensure):
        cache().mkdir(parents=True, exist_ok=True)  # owned by this user; otherwise root would create it
    command = [*privilege(), sys.executable, "-B", "-m", DRIVER, request.VERB]
    message = json.dumps({"place": codec.dump(place()), "request": codec.dump(request)})
    process = subprocess.run(command, input=message, stdout=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    try:
        answer = json.loads(process.stdout)
        if process.returncode != 0:
            raise MachineError(codec.load(Failed, answer).error)
        return cast(A, codec.load(request.ANSWER, answer))
    except (ValueError, codec.MessageError):
        raise MachineError(
            f"The machine's driver ended without an answer (exit {process.returncode}). Run it again."
        ) from None


def privilege() -> list[str]:
    """The command prefix that runs a command as root; empty if this process is root.

    Raises:
        MachineError: There is no way to become root without a password.
    """
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    raise MachineError(
        "The embedded machine requires root for its container, network and disk. "
        "Run `sudo -v` first (or allow sudo without a password), or run as root."
    )
