"""The snapshot before a data disk is deleted: complete, or the disk stays."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.machines.aws import session
from infra.machines.lightsail.last_snapshot import LastSnapshotProvider, take
from infra.machines.providers import PlainError


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "said AWS"}}, "Anything")


class Lightsail:
    """An account with a disk, whose snapshot goes through the given states."""

    def __init__(self, *states: str, disk: bool = True, taken: bool = False) -> None:
        self.states = list(states)
        self.disk, self.taken = disk, taken
        self.made: list[dict[str, Any]] = []

    def __call__(self, *_where: str) -> "Lightsail":
        return self

    def get_disk(self, **_asked: Any) -> dict[str, Any]:
        if not self.disk:
            raise error("NotFoundException")
        return {}

    def create_disk_snapshot(self, **asked: Any) -> None:
        if self.taken:
            raise error("InvalidInputException")
        self.made.append(asked)

    def get_disk_snapshot(self, **_asked: Any) -> dict[str, Any]:
        if not self.states:
            raise error("NotFoundException")
        return {"diskSnapshot": {"state": self.states.pop(0) if len(self.states) > 1 else self.states[0]}}


def test_it_is_waited_for() -> None:
    account, slept = Lightsail("pending", "pending", "completed"), list[float]()
    assert take(account, "data-1", slept.append) == "data-1-last"
    assert account.made == [{"diskName": "data-1", "diskSnapshotName": "data-1-last"}]
    assert slept == [5, 5]


def test_one_that_a_destroy_began_before_is_gone_on_with() -> None:
    account = Lightsail("pending", "completed", taken=True)
    assert take(account, "data-1", lambda _: None) == "data-1-last"


def test_a_refusal_is_no_snapshot() -> None:
    with pytest.raises(ClientError):
        take(Lightsail(taken=True), "data-1", lambda _: None)


def test_a_disk_that_is_gone_has_none() -> None:
    assert take(Lightsail(disk=False), "data-1") == ""


@pytest.mark.parametrize(("states", "said"), [(["error"], "error"), ([], "it is not there")])
def test_without_a_complete_one_the_disk_is_not_deleted(states: list[str], said: str) -> None:
    with pytest.raises(PlainError) as caught:
        take(Lightsail(*states), "data-1", lambda _: None, timeout=-1)
    assert str(caught.value) == (
        f"The snapshot data-1-last of the data disk data-1 is not complete ({said}), so the disk was not deleted. Look at it "
        "in Lightsail's console, and run pulumi destroy again"
    )


def test_the_end_takes_one_only_where_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    account = Lightsail("completed")
    monkeypatch.setattr(session, "client", account)
    noted = {"disk": "data-1", "region": "eu-central-1"}
    provider = LastSnapshotProvider()
    provider.delete("data-1-last", {**noted, "wanted": False})
    assert account.made == []
    provider.delete("data-1-last", {**noted, "wanted": True})
    assert len(account.made) == 1


def test_what_aws_refuses_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "client", Lightsail(taken=True))
    with pytest.raises(PlainError, match=r"that launchpad:on_destroy asks for: .* The disk was not deleted"):
        LastSnapshotProvider().delete("x", {"disk": "data-1", "region": "eu-central-1", "wanted": True})


def test_another_wish_changes_it_in_place() -> None:
    noted = {"disk": "data-1", "region": "eu-central-1", "wanted": False}
    provider = LastSnapshotProvider()
    assert provider.create(noted).id == "data-1-last"
    assert provider.diff("x", noted, noted).changes is False
    changed = provider.diff("x", noted, {**noted, "wanted": True})
    assert (changed.changes, changed.replaces) == (True, [])
    assert provider.diff("x", noted, {**noted, "disk": "data-2"}).replaces == ["disk"]
    assert provider.update("x", noted, {**noted, "wanted": True}).outs == {**noted, "wanted": True}
