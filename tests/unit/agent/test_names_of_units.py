"""Apps may be called as they like: no unit, file or note of one is taken for another's."""

from __future__ import annotations

import fnmatch
from pathlib import Path

import pytest

from infra.agent.backup import at_boot, programs
from infra.agent.process import pause
from infra.agent.removal import app_parts
from infra.agent.system import layout, manifest
from infra.agent.system.layout import UNITS, App

OTHERS = tuple(
    App(f"a-{name}") for name in ("run", "pack", "unpack", "files", "task", "tidy", "restore", "cache", "cron", "a")
)


def units(app: App) -> set[str]:
    """All units that an app has, or may have."""
    folders = (Path(name) for name in ("data", "restore", "drill"))
    moving = {programs.unit(app, module, folder) for module in ("pack", "unpack") for folder in folders}
    files = set(app.files_units[:2])
    own = {
        app.cache_unit,
        at_boot.unit(app).name,
        app.run(7),
        *(app.task(name) for name in ("task", "tidy", "restore")),
    }
    jobs = {f"{app.job_template.stem}backup.service", app.job_template.name, app.template.name}
    return moving | files | own | jobs | {app.unit("blue"), app.unit("run"), app.unit("worker.2")}


@pytest.mark.parametrize("other", OTHERS, ids=[other.name for other in OTHERS])
def test_what_stops_an_app_stops_nothing_of_another(other: App) -> None:
    one = App("a")
    assert not units(one) & units(other)
    for first, second in ((one, other), (other, one)):
        for pattern in pause.patterns(first):
            assert not fnmatch.filter(units(second), pattern), pattern


@pytest.mark.parametrize("other", OTHERS, ids=[other.name for other in OTHERS])
def test_what_removes_an_app_removes_no_unit_of_another_and_forgets_none(
    other: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (layout, app_parts, at_boot):
        monkeypatch.setattr(module, "UNITS", tmp_path)
    (tmp_path / "multi-user.target.wants").mkdir()
    for name in units(other):
        for folder in (tmp_path, tmp_path / "multi-user.target.wants"):
            (folder / name).touch()
    gone = app_parts._files(App("a"))
    assert [path for path in gone if path.name in units(other)] == []
    assert [name for name in units(other) if manifest.belongs(str(UNITS / name), App("a"))] == []
