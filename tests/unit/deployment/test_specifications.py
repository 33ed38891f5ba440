"""Specifications by exact value, from a stack's settings and from the arguments of a program."""

from dataclasses import replace
from pathlib import Path

import pytest

from infra import from_settings
from infra.config.settings import Settings
from infra.deployment import arguments, specifications
from infra.deployment.app import AppArgs
from infra.deployment.arguments import DeploymentArgs
from infra.deployment.repository import Repository
from infra.deployment.revision import Revision
from infra.deployment.source import Source as Location
from infra.machines.contract import Machine, SshAccess
from infra.machines.firewall import plan
from infra.machines.registry import KINDS
from infra.protocol import codec
from infra.protocol.database import Server
from infra.protocol.specs import DeploySpec, Health, Limits, PrepareSpec, Source, Tls
from tests.unit.config.reading import parse

SHA = "ab" * 20
LOCAL = Repository("./app", Path("./app"), "", "app")
REVISION = Revision(SHA, "main", "Say hello")
SSH = SshAccess("198.18.0.2", "ssh-ed25519 A", "PRIVATE")
MACHINE = Machine("embedded", "198.18.0.2", SSH, "i-1", "b-1", plan((80,), ("0.0.0.0/0",), ()))


def given(settings: Settings) -> specifications.Resolved:
    """What the program would give to a deployment with these settings, on a machine at 198.18.0.2."""
    app, source = from_settings.app(settings), Location(LOCAL)
    args = DeploymentArgs(app, MACHINE, source, REVISION, environment=settings.env, secrets=settings.secrets)
    return replace(arguments.known(args), address="198.18.0.2")


def prepare_spec(settings: Settings) -> PrepareSpec:
    return specifications.prepare(from_settings.app(settings), given(settings), "d1")


def deploy_spec(settings: Settings, source: Location = Location(LOCAL)) -> DeploySpec:  # noqa: B008
    return specifications.deploy(from_settings.app(settings), source, REVISION, given(settings), "d1")


def test_prepare_spec() -> None:
    settings = parse({"packages": '["libpq5"]', "http_port": "8080", "request_body_limit": "2MB"})
    assert prepare_spec(settings) == PrepareSpec(
        app="app",
        http_port=8080,
        packages=("libpq5",),
        limits=Limits(request_body=2_000_000, response=60),
        lock_timeout=300,
        program="d1",
    )


def test_deploy_spec_of_a_local_repository() -> None:
    settings = parse({"env": '{"A": "1"}', "secrets": '{"B": "2"}', "health_path": "/healthz"}, frozenset({"secrets"}))
    assert deploy_spec(settings) == DeploySpec(
        app="app",
        source=Source("pushed"),
        ref="main",
        directory="app",
        env=(("A", "1"),),
        secrets=(("B", "2"),),
        health=Health(path="/healthz", status=((200, 399),), timeout=60, host="198.18.0.2"),
        drain_timeout=30,
        keep_releases=5,
        lock_timeout=300,
        url="http://198.18.0.2/",
        program="d1",
    )


def test_deploy_spec_of_a_private_url() -> None:
    settings = replace(parse({"known_hosts": "h ssh-ed25519 A"}), deploy_key="KEY")
    remote = Repository("git@h:shop.git", None, "git@h:shop.git", "")
    spec = deploy_spec(settings, Location(remote, settings.deploy_key, settings.known_hosts))
    assert spec.source == Source("url", "git@h:shop.git", "KEY", "h ssh-ed25519 A")


def test_same_settings_make_the_same_spec_whatever_their_order() -> None:
    one = parse({"env": '{"A": "1", "B": "2"}'})
    two = parse({"env": '{"B": "2", "A": "1"}'})
    specs = [deploy_spec(settings) for settings in (one, two)]
    assert codec.text(specs[0]) == codec.text(specs[1])


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, Tls()),
        ({"domain": "a.example.org"}, Tls()),
        (
            {"domain": "a.example.org", "acme_ca": "https://127.0.0.1:14000/dir"},
            Tls(acme_ca="https://127.0.0.1:14000/dir"),
        ),
    ],
)
def test_tls(raw: dict[str, str], expected: Tls) -> None:
    assert prepare_spec(parse(raw)).tls == expected


def test_tls_of_an_own_certificate_and_of_a_private_authority() -> None:
    settings = replace(parse({"domain": "a.example.org"}), tls_certificate="C", tls_key="K")
    assert prepare_spec(settings).tls == Tls(certificate="C", key="K")
    settings = replace(parse({"domain": "a.example.org", "acme_ca": "https://ca/dir"}), acme_root="R")
    assert prepare_spec(settings).tls == Tls(acme_ca="https://ca/dir", acme_root="R")


@pytest.mark.parametrize(
    ("raw", "url", "health"),
    [
        ({}, "http://198.18.0.2/", "http://198.18.0.2/"),
        ({"http_port": "8080", "health_path": "/up"}, "http://198.18.0.2:8080/", "http://198.18.0.2:8080/up"),
        ({"domain": "a.example.org", "health_path": "/up"}, "https://a.example.org/", "https://a.example.org/up"),
    ],
)
def test_urls(raw: dict[str, str], url: str, health: str) -> None:
    app = from_settings.app(parse(raw))
    assert (app.url("198.18.0.2"), app.health_url("198.18.0.2")) == (url, health)


def longest(raw: dict[str, str]) -> int:
    return specifications.longest(from_settings.app(parse(raw)))


def test_a_step_on_the_machine_may_take_as_long_as_its_parts() -> None:
    usual = longest({})
    assert usual == 300 + (3600 + 1800) + (300 + 1800) + (600 + 1800) + (60 + 30 + 2 * 30)
    patient = {"lock_timeout": "86400", "health_timeout": "3600", "drain_timeout": "3600"}
    assert longest(patient) == usual + 86400 + 3600 + 3600 - 300 - 60 - 30


@pytest.mark.parametrize(
    ("key", "more"), [("build_timeout", 5400), ("release_timeout", 6600), ("stop_timeout", 2 * 3570)]
)
def test_a_step_that_the_settings_let_take_longer_is_not_cut_off(key: str, more: int) -> None:
    value = {"build_timeout": "2h", "release_timeout": "2h", "stop_timeout": "1h"}[key]
    assert longest({key: value}) == longest({}) + more


def test_a_step_may_take_as_long_as_the_most_patient_process_needs_to_stop() -> None:
    patient = {"processes": '{"worker": {"command": "a", "stop_timeout": "10m"}, "clock": "b"}'}
    assert longest(patient) == longest({}) + 2 * (600 - 30)
    # The old release has to become healthy once more if the new one does not come up.
    assert longest({"release_strategy": "recreate"}) == longest({}) + 60


def test_timeouts_and_limits_of_the_settings_reach_the_machine() -> None:
    keys = {"build_timeout": "1h", "release_timeout": "2h", "stop_timeout": "90", "request_header_limit": "64KB"}
    settings = parse(keys)
    spec = deploy_spec(settings)
    assert (spec.build_timeout, spec.release_timeout, spec.stop_timeout) == (3600, 7200, 90)
    assert prepare_spec(settings).limits.request_header == 64_000


def test_an_app_of_a_program_has_the_defaults_of_the_config() -> None:
    """Whoever leaves a key and whoever leaves an argument get the same app."""
    assert from_settings.app(parse({})) == AppArgs("app")


@pytest.mark.parametrize(
    ("database", "server", "able"),
    [("", False, ["delete", "keep", "snapshot"]), ("rds", True, ["delete", "snapshot"])],
)
def test_the_terms_of_the_data_know_of_a_database_server_which_cannot_be_kept(
    database: str, server: bool, able: list[str]
) -> None:
    settings = parse(
        {"machine": "ec2", "ec2.region": "eu-central-1", "ssh_cidrs": '["203.0.113.7/32"]', "database": database}
    )
    there = replace(MACHINE, kind="ec2", database=Server("db.example.org") if server else None)
    terms = from_settings.data_terms(settings, KINDS["ec2"], there)
    assert (terms.server, list(terms.able), list(terms.databases)) == (server, able, ["app"] if server else [])
    assert list(terms.on_server) == list(terms.databases)
