"""Asking the driver: as root directly, otherwise through sudo."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from infra.machines.embedded.shell import MachineError

ROOT = Path(__file__).resolve().parents[3]
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


def machines() -> str:
    """The directory of live machines."""
    return os.environ.get("LAUNCHPAD_MACHINES") or "/var/lib/launchpad/machines"


def cache() -> str:
    """The directory of what may be removed at any time and comes back."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return os.environ.get("LAUNCHPAD_CACHE") or str(home / "launchpad")


def ask(verb: str, **request: Any) -> dict[str, Any]:
    """Have the driver do something; its progress goes to stderr. Raises MachineError with what it says."""
    if sys.platform != "linux":
        raise MachineError(
            "The embedded machine is a Linux container, and this computer does not run Linux. "
            "Use a Linux computer or virtual machine, or set launchpad:machine to ec2."
        )
    proxies = {name: os.environ[name] for name in PROXIES if os.environ.get(name)}
    full = {"machines": machines(), "cache": cache(), "proxies": proxies, **request}
    if verb in ("base", "ensure"):
        Path(cache()).mkdir(parents=True, exist_ok=True)  # ours, and not root's, who would make it otherwise
    command = [*privilege(), sys.executable, "-B", "-m", "infra.machines.embedded.driver", verb]
    done = subprocess.run(command, input=json.dumps(full), stdout=subprocess.PIPE, text=True, cwd=ROOT, check=False)
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        raise MachineError(
            f"The machine's driver ended without an answer (exit {done.returncode}). Run it again."
        ) from None
    if done.returncode != 0:
        raise MachineError(answer["error"])
    return dict(answer)


def privilege() -> list[str]:
    """The words before a command that make it run as root. Raises MachineError where nothing does."""
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    raise MachineError(
        "The embedded machine needs root, for its container, network and disk. "
        "Run `sudo -v` first (or allow sudo without a password), or run as root."
    )
