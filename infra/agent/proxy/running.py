"""What the running proxy has for its configuration, against the file that it was started with."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import tempfile
from pathlib import Path

from infra.agent.proxy import caddy
from infra.agent.system import sh
from infra.agent.system.failure import Failure
from infra.agent.system.layout import CADDY_SOCKET, CADDYFILE
from infra.protocol.drift import Difference


class Connection(http.client.HTTPConnection):
    """HTTP over the proxy's admin socket."""

    def connect(self) -> None:
        """Connect to the socket instead of a host."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(CADDY_SOCKET))


def ask(path: str) -> object:
    """What the proxy's admin API answers; None if it does not.

    Args:
        path: The path of the question, such as ``/config/``.
    """
    connection = Connection("localhost", timeout=2)
    try:
        # On a unix socket Caddy accepts only an empty Host.
        connection.putrequest("GET", path, skip_host=True)
        connection.putheader("Host", "")
        connection.endheaders()
        return json.loads(connection.getresponse().read())
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        with contextlib.suppress(OSError):
            connection.close()


def differences(text: str) -> list[Difference]:
    """How the proxy runs otherwise than by a configuration.

    Args:
        text: The configuration.
    """
    running = ask("/config/")
    if running is None:
        return [Difference("proxy", "configuration", "the proxy does not answer")]
    return (
        []
        if comparable(running) == comparable(adapted(text))
        else [Difference("proxy", "configuration", "was changed while it runs")]
    )


def comparable(value: object) -> object:
    """A configuration without what depends on the path of its file: that no static files are served from there.

    Args:
        value: The configuration, or a part of it.
    """
    if isinstance(value, dict):
        return {key: comparable(item) for key, item in value.items() if not (key == "hide" and _is_own_file(item))}
    return [comparable(item) for item in value] if isinstance(value, list) else value


def _is_own_file(hidden: object) -> bool:
    return isinstance(hidden, list) and all(str(path).endswith(f"/{CADDYFILE.name}") for path in hidden)


def adapted(text: str) -> object:
    """A configuration as Caddy itself has it.

    Raises:
        Failure: It is not one.
    """
    with tempfile.TemporaryDirectory(prefix="launchpad-caddy-") as scratch:
        candidate = Path(scratch) / CADDYFILE.name
        candidate.write_text(text, encoding="utf-8")
        argv = ["caddy", "adapt", "--config", str(candidate), "--adapter", "caddyfile"]
        finished = sh.run(argv, env=caddy.homes(candidate.parent))
    try:
        return json.loads(finished.out)
    except ValueError:
        raise Failure(f"The proxy's configuration cannot be read:\n{caddy.reason(finished.err)}") from None
