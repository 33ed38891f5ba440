"""Scheduled jobs on the machine: their units, the record of their ends, and what people read of them."""

import difflib
import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from infra.agent.process import record_job_shim, timers, units
from infra.agent.process.starts import Start
from infra.agent.release import job_status
from infra.agent.release.job_status import Ending, LastRun, ScheduledJob
from infra.agent.system import instances, layout, unit_state
from infra.agent.system.layout import App

APP = App("shop")
TIMER = """\
# Written by launchpad-agent; changes are overwritten by the next deployment.
[Unit]
Description=shop (cron.nightly: 0 3 1 * 5)

[Timer]
OnCalendar=*-*-01 03:00:00
OnCalendar=Fri *-*-* 03:00:00
AccuracySec=1us
Persistent=yes

[Install]
WantedBy=timers.target

[X-Launchpad]
Schedule=0 3 1 * 5
"""


def test_a_job_has_the_sandbox_of_the_other_processes_and_ends() -> None:
    lines = difflib.ndiff(units.template(APP, 30).splitlines(), timers.service(APP, 30).splitlines())
    assert [line for line in lines if line[0] in "-+"] == [
        "- Description=shop (%i)",
        "+ Description=shop (cron.%i)",
        "- LoadCredential=launch:/etc/launchpad/shop/launch/%i.json",
        "+ LoadCredential=launch:/etc/launchpad/shop/launch/cron@%i.json",
        "- Restart=always",
        "+ Restart=no",
        "- SyslogIdentifier=shop-%i",
        "+ SyslogIdentifier=shop-cron.%i",
        "+ ExecStopPost=+/usr/bin/python3 -IS /usr/local/lib/launchpad/record_job.py %n "
        "/var/lib/launchpad/shop/jobs/%i.json",
        "- ",
        "- [Install]",
        "- WantedBy=multi-user.target",
    ]


def test_a_timer_catches_up_and_says_its_schedule() -> None:
    assert timers.timer(APP, "nightly", "0 3 1 * 5") == TIMER
    found = timers.SCHEDULE.search(TIMER)
    assert found
    assert found[1] == "0 3 1 * 5"


@pytest.mark.parametrize("name", ["nightly", "2", "blue", "cron", "run", "a-1", "-", "A_b", "a" * 100])
def test_the_units_of_a_job_are_those_of_no_other_app_or_process(name: str) -> None:
    unit = APP.unit(instances.job(name))
    assert unit == f"launchpad-shop.cron@{name}.service"
    assert APP.timer(name) == layout.UNITS / f"launchpad-shop.cron@{name}.timer"
    assert APP.instance(unit) == instances.job(name) == f"cron@{name}"
    assert instances.process(instances.job(name)) == instances.label(instances.job(name)) == f"cron.{name}"
    assert (instances.job_name(instances.job(name)), instances.job_name(instances.instance(name, 2))) == (name, "")
    for other in ("shop-cron", "launchpad-shop", "launchpad-shop-cron", "sho"):
        assert App(other).instance(unit) == ""
    for number in (1, 2):
        assert APP.instance(APP.unit(instances.instance(name, number))) == instances.instance(name, number)
    assert len(unit) < 256


def record(result: str = "success", code: str = "exited", status: str = "0", **more: Any) -> dict[str, Any]:
    """What the shim writes down."""
    end = {"service_result": result, "exit_code": code, "exit_status": status, "invocation": "i"}
    return {"started": 100.0, "ended": 103.25, "failures": 0, **end, **more}


@pytest.mark.parametrize(
    ("end", "ending"),
    [
        (record(), Ending("ok", "")),
        (record(code="killed", status="TERM"), Ending("stopped", "it was stopped")),
        (record("exit-code", status="3"), Ending("failed", "exit status 3")),
        (record("signal", "killed", "SEGV"), Ending("failed", "it was killed by SIGSEGV")),
        (record("core-dump", "dumped", "ABRT"), Ending("failed", "it was killed by SIGABRT")),
        (record("oom-kill", "killed", "KILL"), Ending("failed", "it used more memory than it may, and was killed")),
        (record("resources", "", ""), Ending("failed", "it could not be started")),
    ],
)
def test_how_a_run_ended(end: dict[str, Any], ending: Ending) -> None:
    assert job_status.ending(end) == ending


def test_a_run_belongs_to_the_release_that_it_began_with() -> None:
    known = [Start(50, "cron@a", "old", "o" * 40, ""), Start(101, "cron@a", "new", "n" * 40, "i")]
    assert job_status.last_run(record("exit-code", status="1", failures=2), known, "cron@a") == LastRun(
        when=100, seconds=3.2, result="failed", reason="exit status 1", release="old", failures=2
    )
    assert job_status.last_run({"started": 1}, known, "cron@a") is None


def job(**fields: Any) -> ScheduledJob:
    """A job that has not run yet, but for some of its fields."""
    usual = ScheduledJob(
        schedule="0 3 * * *", command="c", release="new", next=86400.0, running=None, since=None, last=None
    )
    return {**usual, **fields}  # type: ignore[typeddict-item]


def ran(**fields: Any) -> LastRun:
    usual = LastRun(when=60, seconds=1.5, result="ok", reason="", release="old", failures=0)
    return {**usual, **fields}  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        (job(), "0 3 * * *  has not run yet; next 1970-01-02 00:00:00"),
        (job(last=ran()), "0 3 * * *  last 1970-01-01 00:01:00, ok after 1.5 s; next 1970-01-02 00:00:00"),
        (
            job(last=ran(result="failed", reason="exit status 3", failures=2, seconds=300)),
            "0 3 * * *  last 1970-01-01 00:01:00, failed after 5 min: exit status 3, 2 times in a row; "
            "next 1970-01-02 00:00:00; see launchpad logs --process cron.a",
        ),
        (
            job(
                running="old", since=120.0, next=None, last=ran(result="stopped", reason="it was stopped", seconds=9000)
            ),
            "0 3 * * *  running since 1970-01-01 00:02:00 (old); "
            "last 1970-01-01 00:01:00, stopped after 2 h 30 min: it was stopped",
        ),
    ],
)
def test_a_job_for_people(shown: ScheduledJob, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "localtime", time.gmtime)
    assert job_status.line("a", shown) == line


def test_the_end_of_a_run_is_written_down_with_the_failures_in_a_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    monkeypatch.setattr(sys, "argv", ["record_job.py", "unit", str(path)])
    monkeypatch.setattr(record_job_shim, "running", lambda _unit: 2.5)
    monkeypatch.setattr(time, "time", lambda: 100.0)
    failures = []
    for result in ("exit-code", "oom-kill", "success", "exit-code"):
        for name, text in (("SERVICE_RESULT", result), ("EXIT_CODE", "exited"), ("EXIT_STATUS", "1")):
            monkeypatch.setenv(name, text)
        record_job_shim.main()
        failures.append(json.loads(path.read_text())["failures"])
    assert failures == [1, 2, 0, 1]
    found = json.loads(path.read_text())
    assert (found["started"], found["ended"], found["service_result"]) == (97.5, 100, "exit-code")
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_record_counts_no_failures(tmp_path: Path) -> None:
    assert record_job_shim.failures(str(tmp_path / "none")) == 0
    for text in ("", "[]", '{"failures": null}', "{}"):
        (tmp_path / "a").write_text(text)
        assert record_job_shim.failures(str(tmp_path / "a")) == 0


@pytest.mark.parametrize(
    ("shown", "seconds"),
    [
        ("Thu 1970-01-01 01:00:00 UTC", 3600),
        ("", None),
        ("n/a", None),
        ("infinity", None),
        ("Thu 1970-01-01 01:00:00 CET", None),
    ],
)
def test_a_time_that_systemd_shows(shown: str, seconds: float | None) -> None:
    assert unit_state.utc(shown) == seconds
