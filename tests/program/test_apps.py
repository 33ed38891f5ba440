"""Several apps in one stack, over recorded registrations: one machine, a deployment for each, nothing that meets."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pulumi
import pytest

from infra import outputs
from tests.program.recorder import Recording, record
from tests.unit.config import pem

STEPS = (
    "machine-state",
    *("ssh-files", "wait-for-ssh", "copy-agent", "removal", "prepare", "push-source", "release", "release-notes"),
    "check-public-url",
)
APP = "import http.server\n\n\ndef app(environ, start):\n    start('200 OK', [])\n    return [b'hello']\n"


def repository(folder: Path, subject: str) -> str:
    """A repository with an app in it; gives its path."""
    folder.mkdir()
    (folder / "app.py").write_text(APP)
    (folder / "requirements.txt").touch()
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "--all"), (*identity, "commit", "-q", "-m", subject)):
        subprocess.run(["git", "-C", str(folder), *words], check=True)
    return str(folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Two repositories: each of three apps has one of them."""
    made = tmp_path_factory.mktemp("apps")
    repository(made / "one", "One")
    repository(made / "two", "Two")
    yield made


@pytest.fixture(scope="module")
def three(folder: Path) -> Recording:
    certificate, key = pem.pair(hosts=("shop.org",))
    apps = {
        "shop": {
            "domain": "shop.org",
            "tls_certificate": certificate,
            "tls_key": key,
            "secrets": {"TOKEN": "canary-42"},
        },
        "blog": {"http_port": 8080, "repository": str(folder / "two"), "delete_data": "true", "python": "3.13"},
        "api": {"http_port": 9000},
    }
    top = {"repository": str(folder / "one"), "command": "gunicorn app:app", "embedded.memory": "2G"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("infra.deployment.host_names.lookup", lambda _name: None)
        return record({**top, "apps": json.dumps(apps)}, ("apps",))


def test_there_is_one_machine_and_a_deployment_for_each_app(three: Recording) -> None:
    assert {each.name for each in three.registrations if each.type.endswith(":EmbeddedMachine")} == {"machine"}
    names = [each.name for each in three.registrations]
    assert len(names) == len({(each.type, each.name) for each in three.registrations})
    assert {name for name in names if name.startswith(("api-", "blog-", "shop-"))} == {
        f"{app}-{step}" for app in ("api", "blog", "shop") for step in STEPS
    }


def test_what_each_app_is_told_is_its_own(three: Recording) -> None:
    for step, key in (("prepare", "create"), ("prepare", "stdin"), ("release", "create"), ("copy-agent", "remotePath")):
        assert len({three.one(f"{app}-{step}").inputs[key] for app in ("api", "blog", "shop")}) == 3
    specs = {app: json.loads(three.one(f"{app}-release").inputs["stdin"]) for app in ("api", "blog", "shop")}
    assert [specs[app]["python"] for app in specs] == ["", "3.13", ""]
    assert [specs[app]["secrets"] for app in specs] == [{}, {}, {"TOKEN": "canary-42"}]
    removed = {app: "--keep-data" in three.one(f"{app}-removal").inputs["delete"] for app in specs}
    assert removed == {"api": True, "blog": False, "shop": True}


def test_the_firewall_has_the_public_ports_of_all_apps(three: Recording) -> None:
    web = [rule for rule in three.outputs["firewall_rules"] if rule["description"].startswith("app on port")]
    assert sorted({rule["from_port"] for rule in web}) == [80, 443, 8080, 9000]


def test_the_outputs_tell_each_app_by_its_name_and_none_without_one(three: Recording, folder: Path) -> None:
    assert list(three.outputs) == [name for name in outputs.MEANING if name not in outputs.OF_ONE_APP]
    found = three.outputs["apps"]
    assert {name: app["user"] for name, app in found.items()} == {"api": "api", "blog": "blog", "shop": "shop"}
    assert [found[name]["url"] for name in ("blog", "shop")] == ["http://blog.localhost:28002/", "https://shop.org/"]
    head = subprocess.run(
        ["git", "-C", str(folder / "two"), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    assert found["blog"]["revision"] == head.stdout.strip()
    assert found["api"]["release"] == "0123456789ab"
    assert three.secret_outputs == set()
    assert "canary" not in json.dumps(three.outputs)


def test_one_app_has_the_outputs_of_one_and_the_same_below_its_name() -> None:
    alone = record({"app": "shop"})
    assert list(alone.outputs) == list(outputs.MEANING)
    in_map = record({"apps": '{"shop": {}}'})
    assert in_map.outputs == alone.outputs
    assert {(each.type, each.name) for each in in_map.registrations} == {
        (each.type, each.name) for each in alone.registrations
    }
    assert in_map.outputs["apps"]["shop"] == {name: in_map.outputs[other] for other, name in outputs.OF_ONE_APP.items()}


@dataclass
class Kept(Recording):
    """A recording that is there when the program has failed."""

    last: ClassVar[Recording]

    def __post_init__(self) -> None:
        Kept.last = self


def refused(folder: Path, apps: dict[str, object]) -> tuple[list[str], set[str]]:
    """What a program says at its end, and what it has declared until then."""
    with pytest.raises(pulumi.RunError) as caught:
        record({"repository": str(folder / "one"), "apps": json.dumps(apps)}, answers=Kept)
    return str(caught.value).splitlines(), {each.name for each in Kept.last.registrations}


def test_an_app_whose_repository_is_wrong_keeps_no_other_from_being_deployed(folder: Path) -> None:
    apps = {
        "shop": {"revision": "no-such"},
        "blog": {"repository": "/nowhere", "http_port": 81},
        "api": {"http_port": 82},
    }
    (blog, shop), declared = refused(folder, apps)
    assert blog.startswith("launchpad:apps.blog.repository is '/nowhere', ")
    assert shop.startswith("launchpad:apps.shop.revision is 'no-such'")
    assert shop.endswith("pulumi config rm --path launchpad:apps.shop.revision")
    assert "api-check-public-url" in declared
    assert not [name for name in declared if name.startswith(("blog", "shop"))]


def test_without_an_app_that_can_be_deployed_there_is_no_machine(folder: Path) -> None:
    said, declared = refused(folder, {"shop": {"revision": "no-such"}, "blog": {"revision": "none", "http_port": 81}})
    assert (len(said), declared) == (2, set())
