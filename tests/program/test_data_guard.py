"""The guard of the stack's data in the whole program: it depends on all the rest, and nothing goes before it."""

from __future__ import annotations

import asyncio
import json
import runpy
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import config

from infra.deployment import data_guard, settled
from infra.machines.contract import Machine, SshAccess
from infra.machines.firewall import UNMANAGED
from tests.program import registrations
from tests.program.recorder import HOST_KEY, Recording, record

ROOT = Path(__file__).parents[2]
KINDS: dict[str, dict[str, str]] = {
    "embedded": {},
    "server": {
        "machine": "server",
        "server.host": "203.0.113.7",
        "server.host_key": HOST_KEY,
        "server.firewall": "on",
        "apps": json.dumps({"shop": {"http_port": 8001}, "blog": {"http_port": 8002, "delete_data": "true"}}),
    },
}


def everything(values: dict[str, str]) -> dict[str, dict[str, Any]]:
    """What the program registers, by name; components without anything of their own are left out."""
    config.set_all_config({f"launchpad:{key}": value for key, value in values.items()}, [])
    found = registrations.registered(lambda: runpy.run_path(str(ROOT / "__main__.py")), Recording(), "prod")
    return {each["name"]: each for each in found if not each["type"].startswith("launchpad:infra:")}


@pytest.mark.usefixtures("ssh_agent")
@pytest.mark.parametrize("kind", KINDS)
def test_a_destroy_deletes_the_guard_before_anything_else(kind: str) -> None:
    found = everything(KINDS[kind])
    guard = found.pop("data-guard")
    assert set(guard["options"]["depends_on"]) >= set(found)
    assert len(found) > 10
    # With a machine that it would be deleted with, it would never be asked.
    assert "deleted_with" not in guard["options"]
    assert all("data-guard" not in each["options"].get("depends_on", ()) for each in found.values())


@pytest.mark.usefixtures("ssh_agent")
def test_the_guard_knows_the_terms_and_the_way() -> None:
    guard = record({**KINDS["server"], "on_destroy": ""}).one("data-guard")
    assert {name: guard.inputs[name] for name in ("kind", "stays", "on_destroy", "unsaid", "able", "apps", "disk")} == {
        "kind": "server",
        "stays": True,
        "on_destroy": "",
        "unsaid": "",
        "able": ["delete", "keep"],
        "apps": {"shop": False, "blog": True},
        "disk": False,
    }
    assert (guard.inputs["place"], guard.inputs["host"], guard.inputs["stack"]) == (
        {"server.host": "203.0.113.7"},
        "203.0.113.7",
        "test",
    )
    guard = record({"on_destroy": "delete"}).one("data-guard")
    assert (guard.inputs["on_destroy"], guard.inputs["unsaid"], guard.inputs["instance"]) == ("delete", "delete", "i-1")
    assert "private_key" in guard.secrets


def test_what_failed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    failed = "app-check-public-url"

    async def succeeded(resource: pulumi.Resource) -> bool:
        return resource._name != failed

    monkeypatch.setattr(settled, "succeeded", succeeded)
    found = everything({})
    guard = found.pop("data-guard")
    assert set(found) - set(guard["options"]["depends_on"]) == {failed}


def test_without_a_machine_nothing_is_deleted() -> None:
    async def waits() -> None:
        unknown = pulumi.Output(set(), _now(None), _now(False))
        access = SshAccess("198.18.0.2", HOST_KEY, None)
        machine = Machine("ec2", "198.18.0.2", access, unknown, "b-1", UNMANAGED)
        with pytest.raises(pulumi.RunError, match="The machine is not as it shall be, so nothing is removed"):
            await data_guard._made(machine, [])

    asyncio.run(waits())


@pytest.mark.usefixtures("ssh_agent")
def test_where_no_machine_is_reached_the_one_that_it_takes_the_place_of_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    failed: list[str] = ["shop-wait-for-ssh"]

    async def succeeded(resource: pulumi.Resource) -> bool:
        return resource._name not in failed

    monkeypatch.setattr(settled, "succeeded", succeeded)
    assert "data-guard" in everything(KINDS["server"]), "one app was reached"
    failed.append("blog-wait-for-ssh")
    with pytest.raises(pulumi.RunError, match="The machine was not reached, so nothing is removed in this update"):
        everything(KINDS["server"])


def _now(value: Any) -> asyncio.Future[Any]:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future
