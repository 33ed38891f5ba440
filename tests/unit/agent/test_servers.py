"""Servers that an app's variables name are asked as the app would, and what they answer is told in a sentence."""

from __future__ import annotations

import hashlib
import hmac
import socket
import ssl
import struct
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.agent.services import servers, wire
from infra.agent.services.ask_postgresql import Scram, refusal
from infra.agent.system.failure import Failure
from infra.protocol import service_urls
from infra.protocol.specs import DeploySpec, Source
from tests.unit.config import pem

Answers = Callable[[socket.socket], None]


@contextmanager
def listening(answers: Answers) -> Iterator[int]:
    """A server on a port of its own that answers one connection."""

    def serve() -> None:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        with connection:
            connection.settimeout(10)
            try:
                answers(connection)
            except (OSError, ValueError):
                return

    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        thread.join()
        listener.close()


def asked(url: str, answers: Answers) -> str:
    """What is said of a server that answers so; ``PORT`` stands for its port."""
    with listening(answers) as port:
        found = service_urls.server(url.replace("PORT", str(port)))
        assert found is not None
        return servers.why_not(found)


def saying(*lines: bytes) -> Answers:
    """Answers each message with the next of these."""

    def answers(connection: socket.socket) -> None:
        for line in lines:
            connection.recv(4096)
            connection.sendall(line)
        connection.recv(4096)

    return answers


@pytest.mark.parametrize(
    ("url", "lines", "said"),
    [
        ("redis://127.0.0.1:PORT", [b"+PONG\r\n"], ""),
        ("redis://:pw@127.0.0.1:PORT/1", [b"+OK\r\n", b"+PONG\r\n", b"+OK\r\n"], ""),
        ("redis://me:pw@127.0.0.1:PORT", [b"+OK\r\n", b"-NOPERM this user may not ping\r\n"], ""),
        ("redis://127.0.0.1:PORT", [b"-NOAUTH Authentication required.\r\n"], "wants a password, and the URL has none"),
        (
            "redis://:pw@127.0.0.1:PORT",
            [b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"],
            "refuses the password in the URL",
        ),
        (
            "redis://:pw@127.0.0.1:PORT",
            [b"-ERR AUTH <password> called without any password configured for the default user.\r\n"],
            "has no password for this user, and the URL has one",
        ),
        (
            "redis://127.0.0.1:PORT/99",
            [b"+PONG\r\n", b"-ERR DB index is out of range\r\n"],
            "has no database 99",
        ),
        (
            "redis://127.0.0.1:PORT",
            [b"-DENIED Redis is running in protected mode\r\n"],
            "refuses connections from other machines (its protected mode)",
        ),
        ("redis://127.0.0.1:PORT", [b"-LOADING Redis is loading\r\n"], "is still reading its data"),
        ("redis://127.0.0.1:PORT", [b"-BUSY script\r\n"], "answers with an error (BUSY)"),
        ("redis://127.0.0.1:PORT", [b"\x15\x03\x01\0\x02\x02\x46"], "wants TLS: let the URL begin with rediss://"),
        ("redis://127.0.0.1:PORT", [b"HTTP/1.1 400 Bad Request\r\n\r\n"], "answers, and not as Redis does"),
        ("redis://127.0.0.1:PORT", [b"+" + b"x" * 9000], "answers, and not as Redis does"),
        (
            "redis://127.0.0.1:PORT",
            [],
            "closes the connection without an answer: does it want TLS (rediss://)?",
        ),
        ("rediss://127.0.0.1:PORT", [b"-ERR unknown command\r\n"], "does not speak TLS"),
        ("postgres://127.0.0.1:PORT", [b"HTTP/1.1 400"], "answers, and not as PostgreSQL does"),
        (
            "postgres://127.0.0.1:PORT?sslmode=require",
            [b"N"],
            "has no TLS, and the URL insists on it (require)",
        ),
    ],
)
def test_what_a_server_answers_is_told(url: str, lines: list[bytes], said: str) -> None:
    assert asked(url, saying(*lines)) == said


@pytest.mark.parametrize(
    ("packet", "said"),
    [
        (b"\x0a8.4.2\0" + b"\0" * 60, ""),
        (
            b"\xff" + struct.pack("<H", 1130) + b"Host 'x' is not allowed",
            "does not allow connections from this machine",
        ),
        (b"\xff" + struct.pack("<H", 4031) + b"idle", "answers with error 4031"),
        (b"\x09old", "answers, and not as MySQL does"),
    ],
)
def test_the_greeting_of_mysql_is_read(packet: bytes, said: str) -> None:
    greeting = len(packet).to_bytes(3, "little") + b"\0" + packet
    assert asked("mysql://me:pw@127.0.0.1:PORT/shop", lambda connection: connection.sendall(greeting)) == said


def message(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("!i", len(data) + 4) + data


def error(code: str, text: str = "no") -> bytes:
    return message(b"E", b"SFATAL\0C" + code.encode() + b"\0M" + text.encode() + b"\0\0")


class Postgres:
    """A server that takes one password, by SCRAM-SHA-256 as RFC 7677 has it."""

    def __init__(self, password: str, after: bytes) -> None:
        self.password, self.after = password.encode(), after
        self.startup = b""

    def __call__(self, connection: socket.socket) -> None:
        connection.recv(8)
        connection.sendall(b"N")
        self.startup = connection.recv(4096)
        connection.sendall(message(b"R", struct.pack("!i", 10) + b"SCRAM-SHA-256\0\0"))
        first = connection.recv(4096).partition(b"n,,")[2]
        challenge = first.partition(b"r=")[2].join((b"r=", b"more,s=" + b64encode(b"salt") + b",i=4096"))
        connection.sendall(message(b"R", struct.pack("!i", 11) + challenge))
        bare, _, proof = connection.recv(4096)[5:].partition(b",p=")
        salted = hashlib.pbkdf2_hmac("sha256", self.password, b"salt", 4096)
        stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
        signature = hmac.digest(stored, b",".join((first, challenge, bare)), "sha256")
        key = bytes(one ^ other for one, other in zip(b64decode(proof), signature, strict=True))
        if hashlib.sha256(key).digest() != stored:
            connection.sendall(error("28P01", 'password authentication failed for user "me"'))
            return
        connection.sendall(message(b"R", struct.pack("!i", 12) + b"v=x") + message(b"R", b"\0\0\0\0") + self.after)
        connection.recv(4096)


READY = message(b"S", b"server_version\x0017\0") + message(b"Z", b"I")


def test_postgresql_is_logged_in_to_as_the_app_would() -> None:
    server = Postgres("p@ss", READY)
    assert asked("postgresql://me:p%40ss@127.0.0.1:PORT/shop", server) == ""
    assert server.startup[8:] == b"user\0me\0database\0shop\0application_name\0launchpad\0\0"


@pytest.mark.parametrize(
    ("url", "after", "said"),
    [
        ("postgresql://me:wrong@127.0.0.1:PORT/shop", READY, "refuses the user or the password in the URL"),
        ("postgresql://me@127.0.0.1:PORT/shop", READY, "wants a password, and the URL has none"),
        (
            "postgresql://me:right@127.0.0.1:PORT/shop",
            error("3D000", 'database "shop" does not exist'),
            "has no database of the name in the URL",
        ),
        (
            "postgresql://me:right@127.0.0.1:PORT/shop",
            error("57P03"),
            "is not ready: it is starting, stopping or recovering",
        ),
        ("postgresql://me:right@127.0.0.1:PORT/shop", error("XX000"), "answers with error XX000"),
    ],
)
def test_what_postgresql_refuses_is_told(url: str, after: bytes, said: str) -> None:
    assert asked(url, Postgres("right", after)) == said


def test_a_server_that_wants_tls_says_so_without_it() -> None:
    fields = (
        b'SFATAL\0C28000\0Mno pg_hba.conf entry for host "192.0.2.7", user "me", database "shop", no encryption\0\0'
    )
    assert (
        refusal(fields, encrypted=False)
        == "does not allow this user, database and machine without TLS (its pg_hba.conf)"
    )
    assert refusal(fields, encrypted=True) == "does not allow this user, database and machine (its pg_hba.conf)"


def test_scram_is_that_of_the_rfc() -> None:
    """The example of RFC 7677, with the name that PostgreSQL does not look at left out of what is signed."""
    scram = Scram("pencil", "rOprNGfwEbeRWgbNEkqO")
    assert scram.first() == b"n,,n=,r=rOprNGfwEbeRWgbNEkqO"
    nonce = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    final = scram.final(nonce + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    assert final.partition(b",p=")[0] == b"c=biws," + nonce


@pytest.mark.parametrize(
    "challenge", [b"", b"r=mine,s=x,i=1", b"r=other,s=c2FsdA==,i=4096", b"r=mine,s=c2FsdA==,i=99999999", b"\xff"]
)
def test_a_hostile_challenge_is_not_answered(challenge: bytes) -> None:
    with pytest.raises(wire.NotSpoken):
        Scram("pencil", "mine").final(challenge)


def test_a_certificate_that_nobody_trusts_is_told_and_the_password_is_not_sent(tmp_path: Path) -> None:
    certificate, key = pem.pair()
    (tmp_path / "both.pem").write_text(certificate + key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "both.pem")
    heard = []

    def answers(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as encrypted:
            heard.append(encrypted.recv(4096))

    said = asked("rediss://:canary@127.0.0.1:PORT", answers)
    assert said.startswith("has a certificate that this machine does not trust: ")
    assert heard == []


def test_a_server_that_says_nothing_is_waited_for_within_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "LIMIT", 0.2)
    done = threading.Event()

    def answers(_connection: socket.socket) -> None:
        done.wait(10)

    with listening(answers) as port:
        found = service_urls.server(f"redis://127.0.0.1:{port}")
        assert found is not None
        assert servers.why_not(found) == "takes the connection, and does not answer within 10 seconds"
        done.set()


def test_all_that_cannot_be_used_is_told_by_variable_and_address_and_no_url_is_shown() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    spec = DeploySpec(
        "shop",
        Source("pushed"),
        env=(("DATABASE_URL", "postgres://me:canary@db.invalid/shop"), ("HOMEPAGE", "http://127.0.0.1:1/")),
        secrets=(("CELERY_BROKER_URL", f"redis://:canary@127.0.0.1:{port}"),),
    )
    with pytest.raises(Failure) as caught:
        servers.check(spec)
    assert str(caught.value).splitlines() == [
        "The app cannot use a server that its variables name.",
        "launchpad:env.DATABASE_URL: db.invalid:5432 is a name that this machine cannot find; one that only your "
        "computer knows does not count here",
        f"launchpad:secrets.CELERY_BROKER_URL: 127.0.0.1:{port} is this machine itself, where nothing listens on that "
        "port; a server on your computer is elsewhere",
        "To deploy without asking them: launchpad:check_services false",
    ]
