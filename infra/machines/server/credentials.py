"""The keys that log in to a server where the settings have none: those of the user's SSH agent."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping

from infra.config.key import NAMESPACE

SOCKET = "SSH_AUTH_SOCK"
REMEDY = (
    f"Set a key: pulumi config set --secret {NAMESPACE}:server.private_key <FILE; or add one to the agent: ssh-add FILE"
)
NO_AGENT, NO_KEYS = "there is no ssh agent ({socket} is not set)", "your ssh agent has no key"
SILENT = "your ssh agent does not answer ({socket} is {place})"
TIMEOUT = 5


def problem(environment: Mapping[str, str]) -> str:
    """Why the agent cannot log in; empty if it can, as far as this computer knows."""
    place = environment.get(SOCKET, "")
    if not place:
        return _message(NO_AGENT.format(socket=SOCKET))
    return _message(why) if (why := _of_answer(_asked(environment), place)) else ""


def _of_answer(code: int, place: str) -> str:
    """What the exit status of ``ssh-add -l`` means. Source: ssh-add(1), EXIT STATUS."""
    if code == 1:
        return NO_KEYS
    return SILENT.format(socket=SOCKET, place=place) if code == 2 else ""


def _asked(environment: Mapping[str, str]) -> int:
    """Ask the agent for its keys; 0 too where there is no program to ask with."""
    try:
        done = subprocess.run(
            ["ssh-add", "-l"],
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except FileNotFoundError:
        return 0
    except subprocess.TimeoutExpired:
        return 2
    return done.returncode


def _message(why: str) -> str:
    return f"{NAMESPACE}:server.private_key is empty, and {why}. {REMEDY}"
