"""Whatever the workstation accepts, the machine accepts; what the machine refuses is told by key before it is made."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra import from_settings
from infra.agent.process import environments, launch_file
from infra.agent.system.layout import App
from infra.config.parse import SettingsError
from infra.config.schema import Schema
from infra.config.settings import Settings
from infra.deployment import arguments, specifications
from infra.deployment.arguments import DeploymentArgs
from infra.deployment.repository import Repository
from infra.deployment.revision import Revision
from infra.deployment.source import Source
from infra.machines.contract import Machine, SshAccess
from infra.machines.firewall import plan
from infra.machines.registry import KINDS
from infra.protocol import codec
from infra.protocol.codec import SCHEMA, MessageError, load
from infra.protocol.specs import DeploySpec, PrepareSpec
from infra.protocol.variables import LONGEST_VARIABLE
from tests.unit.config import pem
from tests.unit.config.reading import parse

KEYS = Schema(KINDS)
SECRET = KEYS.secret()

REVISION = Revision("ab" * 20, "main", "Say hello")
SSH = SshAccess("198.18.0.2", "ssh-ed25519 A", "PRIVATE")
MACHINE = Machine("embedded", "198.18.0.2", SSH, "i-1", "b-1", plan((80,), ("0.0.0.0/0",), ()), data_disk="mounted")
TLS = {"domain": "a.example.org", "tls_certificate": pem.pair()[0], "tls_key": pem.pair()[1]}
ACME = {"domain": "a.example.org", "acme_ca": "https://ca.example.org:14000/dir?x=1"}
LONG = "x" * 100_000

GOOD: list[dict[str, str]] = [
    {},
    {"app": "a"},
    {"app": "a" * 24},
    {"http_port": "8080"},
    {"http_port": "20000"},
    {"http_port": "30000"},
    {"http_port": "80", "domain": "a.b-c.example.org"},
    {"domain": " Example.org,www.example.org , example.net", "trusted_proxies": '["10.0.0.0/8", "2001:db8::/64"]'},
    {"domain": "a.org", "hsts": "2y", "basic_auth": json.dumps({"ana@example.org": "a:b {c} `\"'$é", "b.o_b-1": "1"})},
    {"basic_auth": "ana:correct horse"},
    {"command": "gunicorn 'app:app' --bind=\"$HOST:$PORT\"\n"},
    {"python": "3.13.1"},
    {"packages": '["libpq5", "g++"]'},
    {"package_index": "https://user:pass%20word@mirror.example.org/simple/"},
    {"directory": "web/app"},
    {"cache": "redis", "cache_memory": "900000G", "cache_policy": "noeviction"},
    {"cache": " valkey ", "cache_memory": "8M"},
    {"env": '{"REDIS_URL": "redis://:canary-key@", "NAME_URL": "redis://"}', "check_services": "false"},
    {"secrets": '{"DATABASE_URL": "postgresql+psycopg://me:a%23b@db.example.org/shop?sslmode=require"}'},
    {"rebuild": "2026-11-25, once more", "metadata_access": "true"},
    {"database": "postgres", "database_extensions": '["pg_trgm", "uuid-ossp"]', "env": '{"PGSSLMODE": "disable"}'},
    {"directory": "./web//app/"},
    {"health_path": "/up?a=b&c={d}", "health_status": "200, 204,301-302", "health_timeout": "3600"},
    {"request_body_limit": "999999GB", "request_timeout": "86400"},
    {"drain_timeout": "0", "keep_releases": "100", "lock_timeout": "86400"},
    {"env": json.dumps({"A": "x\ny", "B": "'\"$(id)`", "C": "é\U0001f680", "_d": "", "E": LONG})},
    {"env": '{"A": 007.50, "HOME": "/x", "LANG": "C"}'.replace("007.50", "7.50")},
    {"secrets": json.dumps({"TRUE": "true", "RELEASE": "release"})},
    {**TLS},
    {**TLS, "tls_certificate": "\r\n" + TLS["tls_certificate"].replace("\n", "\r\n") + pem.pair("two")[0]},
    {"domain": "a.example.org", **dict(zip(("tls_certificate", "tls_key"), pem.pair("rsa", "rsa"), strict=True))},
    {**ACME},
    {**ACME, "acme_root": pem.pair()[0] + pem.pair("two")[0]},
    {"deploy_key": pem.ssh(), "known_hosts": "host ssh-ed25519 AAAA"},
    {"deploy_key": pem.ssh().replace("\n", "\r\n"), "known_hosts": "host ssh-ed25519 AAAA"},
    {"embedded.memory": "1G", "embedded.disk": "8G", "embedded.cpus": "2"},
    {"machine": "ec2", "ec2.region": "eu-central-1", "ec2.ssh_via": "ssm", "ec2.disk": "30G", "ec2.tags": '{"a": 1}'},
    {"machine": "ec2", "ec2": '{"region": "eu-central-1", "ssh_via": "ssm", "monitoring": false}', "embedded": "{}"},
    {
        "machine": "lightsail",
        "ssh_cidrs": '["192.0.2.7/32"]',
        "lightsail": '{"region": "eu-central-1", "data_disk": "32G", "snapshots": "03:00"}',
    },
]

BAD: list[tuple[dict[str, str], str]] = [
    *(({"app": name}, "app is") for name in ("tls", "launchpad", "getty", "video", "a" * 25, "a" * 31, "a_b", "1a")),
    *(
        ({kind: json.dumps({name: "canary"})}, f"{kind}.{name} is")
        for kind in ("env", "secrets")
        for name in ("PATH", "DATA_DIR", "VIRTUAL_ENV", "CREDENTIALS_DIRECTORY", "PORT", "LAUNCHPAD_X", "A-B")
    ),
    *(
        (
            {"database": "postgres", kind: json.dumps({name: "canary"})},
            f"{kind}.{name} is set, but database is postgres, which sets it itself; remove one of them",
        )
        for kind in ("env", "secrets")
        for name in ("DATABASE_URL", "PGHOST", "PGDATABASE", "PGUSER")
    ),
    *(
        ({"database": "postgres", "app": name}, f"app is {name}, which PostgreSQL has for something else")
        for name in ("public", "none", "template0", "template1")
    ),
    ({"database_extensions": '["citext"]'}, "database_extensions is set but launchpad:database is empty; set it to"),
    ({"env": json.dumps({"A": "a\0b"})}, "env.A is 'a\\x00b'; it must be text without zero bytes"),
    ({"secrets": json.dumps({"A": "a\0b"})}, "secrets.A is [secret]; it must be text without zero bytes"),
    ({"env": '{"A": "a\\ud800b"}'}, "env.A is"),
    ({"env": '{"A": null}'}, "env.A is null; it must be text, a number, true or false"),
    ({"env": '{"A": NaN}'}, "env.A is nan; it must be text"),
    ({"env": json.dumps({"A": "x" * LONGEST_VARIABLE})}, "env.A is 'xxx"),
    ({"env": json.dumps({f"A{number}": LONG for number in range(5)})}, "env is '{"),
    *(({"http_port": port}, f"http_port is {port}, which is reserved for") for port in ("22", "443", "20001", "29999")),
    ({"http_port": "443", "domain": "a.example.org"}, "http_port is 443, which is reserved for"),
    *(
        ({**ACME, "acme_ca": url}, "acme_ca is")
        for url in (
            "https://a b/",
            'https://a/"',
            "https://a/{$X}",
            "https://a/`",
            "https://a\\b/",
            "https://",
            "https://ä/",
        )
    ),
    *(
        ({"package_index": url}, "package_index is")
        for url in ("https://a b/", "https://a:b/", "https://a/'", "https://[a/")
    ),
    *(({"directory": path}, "directory is") for path in (".git", "web/.git/hooks", "a\0b", "../x")),
    *(({"health_path": path}, "health_path is") for path in ("/a b", "/ä", "/#top", "up", "/a\tb", "/a\0")),
    *(
        ({"domain": name}, "domain is")
        for name in ("a_b.example.org", "example", "a..b", "-a.org", "a.org.", "1.2.3.4")
    ),
    *(({key: ""}, f"{key} is") for key in ("request_body_limit", "revision", "embedded.disk", "health_status", "app")),
    *(({key: "a\0b"}, f"{key} is") for key in ("command", "repository", "known_hosts", "revision")),
    ({"package_index": "https://me:canary-key@a b/"}, "package_index is 'https://[secret]@a b/'; it must be a URL"),
    ({"command": "x" * 100_001}, "command is 'xxx"),
    ({**TLS, "tls_key": "canary-key"}, "tls_key is [secret]; it must be a private key in PEM form"),
    ({**TLS, "tls_key": pem.locked(TLS["tls_key"])}, "tls_key is [secret]; it must be a private key in PEM form"),
    ({**TLS, "tls_key": pem.ssh()}, "tls_key is [secret]; it must be a private key in PEM form"),
    ({**TLS, "tls_key": pem.pair("two")[1]}, "tls_key does not belong to launchpad:tls_certificate"),
    ({**TLS, "tls_key": TLS["tls_key"].replace("MIG", "AIG")}, "tls_key is damaged, so it cannot be used with"),
    ({**TLS, "tls_key": pem.pair("rsa", "rsa")[1]}, "tls_key does not belong to launchpad:tls_certificate"),
    ({**TLS, "tls_certificate": "PEM"}, "tls_certificate is 'PEM'; it must be certificates in PEM form"),
    ({**TLS, "tls_certificate": TLS["tls_certificate"].replace("\n", "\\n")}, "tls_certificate is"),
    ({**TLS, "tls_certificate": TLS["tls_certificate"][:300] + "\n-----END CERTIFICATE-----"}, "is damaged"),
    ({**TLS, "tls_certificate": TLS["tls_certificate"].replace("MII", "Mïï", 1)}, "(certificate 1 of 1 is damaged)"),
    ({**TLS, "tls_key": TLS["tls_key"].replace("MIG", "Mïg", 1)}, "(this one is damaged)"),
    (
        {**TLS, "tls_certificate": "".join(pem.pair())},
        "tls_certificate is [secret]; it must be certificates in PEM form",
    ),
    (
        {"domain": "a.example.org", "tls_key": TLS["tls_key"]},
        "tls_certificate and launchpad:tls_key must be set together",
    ),
    (
        {**TLS, "domain": "a.example.org, www.example.org"},
        "tls_certificate is not for www.example.org, which is in launchpad:domain; set a certificate that has it",
    ),
    ({"domain": "a.org, b.org, A.org"}, "domain is 'a.org, b.org, A.org'; it must be host names that differ from each"),
    ({**TLS, "acme_ca": ACME["acme_ca"]}, "tls_certificate and launchpad:acme_ca are both set"),
    (
        {**ACME, "acme_root": "/etc/ssl/root.pem"},
        "acme_root is '/etc/ssl/root.pem'; it must be certificates in PEM form",
    ),
    ({"domain": "a.example.org", "acme_root": pem.pair()[0]}, "acme_root is set but launchpad:acme_ca is empty"),
    (
        {"cache": "redis", "env": '{"REDIS_URL": "redis://cache.example.org"}'},
        "env.REDIS_URL is set, and so is launchpad:cache, which sets it to the machine's own cache; keep one of them",
    ),
    (
        {"secrets": '{"DATABASE_URL": "postgres://me:can#ary-key@db/shop"}'},
        "secrets.DATABASE_URL has no port from 1 to 65535 after its host; special characters in a password need codes",
    ),
    ({"env": '{"REDIS_URL": "redis://:canary-key@"}'}, "env.REDIS_URL names no host"),
    ({"cache": "valkey", "secrets": '{"REDIS_URL": "canary-key"}'}, "secrets.REDIS_URL is set, and so is"),
    ({"deploy_key": "canary-key"}, "deploy_key is [secret]; it must be a private key in PEM form"),
    ({"deploy_key": pem.ssh("phrase")}, "deploy_key is [secret]; it must be a private key in PEM form"),
    ({"deploy_key": pem.ssh()[:100]}, "deploy_key is [secret]; it must be a private key in PEM form"),
    ({"deploy_key": pem.ssh().replace("b3BlbnNzaC1rZXktdjE", "c3BlbnNzaC1rZXktdjE")}, "(this one is damaged)"),
    (
        {"ec2.region": "eu-central-1"},
        "ec2.region is set, but only machine ec2 reads it, and this stack has machine embedded",
    ),
    ({"ec2.tags": '{"a": "b"}'}, "ec2.tags is set, but only machine ec2 reads it"),
    ({"ec2.monitoring": "false"}, "ec2.monitoring is set, but only machine ec2 reads it"),
    (
        {"machine": "ec2", "ec2.region": "eu-central-1", "ec2.ssh_via": "ssm", "embedded.disk": "8G"},
        "embedded.disk is set, but only machine embedded reads it, and this stack has machine ec2",
    ),
]


def hosts(found: Settings) -> tuple[PrepareSpec, DeploySpec]:
    """What the machine makes of settings."""
    remote = Repository("git@h:shop.git", None, "git@h:shop.git", found.directory)
    local = Repository("./app", Path("./app"), "", found.directory)
    app = from_settings.app(found)
    for repository in (remote, local):
        source = Source(repository, found.deploy_key, found.known_hosts, found.allow_missing)
        args = DeploymentArgs(app, MACHINE, source, REVISION, found.env, found.secrets)
        given_to = replace(arguments.known(args), address="198.18.0.2")
        arguments.checked(args, given_to)
        spec = specifications.deploy(app, source, REVISION, given_to, "d1")
        deployed = load(DeploySpec, json.loads(codec.text(spec)))
        assert deployed == spec
    prepared = specifications.prepare(app, given_to, "d1")
    assert load(PrepareSpec, json.loads(codec.text(prepared))) == prepared
    assert prepared.data_disk == MACHINE.data_disk
    return prepared, deployed


@pytest.mark.parametrize("raw", GOOD, ids=lambda raw: str(raw)[:60])
def test_good_config_is_good_on_both_sides(raw: dict[str, str]) -> None:
    prepared, deployed = hosts(parse(raw, frozenset(SECRET)))
    assert prepared.app == deployed.app == raw.get("app", "app")


@pytest.mark.parametrize(("raw", "said"), BAD, ids=lambda value: str(value)[:60])
def test_bad_config_is_told_at_the_workstation_by_key(raw: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(raw, frozenset(SECRET))
    assert [line for line in caught.value.problems if said in line and line.startswith("launchpad:")]
    told = str(caught.value)
    assert len(told) < 1500
    assert not [word for word in ("canary-key", "PRIVATE KEY-----\nM", "-----END PRIVATE") if word in told]
    assert "canary" not in told or "secrets" not in raw


@pytest.mark.parametrize(
    ("cls", "fragment"),
    [
        *((PrepareSpec, {"http_port": port}) for port in (22, 443, 20001, 29999)),
        *((PrepareSpec, {"app": name}) for name in ("a" * 25, "a_b")),
        (PrepareSpec, {"domain": "a.org", "tls": {"acme_ca": "https://a\\b/"}}),
        (PrepareSpec, {"package_index": "https://ä/"}),
        (DeploySpec, {"env": {"PATH": "/x"}}),
        (DeploySpec, {"env": {"A": "x" * LONGEST_VARIABLE}}),
        (DeploySpec, {"directory": "a/.git"}),
        (DeploySpec, {"health": {"path": "/a b"}}),
    ],
)
def test_the_machine_does_not_rely_on_the_workstation(cls: type[codec.Message], fragment: dict[str, Any]) -> None:
    source = {"source": {"kind": "pushed"}} if cls is DeploySpec else {}
    with pytest.raises(MessageError):
        load(cls, {"schema": SCHEMA, "app": "app", **source, **fragment})


SEEDS: dict[str, list[str]] = {
    key: [value for raw in [*GOOD, *(raw for raw, _ in BAD)] if len(value := raw.get(key, "")) < 5000]
    for key in KEYS.keys
}


@st.composite
def bent(draw: st.DrawFn, key: str) -> str:
    """A value of the tables, or one with a character more or less, or any text."""
    seed = draw(st.sampled_from(SEEDS[key]) | st.text(max_size=20))
    at = draw(st.integers(0, len(seed)))
    extra = draw(
        st.sampled_from(["", "", " ", "\n", "\t", "\0", '"', "'", "\\", "{", "}", "#", "`", "é", "_", "-", ".", "/"])
    )
    return seed[:at] + extra + seed[at + draw(st.integers(0, 1)) * (len(extra) + 1) :]


@pytest.mark.slow
@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.data())
def test_the_machine_accepts_whatever_the_workstation_accepts(data: st.DataObject) -> None:
    start = data.draw(st.sampled_from(GOOD))
    keys = data.draw(st.lists(st.sampled_from(sorted(KEYS.keys)), min_size=1, max_size=3, unique=True))
    raw = {**start, **{key: data.draw(bent(key), label=key) for key in keys}}
    try:
        found = parse(raw, frozenset(SECRET))
    except SettingsError:
        return
    hosts(found)


NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,10}", fullmatch=True).filter(
    lambda name: name not in ("PORT", "DATA_DIR", "PATH") and not name.startswith("LAUNCHPAD_")
)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])) | st.sampled_from(
    [
        LONG,
        "é" * 50_000,
        "$(touch /tmp/x)",
        "'\"\\\n\r\t ",
        "\u2028\u0085",
        "\x1b[0m",
        "true",
        "007",
        " x ",
        "=",
        "\ufeff",
    ]
)


@settings(max_examples=100)
@given(st.dictionaries(NAMES, TEXTS, max_size=3), st.dictionaries(NAMES, TEXTS, max_size=2))
def test_every_value_of_the_environment_arrives_as_it_is(env: dict[str, str], secrets: dict[str, str]) -> None:
    secrets = {name: value for name, value in secrets.items() if name not in env}
    try:
        found = parse({"env": json.dumps(env), "secrets": json.dumps(secrets)}, frozenset(SECRET))
    except SettingsError as error:
        assert "bytes in total" in str(error)
        return
    _, deployed = hosts(found)
    assert (dict(deployed.env), dict(deployed.secrets)) == (env, secrets)
    tree = environments.Tree("r", "v", Path("/r"), Path("/v"))
    given = environments.release(App("app"), deployed, tree)
    launch = json.loads(launch_file.describe("x", tree, given, tuple(secrets)).text())
    assert {name: launch["env"][name] for name in {**env, **secrets}} == {**env, **secrets}


@pytest.mark.parametrize(
    ("written", "handed", "text"),
    [
        ("1", "1", "1"),
        ("1.5", "1.5", "1.5"),
        ("true", "true", "true"),
        ("0.00001", "0.00001", "0.00001"),
        ("1234567890123456789", "1234567890123456789", "1234567890123456789"),
        ('"007"', '"007"', "007"),
        ("abc", '"abc"', "abc"),
    ],
)
def test_scalars_become_the_text_that_is_written(written: str, handed: str, text: str) -> None:
    file = f"config:\n  launchpad:env:\n    X: {written}\n"
    assert parse({"env": f'{{"X": {handed}}}'}, stack_file=file).env == {"X": text}


@pytest.mark.parametrize(
    ("written", "handed", "read"),
    [
        ("1.0", "1", "1"),
        ("1e3", "1000", "1000"),
        ("010", "8", "8"),
        ("+49170", "49170", "49170"),
        ("1_000", "1000", "1000"),
        ("0x10", "16", "16"),
        ("12345678901234567890", "12345678901234567000", "12345678901234567000"),
        ("True", "true", "true"),
        ("1.2345678901234567e+19", "12345678901234567000", "12345678901234567000"),
        ("2024-01-01", '"2024-01-01 00:00:00 +0000 UTC"', "2024-01-01 00:00:00 +0000 UTC"),
    ],
)
def test_a_value_that_yaml_changes_is_told(written: str, handed: str, read: str) -> None:
    file = f"config:\n  launchpad:env:\n    X: {written}\n"
    with pytest.raises(SettingsError) as caught:
        parse({"env": f'{{"X": {handed}}}'}, stack_file=file)
    assert caught.value.problems == [
        f"launchpad:env.X is written as {written} without quotes, and YAML reads that as {read}; put it in quotes"
    ]


def test_a_version_without_quotes_is_told_and_a_truth_value_is_not() -> None:
    file = "config:\n  launchpad:python: 3.10\n  launchpad:ssh_from_anywhere: True\n  launchpad:http_port: 8080\n"
    with pytest.raises(SettingsError) as caught:
        parse({"python": "3.1", "ssh_from_anywhere": "true", "http_port": "8080"}, stack_file=file)
    assert caught.value.problems == [
        "launchpad:python is written as 3.10 without quotes, and YAML reads that as 3.1; put it in quotes"
    ]


def test_values_of_another_file_are_not_compared() -> None:
    """With ``--config-file`` the stack's own file is not what Pulumi read."""
    file = "config:\n  launchpad:http_port: 80\n  launchpad:app: shop\n  launchpad:env:\n    X: 7\n    Y: yes\n"
    assert parse({"http_port": "8080", "app": "cart", "env": '{"X": 8, "Y": "no"}'}, stack_file=file).env["X"] == "8"


@pytest.mark.parametrize(
    "file", ["", "config:\n", "config: 7\n", "- a\n", "config:\n  launchpad:env:\n    secure: v1:x\n"]
)
def test_other_stack_files_are_passed_over(file: str) -> None:
    assert parse({"env": '{"X": "1"}'}, stack_file=file).env == {"X": "1"}
