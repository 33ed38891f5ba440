"""The URLs of servers among an app's variables: PostgreSQL, MySQL and Redis elsewhere. No message shows one."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

Kind = Literal["postgresql", "mysql", "redis"]
NAME = re.compile(r"(?:.*_)?(?:DATABASE|DB|POSTGRES|POSTGRESQL|MYSQL|MARIADB|REDIS|VALKEY|BROKER)_UR[LI]")
"""Variables whose values are looked at."""
SCHEMES: dict[str, tuple[Kind, int]] = {
    **dict.fromkeys(("postgres", "postgresql", "pgsql", "postgis"), ("postgresql", 5432)),
    **dict.fromkeys(("mysql", "mysql2", "mariadb", "mysqlgis"), ("mysql", 3306)),
    **dict.fromkeys(("redis", "rediss", "valkey", "valkeys"), ("redis", 6379)),
}
"""The kind of server and its usual port, by the URL's scheme without the driver."""
DRIVERS: dict[Kind, tuple[str, ...]] = {
    "postgresql": ("psycopg", "psycopg2", "psycopg_async", "asyncpg", "pg8000", "psycopg2cffi", "aiopg"),
    "mysql": ("mysqldb", "pymysql", "mysqlconnector", "mariadbconnector", "aiomysql", "asyncmy", "cymysql", "pyodbc"),
    "redis": (),
}
"""What may follow + in the scheme. Source: SQLAlchemy's documentation of its dialects."""
TLS = ("require", "verify-ca", "verify-full", "true")
"""Values of PostgreSQL's sslmode with which nothing is said without TLS."""


@dataclass(frozen=True)
class Server:
    """A server that an app reaches over the network.

    Attributes:
        kind: What it is.
        host: Its name or address.
        port: Its port.
        user: As whom the app logs in; may be empty.
        password: With what; may be empty.
        database: The database's name or number; may be empty.
        tls: Whether the URL insists on TLS.
        options: What follows ``?``.
    """

    kind: Kind
    host: str
    port: int
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    database: str = field(default="", repr=False)
    tls: bool = False
    options: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def option(self, name: str, default: str = "") -> str:
        """What follows ``?`` by that name."""
        return dict(self.options).get(name, default)

    @property
    def address(self) -> str:
        """Where it is, in words."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def servers(variables: Iterable[tuple[str, str]]) -> dict[str, Server]:
    """The servers that variables name, by the variable; without those that are no such URL, or have a mistake."""
    found = {name: server(value) for name, value in variables if NAME.fullmatch(name)}
    return {name: each for name, each in found.items() if each}


def server(url: str) -> Server | None:
    """The server that a URL names; None for a socket, for a URL of another kind, and for one with a mistake.

    One that a reference such as ``$PGHOST`` names is the machine's own.
    """
    parts = _parts(url)
    if parts is None or not parts.netloc or mistake(url):
        return None
    kind, port = SCHEMES[_scheme(parts)]
    options = dict(parse_qsl(parts.query))
    host = unquote(options.get("host", "") or parts.hostname or "")
    if not host or "unix_socket" in options or host.startswith(("/", "$")):
        return None
    mode = options.get("sslmode") or options.get("ssl", "")
    return Server(
        kind,
        host,
        parts.port or port,
        unquote(parts.username or ""),
        unquote(parts.password or ""),
        options.get("db", "") if kind == "redis" and "db" in options else unquote(parts.path[1:]),
        _scheme(parts) in ("rediss", "valkeys") or (kind == "postgresql" and mode in TLS),
        tuple(options.items()),
    )


def mistake(url: str) -> str:
    """What is wrong with the form of such a URL, as the rest of a sentence; empty if nothing is, or it is another."""
    parts = _parts(url)
    if parts is None:
        return ""
    kind, _ = SCHEMES[_scheme(parts)]
    driver = parts.scheme.partition("+")[2]
    if re.search(r"\s", url):
        return "has a space or a line break in it"
    if driver and driver not in DRIVERS[kind] and not (kind == "redis" and driver == "socket"):
        known = f"; {_scheme(parts)} goes with {', '.join(DRIVERS[kind])}" if DRIVERS[kind] else ""
        return f"names a driver that does not go with {_scheme(parts)}{known}"
    try:
        port, host = parts.port, parts.hostname
    except ValueError:
        port, host = 0, ""
    if port == 0:
        codes = "%23 for #, %2F for /, %3F for ?"
        return f"has no port from 1 to 65535 after its host; special characters in a password need codes: {codes}"
    if parts.netloc and not host and "host" not in parts.query:
        return "names no host"
    return ""


def _parts(url: str) -> SplitResult | None:
    """The parts of such a URL; None for anything else."""
    match = re.match(r"\s*([a-z0-9]+)(?:\+[a-z0-9_]*)?://", url)
    if not match or match[1] not in SCHEMES:
        return None
    try:
        return urlsplit(url.strip())
    except ValueError:
        return SplitResult(match[1], "damaged:0", "", "", "")


def _scheme(parts: SplitResult) -> str:
    return parts.scheme.partition("+")[0]
