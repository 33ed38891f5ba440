"""One table of wrong values, given to the workstation as config and to the agent as a message: both refuse, alike."""

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from infra.config.parse import SettingsError
from infra.config.schema import Schema
from infra.machines.registry import KINDS
from infra.protocol.codec import SCHEMA, Message, MessageError, load
from infra.protocol.services import POLICIES
from infra.protocol.specs import DeploySpec, PrepareSpec
from infra.protocol.values import LONGEST_COMMAND
from infra.protocol.variables import LONGEST_VARIABLE, MOST_VARIABLES
from tests.unit.config import pem
from tests.unit.config.reading import parse

APP = "a name of 1 to 24 lower-case letters, digits and -, letter first"
TAKEN = f"{APP}, and not one that Debian or Launchpad uses"
HOST = "a host name such as app.example.org"
URL = "a URL that starts with https:// or http://, without spaces, quotes, braces and backslashes"
PATH = "a URL path that starts with / and has no spaces, such as /healthz"
STATUS = "HTTP status codes such as 200 or 200,204 or 200-399"
DIRECTORY = "a directory inside the repository, relative to its root, without .. and .git"
PACKAGES = 'a list of Debian packages, such as ["libpq5"]'
FILES = 'a list of files in the repository, such as ["requirements/production.txt"]'
NETWORKS = 'a list of networks in CIDR notation with host bits zero, such as ["203.0.113.7/32", "2001:db8::/64"]'
NAMES = 'a list of names, such as ["prod"]'
REQUIREMENTS = 'a list of requirements, such as ["gunicorn==23.0.0"]'
PATHS = 'a list of paths in the app\'s directory, such as ["db.sqlite3"]'
EXTENSIONS = 'a list of extensions of PostgreSQL, such as ["pg_trgm", "citext"]'
MISSING = 'a list of "lfs" and "submodules"'
CERTIFICATE = "certificates in PEM form, with their line breaks, from -----BEGIN CERTIFICATE----- on"
KEY = "a private key in PEM form, with its line breaks, such as one that begins with -----BEGIN"
ZERO = "text without zero bytes"
BODY = "a size such as 512KB, 10MB or 1GB"
HEADER = "a size such as 16KB or 64KB, at least 1KB"
RESERVED = "left out, because Launchpad sets PORT itself; give the app's own variable another name"

NO_PACKAGES: list[Any] = [["--allow"], [1], {}, "libpq5"]


def time(low: object, high: int) -> str:
    return f"a time from {low} to {high} seconds, such as 90, 90s, 5m or 1h"


@dataclass(frozen=True)
class Case:
    """A wrong value: its key in config, its field in a message, the value in the message, and the words of both.

    ``text`` is the value as Pulumi holds it, where that is not the value itself.
    """

    key: str
    field: str
    value: Any
    words: str
    text: str | None = None

    @property
    def config(self) -> str:
        """The value as Pulumi config holds it."""
        if self.text is not None:
            return self.text
        return self.value if isinstance(self.value, str) else json.dumps(self.value)


CASES = [
    *(Case("app", "app", name, APP) for name in ("", "A", "a_b", "1a", "a" * 25, "-a", "ä", "a\0")),
    *(Case("app", "app", name, TAKEN) for name in ("root", "tls", "launchpad", "getty", "systemd-network", "caddy")),
    *(Case("http_port", "http_port", port, "a whole number from 1 to 65535") for port in (0, -1, 65536, "x")),
    *(Case("domain", "domain", name, HOST) for name in ("example", "a..b", "-a.org", "a.org.", "1.2.3.4", "a b.org")),
    *(Case("domain", "aliases", ["a.org", name], HOST, f"a.org, {name}") for name in ("example", "", "a.org b.org")),
    *(Case("trusted_proxies", "trusted_proxies", nets, NETWORKS) for nets in (["10.0.0.1/8"], ["10.0.0.1"], [1], "x")),
    *(
        Case(key, field, url, URL)
        for key, field in (("package_index", "package_index"), ("acme_ca", "tls.acme_ca"))
        for url in (
            "ftp://a/",
            "https://a b/",
            'https://a/"',
            "https://a/{$X}",
            "https://",
            "https://ä/",
            "https://[a/",
        )
    ),
    *(
        Case(key, field, "no certificate", CERTIFICATE)
        for key, field in (("tls_certificate", "tls.certificate"), ("acme_root", "tls.acme_root"))
    ),
    Case(
        "tls_certificate",
        "tls.certificate",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
        f"{CERTIFICATE} (certificate 1 of 1 is damaged)",
    ),
    Case("tls_key", "tls.key", "canary", f"{KEY} PRIVATE KEY-----"),
    Case("tls_key", "tls.key", pem.locked(pem.pair()[1]), f"{KEY} PRIVATE KEY-----, and have no passphrase"),
    Case("deploy_key", "source.deploy_key", "canary", f"{KEY} OPENSSH PRIVATE KEY-----"),
    Case(
        "deploy_key", "source.deploy_key", pem.ssh("phrase"), f"{KEY} OPENSSH PRIVATE KEY-----, and have no passphrase"
    ),
    *(Case("packages", "packages", names, PACKAGES) for names in NO_PACKAGES),
    *(Case("allow_missing", "allow_missing", words, MISSING) for words in (["lfs", "all"], "lfs")),
    *(Case("request_body_limit", "limits.request_body", size, BODY) for size in ("", "10", "ten", "-1MB", "0MB")),
    *(Case("request_header_limit", "limits.request_header", size, HEADER) for size in ("", "16", "999B")),
    *(Case("request_timeout", "limits.response", limit, time(1, 86400)) for limit in ("x", 0, 86401, "2d", "25h")),
    *(Case("lock_timeout", "lock_timeout", limit, time(0, 86400)) for limit in ("", -1, 86401)),
    *(Case("drain_timeout", "drain_timeout", limit, time(0, 3600)) for limit in ("1 hour", -1, "61m")),
    *(Case("stop_timeout", "stop_timeout", limit, time(1, 3600)) for limit in ("x", 0, 3601, "500ms")),
    *(Case("build_timeout", "build_timeout", limit, time(1, 86400)) for limit in ("x", 0, "25h")),
    *(Case("release_timeout", "release_timeout", limit, time(1, 86400)) for limit in ("x", 0, "25h")),
    *(Case("health_timeout", "health.timeout", limit, time(1, 3600)) for limit in ("x", 0, "2h")),
    *(Case("keep_releases", "keep_releases", number, "a whole number from 1 to 100") for number in (0, 101, "many")),
    *(Case("directory", "directory", path, DIRECTORY) for path in ("/etc", "../x", "web/../../x", "a/.git/b", "a\0b")),
    Case("command", "command", "a\0b", "a command line without zero bytes"),
    Case(
        "command",
        "command",
        "x" * (LONGEST_COMMAND + 1),
        f"a command line of at most {LONGEST_COMMAND} bytes; put it into a script",
    ),
    *(Case("python", "python", version, "a Python version such as 3.13") for version in ("2.7", "3", ">=3.11", "pypy")),
    *(Case("health_path", "health.path", path, PATH) for path in ("up", "/a b", "/ä", "/#top", "/a\tb", "/a\0")),
    *(Case("health_status", "health.status", codes, STATUS) for codes in ("", "abc", "600", "399-200", "200,", "20")),
    *(
        Case(key, f"dependencies.{key}", items, words)
        for key, words in (("requirements", FILES), ("extras", NAMES), ("groups", NAMES), ("pip", REQUIREMENTS))
        for items in (["-a", ""], [1], "prod")
    ),
    *(Case("persist", "persist", paths, PATHS) for paths in (["/srv"], ["a/../b"], [".."], ["."], ["./a/.."], "data")),
    Case("cache", "cache.kind", "memcached", "redis, or empty for none"),
    Case("cache_policy", "cache.policy", "fifo", " or ".join(POLICIES)),
    Case("release_strategy", "strategy", "rolling", "blue-green or recreate"),
    *(Case("health_request_timeout", "health.request_timeout", limit, time("0.1", 3600)) for limit in ("x", 0, "2h")),
    Case("database", "database.engine", "mysql", "postgres, rds, or empty"),
    *(Case("database_extensions", "database.extensions", names, EXTENSIONS) for names in (["a b"], ["-x"], [1], "x")),
    Case("metadata_access", "metadata_access", "maybe", "true or false"),
    Case("check_services", "check_services", "maybe", "true or false"),
    Case("rebuild", "rebuild", "a\0b", ZERO),
    Case("known_hosts", "source.known_hosts", "a\0b", ZERO),
    *(
        Case(f"{kind}.{name}", f"{kind}.{name}", value, words)
        for kind in ("env", "secrets")
        for name, value, words in (
            ("A-B", "x", "named with letters, digits and _, no digit first"),
            ("1A", "x", "named with letters, digits and _, no digit first"),
            ("PORT", "80", RESERVED),
            ("LAUNCHPAD_X", "x", RESERVED.replace("PORT", "LAUNCHPAD_X")),
            ("A", "a\0b", f"{ZERO}, which a variable cannot contain"),
            ("A", "\ud800", "valid Unicode; it contains half a surrogate pair"),
            (
                "A",
                "x" * LONGEST_VARIABLE,
                f"of at most {LONGEST_VARIABLE} bytes with its name, which is Linux's limit",
            ),
        )
    ),
    *(
        Case(
            kind,
            kind,
            {f"A{number}": "x" * 100_000 for number in range(5)},
            f"a map of at most {MOST_VARIABLES} bytes in total, the most that systemd passes",
        )
        for kind in ("env", "secrets")
    ),
]

USER = "named with up to 64 letters, digits and . _ @ + -, letter or digit first"
CASES += [
    *(Case(f"basic_auth.{name}", f"basic_auth.{name}", "x", USER) for name in ("a b", "-a", "a:b", "a" * 65, "{a}")),
    *(
        Case("basic_auth.ana", "basic_auth.ana", password, "a password: printable text, not empty")
        for password in ("", "a\nb", "a\0b", True, ["canary"])
    ),
    Case(
        "basic_auth.ana",
        "basic_auth.ana",
        "ä" * 37,
        "a password of at most 72 bytes, which is all that bcrypt looks at",
    ),
]

NOT_FROM_CONFIG = {
    "data_disk",
    "data_disk_size",
    "database.server.host",
    "database.server.port",
    "database.server.region",
    "database.server.secret",
    "database.server.storage",
    "generated",
    "program",
    "owner",
    "ref",
    "who",
    "source.kind",
    "source.url",
    "uses_cache",
    "health.host",
    "url",
}
"""Fields that the workstation finds out itself."""


MAPS = {"processes", "cron", "static", "hsts", "cache.memory"}
"""Fields that config writes as maps, in days or as auto; test_app_settings.py, test_visitors.py and test_cache.py of the
config read them."""


def fields(cls: type[Message], where: str = "") -> Iterator[str]:
    """The fields of a message and of those in it, with dots."""
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        rule = field.metadata["rule"]
        if isinstance(rule, type) and issubclass(rule, Message):
            yield from fields(rule, f"{where}{field.name}.")
        else:
            yield f"{where}{field.name}"


def workstation(case: Case) -> list[str]:
    """The mistakes that the workstation tells of a value in config."""
    key, _, name = case.key.partition(".")
    with pytest.raises(SettingsError) as caught:
        parse({key: json.dumps({name: case.value}) if name else case.config}, frozenset(Schema(KINDS).secret()))
    return [line.removeprefix("launchpad:") for line in caught.value.problems]


def agent(case: Case) -> list[str]:
    """The mistakes that the agent tells of a value in a message."""
    outer, _, inner = case.field.partition(".")
    cls = PrepareSpec if outer in {field.name for field in dataclasses.fields(PrepareSpec)} else DeploySpec
    source = {"source": {"kind": "pushed"}} if cls is DeploySpec else {}
    data: dict[str, Any] = {"schema": SCHEMA, "app": "app", **source}
    with pytest.raises(MessageError) as caught:
        load(cls, {**data, outer: {**data.get(outer, {}), inner: case.value} if inner else case.value})
    return [line.replace(f"{case.field}: is", f"{case.key} is", 1) for line in caught.value.mistakes]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.key}-{case.config[:20]!r}")
def test_both_sides_refuse_the_same_values_with_the_same_words(case: Case) -> None:
    (here,) = [line for line in workstation(case) if line.startswith(f"{case.key} is ") and "must be" in line]
    (there,) = [line for line in agent(case) if line.startswith(f"{case.key} is ")]
    assert here.endswith(f"; it must be {case.words}")
    assert there.endswith(f"; it must be {case.words}")
    if isinstance(case.value, str):
        assert here == there
    assert "canary" not in here + there


def test_every_field_that_config_fills_has_a_case() -> None:
    filled = {
        case.field.partition(".")[0] if case.field[:4] in ("env.", "secr", "basi") else case.field for case in CASES
    }
    assert filled == {*fields(PrepareSpec), *fields(DeploySpec)} - NOT_FROM_CONFIG - MAPS


@pytest.mark.parametrize("port", [22, 443, 20001, 29999])
def test_both_sides_name_what_takes_a_port(port: int) -> None:
    case = Case("http_port", "http_port", port, "")
    assert workstation(case) == agent(case)
