"""Which slot serves."""

from pathlib import Path

import pytest

from infra.agent.process import slots
from infra.agent.system import manifest
from infra.agent.system.layout import App


def test_switching_slots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manifest, "STATE", tmp_path / "state")
    monkeypatch.setattr(manifest, "FILE", tmp_path / "state/manifest.jsonl")
    monkeypatch.setattr("infra.agent.system.layout.STATE", tmp_path)
    monkeypatch.setattr("os.fchown", lambda *_: None)
    app = App("app")
    found = [slots.serving(app)]
    for slot in ("blue", "green", "green", "blue"):
        slots.switch(app, slot)
        found.append(slots.serving(app))
    assert found == [None, "blue", "green", "green", "blue"]
    assert [slots.other(slot) for slot in (None, "blue", "green")] == ["blue", "green", "blue"]
    slots.close(app)
    assert slots.serving(app) is None


def test_a_suspended_slot_still_serves_as_far_as_the_machine_is_concerned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.agent.system.layout.STATE", tmp_path / "state")
    monkeypatch.setattr("infra.agent.system.layout.SUSPENDED", tmp_path / "suspended")
    monkeypatch.setattr("os.fchown", lambda *_: None)
    app = App("app")
    slots.switch(app, "green")
    slots.suspend(app)
    assert (slots.suspended(app), slots.serving(app)) == (True, "green")
    slots.resume(app)
    slots.resume(app)
    assert (slots.suspended(app), slots.serving(app)) == (False, "green")
