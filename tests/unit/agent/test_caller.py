"""Who a deployment is recorded for: never somebody who only pushed."""

import os
import time
from pathlib import Path

import pytest

from infra.agent.release import caller
from infra.agent.system import caller_address
from infra.agent.system.layout import App

APP = App("app")
ONE, TWO = "1" * 40, "2" * 40


@pytest.fixture(autouse=True)
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Where the caller comes from."""
    now = {"address": "192.0.2.1"}
    monkeypatch.setattr("infra.agent.system.layout.STATE", tmp_path)
    monkeypatch.setattr(caller_address, "client", lambda: now["address"])
    monkeypatch.setenv("SUDO_USER", "deploy")
    if os.geteuid() != 0:  # on the machine the agent is root
        for name in ("chown", "fchown"):
            monkeypatch.setattr(os, name, lambda *_: None)
    return now


def test_the_deployment_after_a_push_is_the_pushers_once() -> None:
    caller.note_pusher(APP, "ada@laptop", ONE)
    assert caller.who(APP, ONE) == "ada@laptop"
    assert caller.who(APP, ONE) == "deploy from 192.0.2.1, pushed by ada@laptop"


def test_another_revision_or_address_is_not_the_pushers(address: dict[str, str]) -> None:
    caller.note_pusher(APP, "ada@laptop", ONE)
    assert caller.who(APP, TWO) == "deploy from 192.0.2.1"
    address["address"] = "192.0.2.2"
    assert caller.who(APP, ONE) == "deploy from 192.0.2.2, pushed by ada@laptop"


def test_two_who_push_at_once_keep_their_names() -> None:
    caller.note_pusher(APP, "ada@laptop", ONE)
    caller.note_pusher(APP, "bob@desk", TWO)
    assert (caller.who(APP, ONE), caller.who(APP, TWO)) == ("ada@laptop", "bob@desk")


def test_a_push_of_long_ago_names_nobody_for_a_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    caller.note_pusher(APP, "ada@laptop", ONE)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + caller.FRESH)
    assert caller.who(APP, ONE) == "deploy from 192.0.2.1, pushed by ada@laptop"
    monkeypatch.setattr(time, "time", lambda: now + caller.KEEP + 60)
    caller.note_pusher(APP, "bob@desk", TWO)
    assert caller.who(APP, ONE) == "deploy from 192.0.2.1"


def test_names_and_revisions_of_a_push_cannot_harm(tmp_path: Path) -> None:
    caller.note_pusher(APP, "a\x1b[2Jb\u2028c", ONE)
    caller.note_pusher(APP, "ada", "../../etc")
    assert caller.who(APP, ONE) == "a\N{REPLACEMENT CHARACTER}[2Jb c"
    assert [path.name for path in tmp_path.rglob("*.json")] == [f"{ONE}.json"]
