"""SSH servers on loopback: commands run in /bin/sh, SFTP reaches the real file system, and one can be the other's proxy."""

import asyncio
import os
import signal
import socket
import threading
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import asyncssh

ACCEPTED = "ACCEPTED_"  # the one prefix of environment variables that the servers accept, as AcceptEnv does for sshd


class Servers:
    """As a context: `port` and `proxy_port` answer, `closed_port` does not; keys are texts ready for inputs."""

    def __init__(self, directory: Path) -> None:
        host, stranger = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
        self._client = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
        self._host = host
        self.host_key = host.export_public_key().decode().strip()
        self.wrong_host_key = stranger.export_public_key().decode().strip()
        self.rsa_host_key = asyncssh.generate_private_key("ssh-rsa", key_size=2048).export_public_key().decode().strip()
        self.private_key = self._client.export_private_key().decode()
        # OpenSSH's own format needs the package bcrypt, for the test and for the plugin alike.
        encryption = "openssh" if find_spec("bcrypt") else "pkcs1-pem"
        self.encrypted_key = self._client.export_private_key(encryption, passphrase="open sesame").decode()
        self.stranger_key = stranger.export_private_key().decode()
        self.agent_socket = str(directory / "no-agent")
        self.closed_port = free_port()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> "Servers":
        self._thread.start()
        self.port, self.proxy_port = self.listen(), self.listen()
        return self

    def __exit__(self, *_error: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def listen(self, port: int = 0, delay: float = 0) -> int:
        """Start another server, after `delay` seconds if given; its port, 0 if it is yet to come."""
        future = asyncio.run_coroutine_threadsafe(self._listen(port, delay), self._loop)
        return 0 if delay else future.result()

    async def _listen(self, port: int, delay: float) -> int:
        await asyncio.sleep(delay)
        acceptor = await asyncssh.listen(
            "127.0.0.1",
            port,
            server_factory=lambda: _Server(self._client),
            server_host_keys=[self._host],
            process_factory=_run,
            sftp_factory=True,
            encoding=None,
        )
        return int(acceptor.get_port())


class _Server(asyncssh.SSHServer):
    def __init__(self, client: asyncssh.SSHKey) -> None:
        self._client = client.export_public_key()

    def begin_auth(self, username: str) -> bool:
        return username != "nobody-asks"

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        return key.export_public_key() == self._client and username == "root"

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("guest", "open CANARY")

    def connection_requested(self, *_where: Any) -> bool:
        return True


async def _run(process: asyncssh.SSHServerProcess[bytes]) -> None:
    given = {key.decode(): value.decode() for key, value in process.channel.get_environment_bytes().items()}
    child = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", process.command or "", env={"PATH": os.environ["PATH"], **given},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    assert child.stdin and child.stdout and child.stderr
    feeding = asyncio.ensure_future(_pump(process.stdin, child.stdin))
    gone = asyncio.ensure_future(process.channel.wait_closed())
    done = asyncio.gather(_pump(child.stdout, process.stdout), _pump(child.stderr, process.stderr), child.wait())
    waiting: set[asyncio.Future[Any]] = {gone, done}
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    feeding.cancel()
    if child.returncode is None:
        os.killpg(child.pid, signal.SIGKILL)
    elif child.returncode < 0:
        process.exit_with_signal(signal.Signals(-child.returncode).name.removeprefix("SIG"))
    else:
        process.exit(child.returncode)


async def _pump(source: Any, target: Any) -> None:
    with suppress(OSError):  # whoever reads may stop early
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
        if isinstance(target, asyncio.StreamWriter):
            target.close()


def _accept_some(self: Any, packet: Any) -> bool:
    """Stands in for asyncssh's handler, which accepts every variable."""
    name, value = packet.get_string(), packet.get_string()
    packet.check_end()
    if not name.startswith(ACCEPTED.encode()):
        return False
    self._env[name] = value
    return True


asyncssh.channel.SSHServerChannel._process_env_request = _accept_some  # type: ignore[method-assign]


def free_port() -> int:
    """A port of loopback where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
