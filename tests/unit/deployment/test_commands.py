"""Command lines by exact string, and specs by exact value."""

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from infra.deployment import commands
from infra.deployment.repository import Repository, Revision
from infra.settings import parse

SHA = "ab" * 20
LOCAL = Repository("./app", Path("./app"), "", "app")
REVISION = Revision(SHA, "main", "Say hello")


def test_deploy_is_one_short_line() -> None:
    assert commands.deploy("shop", SHA) == f"sudo launchpad-host deploy --app shop --revision {SHA}"


def test_prepare_spec() -> None:
    settings = parse({"packages": '["libpq5"]', "http_port": "8080"})
    assert json.loads(commands.prepare_spec(settings, "d1")) == {
        "schema": 1,
        "program": "d1",
        "app": "app",
        "http_port": 8080,
        "domain": None,
        "tls": None,
        "packages": ["libpq5"],
        "package_index": None,
        "lock_timeout": 300,
        "limits": {"request_body": "10MB", "request_timeout": 60},
    }


def test_deploy_spec_of_a_local_repository() -> None:
    settings = parse({"env": '{"A": "1"}', "secrets": '{"B": "2"}', "health_path": "/healthz"}, frozenset({"secrets"}))
    assert json.loads(commands.deploy_spec(settings, LOCAL, REVISION, "198.18.0.2", "d1")) == {
        "schema": 1,
        "program": "d1",
        "app": "app",
        "repository": {"kind": "pushed"},
        "ref": "main",
        "directory": "app",
        "command": None,
        "python": None,
        "env": {"A": "1"},
        "secrets": {"B": "2"},
        "health": {"path": "/healthz", "status": "200-399", "timeout": 60, "host": "198.18.0.2"},
        "drain_timeout": 30,
        "keep_releases": 5,
        "lock_timeout": 300,
        "package_index": None,
        "allow_missing": [],
        "rebuild": "",
        "metadata_access": False,
    }


def test_deploy_spec_of_a_private_url() -> None:
    settings = replace(parse({"known_hosts": "h ssh-ed25519 A"}), deploy_key="KEY")
    remote = Repository("git@h:shop.git", None, "git@h:shop.git", "")
    spec = json.loads(commands.deploy_spec(settings, remote, REVISION, "198.18.0.2", "d1"))
    assert spec["repository"] == {
        "kind": "url",
        "url": "git@h:shop.git",
        "deploy_key": "KEY",
        "known_hosts": "h ssh-ed25519 A",
    }


def test_same_settings_make_the_same_spec_whatever_their_order() -> None:
    one = parse({"env": '{"A": "1", "B": "2"}'})
    two = parse({"env": '{"B": "2", "A": "1"}'})
    assert commands.deploy_spec(one, LOCAL, REVISION, "h", "d1") == commands.deploy_spec(
        two, LOCAL, REVISION, "h", "d1"
    )


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, None),
        ({"domain": "a.example.org"}, None),
        (
            {"domain": "a.example.org", "acme_ca": "https://127.0.0.1:14000/dir"},
            {"acme_ca": "https://127.0.0.1:14000/dir", "acme_root": ""},
        ),
    ],
)
def test_tls(raw: dict[str, str], expected: dict[str, str] | None) -> None:
    assert commands.tls(parse(raw)) == expected


def test_tls_of_an_own_certificate_and_of_a_private_authority() -> None:
    settings = replace(parse({"domain": "a.example.org"}), tls_certificate="C", tls_key="K")
    assert commands.tls(settings) == {"certificate": "C", "key": "K"}
    settings = replace(parse({"domain": "a.example.org", "acme_ca": "https://ca/dir"}), acme_root="R")
    assert commands.tls(settings) == {"acme_ca": "https://ca/dir", "acme_root": "R"}


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ('{"release": "abababababab-2", "changed": true}', "abababababab-2"),
        ('{"release": "abc", "changed": [secret], "built": [secret]}', "ab" * 6),
        ('{"release": "[secret]", "changed": true}', "ab" * 6),
        ('{"[secret]": "abababababab"}', "ab" * 6),
        *((said, "ab" * 6) for said in ("", "null", "[]", "7", '"release"', '{"release": 7}', "warning: x\n{}")),
    ],
)
def test_release_is_known_whatever_lies_in_the_state(said: str, name: str) -> None:
    assert commands.release(said, SHA) == name


@pytest.mark.parametrize(
    ("raw", "url", "health"),
    [
        ({}, "http://198.18.0.2/", "http://198.18.0.2/"),
        ({"http_port": "8080", "health_path": "/up"}, "http://198.18.0.2:8080/", "http://198.18.0.2:8080/up"),
        ({"domain": "a.example.org", "health_path": "/up"}, "https://a.example.org/", "https://a.example.org/up"),
    ],
)
def test_urls(raw: dict[str, str], url: str, health: str) -> None:
    settings = parse(raw)
    assert (commands.url(settings, "198.18.0.2"), commands.health_url(settings, "198.18.0.2")) == (url, health)


@pytest.mark.parametrize("shell", ["bash", "sh"])
@pytest.mark.parametrize(("python", "code"), [("exit 0", 0), (None, 100)])
def test_the_first_words_to_a_machine_are_not_silent(tmp_path: Path, shell: str, python: str | None, code: int) -> None:
    programs = {"cloud-init": "sleep 6", "sudo": "exit 100", **({"python3": python} if python else {})}
    for name, text in programs.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "sleep").symlink_to("/usr/bin/sleep")
    words = [shutil.which(shell) or shell, "-c", commands.REACH]
    done = subprocess.run(words, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (code, "")
    assert 1 <= done.stderr.count("the machine is still starting\n") <= 20


def test_a_step_on_the_machine_may_take_as_long_as_its_parts() -> None:
    usual = commands.longest(parse({}))
    assert usual == 300 + 60 + 30 + 2700 + 1800 + 600 + 1800
    patient = parse({"lock_timeout": "86400", "health_timeout": "3600", "drain_timeout": "3600"})
    assert commands.longest(patient) == usual + 86400 + 3600 + 3600 - 300 - 60 - 30


@pytest.mark.parametrize("said", ["", "[]", "null", '{"warnings": 1}', '{"warnings": [1, null]}', "no JSON", "{}"])
def test_a_result_without_warnings_has_none(said: str) -> None:
    assert commands.warnings(said) == []


def test_warnings_of_a_result_are_shown_as_plain_lines() -> None:
    said = json.dumps({"release": "x", "warnings": ["worker ends\n  no \x1b[31mbroker", "another"]})
    assert commands.warnings(said) == ["worker ends\n  no \N{REPLACEMENT CHARACTER}[31mbroker", "another"]
