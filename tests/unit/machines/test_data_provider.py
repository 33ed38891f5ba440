"""What Pulumi is told about the disk for data, by what the driver sees."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from infra.machines.embedded import client
from infra.machines.embedded.answers import Machines
from infra.machines.embedded.data_provider import DataProvider
from infra.machines.embedded.requests import ClaimData, InspectData, ListMachines, ReleaseData, Request
from infra.machines.embedded.shell import MachineError
from infra.machines.embedded.state import DataState, Owner
from infra.machines.providers import PlainError
from infra.protocol import codec

OWNER = Owner("/work/clone", "launchpad", "dev", "machine")
MOVED = replace(OWNER, clone="/home/ana/clone")
INPUTS: dict[str, Any] = {"disk": "lp00000001", "owner": codec.plain(OWNER), "on_destroy": "keep"}
USED = DataState("used", "lp00000001", OWNER, 4 * 2**30, 12 * 2**20, image="/data/lp00000001/data.img")
KEPT = replace(USED, state="kept", kept="2026-11-27 18:00 UTC")


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts an answer in the driver's place; gives what it will have been asked."""

    def answer_with(found: DataState = USED, error: str = "", others: tuple[DataState, ...] = ()) -> list[Request[Any]]:
        asked: list[Request[Any]] = []

        def ask(request: Request[Any]) -> DataState | Machines:
            asked.append(request)
            if error:
                raise MachineError(error)
            return Machines(disks=others) if isinstance(request, ListMachines) else found

        monkeypatch.setattr(client, "ask", ask)
        return asked

    return answer_with


def test_a_disk_that_is_kept_is_found_and_said_in_the_preview(driver: Any, capsys: pytest.CaptureFixture[str]) -> None:
    driver(KEPT)
    assert DataProvider().check({}, dict(INPUTS)).failures == []
    told = "the disk for data is there, kept on 2026-11-27 18:00 UTC: 12M in /data/lp00000001/data.img"
    assert told in capsys.readouterr().err
    driver(DataState("absent", "lp00000001"))
    assert DataProvider().check({}, dict(INPUTS)).failures == []
    assert capsys.readouterr().err == ""


def test_for_a_disk_of_the_state_no_driver_starts_as_the_machines_check_asks_for_it(driver: Any) -> None:
    asked = driver(USED)
    assert DataProvider().check(INPUTS, dict(INPUTS)).failures == []
    assert asked == []


def test_a_stack_that_begins_empty_is_told_of_the_disk_that_one_of_its_name_has_kept(
    driver: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    absent = DataState("absent", "lp00000002")
    inputs = {**INPUTS, "disk": "lp00000002", "owner": codec.plain(MOVED)}
    strangers = tuple(replace(KEPT, owner=replace(OWNER, stack=name)) for name in ("prod", ""))
    driver(absent, others=(USED, *strangers))
    assert DataProvider().check({}, inputs).failures == []
    assert capsys.readouterr().err == ""
    driver(absent, others=(KEPT,))
    assert DataProvider().check({}, inputs).failures == []
    assert (
        "DATA: this stack begins with an empty disk. Stack dev of /work/clone has kept one on 2026-11-27 18:00 UTC: 12M "
        "in /data/lp00000001/data.img. To go on with that one: launchpad data adopt lp00000001 --stack dev"
    ) in capsys.readouterr().err


@pytest.mark.parametrize("other", [MOVED, replace(OWNER, stack="prod"), replace(OWNER, project="shop"), Owner()])
def test_nobody_is_given_somebody_elses_disk(driver: Any, other: Owner) -> None:
    driver(replace(KEPT, owner=other))
    (failure,) = DataProvider().check({}, dict(INPUTS)).failures
    assert failure.reason == (
        f"The disk for data /data/lp00000001/data.img belongs to stack {other.stack or '?'} of project "
        f"{other.project or '?'} in {other.clone or '?'}, and not to this one. Nothing was changed."
    )


def test_a_moved_clone_keeps_its_disk_and_nothing_changes(driver: Any) -> None:
    driver(USED)
    news = {"disk": "lp99999999", "owner": codec.plain(MOVED), "on_destroy": "keep"}
    checked = DataProvider().check(INPUTS, news)
    assert (checked.failures, checked.inputs) == ([], INPUTS)
    assert DataProvider().diff("lp00000001", INPUTS, checked.inputs).changes is False


def test_what_becomes_of_it_changes_in_place_and_counts_when_it_is_deleted(driver: Any) -> None:
    asked = driver(USED)
    provider, later = DataProvider(), {**INPUTS, "on_destroy": "snapshot"}
    assert provider.diff("lp00000001", INPUTS, dict(INPUTS)).changes is False
    assert provider.diff("lp00000001", INPUTS, later).replaces == []
    assert provider.create(dict(INPUTS)).id == "lp00000001"
    provider.update("lp00000001", INPUTS, later)
    provider.delete("lp00000001", later)
    assert asked == [
        ClaimData("lp00000001", OWNER, "keep"),
        ClaimData("lp00000001", OWNER, "snapshot"),
        ReleaseData("lp00000001", "snapshot"),
    ]


def test_a_disk_that_is_gone_or_kept_is_in_no_state_any_more(driver: Any) -> None:
    asked = driver(USED)
    assert DataProvider().read("lp00000001", INPUTS).id == "lp00000001"
    assert asked == [InspectData("lp00000001")]
    for found in (KEPT, DataState("absent")):
        driver(found)
        assert DataProvider().read("lp00000001", INPUTS).id == ""


def test_the_drivers_errors_are_told_as_they_are(driver: Any) -> None:
    driver(error="no")
    for call in (lambda: DataProvider().create(dict(INPUTS)), lambda: DataProvider().delete("lp00000001", INPUTS)):
        with pytest.raises(PlainError, match=r"^no$"):
            call()
    assert [each.reason for each in DataProvider().check({}, dict(INPUTS)).failures] == ["no"]
