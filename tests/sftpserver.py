"""An SFTP server of this computer that machines reach, for those who may log in with one key."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import asyncssh


@dataclass(frozen=True)
class Server:
    """Where it is, the one key that it takes, and its own public one."""

    host: str
    port: int
    private_key: str
    host_key: str


def own_address() -> str:
    """The address that this computer has for others; a machine reaches it whichever network it is in."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # nothing is sent
        return str(probe.getsockname()[0])


@contextmanager
def serving() -> Iterator[Server]:
    """A server in a thread; its paths are those of this computer, with the rights of the tests."""
    host, client = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            own_address(),
            0,
            server_host_keys=[host],
            authorized_client_keys=asyncssh.import_authorized_keys(client.export_public_key().decode()),
            sftp_factory=True,
        )

    acceptor = asyncio.run_coroutine_threadsafe(listen(), loop).result()
    try:
        yield Server(
            own_address(),
            int(acceptor.get_port()),
            client.export_private_key("openssh").decode(),
            host.export_public_key().decode().strip(),
        )
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
