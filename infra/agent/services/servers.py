"""Asks the servers that an app's variables name, before a release is built: the app would find them as they are."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor

from infra.agent.services import ask_mysql, ask_postgresql, ask_redis
from infra.agent.services.wire import LIMIT, Closed, NotSpoken, Wire
from infra.agent.system import say
from infra.agent.system.failure import Failure
from infra.protocol import service_urls
from infra.protocol.service_urls import Server
from infra.protocol.specs import DeploySpec

ASK = {"postgresql": ask_postgresql.why_not, "mysql": ask_mysql.why_not, "redis": ask_redis.why_not}
NAMES = {"postgresql": "PostgreSQL", "mysql": "MySQL", "redis": "Redis"}
MOST_AT_ONCE = 16
"""Servers that are asked at the same time."""
LEAVE_OUT = "To deploy without asking them: launchpad:check_services false"


def check(spec: DeploySpec) -> None:
    """Ask every server that the variables name, each once.

    Raises:
        Failure: The app cannot use one, with the variable, the address and the reason of each; no message has the URL.
    """
    named = [
        (f"launchpad:{kind}.{name}", server)
        for kind, variables in (("env", spec.env), ("secrets", spec.secrets))
        for name, server in service_urls.servers(variables).items()
    ]
    servers = list(dict.fromkeys(server for _, server in named))
    if servers:
        say.step("services", f"asking {', '.join(dict.fromkeys(server.address for server in servers))}")
    # All at once: each may take its time.
    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        answers = dict(zip(servers, pool.map(why_not, servers), strict=True))
    wrong = [f"{where}: {server.address} {answers[server]}" for where, server in named if answers[server]]
    if wrong:
        raise Failure("\n".join(["The app cannot use a server that its variables name.", *wrong, LEAVE_OUT]))


def why_not(server: Server) -> str:
    """Why an app on this machine cannot use a server, as the rest of a sentence; empty if it can."""
    try:
        wire = Wire(server.host, server.port)
    except OSError as error:
        return _unreachable(server, error)
    try:
        return ASK[server.kind](wire, server)
    except (Closed, NotSpoken, OSError) as error:
        return _broken_off(server, error)
    finally:
        wire.close()


def _broken_off(server: Server, error: Exception) -> str:
    """Why there was no answer on a connection."""
    if isinstance(error, NotSpoken):
        return f"answers, and not as {NAMES[server.kind]} does"
    if isinstance(error, Closed | ConnectionResetError):
        hint = ": does it want TLS (rediss://)?" if server.kind == "redis" and not server.tls else ""
        return f"closes the connection without an answer{hint}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"has a certificate that this machine does not trust: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return "does not speak TLS"
    if isinstance(error, TimeoutError):
        return f"takes the connection, and does not answer within {LIMIT:g} seconds"
    return f"breaks the connection ({getattr(error, 'strerror', '') or error})"


def _unreachable(server: Server, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "is a name that this machine cannot find; one that only your computer knows does not count here"
    if isinstance(error, ConnectionRefusedError) and _is_loopback(server.host):
        return "is this machine itself, where nothing listens on that port; a server on your computer is elsewhere"
    if isinstance(error, ConnectionRefusedError):
        return "refuses connections: does the server run, and on that port?"
    if isinstance(error, TimeoutError):
        return f"does not answer within {LIMIT:g} seconds: does a firewall let this machine through?"
    return f"cannot be reached ({error.strerror or error})"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
