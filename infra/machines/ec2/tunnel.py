"""SSH to an instance without an open SSH port: Session Manager forwards a local port to the instance's port 22.

pulumi-command cannot run a ProxyCommand, and its ``proxy`` inputs require an SSH server with an open port, but it can
connect to any host and port. So the program starts a forwarder as soon as the instance's id is known, and connects to
127.0.0.1. The forwarder is this file, run as a script. It ends with the program, whose exit closes the forwarder's
stdin, and the program runs until the last resource is created. No connection is needed after that, because deleting a
resource does nothing on the machine. The port is derived from the names of the stack and the machine: a changing port
would be a changed connection and would run every step again. The host key is checked as always, so another program
that listens on the port is rejected.

The Session Manager plugin ends a session when the connection drops or is idle; the forwarder then starts a new one. It
does the same while the instance boots and its agent has not registered yet.
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
LOCALHOST = "127.0.0.1"
LOWEST, PORTS = 20000, 10000
"""The lowest local port, and the number of ports."""
STARTED: list[subprocess.Popen[bytes]] = []
"""The forwarders of this process. Without a reference, the garbage collector would close their stdin and end them."""

PAUSE = 3.0
"""Seconds before an ended session is restarted."""


def missing(path: str | None = None) -> list[str]:
    """The programs for a tunnel that this computer lacks."""
    return [name for program, name in PROGRAMS.items() if not shutil.which(program, path=path)]


def port(project: str, stack: str, machine: str) -> int:
    """The local port, from 20000 to 29999; always the same for a given machine of a stack."""
    digest = hashlib.sha256(f"{project}/{stack}/{machine}".encode()).digest()
    return LOWEST + int.from_bytes(digest[:4], "big") % PORTS


def session(region: str, instance: str, local_port: int) -> list[str]:
    """The command that forwards the port until the session ends."""
    parameters = json.dumps({"portNumber": ["22"], "localPortNumber": [str(local_port)]})
    return [
        *("aws", "ssm", "start-session", "--region", region, "--target", instance),
        *("--document-name", "AWS-StartPortForwardingSession", "--parameters", parameters),
    ]


def proxy_command(region: str, instance: str) -> str:
    """The ProxyCommand for ``ssh`` on the command line."""
    return (
        f"aws ssm start-session --region {region} --target {instance} "
        "--document-name AWS-StartSSHSession --parameters portNumber=22"
    )


def start(region: str, instance: str, local_port: int, log: Path) -> str:
    """Start the forwarder, which ends with this process.

    Args:
        region: The AWS region.
        instance: The instance's id.
        local_port: The port to listen on.
        log: The file for the forwarder's output.

    Returns:
        The host that it listens on.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as output:
        process = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).resolve()), region, instance, str(local_port)],
            stdin=subprocess.PIPE,  # never written to; the kernel closes it when this process ends for any reason
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    STARTED.append(process)
    return LOCALHOST


def forward(region: str, instance: str, local_port: int, ended: threading.Event) -> None:
    """Keep a session open until ``ended`` is set."""
    while not ended.is_set():
        process = subprocess.Popen(session(region, instance, local_port), stdin=subprocess.DEVNULL)
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
    """What prevents a tunnel on this computer; empty if nothing does."""
    programs = missing(environment.get("PATH"))
    if not programs:
        return ""
    lacking = " and ".join(programs)
    return f"launchpad:ec2.ssh_via is ssm, which requires {lacking} on this computer; install what is missing"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
