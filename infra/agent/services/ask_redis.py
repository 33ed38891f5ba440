"""Asks a Redis or Valkey server whether an app may use it: AUTH, PING, SELECT."""

from __future__ import annotations

from infra.agent.services.wire import NotSpoken, Wire
from infra.protocol.service_urls import Server

UNVERIFIED = ("none", "optional", "")
"""Values of redis-py's ssl_cert_reqs with which any certificate will do."""

TLS = "-TLS"
"""Stands for an answer that is an alert of TLS."""
REFUSALS = {
    TLS: "wants TLS: let the URL begin with rediss://",
    "-NOAUTH": "wants a password, and the URL has none",
    "-WRONGPASS": "refuses the password in the URL",
    "invalid password": "refuses the password in the URL",
    "without any password": "has no password for this user, and the URL has one",
    "no password is set": "has no password for this user, and the URL has one",
    "-DENIED": "refuses connections from other machines (its protected mode)",
    "-LOADING": "is still reading its data",
}
"""What its errors mean for the app, by words in them. Source: Redis's src/server.c and src/acl.c."""


def why_not(wire: Wire, server: Server) -> str:
    """Why the app cannot use it, as the rest of a sentence; empty if it can.

    Args:
        wire: The connection.
        server: What the URL says.
    """
    own_root = bool(server.option("ssl_ca_certs"))
    if server.tls:
        wire.encrypt(verify=not own_root and server.option("ssl_cert_reqs", "required").lower() not in UNVERIFIED)
    if server.tls and own_root:
        return ""  # its certificate cannot be checked from here, and it is told no password
    if server.password:
        words = ["AUTH", *([server.user] if server.user else []), server.password]
        if refusal := _refusal(_ask(wire, *words)):
            return refusal
    if refusal := _refusal(_ask(wire, "PING")):
        return refusal
    if server.database.isdigit() and _ask(wire, "SELECT", server.database).startswith("-ERR"):
        return f"has no database {server.database}"
    return ""


def _ask(wire: Wire, *words: str) -> str:
    """The first line of the answer to a command."""
    parts = [word.encode() for word in words]
    wire.send(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
    first = wire.take(1)
    if first == b"\x15":
        return TLS
    if first not in (b"+", b"-"):
        raise NotSpoken
    return (first + wire.line()).decode("utf-8", "replace")


def _refusal(answer: str) -> str:
    """What an answer means for the app; one that forbids PING alone says nothing against it."""
    if answer.startswith(("+", "-NOPERM")):
        return ""
    known = (meaning for words, meaning in REFUSALS.items() if words in answer)
    return next(known, "") or f"answers with an error ({answer.split(maxsplit=1)[0][1:40]})"
