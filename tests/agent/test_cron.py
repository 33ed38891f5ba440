"""Scheduled jobs: their times, their sandbox, and what deployments, failures and downtime do to them."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from infra.agent.process.calendars import calendars
from infra.protocol import schedules
from tests import crontab
from tests.agent.lab import APP, Lab, Repo

SECRET = "caught-4711"
NIGHTLY = f"launchpad-{APP}.cron@nightly"
WEB = "web: gunicorn --workers 1 app:app\n"
JOB = """\
import os, sys, time
from pathlib import Path

data = Path(os.environ["DATA_DIR"])
with open(data / "runs", "a") as runs:
    runs.write(" ".join((os.environ["LAUNCHPAD_RELEASE"], os.environ["LAUNCHPAD_PROCESS"])) + "\\n")
print("begun by", os.environ["KEY"], sys.prefix, os.getcwd(), os.getuid(), flush=True)
while (data / "wait").exists():
    time.sleep(0.1)
try:
    Path("written").touch()
except OSError:
    print("the tree is read-only", flush=True)
print("ended in", Path("marker").read_text(), flush=True)
sys.exit(int((data / "status").read_text()) if (data / "status").exists() else 0)
"""
SCHEDULES = (
    "*/7 3-5 * * *",
    "0 0 13 * 5",
    "15,45 22 1-7 * 1",
    "0 12 29 2 *",
    "30 4 */10 1-3,11 *",
    "0 0 31 * 0-2/2",
    "59 23 28-31 12 7",
    "5 5 */2 * 6",
    "0 0 30 2 3",
    "1-59/29 0-23/11 * * 5-7",
)


@pytest.fixture(scope="module")
def repo(lab: Lab, flask: Repo) -> Iterator[Repo]:
    """Releases with the job nightly, one of which is never healthy; the first serves."""
    nightly = "cron.nightly: 0 3 * * * python job.py\n"
    flask.commit("first", {"Procfile": f"{WEB}{nightly}cron: @weekly true\n", "job.py": JOB})
    flask.commit("second", {"Procfile": f"{WEB}{nightly}"})
    flask.commit("third")
    flask.commit("sick", {"Procfile": "web: false\ncron.nightly: 0 4 * * * python job.py\ncron.other: @daily true\n"})
    flask.commit("none", {"Procfile": WEB})
    deploy(lab, flask, "first")
    yield flask


def deploy(lab: Lab, repo: Repo, marker: str, **spec: Any) -> dict[str, Any]:
    return lab.deploy(repo, marker, env={"COLOR": "red"}, secrets={"KEY": SECRET}, **spec).data()


def jobs(lab: Lab) -> dict[str, Any]:
    found = lab.serving()["jobs"]
    assert isinstance(found, dict)
    return found


def last(lab: Lab) -> dict[str, Any]:
    found = jobs(lab)["nightly"]["last"]
    assert isinstance(found, dict)
    return found


def runs(lab: Lab) -> list[str]:
    return lab.run("sudo cat /srv/app/data/runs").out.splitlines()


def serving_pid(lab: Lab) -> int:
    status = lab.serving()
    return int(status["processes"][status["slot"]]["pid"])


def wait(what: Callable[[], object], seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.2)


def run(lab: Lab) -> None:
    """Have the job run now, to its end."""
    begun = lab.sudo(f"launchpad-agent job --app {APP} nightly")
    assert begun == "cron.nightly has started. Its log: launchpad logs --process cron.nightly\n"
    wait(lambda: lab.run(f"systemctl is-active {NIGHTLY}.service").out.strip() in ("inactive", "failed"))


def files(lab: Lab) -> str:
    """Everything on the machine that makes jobs run."""
    names = f"ls *{APP}.cron* timers.target.wants; cat launchpad-{APP}.cron@* /etc/launchpad/{APP}/launch/cron@*"
    return lab.sudo(f"sh -c 'cd /etc/systemd/system; {names}'")


def test_systemd_computes_the_times_that_cron_means(lab: Lab) -> None:
    start = datetime(2027, 1, 30, 23, 58, 30, tzinfo=UTC)
    for schedule in SCHEDULES:
        times = set()
        for calendar in calendars(schedules.parse(schedule)):
            shown = lab.run(
                f"TZ=UTC systemd-analyze calendar --iterations=6 --base-time=@{start.timestamp():.0f} '{calendar}'"
            )
            rows = [row.split(": ", 1)[1] for row in shown.out.splitlines() if "Next elapse" in row or "Iter" in row]
            times |= {datetime.strptime(row, "%a %Y-%m-%d %H:%M:%S UTC").replace(tzinfo=UTC) for row in rows}
        assert sorted(times)[:6] == crontab.first(schedule, start, 6), schedule


@pytest.mark.usefixtures("repo")
def test_a_job_runs_as_the_other_processes_do_and_its_run_is_in_status_and_log(lab: Lab) -> None:
    release = lab.serving()["release"]
    before = jobs(lab)["nightly"]
    assert (before["schedule"], before["command"], before["release"]) == ("0 3 * * *", "python job.py", release)
    assert (before["last"], before["running"]) == (None, None)
    assert datetime.fromtimestamp(before["next"], UTC).strftime("%H:%M:%S") == "03:00:00"
    assert set(jobs(lab)) == {"cron", "nightly"}
    run(lab)
    assert runs(lab) == [f"{release} cron.nightly"]
    user = lab.run("id -u app").out.strip()
    shown = lab.sudo(f"launchpad-agent logs --app {APP} --process cron.nightly --release {release}")
    assert f" /srv/app/releases/{release} {user}\n" in shown
    assert "begun by [secret] /srv/app/python/venvs/" in shown
    assert "the tree is read-only" in shown
    assert shown == lab.sudo(f"launchpad-agent logs --app {APP} --process nightly --release {release}")
    assert "begun by" in lab.sudo(f"launchpad-agent logs --app {APP}")
    assert SECRET not in lab.sudo(f"systemctl show {NIGHTLY}.service {NIGHTLY}.timer") + lab.run("ps axe").out
    ended = last(lab)
    assert (ended["result"], ended["reason"], ended["release"], ended["failures"]) == ("ok", "", release, 0)
    assert 0 < ended["seconds"] < 60
    assert abs(ended["when"] - time.time()) < 60
    lines = lab.sudo(f"launchpad-agent status --app {APP}").splitlines()
    (line,) = (line for line in lines if "cron.nightly" in line)
    assert line.startswith("  cron.nightly 0 3 * * *  last 20")
    assert ", ok after " in line
    assert line.endswith(" 03:00:00")


@pytest.mark.usefixtures("repo")
def test_a_job_that_fails_is_named_with_its_exit_status(lab: Lab) -> None:
    lab.sudo("sh -c 'echo 3 > /srv/app/data/status'")
    run(lab)
    run(lab)
    assert last(lab) | {"when": 0, "seconds": 0} == {
        **dict.fromkeys(("when", "seconds"), 0),
        "result": "failed",
        "reason": "exit status 3",
        "release": lab.serving()["release"],
        "failures": 2,
    }
    text = lab.sudo(f"launchpad-agent status --app {APP}")
    assert ": exit status 3, 2 times in a row; " in text
    assert "see launchpad logs --process cron.nightly" in text
    lab.sudo("rm /srv/app/data/status")
    run(lab)
    assert (last(lab)["result"], last(lab)["failures"]) == ("ok", 0)


def test_a_running_job_ends_on_its_own_release_and_the_next_run_uses_the_new_one(lab: Lab, repo: Repo) -> None:
    old = lab.serving()["release"]
    count = len(runs(lab))
    lab.sudo("touch /srv/app/data/wait")
    lab.sudo(f"systemctl start {NIGHTLY}.service")
    wait(lambda: len(runs(lab)) == count + 1)
    assert jobs(lab)["nightly"]["running"] == old
    for marker in ("second", "third"):
        deploy(lab, repo, marker, keep_releases=1)
    new = lab.serving()["release"]
    running = lab.sudo(f"launchpad-agent job --app {APP} nightly")  # never two at once
    assert running == "cron.nightly is running already. Its log: launchpad logs --process cron.nightly\n"
    unknown = lab.run(f"sudo launchpad-agent job --app {APP} nosuch")
    assert (unknown.code, "There is no job nosuch; there are nightly." in unknown.err) == (1, True)
    found = jobs(lab)
    assert list(found) == ["nightly"], "a job that the release does not have is still there"
    assert (found["nightly"]["running"], found["nightly"]["release"]) == (old, new)
    lab.sudo("rm /srv/app/data/wait")
    wait(lambda: jobs(lab)["nightly"]["running"] is None)
    assert (last(lab)["result"], last(lab)["release"]) == ("ok", old)
    assert "ended in first" in lab.sudo(f"launchpad-agent logs --app {APP} --process cron.nightly")
    run(lab)
    assert runs(lab)[count:] == [f"{old} cron.nightly", f"{new} cron.nightly"]
    assert last(lab)["release"] == new


def test_a_failed_deployment_changes_no_job_and_a_rollback_restores_those_of_its_release(lab: Lab, repo: Repo) -> None:
    deploy(lab, repo, "third")
    before, status = files(lab), jobs(lab)
    failed = lab.deploy(repo, "sick", secrets={"KEY": SECRET}, env={"COLOR": "red"})
    assert failed.code == 1
    assert (files(lab), jobs(lab)) == (before, status)
    deploy(lab, repo, "none")
    assert jobs(lab) == {}
    assert "nightly" not in lab.sudo(
        "sh -c 'ls /etc/systemd/system /etc/systemd/system/*.wants /var/lib/systemd/timers'"
    )
    lab.run(f"sudo launchpad-agent rollback --app {APP} --revision {repo.revisions['third']}").data()
    assert (files(lab), set(jobs(lab))) == (before, {"nightly"})


def test_jobs_change_with_the_settings_alone(lab: Lab, repo: Repo) -> None:
    pid = serving_pid(lab)
    cron = [
        {"name": "nightly", "schedule": "@yearly", "command": "true"},
        {"name": "own", "schedule": "@daily", "command": "a"},
    ]
    deploy(lab, repo, "third", cron=cron)
    assert {name: job["schedule"] for name, job in jobs(lab).items()} == {"nightly": "@yearly", "own": "@daily"}
    assert deploy(lab, repo, "third", cron=cron)["changed"] is False
    assert serving_pid(lab) == pid
    deploy(lab, repo, "third", cron=[{"name": "nightly"}])
    assert jobs(lab) == {}
    deploy(lab, repo, "third")
    assert set(jobs(lab)) == {"nightly"}


def test_the_timer_runs_the_job_and_no_deployment_loses_or_doubles_a_run(lab: Lab, repo: Repo) -> None:
    deploy(lab, repo, "third")
    lab.sudo(f"mkdir -p /etc/systemd/system/{NIGHTLY}.timer.d")
    lab.sudo(f"tee /etc/systemd/system/{NIGHTLY}.timer.d/often.conf", "[Timer]\nOnCalendar=\nOnCalendar=*:*:0/4\n")
    count = len(runs(lab))
    lab.sudo("systemctl daemon-reload")
    wait(lambda: len(runs(lab)) > count)
    began = float(lab.run("date +%s.%N").out)
    deploy(lab, repo, "second", keep_releases=1)
    new = f"{lab.serving()['release']} cron.nightly"
    wait(lambda: runs(lab)[-2:] == [new, new])
    seconds = float(lab.run("date +%s.%N").out) - began
    log = lab.sudo(f"journalctl -o short-unix --unit {NIGHTLY}.service --since @{began:.0f} --grep '(begun|ended) '")
    lab.sudo(f"rm -r /etc/systemd/system/{NIGHTLY}.timer.d")
    lab.sudo("systemctl daemon-reload")
    lines = [line.split() for line in log.splitlines()]
    events = [(float(when), word) for when, _, _, word, *_ in lines]
    assert sum(word == "begun" for _, word in events) < seconds / 4 + 1.5, "a run was doubled"
    # Where runs take longer than their schedule, as on a busy computer, one follows right after the other.
    pauses = [later - earlier for (earlier, end), (later, _) in pairwise(events) if end == "ended"]
    assert pauses
    assert max(pauses) < 8, "a run was lost"
    assert all(one != other for (_, one), (_, other) in pairwise(events)), "two ran at once"


@pytest.mark.usefixtures("repo")
def test_a_missed_run_is_caught_up_once_after_downtime(lab: Lab) -> None:
    count = len(runs(lab))
    lab.sudo(f"touch --date '3 days ago' /var/lib/systemd/timers/stamp-{NIGHTLY}.timer")
    lab.power_off()
    lab.power_on()
    wait(lambda: len(runs(lab)) > count)
    wait(lambda: jobs(lab)["nightly"]["running"] is None)
    assert len(runs(lab)) == count + 1
    assert last(lab)["result"] == "ok"
    assert jobs(lab)["nightly"]["next"] > time.time()
