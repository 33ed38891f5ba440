"""The URLs of servers among an app's variables."""

import pytest

from infra.protocol import service_urls
from infra.protocol.service_urls import Server, mistake, server

CODES = "special characters in a password need codes: %23 for #, %2F for /, %3F for ?"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("postgres://db.example.org", Server("postgresql", "db.example.org", 5432)),
        (
            "postgresql+asyncpg://me:p%40ss@DB:6543/shop?ssl=require",
            Server("postgresql", "db", 6543, "me", "p@ss", "shop", True, (("ssl", "require"),)),
        ),
        (
            "postgresql://me:a@b@[2001:db8::7]/shop?sslmode=prefer",
            Server("postgresql", "2001:db8::7", 5432, "me", "a@b", "shop", False, (("sslmode", "prefer"),)),
        ),
        (
            "postgresql://me:x@/shop?host=db.example.org",
            Server("postgresql", "db.example.org", 5432, "me", "x", "shop", False, (("host", "db.example.org"),)),
        ),
        ("mysql+pymysql://me:x@db/shop", Server("mysql", "db", 3306, "me", "x", "shop")),
        ("redis://:x@cache/2", Server("redis", "cache", 6379, "", "x", "2")),
        ("rediss://u:x@cache:6380?db=3", Server("redis", "cache", 6380, "u", "x", "3", True, (("db", "3"),))),
        ("valkey://cache", Server("redis", "cache", 6379)),
    ],
)
def test_a_server_is_read(url: str, found: Server) -> None:
    assert mistake(url) == ""
    assert server(url) == found


@pytest.mark.parametrize(
    "url",
    [
        *("", "sqlite:///shop.db", "amqp://me:x@queue", "mongodb://me:x@db/shop", "https://db.example.org", "shop"),
        *("unix:///run/redis.sock", "redis+socket:///run/redis.sock", "redis:///run/redis.sock", "postgresql:///shop"),
        *("postgresql://me@/shop?host=/run/postgresql", "postgresql+asyncpg://shop@/shop?host=$PGHOST"),
        *("mysql+pymysql://me:x@localhost/shop?unix_socket=/run/mysqld/mysqld.sock", "postgresql://$PGHOST/shop"),
        "postgresql://%2Frun%2Fpostgresql/shop",
    ],
)
def test_what_is_no_server_of_these_on_the_network_is_left_alone(url: str) -> None:
    assert (server(url), mistake(url)) == (None, "")


@pytest.mark.parametrize(
    ("url", "wrong"),
    [
        ("postgres://me:ca#nary@db/shop", f"has no port from 1 to 65535 after its host; {CODES}"),
        ("postgres://me:ca/nary@db/shop", f"has no port from 1 to 65535 after its host; {CODES}"),
        ("redis://cache:70000", f"has no port from 1 to 65535 after its host; {CODES}"),
        ("redis://cache:0", f"has no port from 1 to 65535 after its host; {CODES}"),
        ("redis://[cache", f"has no port from 1 to 65535 after its host; {CODES}"),
        ("redis://:canary@", "names no host"),
        ("postgres://me:canary@/shop", "names no host"),
        ("postgres://me:canary@db/shop\nx", "has a space or a line break in it"),
        ("redis+asyncpg://cache", "names a driver that does not go with redis"),
        (
            "postgresql+pymysql://me:canary@db/shop",
            "names a driver that does not go with postgresql; postgresql goes with psycopg, psycopg2, psycopg_async, "
            "asyncpg, pg8000, psycopg2cffi, aiopg",
        ),
    ],
)
def test_a_mistake_is_told_and_not_the_url(url: str, wrong: str) -> None:
    assert mistake(url) == wrong
    assert server(url) is None
    assert "canary" not in wrong


def test_variables_that_are_called_like_a_servers_url_count() -> None:
    names = ["DATABASE_URL", "READ_DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "SQLALCHEMY_DATABASE_URI", "DB_URL"]
    others = ["DATABASE_URLS", "HOMEPAGE_URL", "MY_DATABASE", "REDIS"]
    found = service_urls.servers([(name, "redis://cache") for name in [*names, *others]])
    assert list(found) == names
    assert found["DB_URL"].address == "cache:6379"
    assert "x" not in repr(server("redis://:x@cache"))


def test_an_address_of_ipv6_is_told_in_brackets() -> None:
    found = server("redis://[::1]:7000")
    assert found is not None
    assert found.address == "[::1]:7000"
