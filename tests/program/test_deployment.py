"""The Deployment component in a program of one's own: several of them, and values that other resources give."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra.deployment.app import AppArgs, TlsArgs
from infra.deployment.arguments import DeploymentArgs
from infra.deployment.deployment import Deployment
from infra.deployment.repository import Repository
from infra.deployment.revision import Revision
from infra.deployment.source import Source
from infra.machines.contract import Machine, SshAccess
from infra.machines.embedded.machine import EmbeddedArgs, EmbeddedMachine
from infra.machines.firewall import plan
from infra.protocol import codec
from infra.protocol.database import Database, Server
from tests.program.recorder import HOST_KEY, ROOT, Recording, run

STEPS = (
    "machine-state",
    "ssh-files",
    "wait-for-ssh",
    "copy-agent",
    "removal",
    "prepare",
    "push-source",
    "release",
    "release-notes",
    "generated-secrets",
    "check-public-url",
)
SOURCE = Source(Repository("shop", Path("/shop"), "", ""))
REVISION = Revision("ab" * 20, "main", "Say hello")
FIREWALL = plan((8081, 8082), ("0.0.0.0/0",), ("198.18.0.0/15",))


def mine(address: str = "192.0.2.1", port: int = 22) -> Machine:
    """A machine that the program does not own."""
    return Machine("mine", address, SshAccess(address, HOST_KEY, "PRIVATE", port=port), f"i-{address}", "b-1", FIREWALL)


def deploy(name: str, machine: Machine, http_port: int = 8081, **more: Any) -> Deployment:
    return Deployment(name, DeploymentArgs(AppArgs(name, http_port=http_port), machine, SOURCE, REVISION, **more))


def specification(recording: Recording, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(recording.one(name).inputs["stdin"])
    return found


def test_two_deployments_share_a_machine_and_nothing_else() -> None:
    def program() -> None:
        machine = EmbeddedMachine("box", EmbeddedArgs(FIREWALL)).machine
        for name, port in (("shop", 8081), ("blog", 8082)):
            pulumi.export(name, deploy(name, machine, port).url)

    recording = run(program, {})
    names = [each.name for each in recording.registrations]
    assert {name for name in names if name.startswith(("shop-", "blog-"))} == {
        f"{app}-{step}" for app in ("shop", "blog") for step in STEPS
    }
    assert len(names) == len({(each.type, each.name) for each in recording.registrations})
    for key, step in (
        ("remotePath", "copy-agent"),
        ("folder", "ssh-files"),
        ("create", "prepare"),
        ("stdin", "release"),
    ):
        assert recording.one(f"shop-{step}").inputs[key] != recording.one(f"blog-{step}").inputs[key]
    assert recording.one("shop-ssh-files").inputs["folder"] == ".launchpad/test/shop"
    assert recording.outputs == {"shop": "http://198.18.0.2:8081/", "blog": "http://198.18.0.2:8082/"}


def test_two_deployments_may_have_a_machine_each() -> None:
    def program() -> None:
        deploy("shop", mine("192.0.2.1"))
        deploy("blog", mine("192.0.2.2", port=2222))

    recording = run(program, {})
    dialled = {
        each.name: (each.inputs["connection"]["host"], each.inputs["connection"]["port"])
        for each in recording.registrations
        if "connection" in each.inputs
    }
    assert {where for name, where in dialled.items() if name.startswith("shop-")} == {("192.0.2.1", 22)}
    assert {where for name, where in dialled.items() if name.startswith("blog-")} == {("192.0.2.2", 2222)}
    assert recording.one("blog-ssh-files").inputs["known_host"] == f"[192.0.2.2]:2222 {HOST_KEY}"
    assert recording.one("blog-push-source").inputs["port"] == 2222


def test_nothing_depends_on_where_the_program_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a clone's place changes is not in the state, but the path of the agent, which differs by content only."""
    (tmp_path / "Pulumi.yaml").touch()
    (tmp_path / "program").mkdir()
    monkeypatch.chdir(tmp_path / "program")
    recording = run(lambda: pulumi.export("ssh", deploy("shop", mine()).ssh), {})
    assert f"-i {tmp_path}/.launchpad/test/shop/key " in recording.outputs["ssh"]
    assert [path.suffix for path in (tmp_path / ".launchpad/build").iterdir()] == [".pyz"]
    for each in recording.registrations:
        inputs = {key: value for key, value in each.inputs.items() if each.name != "shop-copy-agent" or key != "source"}
        assert str(tmp_path) not in json.dumps(inputs, default=str)
        assert str(ROOT) not in json.dumps(inputs, default=str)


def test_values_of_other_resources_reach_the_app_and_stay_secret() -> None:
    def program() -> None:
        endpoint = pulumi.Output.from_input("db.internal:5432")
        password = pulumi.Output.secret("canary-42")
        deploy("shop", mine(), environment={"A": "1", "DATABASE": endpoint}, secrets={"PASSWORD": password})

    recording = run(program, {})
    spec = specification(recording, "shop-release")
    assert spec["env"] == {"A": "1", "DATABASE": "db.internal:5432"}
    assert spec["secrets"] == {"PASSWORD": "canary-42"}
    for each in recording.registrations:
        assert "canary-42" not in json.dumps(
            {key: value for key, value in each.inputs.items() if key not in each.secrets}, default=str
        )


def test_the_machine_is_made_ready_before_the_environment_is_known() -> None:
    """In a preview that still makes the database, `prepare` is as it was; only the release will change."""

    def program() -> None:
        value, is_known = asyncio.ensure_future(asyncio.sleep(0, "")), asyncio.ensure_future(asyncio.sleep(0, False))
        deploy("shop", mine(), environment={"DATABASE": pulumi.Output(set(), value, is_known)})

    recording = run(program, {}, preview=True)
    assert specification(recording, "shop-prepare")["app"] == "shop"
    assert not isinstance(recording.one("shop-release").inputs["stdin"], str)  # unknown


def test_parts_of_the_app_may_be_outputs_too() -> None:
    def program() -> None:
        index = pulumi.Output.secret("https://ada:canary-42@pypi.example.org/simple")
        app = AppArgs("shop", http_port=8081, package_index=index)
        Deployment("shop", DeploymentArgs(app, mine(), SOURCE, REVISION))

    recording = run(program, {})
    for step in ("prepare", "release"):
        assert specification(recording, f"shop-{step}")["package_index"].startswith("https://ada:canary-42@")
        assert "stdin" in recording.one(f"shop-{step}").secrets


def later(value: object) -> pulumi.Output[Any]:
    return pulumi.Output.from_input(value)


REFUSED: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "a name that is ours": (
        lambda: {"environment": {"PORT": later("1")}},
        "environment.PORT must be left out, because Launchpad sets PORT itself; give the app's own variable another name",
    ),
    "no name": (
        lambda: {"secrets": {"A-B": later("1")}},
        "secrets.A-B must be named with letters, digits and _, no digit first",
    ),
    "twice": (
        lambda: {"environment": {"A": "1"}, "secrets": {"A": later("2")}},
        "A is in both environment and secrets; keep it in one of them",
    ),
    "a number": (lambda: {"environment": {"A": 5}}, "environment.A must be text; put it in quotes"),
    "a number later": (lambda: {"environment": {"A": later(5)}}, "environment.A must be text; put it in quotes"),
    "a zero byte later": (
        lambda: {"environment": {"A": later("canary-42\0")}},
        "environment.A must be text without zero bytes, which a variable cannot contain",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_variable_is_refused_by_name_and_without_its_value(case: str) -> None:
    more, message = REFUSED[case]
    with pytest.raises(pulumi.RunError) as caught:
        run(lambda: deploy("shop", mine(), **more()), {})
    assert str(caught.value) == f"shop cannot be deployed:\n  - {message}"


def test_what_is_known_is_refused_before_any_resource_and_all_at_once() -> None:
    made: list[str] = []

    class Watching(Recording):
        def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[Any, Any]]:
            made.append(args.name)
            return super().new_resource(args)

    app = replace(AppArgs("Shop"), http_port=22, python="3", tls=TlsArgs(certificate="x", key="canary-42"))

    def program() -> None:
        Deployment("shop", DeploymentArgs(app, mine(), SOURCE, REVISION, environment={"PORT": later("x")}))

    with pytest.raises(pulumi.RunError) as caught:
        run(program, {}, answers=Watching)
    text = str(caught.value)
    assert [line.split()[1].rstrip(":") for line in text.splitlines()[1:]] == [
        "environment.PORT",
        "app",
        "tls.certificate",
        "tls.key",
        "http_port",
        "python",
    ]
    assert "canary-42" not in text
    assert made == []


def test_a_public_url_is_checked_only_where_everybody_may_ask() -> None:
    closed = replace(mine(), firewall=plan((8081,), ("203.0.113.0/24",), ()))
    recording = run(lambda: (deploy("shop", closed), deploy("blog", mine(), 8082)), {})
    names = {each.name for each in recording.registrations}
    assert "shop-check-public-url" not in names
    assert "blog-check-public-url" in names


@pytest.mark.parametrize(("disk", "told"), [(None, ""), ("mounted", "mounted"), ("/dev/vdb", "/dev/vdb")])
def test_the_machine_is_told_where_its_disk_for_data_is(disk: str | None, told: str) -> None:
    recording = run(lambda: deploy("shop", replace(mine(), data_disk=disk)), {})
    assert specification(recording, "shop-prepare")["data_disk"] == told
    recording = run(lambda: deploy("shop", replace(mine(), data_disk=later(disk))), {})
    assert specification(recording, "shop-prepare")["data_disk"] == told


def test_the_machine_is_prepared_again_when_its_disk_for_data_has_grown() -> None:
    machine = replace(mine(), data_disk="/dev/vdb", data_disk_size=later(12))
    assert specification(run(lambda: deploy("shop", machine), {}), "shop-prepare")["data_disk_size"] == 12


def test_a_disk_for_data_that_is_no_device_is_refused_before_any_resource() -> None:
    with pytest.raises(pulumi.RunError, match=r"data_disk: is 'vdb'; it must be empty, mounted, or the path of a"):
        run(lambda: deploy("shop", replace(mine(), data_disk="vdb")), {})


def test_the_machine_is_told_of_the_apps_database_before_the_release_and_with_it() -> None:
    def program() -> None:
        app = AppArgs("shop", http_port=8081, database=Database("postgres", ("pg_trgm",)))
        Deployment("shop", DeploymentArgs(app, mine(), SOURCE, REVISION))

    recording = run(program, {})
    nowhere = {"host": "", "port": 5432, "region": "", "secret": "", "storage": 0}
    wanted = {"engine": "postgres", "extensions": ["pg_trgm"], "server": nowhere}
    assert specification(recording, "shop-prepare")["database"] == wanted
    assert specification(recording, "shop-release")["database"] == wanted


def test_the_machine_is_told_where_the_database_server_is_once_that_is_known() -> None:
    there = Server("db.example.org", 5433, "eu-central-1", "arn:aws:secretsmanager:eu-central-1:1:secret:rds!db-1", 20)

    def program() -> None:
        machine = replace(mine(), database=pulumi.Output.from_input("any").apply(lambda _: there))
        for name, engine in (("shop", "rds"), ("blog", "postgres"), ("plain", "")):
            app = AppArgs(name, http_port=8081, database=Database(engine))
            Deployment(name, DeploymentArgs(app, machine, SOURCE, REVISION))

    recording = run(program, {})
    told = {
        (name, step): specification(recording, f"{name}-{step}")["database"]["server"]["host"]
        for name in ("shop", "blog", "plain")
        for step in ("prepare", "release")
    }
    # A machine forgets of a database there when there is no server any more, so each app is told.
    assert told == {
        ("shop", "prepare"): "db.example.org",
        ("shop", "release"): "db.example.org",
        ("blog", "prepare"): "db.example.org",
        ("blog", "release"): "",
        ("plain", "prepare"): "db.example.org",
        ("plain", "release"): "",
    }
    assert specification(recording, "shop-release")["database"]["server"] == codec.plain(there)


def test_a_url_of_another_database_beside_that_of_the_machine_is_refused_before_any_resource() -> None:
    def program() -> None:
        app = AppArgs("shop", http_port=8081, database=Database("postgres"))
        Deployment("shop", DeploymentArgs(app, mine(), SOURCE, REVISION, secrets={"DATABASE_URL": "canary"}))

    with pytest.raises(pulumi.RunError, match=r"secrets\.DATABASE_URL: is set, but database is postgres") as caught:
        run(program, {})
    assert "canary" not in str(caught.value)


def test_an_owner_of_ones_own_is_what_the_machine_knows_and_no_shell_reads() -> None:
    recording = run(lambda: deploy("shop", mine(), owner="shops/blue"), {})
    assert specification(recording, "shop-prepare")["owner"] == "shops/blue"
    assert " --owner shops/blue --keep-data" in recording.one("shop-removal").inputs["delete"]
    with pytest.raises(pulumi.RunError, match=r"owner: is 'a; b'; it must be a name such as launchpad/dev"):
        run(lambda: deploy("shop", mine(), owner="a; b"), {})
