"""Asks a PostgreSQL server whether an app may use it: it logs in as the app would, and leaves at once.

Source: PostgreSQL's documentation, "Message Flow" and "SASL Authentication"; RFC 5802 and RFC 7677 (SCRAM-SHA-256).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import struct

from infra.agent.services.wire import NotSpoken, Wire
from infra.protocol.service_urls import TLS, Server

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
PROTOCOL = 196608
"""Version 3.0."""
OK, CLEARTEXT, MD5, SASL, SASL_CONTINUE, SASL_FINAL = 0, 3, 5, 10, 11, 12
MOST_ROUNDS = 1_000_000
"""Rounds of hashing that a server may ask for; PostgreSQL's own are 4096."""
REFUSALS = {
    "28P01": "refuses the user or the password in the URL",
    "3D000": "has no database of the name in the URL",
    "57P03": "is not ready: it is starting, stopping or recovering",
    "53300": "has no connections left",
    "42501": "does not let the user in the URL use its database",
}
"""What its errors mean for the app. Source: PostgreSQL's documentation, Appendix A."""
VERIFY = ("verify-ca", "verify-full")


class Refused(Exception):
    """What the server says against it."""


def why_not(wire: Wire, server: Server) -> str:
    """Why the app cannot use it, as the rest of a sentence; empty if it can, as far as can be told.

    Args:
        wire: The connection.
        server: What the URL says.
    """
    mode = server.option("sslmode") or server.option("ssl", "prefer")
    encrypted = mode != "disable" and _encrypt(wire)
    if mode in TLS and not encrypted:
        return f"has no TLS, and the URL insists on it ({mode})"
    try:
        _log_in(wire, server, encrypted=encrypted, verified=mode not in VERIFY)
    except Refused as refused:
        return str(refused)
    return ""


def _encrypt(wire: Wire) -> bool:
    """Go on with TLS if the server has it; says whether."""
    wire.send(SSL_REQUEST)
    answer = wire.take(1)
    if answer not in (b"S", b"N"):
        raise NotSpoken
    if answer == b"S":
        # As libpq does unless it is told otherwise; a password by itself is sent to nobody who has to be verified.
        wire.encrypt(verify=False)
    return answer == b"S"


def _log_in(wire: Wire, server: Server, *, encrypted: bool, verified: bool) -> None:
    user = server.user or "postgres"
    words = ("user", user, "database", server.database or user, "application_name", "launchpad")
    body = struct.pack("!i", PROTOCOL) + b"".join(word.encode() + b"\0" for word in words) + b"\0"
    wire.send(struct.pack("!i", len(body) + 4) + body)
    scram = Scram(server.password)
    while True:
        kind, data = _message(wire)
        if kind == b"E":
            raise Refused(refusal(data, encrypted=encrypted))
        if kind == b"Z":
            wire.send(b"X\0\0\0\4")
            return
        if kind == b"R":
            method = int.from_bytes(data[:4], "big")
            if method in (CLEARTEXT, MD5, SASL) and not server.password:
                raise Refused("wants a password, and the URL has none")
            if method == CLEARTEXT and not verified:
                return
            answer = _answer(method, data[4:], server, scram)
            if answer is None:
                return
            if answer:
                wire.send(b"p" + struct.pack("!i", len(answer) + 4) + answer)


def _answer(method: int, data: bytes, server: Server, scram: Scram) -> bytes | None:
    """What to say next; None for a way to log in that is not known here, so that nothing more can be told."""
    password = server.password.encode()
    if method in (OK, SASL_FINAL):
        return b""
    if method == CLEARTEXT:
        return password + b"\0"
    if method == MD5:
        inner = hashlib.md5(password + (server.user or "postgres").encode(), usedforsecurity=False).hexdigest()
        return b"md5" + hashlib.md5(inner.encode() + data[:4], usedforsecurity=False).hexdigest().encode() + b"\0"
    if method == SASL and b"SCRAM-SHA-256" in data.split(b"\0"):
        first = scram.first()
        return b"SCRAM-SHA-256\0" + struct.pack("!i", len(first)) + first
    if method == SASL_CONTINUE:
        return scram.final(data)
    return None


def _message(wire: Wire) -> tuple[bytes, bytes]:
    head = wire.take(5)
    if not head[:1].isalpha():
        raise NotSpoken
    return head[:1], wire.take(int.from_bytes(head[1:], "big") - 4)


def refusal(data: bytes, *, encrypted: bool) -> str:
    """What an error message of the server means for the app.

    Args:
        data: Its fields, each with a letter in front and a zero byte behind.
        encrypted: Whether the connection has TLS.
    """
    fields = {field[:1]: field[1:].decode("utf-8", "replace") for field in data.split(b"\0") if field}
    code = fields.get(b"C", "")
    if code == "28000" and "pg_hba.conf" in fields.get(b"M", ""):
        without = "" if encrypted else " without TLS"
        return f"does not allow this user, database and machine{without} (its pg_hba.conf)"
    if code == "28000":
        return REFUSALS["28P01"]
    return REFUSALS.get(code, f"answers with error {code[:5] or 'without a code'}")


class Scram:
    """The client's side of SCRAM-SHA-256, without channel binding."""

    def __init__(self, password: str, nonce: str = "") -> None:
        self.password = password
        self.nonce = nonce or secrets.token_urlsafe(18)

    def first(self) -> bytes:
        """The first message. The name is that of the startup message, which PostgreSQL takes."""
        return f"n,,n=,r={self.nonce}".encode()

    def final(self, challenge: bytes) -> bytes:
        """The second message, which proves that the password is known.

        Raises:
            NotSpoken: The server's own message is none of this protocol, or asks for too much.
        """
        try:
            fields = dict(part.split("=", 1) for part in challenge.decode("ascii").split(","))
            salt, rounds, nonce = base64.b64decode(fields["s"]), int(fields["i"]), fields["r"]
        except (ValueError, KeyError):
            raise NotSpoken from None
        if not 1 <= rounds <= MOST_ROUNDS or not nonce.startswith(self.nonce):
            raise NotSpoken
        bare = f"c=biws,r={nonce}".encode()
        signed = b",".join([self.first()[3:], challenge, bare])
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), salt, rounds)
        key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
        proof = bytes(one ^ other for one, other in zip(key, signature, strict=True))
        return bare + b",p=" + base64.b64encode(proof)
