"""The manifest: what is noted down of the machine, and what is not."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.agent.system import files, manifest
from infra.agent.system.layout import App
from infra.agent.system.manifest import ABSENT, DIRECTORY, REGULAR, Entry


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A manifest of this test's own, for files below ``etc``."""
    monkeypatch.setattr(manifest, "STATE", tmp_path / "state")
    monkeypatch.setattr(manifest, "FILE", tmp_path / "state/manifest.jsonl")
    monkeypatch.setattr(manifest, "SHARED", (tmp_path / "etc",))
    monkeypatch.setattr(manifest, "_known", manifest._Known())
    manifest._entries.clear()
    yield tmp_path
    manifest._entries.clear()


def own() -> tuple[int, int]:
    return os.geteuid(), os.getegid()


def test_a_file_is_noted_as_it_is_to_be_and_forgotten_with_what_is_below(machine: Path) -> None:
    files.write(machine / "etc/unit", "one\n")
    files.write(machine / "etc/unit", "two\n", 0o600)
    files.directory(machine / "etc/folder", 0o750, own())
    files.write(machine / "etc/folder/inner", "three\n")
    files.write(machine / "elsewhere", "four\n")
    assert manifest.entries() == {
        str(machine / "etc/unit"): Entry(REGULAR, "two\n", 0o600, *own()),
        str(machine / "etc/folder"): Entry(DIRECTORY, "", 0o750, *own()),
        str(machine / "etc/folder/inner"): Entry(REGULAR, "three\n", 0o644, *own()),
    }
    files.remove_tree(machine / "etc/folder")
    assert list(manifest.entries()) == [str(machine / "etc/unit")]
    assert manifest.FILE.stat().st_mode & 0o777 == 0o600


def test_what_stays_as_it_is_noted_adds_no_line(machine: Path) -> None:
    for _ in range(3):
        files.write(machine / "etc/unit", "one\n")
    assert len(manifest.FILE.read_text().splitlines()) == 1


def test_lines_of_another_run_count_and_damaged_ones_do_not(machine: Path) -> None:
    files.write(machine / "etc/unit", "one\n")
    with manifest.FILE.open("a") as stream:
        stream.write(json.dumps({"what": "/etc/other", "kind": ABSENT}) + '\n{"what": "/etc/cut')
    assert manifest.entries()["/etc/other"] == Entry(ABSENT)
    assert len(manifest.entries()) == 2


def test_the_line_after_one_that_was_cut_off_counts(machine: Path) -> None:
    files.write(machine / "etc/unit", "one\n")
    with manifest.FILE.open("a") as stream:
        stream.write('{"what": "/etc/cut')
    files.write(machine / "etc/unit", "two\n")
    manifest._entries.clear()
    manifest._known.mark = (0, 0)
    assert manifest.entries() == {str(machine / "etc/unit"): Entry(REGULAR, "two\n", 0o644, *own())}


def test_outdated_lines_go(machine: Path) -> None:
    for number in range(50):
        files.write(machine / "etc/unit", f"{number}\n")
    manifest.tidy()
    assert len(manifest.FILE.read_text().splitlines()) == 1
    assert manifest.entries() == {str(machine / "etc/unit"): Entry(REGULAR, "49\n", 0o644, *own())}


def test_nothing_is_noted_once_it_is_removed(machine: Path) -> None:
    files.write(machine / "etc/unit", "one\n")
    manifest.remove()
    files.write(machine / "etc/unit", "two\n")
    assert not manifest.FILE.exists()


@pytest.mark.parametrize(
    ("path", "kind", "kept"),
    [
        ("/etc/systemd/system/shop@.service", REGULAR, True),
        ("/etc/launchpad/shop/launch/blue.json", REGULAR, True),
        ("/etc/launchpad/shop/runs/7.json", REGULAR, False),
        ("/etc/launchpad/shop/task/launch.json", REGULAR, False),
        ("/usr/local/lib/launchpad/stop.py", REGULAR, True),
        ("/usr/local/lib/launchpad/agent-0123456789ab/infra/agent/cli.py", REGULAR, False),
        ("/var/lib/launchpad/shop/serving/green", REGULAR, True),
        ("/var/lib/launchpad/shop/starts.json", REGULAR, False),
        ("/var/lib/launchpad/shop", DIRECTORY, True),
        ("/srv/shop/releases", DIRECTORY, True),
        ("/srv/shop/python/venvs", DIRECTORY, True),
        ("/srv/shop/python/venvs/0123", DIRECTORY, False),
        ("/srv/shop/releases/0123456789ab", DIRECTORY, False),
        ("/srv/shop/data/file", REGULAR, False),
        ("/run/launchpad/app-shop.lock", REGULAR, False),
    ],
)
def test_what_is_kept(path: str, kind: str, kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert manifest.is_kept(Path(path), kind) is kept


def test_what_belongs_to_an_app() -> None:
    shop = App("shop")
    names = (
        "shop@.service",
        "shop@blue.service.d/stop.conf",
        "launchpad-shop.cron@x.timer",
        "launchpad-shop-files.socket",
    )
    assert all(manifest.belongs(f"/etc/systemd/system/{name}", shop) for name in names)
    assert all(manifest.belongs(what, shop) for what in ("user shop", "/srv/shop/data", "/etc/launchpad/tls/shop/a"))
    others = ("shop-two@.service", "launchpad-shop-two-files.socket", "launchpad-proxy.service")
    assert not any(manifest.belongs(f"/etc/systemd/system/{name}", shop) for name in others)
    assert not manifest.belongs("user shop-two", shop)
