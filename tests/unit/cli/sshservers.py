"""SSH servers on loopback that show a host key, let one client in, and forward connections as a jump host does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncssh

CLIENT = asyncssh.generate_private_key("ssh-ed25519")
"""Whom every server lets in."""


class Server(asyncssh.SSHServer):
    """Notes who is let in, and forwards wherever they want."""

    def __init__(self, let_in: list[str]) -> None:
        self.let_in = let_in

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        good = key.export_public_key() == CLIENT.export_public_key()
        if good:
            self.let_in.append(username)
        return good

    def connection_requested(self, *_where: Any) -> bool:
        return True


class Listening:
    """A server that listens: its ``port``, its public ``keys`` by type, and who was ``let_in``."""

    def __init__(self, *kinds: str) -> None:
        self.private = [asyncssh.generate_private_key(kind) for kind in kinds]
        texts = [" ".join(key.export_public_key().decode().split()[:2]) for key in self.private]
        self.keys = dict(zip(kinds, texts, strict=True))
        self.let_in: list[str] = []
        self.port = 0

    async def start(self) -> None:
        acceptor = await asyncssh.listen(
            "127.0.0.1", 0, server_factory=lambda: Server(self.let_in), server_host_keys=self.private
        )
        self.port = acceptor.get_port()


@contextmanager
def listening(*servers: Listening) -> Iterator[None]:
    """Have the servers listen as long as the block lasts."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    for server in servers:
        asyncio.run_coroutine_threadsafe(server.start(), loop).result()
    yield
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
