"""SSH to an instance that has no open port for it: a Session Manager session from a port here to its port 22.

pulumi-command cannot run a ProxyCommand, and its ``proxy`` inputs want an SSH server with an open port. But it connects
to any host and port. So the program starts a forwarder once the instance's id is known, and says that SSH is at
127.0.0.1. The forwarder is this file, run as a script. It lives as long as the program, whose end closes its stdin, and
the program lives until the last resource is made. Nothing is dialled after that: no resource has anything to do on the
machine when it is deleted. The port comes from the stack's name, because another port would be another connection, and
run every step again. The host key is checked as ever: whatever else answers on the port is refused.

Session Manager's plugin ends a session when the connection drops or is idle; the forwarder begins another one, as it
does while the instance boots and its agent has not reported yet.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

PROGRAMS = {"aws": "the AWS CLI", "session-manager-plugin": "its Session Manager plugin"}
HERE = "127.0.0.1"
LOWEST, PORTS = 20000, 10000
STARTED: list[subprocess.Popen[bytes]] = []
"""The forwarders of this process: one that nobody refers to would lose its stdin, and end."""

PAUSE = 3.0
"""Seconds until a session that ended is begun again."""


def missing(path: str | None = None) -> list[str]:
    """What this computer lacks for a tunnel."""
    return [name for program, name in PROGRAMS.items() if not shutil.which(program, path=path)]


def port(project: str, stack: str) -> int:
    """The port here, from 20000 to 29999: always the same for a stack."""
    return LOWEST + int.from_bytes(hashlib.sha256(f"{project}/{stack}".encode()).digest()[:4], "big") % PORTS


def session(region: str, instance: str, here: int) -> list[str]:
    """The command that forwards the port until the session ends."""
    parameters = json.dumps({"portNumber": ["22"], "localPortNumber": [str(here)]})
    return [
        *("aws", "ssm", "start-session", "--region", region, "--target", instance),
        *("--document-name", "AWS-StartPortForwardingSession", "--parameters", parameters),
    ]


def proxy_command(region: str, instance: str) -> str:
    """What a person's ssh runs in place of a connection."""
    return (
        f"aws ssm start-session --region {region} --target {instance} "
        "--document-name AWS-StartSSHSession --parameters portNumber=22"
    )


def start(region: str, instance: str, here: int, log: Path) -> str:
    """Start the forwarder, which ends with this process, and return the host that it listens on."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as said:
        process = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).resolve()), region, instance, str(here)],
            stdin=subprocess.PIPE,  # never written to: it closes when this process is gone, however that ends
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
    STARTED.append(process)
    return HERE


def forward(region: str, instance: str, here: int, ended: threading.Event) -> None:
    """Keep a session open until the event."""
    while not ended.is_set():
        process = subprocess.Popen(session(region, instance, here), stdin=subprocess.DEVNULL)
        while process.poll() is None and not ended.wait(0.2):
            pass
        if process.poll() is None:
            process.terminate()
            process.wait()
        ended.wait(PAUSE)


def main(arguments: list[str]) -> int:
    """Forward until stdin closes."""
    ended = threading.Event()

    def watch() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=watch, daemon=True).start()
    forward(arguments[0], arguments[1], int(arguments[2]), ended)
    return 0


def problem(environment: Mapping[str, str]) -> str:
    """What keeps a tunnel from working here; empty where nothing does."""
    lacks = missing(environment.get("PATH"))
    if not lacks:
        return ""
    return f"launchpad:ssh_via is ssm, which needs {' and '.join(lacks)} on this computer; install what is missing"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
