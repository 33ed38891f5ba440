"""The pure parts of backups: restic's command lines and errors, the units, and what counts as too old."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from infra.agent.backup import (
    at_boot,
    dumps,
    listing,
    mending,
    places,
    programs,
    records,
    restic,
    run,
    settings,
    streams,
    units,
    verbs,
)
from infra.agent.backup.records import Places
from infra.agent.backup.restic import Snapshot
from infra.agent.machine import backup_state
from infra.agent.machine.backup_state import NEVER, AppBackup, Backup
from infra.agent.process import slots
from infra.agent.services import postgres_dump
from infra.agent.system import manifest, sh, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.protocol import schedules
from infra.protocol.backups import BackupSpec, Keep

FOLDER = BackupSpec(
    owner="shop/prod",
    apps=("shop",),
    repository="/mnt/backup",
    password="correct horse battery",
    schedule="0 3 * * *",
    keep=Keep(daily=7, monthly=12),
)
SFTP = dataclasses.replace(
    FOLDER, repository="sftp://ana@nas.example.org:2222/shop", private_key="PRIVATE", host_key="ssh-ed25519 AAAA"
)
S3 = dataclasses.replace(FOLDER, repository="s3:https://s3.example.org/shop", access_key="AKIA1", secret_key="hush1234")
PLACES = Places("shop/prod")
KEYS = "--password-file /etc/launchpad/backup.d/shop:prod.password --cache-dir /var/cache/launchpad-backup/shop:prod"


def test_a_backup_is_taken_from_standard_input_and_named_by_its_stack_and_app() -> None:
    assert " ".join(restic.backup(FOLDER, PLACES, "shop")) == (
        f"restic --repo /mnt/backup {KEYS} backup --json --quiet --stdin --stdin-filename shop.tar --host shop/prod "
        "--tag launchpad,app=shop"
    )
    assert " ".join(restic.dump(FOLDER, PLACES, Snapshot("ab12", "shop", ""))) == (
        f"restic --repo /mnt/backup {KEYS} dump --no-lock ab12 /shop.tar"
    )
    assert " ".join(restic.snapshots(FOLDER, PLACES, "shop")) == (
        f"restic --repo /mnt/backup {KEYS} snapshots --json --no-lock --host shop/prod --tag launchpad,app=shop"
    )


def test_ssh_trusts_the_one_host_key_and_offers_the_one_key() -> None:
    words = restic.command(SFTP, PLACES, "init")
    assert words[:3] == ["restic", "--repo", "sftp:ana@nas.example.org:/shop"]
    assert words[-3:] == [
        "-o",
        "sftp.command=ssh -F none -i /etc/launchpad/backup.d/shop:prod.key -o IdentitiesOnly=yes -o BatchMode=yes "
        "-o StrictHostKeyChecking=yes -o UserKnownHostsFile=/etc/launchpad/backup.d/shop:prod.known_hosts "
        "-o GlobalKnownHostsFile=none -o ConnectTimeout=20 -o ServerAliveInterval=30 -o ServerAliveCountMax=4 -p 2222 "
        "ana@nas.example.org -s sftp",
        "init",
    ]


def test_no_secret_is_in_a_command_line() -> None:
    for spec in (FOLDER, SFTP, S3):
        for words in (restic.backup(spec, PLACES, "shop"), restic.forget(spec, PLACES), restic.command(spec, PLACES)):
            assert not any(secret in word for secret in spec.secrets() for word in words)
    assert restic.environment(S3)["AWS_SECRET_ACCESS_KEY"] == "hush1234"
    assert "AWS_ACCESS_KEY_ID" not in restic.environment(FOLDER)


def test_nothing_is_forgotten_where_all_backups_stay() -> None:
    assert " ".join(restic.forget(FOLDER, PLACES)[7:]) == (
        "forget --quiet --host shop/prod --tag launchpad --group-by host,tags --keep-daily 7 --keep-monthly 12 --prune"
    )
    assert restic.forget(dataclasses.replace(FOLDER, keep=Keep()), PLACES) == []


@pytest.mark.parametrize(
    ("printed", "told"),
    [
        ("Fatal: wrong password or no key found", "has another password than launchpad:backup.password. Set the"),
        ("Fatal: config cannot be loaded: unsupported repository version", "was made by a newer restic than this"),
        ("Fatal: config cannot be loaded: unsupported repository version 3", "was made by a newer restic than this"),
        ("Save(<data/1>) failed: write: no space left on device", "is full. Make room there, or keep fewer backups."),
        (
            "Fatal: unable to open config file: stat /mnt/backup/config: no such file or directory\nIs there a repository "
            "at the following location?",
            "is gone: there is nothing of restic's at that place any more.",
        ),
        ("Fatal: repository does not exist: unable to open config file", "is gone: "),
        ("subprocess ssh: Host key verification failed.", "is on a server with another host key than"),
        (
            "subprocess ssh: ana@host: Permission denied (publickey).",
            "is on a server that refuses launchpad:backup.pri",
        ),
        ("subprocess ssh: ssh: connect to host nas port 22: Connection refused", "is not in reach of the machine."),
        ("dial tcp: lookup s3: no such host", "is not in reach of the machine."),
        ("client.BucketExists: Access Denied.", "is in a bucket that refuses launchpad:backup.access_key"),
        ("client.PutObject: The specified bucket does not exist", "is in a bucket that does not exist."),
        ("unable to create lock in backend: repository is already locked by PID 1", "is locked by another program"),
        ("mkdir /mnt/backup/data: permission denied", "cannot be written by the machine."),
        ("a\nb\n\nsomething new\n", "cannot be used: a b something new"),
        ("", "cannot be used: restic said nothing"),
    ],
)
def test_what_restic_prints_is_told_as_what_it_means(printed: str, told: str) -> None:
    assert restic.meaning(FOLDER, printed).startswith(f"The repository /mnt/backup {told}")


OF_EVERY_COMMAND = {"--repo", "--password-file", "--cache-dir", "-o", "--json", "--quiet", "--no-lock"}
OLDEST: dict[str, set[str]] = {
    "backup": {"--stdin", "--stdin-filename", "--host", "--tag"},
    "snapshots": {"--host", "--tag"},
    "forget": {
        "--host",
        "--tag",
        "--group-by",
        "--prune",
        "--keep-last",
        "--keep-hourly",
        "--keep-daily",
        "--keep-weekly",
    }
    | {"--keep-monthly", "--keep-yearly"},
    "dump": set(),
    "init": set(),
    "cat": set(),
    "check": set(),
}
"""The options that restic 0.12.1 has, which Ubuntu 22.04 brings. Source: cmd/restic of that version."""


@pytest.mark.parametrize("spec", [FOLDER, SFTP, S3], ids=["folder", "sftp", "s3"])
def test_the_oldest_restic_knows_every_option(spec: BackupSpec) -> None:
    spec = dataclasses.replace(spec, keep=Keep(1, 1, 1, 1, 1, 1))
    lines = [
        restic.backup(spec, PLACES, "shop"),
        restic.snapshots(spec, PLACES, "shop"),
        restic.dump(spec, PLACES, Snapshot("01234567", "shop", "")),
        restic.forget(spec, PLACES),
        *(each(spec, PLACES) for each in (restic.look, restic.init, restic.check)),
    ]
    for line in lines:
        name = next(word for word in line if word in OLDEST)
        used = {word for word in line if word.startswith("-")}
        assert used <= OF_EVERY_COMMAND | OLDEST[name], line
    assert {next(word for word in line if word in OLDEST) for line in lines} == OLDEST.keys()


def test_a_program_that_reports_its_progress_all_the_time_waits_for_nobody_to_read_that() -> None:
    busy = (
        "import sys\n"
        'for number in range(50_000): print(\'{"message_type":"status","percent_done":%d}\' % number)\n'
        "sys.stdout.flush()\n"
        "size = len(sys.stdin.buffer.read())\n"
        'print(\'{"message_type":"summary","snapshot_id":"%08d"}\' % size)'
    )
    with programs.running([sys.executable, "-c", busy], {}, feed=True, silent=True) as program:
        assert program.process.stdin is not None
        with program.process.stdin as stream:
            stream.write(bytes(1_000_000))
        assert program.process.wait() == 0
        assert restic.saved(program.printed()) == "01000000"


def test_a_name_that_an_app_has_chosen_cannot_command_a_terminal() -> None:
    report = {
        "problems": ["a\x1b]0;title\x07b\u202ec: is gone"],
        "notes": ["x\ny\x9b2J"],
        "files": 1,
        "bytes": 2,
        "rows": 3,
    }
    found = streams._report(json.dumps(report).encode(), {}, {})
    assert found.problems == ("a\ufffd]0;title\ufffdb\ufffdc: is gone",)
    assert found.notes == ("x y\ufffd2J",)


def test_snapshots_are_read_the_oldest_first_and_others_left_out() -> None:
    text = (
        '[{"id": "bbbbbbbbbbbb", "time": "2026-11-02T03:00:00Z", "tags": ["launchpad", "app=shop"]},'
        ' {"id": "aaaaaaaaaaaa", "time": "2026-11-01T03:00:00Z", "tags": ["launchpad", "app=blog"]},'
        ' {"id": "cccccccccccc", "time": "2026-11-03T03:00:00Z", "tags": null}]'
    )
    assert restic.parse(text) == [
        Snapshot("aaaaaaaa", "blog", "2026-11-01T03:00:00Z"),
        Snapshot("bbbbbbbb", "shop", "2026-11-02T03:00:00Z"),
    ]
    assert restic.parse("null") == restic.parse("") == []
    with pytest.raises(Failure, match="something else than a list of snapshots: Fatal"):
        restic.parse("Fatal")


def test_the_snapshot_that_was_taken_is_the_one_of_the_summary() -> None:
    assert restic.saved('{"message_type": "status"}\n{"message_type": "summary", "snapshot_id": "0123456789"}\n') == (
        "01234567"
    )
    assert restic.saved("done") == ""


def test_the_units_can_write_to_the_repository_and_little_else() -> None:
    text = units.service(FOLDER, PLACES, units.BACKUP)
    assert "ExecStart=/usr/local/bin/launchpad-agent backup run --owner shop/prod\n" in text
    assert (
        "ReadWritePaths=/var/lib/launchpad /srv -/mnt/launchpad -/var/lib/launchpad-postgresql -/run/launchpad "
        "/var/cache/launchpad-backup "
        "-/mnt/backup\n"
    ) in text
    assert "PrivateNetwork=yes\n" in text
    assert "IOWeight=20\n" in text
    remote = units.service(SFTP, PLACES, units.DRILL)
    assert "backup drill-all --owner shop/prod\n" in remote
    assert "/var/cache/launchpad-backup\n" in remote
    assert "PrivateNetwork" not in remote
    assert "OnCalendar=*-*-* 03:00:00\nAccuracySec=1min\nPersistent=yes\n" in units.timer(FOLDER)
    assert "OnCalendar=weekly\n" in units.drill_timer(FOLDER)
    assert not any(secret in text + remote for spec in (FOLDER, SFTP) for secret in spec.secrets())


def test_the_apps_data_is_packed_by_the_app_and_proved_by_somebody_that_it_cannot_reach() -> None:
    packing = programs.command(App("shop"), "pack", "shop", Path("/srv/shop/data"), (Path("/srv/shop/data"),))
    for word in ("User=shop", "NoNewPrivileges=yes", "CapabilityBoundingSet=", "PrivateNetwork=yes", "MemoryMax=2G"):
        assert f"--property={word}" in packing
    assert packing[-1] == "/srv/shop/data"
    proving = programs.command(App("shop"), "unpack", "launchpad-backup", Path("/a"), (Path("/a"),))
    assert {
        "--property=User=launchpad-backup",
        "--property=Group=launchpad-backup",
        "--property=ReadWritePaths=/a",
    } <= {*proving}
    assert "--property=User=shop" not in proving


@pytest.mark.parametrize(
    ("schedule", "now", "due"),
    [
        ("0 3 * * *", "2026-11-27 04:00", "2026-11-27 03:00"),
        ("0 3 * * *", "2026-11-27 02:59", "2026-11-26 03:00"),
        ("0 3 * * *", "2026-11-27 03:00", "2026-11-27 03:00"),
        ("*/20 * * * *", "2026-11-27 04:39", "2026-11-27 04:20"),
        ("0 0 * * 0", "2026-11-27 12:00", "2026-11-22 00:00"),
        ("30 1 29 2 *", "2026-11-27 12:00", "2024-02-29 01:30"),
        ("0 0 1 * 5", "2026-11-30 00:00", "2026-11-27 00:00"),
    ],
)
def test_the_last_time_that_a_backup_was_due(schedule: str, now: str, due: str) -> None:
    found = backup_state.last_due(schedules.parse(schedule), datetime.fromisoformat(now))
    assert found == datetime.fromisoformat(due)


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


GOOD: AppBackup = {**NEVER, "snapshot": "ab", "taken": at("2026-11-27 03:00"), "verified": at("2026-11-27 03:00")}


@pytest.mark.parametrize(
    ("change", "since", "now", "reason"),
    [
        ({}, "2026-11-01", "2026-11-27 12:00", ""),
        ({}, "2026-11-01", "2026-11-28 03:59", ""),
        ({}, "2026-11-01", "2026-11-28 04:01", "the last verified backup is older than the schedule (0 3 * * *) wants"),
        ({"error": "it is full"}, "2026-11-01", "2026-11-27 12:00", "it is full"),
        ({"verified": None}, "2026-11-27 10:00", "2026-11-27 12:00", ""),
        ({"verified": None}, "2026-11-26 10:00", "2026-11-27 12:00", "no backup has been verified yet"),
    ],
)
def test_a_backup_is_red_if_it_failed_or_none_was_verified_since_one_was_due(
    change: dict[str, object], since: str, now: str, reason: str
) -> None:
    kept: AppBackup = {**GOOD, **change}  # type: ignore[typeddict-item]
    assert backup_state.wrong(kept, "0 3 * * *", at(since), at(now)) == reason


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for module in (backup_state, records):
        monkeypatch.setattr(module, "BACKUP_STATE", tmp_path)
    monkeypatch.setattr(backup_state, "BACKUPS", tmp_path / "wanted")
    (tmp_path / "wanted").mkdir()
    (tmp_path / "wanted" / "shop:prod.json").touch()
    settings._note(FOLDER, Places("shop/prod"))
    yield tmp_path / "shop:prod.json"


def test_the_state_of_an_app_is_told_to_people_and_as_a_warning(state: Path) -> None:
    assert backup_state.of("blog") is None
    assert backup_state.lines(None) == backup_state.warning("blog") == []
    now = time.time()
    found = backup_state.of("shop", now)
    assert found is not None
    assert (found["state"], found["repository"]) == ("green", "/mnt/backup")
    assert backup_state.lines(found, now) == ["  backup       none verified yet"]
    counted = {"verified": now - 7300, "verified_snapshot": "ab12", "files": 3, "bytes": 2_500_000, "rows": 500}
    backup_state.keep(state, "shop", counted)
    assert backup_state.lines(backup_state.of("shop", now), now) == [
        "  backup       verified 2 hours ago: snapshot ab12 (3 files, 2.5 MB, 500 rows in SQLite)"
    ]
    backup_state.keep(state, "shop", {"files": 1, "rows": 0, "tables": 12})
    assert backup_state.lines(backup_state.of("shop", now), now) == [
        "  backup       verified 2 hours ago: snapshot ab12 (1 file, 2.5 MB, 12 tables in PostgreSQL)"
    ]
    backup_state.keep(state, "shop", {**counted, "tables": None, "error": "it is full"})
    assert backup_state.lines(backup_state.of("shop", now), now) == [
        "  backup       RED, verified 2 hours ago: snapshot ab12 (3 files, 2.5 MB, 500 rows in SQLite)",
        "THE BACKUP IS NOT AS IT SHOULD BE: it is full",
    ]
    assert backup_state.warning("shop", now) == ["The backup of shop is not as it should be: it is full"]


def test_what_a_stack_left_that_has_no_backups_here_says_nothing(state: Path) -> None:
    assert backup_state.of("shop") is not None
    (state.parent / "wanted" / state.name).unlink()
    assert backup_state.of("shop") is None


def test_an_app_whose_backup_failed_waits_for_the_others_the_next_time(state: Path) -> None:
    spec, where = dataclasses.replace(FOLDER, apps=("a", "b", "c")), Places("shop/prod")
    assert run.in_turn(spec, where) == ["a", "b", "c"]
    backup_state.keep(state, "a", {"error": "did not end"})
    assert run.in_turn(spec, where) == ["b", "c", "a"]
    assert "\nTimeoutStartSec=144h\n" in units.service(spec, where, units.BACKUP)


def test_what_is_written_down_of_an_error_commands_no_terminal(state: Path) -> None:
    backup_state.keep(state, "shop", {"error": "\x1b[2Jgone\x9b: x\nlast"})
    assert backup_state.read(state)["shop"]["error"] == "gone\ufffd: x\nlast"


def test_another_place_or_schedule_is_measured_anew(state: Path) -> None:
    backup_state.keep(state, "shop", {"error": "it is full"})
    settings._note(FOLDER, Places("shop/prod"))
    assert backup_state.read(state)["shop"]["error"] == "it is full"
    settings._note(dataclasses.replace(FOLDER, repository="/mnt/other"), Places("shop/prod"))
    assert backup_state.read(state) == {}


def test_a_list_of_backups_marks_the_one_that_is_proved(state: Path) -> None:
    backup_state.keep(state, "shop", {"verified": time.time(), "verified_snapshot": "bb"})
    found = backup_state.of("shop")
    assert found is not None
    snapshots = [
        listing.Listed(id="aa", when="2026-11-01T03:00:00.123456789+01:00", verified=False),
        listing.Listed(id="bb", when="2026-11-02T03:00:00Z", verified=True),
    ]
    lines = listing.text(listing.Listing(app="shop", backup=found, snapshots=snapshots)).splitlines()
    assert lines[0] == "shop: 2 snapshots in /mnt/backup"
    assert lines[1].startswith("aa  2026-11-01 ")
    assert lines[2].endswith("  verified")
    one = listing.text(listing.Listing(app="shop", backup=found, snapshots=snapshots[:1]))
    assert one.startswith("shop: 1 snapshot in /mnt/backup\n")


def test_what_is_wrong_with_the_backups_is_told_of_every_app_and_once_where_it_is_the_same(state: Path) -> None:
    backup_state.keep(state, "shop", {})
    well = backup_state.of("shop")
    assert well is not None
    full, slow = (Backup(**{**well, "error": why}) for why in ("it is full", "no room"))
    assert verbs.problems({"shop": well, "blog": well}) == ""
    assert verbs.problems({"shop": full}) == "it is full"
    assert verbs.problems({"shop": full, "blog": full}) == "it is full"
    assert verbs.problems({"shop": full, "blog": well}) == "\n  shop: it is full"
    assert verbs.problems({"shop": full, "blog": slow}) == "\n  shop: it is full\n  blog: no room"


def test_a_folder_that_somebody_else_can_change_is_no_place_for_a_repository(tmp_path: Path) -> None:
    if os.geteuid():
        with pytest.raises(Failure, match="not a folder that only root can change"):
            settings.check_folder(tmp_path / "backup")
        return
    tmp_path.chmod(0o777)
    with pytest.raises(Failure, match=f"but {tmp_path} is a link, or not a folder that only root can change"):
        settings.check_folder(tmp_path / "backup")
    tmp_path.chmod(0o755)
    settings.check_folder(tmp_path / "backup" / "shop")
    (tmp_path / "link").symlink_to("/srv")
    with pytest.raises(Failure, match="is a link"):
        settings.check_folder(tmp_path / "link" / "shop")


@pytest.mark.parametrize("able", [True, False], ids=["attribute", "inode"])
def test_a_folder_that_was_marked_is_known_again_where_it_is_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, able: bool
) -> None:
    if not able:
        monkeypatch.setattr(os, "setxattr", lambda *_: Path("/nowhere").stat())
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    mark = places.mark(one)
    places.exchange(one, other)
    assert (places.is_marked(one, mark), places.is_marked(other, mark)) == (False, True)
    assert not places.is_marked(other, "another")
    places.unmark(other)
    if not mark.startswith(places.INODE):
        assert not places.is_marked(other, mark)


def test_two_folders_take_each_others_place_in_one_step(tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "note").write_text(name)
    places.exchange(tmp_path / "new", tmp_path / "old")
    assert [(tmp_path / name / "note").read_text() for name in ("old", "new")] == ["new", "old"]
    with pytest.raises(FileNotFoundError):
        places.exchange(tmp_path / "new", tmp_path / "gone")
    assert (tmp_path / "new" / "note").read_text() == "old"


def test_a_repository_that_is_locked_is_tried_again_and_nothing_else_is(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    answers: Iterator[Failure | str] = iter([Failure(restic.meaning(FOLDER, "repository is already locked")), "ok"])

    def work() -> str:
        answer = next(answers)
        if isinstance(answer, Failure):
            raise answer
        return answer

    assert (run._patiently(work), waits) == ("ok", [30.0])
    answers = iter([Failure("The repository is full")])
    with pytest.raises(Failure, match="full"):
        run._patiently(work)
    assert len(waits) == 1


@pytest.fixture
def restoring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, list[str]]]:
    """An app whose restore was killed after the exchange of its data, and what is done with it."""
    app, done = App("shop"), list[str]()
    top, data = tmp_path / "unpacked", tmp_path / "data"
    new = top / "restore" / "data"
    for folder, text in ((new, "former"), (data, "new")):
        folder.mkdir(parents=True)
        (folder / "note").write_text(text)
    monkeypatch.setattr("infra.agent.system.layout.STATE", tmp_path)
    monkeypatch.setattr("infra.agent.system.layout.RUN", tmp_path / "run")
    monkeypatch.setattr(at_boot, "UNITS", tmp_path / "units")
    monkeypatch.setattr(systemd, "WANTS", tmp_path / "units" / "wants")
    monkeypatch.setattr(manifest, "FILE", tmp_path / "manifest")
    (tmp_path / "shop").mkdir()
    noted = {"units": ["shop@blue.service"], "closed": True, "database": 7, "new": places.mark(data), "who": "ana"}
    app.restore.write_text(json.dumps(noted))
    monkeypatch.setattr(places, "data", lambda _app: data)
    monkeypatch.setattr(places, "scratch", lambda _app: top)
    monkeypatch.setattr(places, "show", lambda _app: None)
    monkeypatch.setattr(places, "remove", lambda _app, name: done.append(f"remove {name}"))
    monkeypatch.setattr(programs, "end", lambda *_: None)
    monkeypatch.setattr(mending, "units_of", lambda _app: [])
    monkeypatch.setattr(systemd, "stop_all", lambda _names: None)
    monkeypatch.setattr(systemd, "start_all", done.extend)
    monkeypatch.setattr(slots, "serving", lambda _app: None)
    monkeypatch.setattr(postgres_dump, "oid", lambda _app: 7)
    monkeypatch.setattr(dumps, "load", lambda _app, _file: done.append("load the former database"))
    yield data, done


def test_data_goes_back_if_a_kill_came_before_the_database(restoring: tuple[Path, list[str]]) -> None:
    data, done = restoring
    at_boot.begin(App("shop"))
    mending.settle(App("shop"))
    assert (data / "note").read_text() == "former"
    assert done == ["shop@blue.service", "remove restore"]
    assert not any(path.exists() for path in (App("shop").restore, App("shop").settling, at_boot.unit(App("shop"))))
    assert not any(systemd.WANTS.iterdir())


def test_nothing_of_the_app_starts_before_what_a_restore_began_is_being_ended(
    restoring: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    del restoring
    app, seen = App("shop"), list[tuple[bool, bool]]()
    monkeypatch.setattr(systemd, "start_all", lambda _: seen.append((app.restore.exists(), app.settling.exists())))
    mending.settle(app)
    assert seen == [(True, True)]


def test_after_a_power_failure_the_machine_ends_a_restore_by_itself(restoring: tuple[Path, list[str]]) -> None:
    del restoring
    app = App("shop")
    at_boot.begin(app)
    assert (systemd.WANTS / "launchpad-shop.restore.service").readlink() == at_boot.unit(app)
    assert at_boot.unit(app).read_text().splitlines()[1:] == [
        "[Unit]",
        "Description=The end of a restore of shop that was interrupted",
        f"ConditionPathExists={app.restore}",
        "RequiresMountsFor=/srv/shop/data",
        "After=launchpad-postgresql.service",
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=exec",
        "ExecStart=/usr/local/bin/launchpad-agent backup mend --app shop --who the-start-of-the-machine",
        "Restart=on-failure",
        "RestartSec=30",
        "SyslogIdentifier=launchpad-backup",
        "",
        "[Install]",
        "WantedBy=multi-user.target",
    ]


def test_data_and_database_stay_new_if_a_kill_came_after_both(
    restoring: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, done = restoring
    monkeypatch.setattr(postgres_dump, "oid", lambda _app: 8)
    mending.settle(App("shop"))
    assert (data / "note").read_text() == "new"
    assert done == ["shop@blue.service", "remove restore"]


def test_both_go_back_if_the_app_is_not_healthy_with_them(
    restoring: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, done = restoring
    monkeypatch.setattr(postgres_dump, "oid", lambda _app: 8)
    (data.parent / "unpacked" / "former.pgdump").write_bytes(b"PGDMP")

    def start(_app: App, _units: list[str]) -> None:
        raise Failure("no answer")

    monkeypatch.setattr(mending, "_start", start)
    with pytest.raises(Failure, match="shop is not healthy with the restored data, so it has its former data again"):
        mending.settle(App("shop"))
    assert (data / "note").read_text() == "former"
    assert done == ["load the former database", "shop@blue.service", "remove restore"]


def test_a_way_back_that_was_killed_is_gone_to_its_end(restoring: tuple[Path, list[str]]) -> None:
    data, done = restoring
    noted = json.loads(App("shop").restore.read_text())
    App("shop").restore.write_text(json.dumps({**noted, "reason": "no answer"}))
    (data.parent / "unpacked" / "former.pgdump").write_bytes(b"PGDMP")
    with pytest.raises(Failure, match=r"former data again\. no answer"):
        mending.settle(App("shop"))
    assert (data / "note").read_text() == "former"
    assert done == ["load the former database", "shop@blue.service", "remove restore"]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "unable to remove <snapshot/5f2d> from the repository: Access Denied",
            "lets the machine delete nothing, but launchpad:backup.keep has it remove old backups",
        ),
        (
            'Remove(<snapshot/5f2d>) failed: sftp: "Permission denied" (SSH_FX_PERMISSION_DENIED)',
            "lets the machine delete",
        ),
        ("Fatal: unable to open repository: Access Denied", "refuses launchpad:backup.access_key and secret_key"),
    ],
)
def test_a_repository_that_is_append_only_is_told_with_the_key_that_wants_more(
    monkeypatch: pytest.MonkeyPatch, said: str, told: str
) -> None:
    monkeypatch.setattr(sh, "run", lambda *_words, **_more: sh.Finished(1, "", said))
    with pytest.raises(Failure, match=told):
        restic.tidy(S3, PLACES, ["restic", "forget"])
