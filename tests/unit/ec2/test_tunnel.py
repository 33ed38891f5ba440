"""The tunnel of Session Manager, with a stand-in for the AWS CLI that really forwards."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from infra.machines.ec2 import tunnel
from infra.machines.ec2.firstboot import HEADER, first_boot

STAND_IN = """#!{python}
# stands in for `aws ssm start-session`: forwards one connection, then ends as the real one does when idle
import json, os, socket, sys
parameters = json.loads(sys.argv[sys.argv.index("--parameters") + 1])
with open(os.environ["LOG"], "a") as log:
    print(json.dumps(sys.argv[1:]), file=log)
if os.path.exists(os.environ["LOG"] + ".refuse"):
    sys.exit("An error occurred (TargetNotConnected)")
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", int(parameters["localPortNumber"][0])))
server.listen()
near, _ = server.accept()
far = socket.create_connection(("127.0.0.1", int(os.environ["FAR"])))
far.sendall(near.recv(100))
near.sendall(far.recv(100))
"""


def until(condition: Callable[[], bool], timeout: float = 15) -> None:
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


@pytest.fixture
def echo() -> Iterator[int]:
    """A server that answers in capitals: the instance's port 22."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.sendall(connection.recv(100).upper())

    threading.Thread(target=serve, daemon=True).start()
    yield server.getsockname()[1]
    server.shutdown(socket.SHUT_RDWR)
    server.close()


@pytest.fixture
def log(tmp_path: Path, echo: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the stand-in was asked; it is the only ``aws`` on PATH."""
    script = tmp_path / "bin" / "aws"
    script.parent.mkdir()
    script.write_text(STAND_IN.format(python=sys.executable))
    script.chmod(0o755)
    log = tmp_path / "asked"
    log.touch()
    for name, value in {"PATH": str(script.parent), "FAR": str(echo), "LOG": str(log)}.items():
        monkeypatch.setenv(name, value)
    return log


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def ask(port: int) -> bytes:
    """What comes back through the tunnel; empty where it is not there (yet)."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"hello")
            return connection.recv(100)
    except OSError:
        return b""


def forwarder(port: int) -> subprocess.Popen[bytes]:
    """The script as ``start`` runs it."""
    return subprocess.Popen(
        [sys.executable, "-I", tunnel.__file__, "eu-central-1", "i-1", str(port)], stdin=subprocess.PIPE
    )


@pytest.mark.slow
def test_bytes_pass_and_an_ended_session_is_begun_again(log: Path) -> None:
    port = free_port()
    process = forwarder(port)
    assert process.stdin
    try:
        until(lambda: ask(port) == b"HELLO")
        until(lambda: ask(port) == b"HELLO")
        asked = [json.loads(line) for line in log.read_text().splitlines()]
        assert len(asked) >= 2
        assert asked[0] == tunnel.session("eu-central-1", "i-1", port)[1:]
    finally:
        process.stdin.close()
        process.wait(timeout=10)


@pytest.mark.slow
def test_an_agent_that_has_not_reported_yet_is_waited_for(log: Path) -> None:
    refuse, port = Path(f"{log}.refuse"), free_port()
    refuse.touch()
    process = forwarder(port)
    assert process.stdin
    try:
        until(lambda: log.read_text() != "")
        assert ask(port) == b""
        refuse.unlink()
        until(lambda: ask(port) == b"HELLO")
    finally:
        process.stdin.close()
        process.wait(timeout=10)


@pytest.mark.slow
def test_the_tunnel_ends_with_the_program_however_that_ends(log: Path, tmp_path: Path) -> None:
    port = free_port()
    program = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys, time, pathlib\nfrom infra.machines.ec2 import tunnel\n"
            f"print(tunnel.start('eu-central-1', 'i-1', {port}, pathlib.Path({str(tmp_path / 'tunnel.log')!r})), flush=True)\n"
            "time.sleep(60)",
        ],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert program.stdout
    assert program.stdout.readline().strip() == "127.0.0.1"
    until(lambda: log.read_text() != "")
    os.kill(program.pid, signal.SIGKILL)
    program.wait()

    def is_free() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) != 0

    until(is_free)
    time.sleep(2 * tunnel.PAUSE / 3)
    assert ask(port) == b""


def test_the_port_is_the_stacks_own_and_lasting() -> None:
    assert tunnel.port("launchpad", "ec2", "machine") == tunnel.port("launchpad", "ec2", "machine")
    ports = {tunnel.port("launchpad", stack, "machine") for stack in ("ec2", "prod", "staging")}
    assert len(ports) == 3
    assert all(20000 <= port < 30000 for port in ports)


def test_what_is_not_installed_is_named(tmp_path: Path) -> None:
    assert tunnel.problem({"PATH": str(tmp_path)}) == (
        "launchpad:ec2.ssh_via is ssm, which requires the AWS CLI and its Session Manager plugin on this computer; install what "
        "is missing"
    )
    for name in ("aws", "session-manager-plugin"):
        (tmp_path / name).touch(mode=0o755)
    assert tunnel.problem({"PATH": str(tmp_path)}) == ""


def test_a_persons_ssh_takes_a_session_as_its_connection() -> None:
    assert tunnel.proxy_command("eu-central-1", "i-1") == (
        "aws ssm start-session --region eu-central-1 --target i-1 --document-name AWS-StartSSHSession "
        "--parameters portNumber=22"
    )


@pytest.mark.parametrize(
    ("region", "architecture", "address"),
    [
        (
            "eu-central-1",
            "x86_64",
            "https://s3.eu-central-1.amazonaws.com/amazon-ssm-eu-central-1/latest/debian_amd64/amazon-ssm-agent.deb",
        ),
        (
            "cn-north-1",
            "arm64",
            "https://s3.cn-north-1.amazonaws.com.cn/amazon-ssm-cn-north-1/latest/debian_arm64/amazon-ssm-agent.deb",
        ),
    ],
)
def test_the_agent_is_installed_where_it_is_the_way_in(region: str, architecture: str, address: str) -> None:
    plain = json.loads(first_boot("h", "ssh-ed25519 A", region, architecture, False).removeprefix(HEADER))
    config = json.loads(first_boot("h", "ssh-ed25519 A", region, architecture, True).removeprefix(HEADER))
    (command,) = [each for each in config.pop("runcmd") if each not in plain.pop("runcmd", [])]
    assert config == plain
    assert command[:2] == ["sh", "-c"]
    assert address in command[2]
    assert subprocess.run(["sh", "-n", "-c", command[2]], check=False).returncode == 0
