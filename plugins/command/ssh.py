"""Connections to other machines: host keys, credentials, proxies, and repeated attempts."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import asyncssh

from .call import Call, Failure
from .values import Object

Client = asyncssh.SSHClientConnection
_FIRST_PAUSE, _GROWTH, _LONGEST_PAUSE = 0.1, 1.5, 5.0  # seconds between attempts to connect
_UNLIMITED = -1
_HANDSHAKE_LIMIT = 120.0  # seconds; the official plugin would wait forever
_PROBE_AFTER, _PROBES = 15, 9
"""Seconds of silence between two probes of a connection, and how many may be lost before it counts as lost.

Go sets the same for every connection. Without them a command whose network is cut would hang for hours.
Source: https://pkg.go.dev/net#KeepAliveConfig
"""


@asynccontextmanager
async def connect(call: Call, connection: Object) -> AsyncIterator[Client]:
    """Connect to the host, through the proxy if there is one; the connection is closed afterwards.

    Failed attempts are repeated up to dialErrorLimit times or until the call's deadline.
    """
    opened: list[Client] = []
    try:
        try:
            async with call.limit():
                await _dial(call, connection, opened)
        except TimeoutError:
            raise Failure("context deadline exceeded") from None
        yield opened[-1]
    finally:
        for client in reversed(opened):
            client.abort()


async def _dial(call: Call, connection: Object, opened: list[Client]) -> None:
    proxy = connection.get("proxy")
    async with _options(connection) as options:
        if proxy is None:
            opened.append(await _retry(call, "Dial", connection, lambda: _attempt(connection, options)))
            return
        try:
            async with _options(proxy) as through:
                opened.append(await _retry(call, "Dial proxy", proxy, lambda: _attempt(proxy, through)))
            options["tunnel"] = opened[0]
            opened.append(await _retry(call, "Dial from proxy", connection, lambda: _attempt(connection, options)))
        except Failure as error:
            raise Failure(f"proxy: {error}") from None


async def _retry(call: Call, what: str, connection: Object, attempt: Callable[[], Awaitable[Client]]) -> Client:
    limit, failed, pause = int(connection.get("dialErrorLimit", 10)), 0, _FIRST_PAUSE
    while True:
        try:
            return await attempt()
        except (OSError, asyncssh.Error, Failure) as error:
            reason = _reason(error, connection)
        if limit > _UNLIMITED and failed >= limit:
            raise Failure(f"after {failed} failed attempts: {reason}")
        failed += 1
        await call.log(f"{what} {failed}/{'inf' if limit == _UNLIMITED else limit} failed: retrying")
        await asyncio.sleep(pause)
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)


async def _attempt(connection: Object, options: dict[str, Any]) -> Client:
    host, port = _endpoint(connection)
    if "tunnel" not in options:
        # As in the official plugin, perDialTimeout (in seconds) limits only the TCP connection.
        try:
            async with asyncio.timeout(connection.get("perDialTimeout", 15) or None):
                options = {**options, "sock": await _tcp(host, port)}
        except TimeoutError:
            raise Failure(f"dial tcp {host}:{port}: i/o timeout") from None
    return await asyncssh.connect(host, port, **options)


async def _tcp(host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    failure: OSError | None = None
    for family, kind, protocol, _name, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        endpoint = socket.socket(family, kind, protocol)
        endpoint.setblocking(False)
        _probe(endpoint)
        try:
            await loop.sock_connect(endpoint, address)
        except BaseException as error:
            endpoint.close()
            if not isinstance(error, OSError):
                raise
            failure = error
        else:
            return endpoint
    raise failure or OSError(f"no address for {host}")


def _probe(endpoint: socket.socket) -> None:
    """Have the kernel notice that the other end cannot be reached any more."""
    endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, number in (("TCP_KEEPIDLE", _PROBE_AFTER), ("TCP_KEEPINTVL", _PROBE_AFTER), ("TCP_KEEPCNT", _PROBES)):
        if hasattr(socket, name):  # macOS has other names
            endpoint.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), number)


@asynccontextmanager
async def _options(connection: Object) -> AsyncIterator[dict[str, Any]]:
    """The options of asyncssh: credentials and accepted host keys, without the user's ~/.ssh."""
    options: dict[str, Any] = {
        "config": None,
        "known_hosts": None,
        "username": connection.get("user", "root"),
        "password": connection.get("password"),
        "client_keys": None,
        "login_timeout": _HANDSHAKE_LIMIT,
        "gss_host": None,
    }
    if (line := connection.get("hostKey")) is not None:
        key = _host_key(line)
        options["known_hosts"] = ([key], [], [])
        options["server_host_key_algs"] = [key.get_algorithm()]
    if (pem := connection.get("privateKey")) is not None:
        options["client_keys"] = [_private_key(pem, connection.get("privateKeyPassword"))]
    socket_path = connection.get("agentSocketPath") or os.environ.get("SSH_AUTH_SOCK")
    if not socket_path:
        yield options
        return
    try:
        agent = await asyncssh.connect_agent(socket_path)
    except OSError as error:
        raise Failure(f"dial unix {socket_path}: connect: {_errno(error)}") from None
    async with agent:
        # A private key replaces the agent's keys: Go's client tries each kind of credential once.
        options["client_keys"] = options["client_keys"] or await agent.get_keys() or None
        yield options


def _host_key(text: str) -> asyncssh.SSHKey:
    """The first key in a text in authorized_keys format; options and comments are skipped."""
    for kind, data in pairwise(text.split()):
        try:
            return asyncssh.import_public_key(f"{kind} {data}")
        except asyncssh.KeyImportError:
            continue
    raise Failure("failed to parse host key: ssh: no key found")


def _private_key(text: str, password: str | None) -> asyncssh.SSHKey:
    try:
        return asyncssh.import_private_key(text, password)
    except (asyncssh.KeyEncryptionError, asyncssh.KeyImportError) as error:
        if "bcrypt" in str(error):
            raise Failure(f"the private key cannot be decrypted here: {error}") from None
        if isinstance(error, asyncssh.KeyEncryptionError):
            raise Failure("x509: decryption password incorrect") from None
        locked = "passphrase" in str(error).lower()
        raise Failure("ssh: this private key is passphrase protected" if locked else "ssh: no key found") from None


def _reason(error: Exception, connection: Object) -> str:  # noqa: PLR0911 - a table
    """Why an attempt failed, in the wording of Go's SSH client if it has one."""
    host, port = _endpoint(connection)
    match error:
        case Failure():
            return str(error)
        case socket.gaierror():
            return f"dial tcp: lookup {host}: no such host"
        case asyncssh.ChannelOpenError():
            return f"ssh: rejected: connect failed ({error.reason})"
        case asyncssh.HostKeyNotVerifiable():
            return "ssh: handshake failed: ssh: host key mismatch"
        case asyncssh.PermissionDenied():
            offered = ["none", *(["publickey"] if connection.get("privateKey") else [])]
            offered += ["password", "keyboard-interactive"] if connection.get("password") else []
            tried = " ".join(offered)
            return (
                "ssh: handshake failed: ssh: unable to authenticate, "
                f"attempted methods [{tried}], no supported methods remain"
            )
        case asyncssh.ConnectionLost():
            return "ssh: handshake failed: EOF"
        case asyncssh.Error():
            return f"ssh: handshake failed: ssh: {error.reason}"
        case OSError():
            return f"dial tcp {host}:{port}: connect: {_errno(error)}"
    return str(error)


def _endpoint(connection: Object) -> tuple[str, int]:
    return str(connection["host"]), int(connection.get("port", 22))


def _errno(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else str(error)
