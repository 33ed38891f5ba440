"""``run`` and ``console``: a command in the serving release, with its environment and sandbox, and no trace but its own."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.agent.lab import APP, USER, Lab, Repo

SECRET = "tea-for-two-4711"
RUN = f"sudo launchpad-agent run --app {APP} --who ada@laptop"


@pytest.fixture(scope="module")
def repo(lab: Lab, flask: Repo) -> Iterator[Repo]:
    """The first revision serves, with a variable and a secret."""
    flask.commit("three")
    deploy(lab, flask, "one")
    yield flask


def deploy(lab: Lab, repo: Repo, marker: str, **spec: Any) -> None:
    lab.deploy(repo, marker, env={"COLOR": "red"}, secrets={"KEY": SECRET}, **spec).data()


def connection(lab: Lab, command: str, *options: str) -> list[str]:
    """The words of ssh for a connection of its own."""
    words = [word.replace("ControlMaster=auto", "ControlMaster=no") for word in lab.ssh_words]
    words = ["ControlPath=none" if word.startswith("ControlPath") else word for word in words]
    return [*words, *options, f"{USER}@{lab.address}", command]


def last_run(lab: Lab) -> dict[str, Any]:
    return next(entry for entry in reversed(lab.history()) if entry["kind"] == "run")


def wait_for_end(lab: Lab, seconds: float = 30) -> dict[str, Any]:
    """The last run, once it has ended."""
    until = time.monotonic() + seconds
    while (entry := last_run(lab))["result"] == "running":
        assert time.monotonic() < until, f"still running: {entry}"
        time.sleep(0.3)
    return entry


def units(lab: Lab) -> str:
    return lab.sudo(f"systemctl list-units --plain --no-legend 'launchpad-{APP}-run.*'")


def no_units(lab: Lab, seconds: float = 30) -> bool:
    """Whether no unit of a run is left, once systemd has done with the last one: it ends after the record says so."""
    until = time.monotonic() + seconds
    while units(lab) and time.monotonic() < until:
        time.sleep(0.3)
    return units(lab) == ""


def test_nothing_runs_where_nothing_serves_yet(lab: Lab) -> None:
    done = lab.run(f"{RUN} -- true")
    assert (done.code, done.out) == (1, "")
    assert "No release of app is serving, so there is nothing to run a command in. Deploy one: pulumi up" in done.err
    unknown = lab.run("sudo launchpad-agent run --app nosuch -- true")
    assert unknown.code == 1
    assert "This machine is not prepared for nosuch" in unknown.err
    nothing = lab.run(f"{RUN} --")
    assert "no command is given: launchpad run -- COMMAND..." in nothing.err


@pytest.mark.usefixtures("repo")
def test_a_command_runs_as_the_app_in_its_release_with_its_environment(lab: Lab) -> None:
    code = "import os,sys;print(sys.prefix,os.getcwd(),os.environ['COLOR'],os.environ['KEY'],os.environ['DATA_DIR'])"
    done = lab.run(f'{RUN} -- python -c "{code}"')
    tree = f"/srv/app/releases/{lab.serving()['release']}"
    assert done.code == 0, done.err
    prefix, *rest = done.out.split()
    assert prefix.startswith("/srv/app/python/venvs/")
    assert rest == [tree, "red", SECRET, "/srv/app/data"]
    assert lab.run(f"{RUN} -- id -un").out == "app\n"
    assert lab.run(f"{RUN} -- 'echo $LAUNCHPAD_PROCESS; echo no >&2'").out == "run\n"
    assert lab.run(f"{RUN} -- echo '$COLOR'").out == "$COLOR\n"


@pytest.mark.parametrize(
    ("command", "status"), [("true", 0), ("'exit 3'", 3), ("'kill -KILL $$'", 137), ("'kill $$'", 143), ("nosuch", 127)]
)
@pytest.mark.usefixtures("repo")
def test_the_exit_status_is_passed_on(lab: Lab, command: str, status: int) -> None:
    assert lab.run(f"{RUN} -- {command}").code == status
    assert (last_run(lab)["result"], last_run(lab)["who"]) == ("failed" if status else "ok", "ada@laptop")


@pytest.mark.usefixtures("repo")
def test_a_megabyte_goes_in_and_comes_out_unchanged(lab: Lab) -> None:
    data = os.urandom(2**20) + SECRET.encode()
    done = subprocess.run(connection(lab, f"{RUN} -- cat"), input=data, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == data


@pytest.mark.usefixtures("repo")
def test_a_command_is_kept_from_what_the_app_is_kept_from(lab: Lab) -> None:
    script = (
        "touch $DATA_DIR/ok; touch here; touch /tmp/ok; cat /etc/launchpad/app/launch/blue.json; sudo -n true; ls /proc"
    )
    done = lab.run(f"{RUN} -- '{script}'")
    assert "cannot touch 'here': Read-only file system" in done.err
    assert "/etc/launchpad/app/launch/blue.json: Permission denied" in done.err
    assert "tmp/ok" not in done.err
    assert "DATA_DIR" not in done.err
    assert lab.run("test -e /tmp/ok").code == 1
    assert "\n1\n" not in done.out, "it sees the processes of others"
    lab.sudo("rm /srv/app/data/ok")


@pytest.mark.usefixtures("repo")
def test_a_secret_is_in_the_environment_and_in_no_list_of_processes(lab: Lab) -> None:
    name = lab.run(f"{RUN} --detach -- sh -c 'printenv KEY >$DATA_DIR/key; exec sleep 30'").out.strip()
    unit = f"launchpad-{APP}-{name}.service"
    until = time.monotonic() + 60
    while "sleep 30" not in lab.run("ps axww -o args").out.splitlines():
        assert time.monotonic() < until, "it does not begin"
        time.sleep(0.1)
    assert lab.sudo("cat /srv/app/data/key") == f"{SECRET}\n"
    listed = lab.run("ps axww").out
    assert "sleep 30" in listed
    assert SECRET not in listed
    assert SECRET not in lab.run(f"systemctl show {unit}; systemctl cat {unit}").out
    assert lab.run(f"cat /etc/launchpad/app/runs/*.json; ls /run/credentials/{unit}").out == ""
    assert "A command is running: sh -c 'printenv KEY >$DATA_DIR/key; exec sleep 30' by ada@laptop" in lab.sudo(
        f"launchpad-agent status --app {APP}"
    )
    lab.sudo(f"systemctl stop {unit}")
    assert lab.sudo("ls /etc/launchpad/app/runs") == ""


def test_the_history_tells_a_run_without_its_secrets_from_a_deployment(lab: Lab, repo: Repo) -> None:
    release = lab.serving()["release"]
    assert lab.run(f"{RUN} -- echo {SECRET}").out == f"{SECRET}\n"
    entry = last_run(lab)
    assert {name: entry[name] for name in ("kind", "what", "subject", "who", "result", "release", "switched")} == {
        **{"kind": "run", "what": "run", "subject": "echo [secret]", "who": "ada@laptop", "result": "ok"},
        **{"release": release, "switched": False},
    }
    assert 0 < entry["seconds"] < 20
    table = lab.sudo(f"launchpad-agent releases --app {APP} --runs").splitlines()
    assert re.search(r" ok \(run\) +echo \[secret\]$", table[1])
    assert "(run)" not in lab.sudo(f"launchpad-agent releases --app {APP}"), "runs hide the deployments"
    assert SECRET not in lab.sudo("cat /var/lib/launchpad/app/kept/runs.jsonl")
    deploy(lab, repo, "one")
    assert [each["kind"] for each in lab.history()].count("deployment") == 1, "a run made an unchanged deployment act"
    assert lab.serving()["since"] < entry["when"]


class Terminal:
    """ssh in a terminal of its own."""

    def __init__(self, lab: Lab, command: str) -> None:
        self.seen = ""
        self.ours, theirs = pty.openpty()
        self.resize(33, 101)
        words = connection(lab, command, "-t")
        self.process = subprocess.Popen(words, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
        os.close(theirs)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if hasattr(self, "process"):
            os.kill(self.process.pid, 28)  # SIGWINCH: the terminal is not the one that ssh is controlled by

    def type(self, text: str) -> None:
        os.write(self.ours, text.encode())

    def expect(self, pattern: str, seconds: float = 30) -> None:
        """Read until the pattern is seen; what comes before it is forgotten."""
        until = time.monotonic() + seconds
        while not (match := re.search(pattern, self.seen)):
            assert time.monotonic() < until, f"not seen: {pattern!r} in {self.seen!r}"
            if select.select([self.ours], [], [], 0.2)[0]:
                self.seen += os.read(self.ours, 65536).decode(errors="replace")
        self.seen = self.seen[match.end() :]

    def end(self) -> int:
        code = self.process.wait(30)
        os.close(self.ours)
        return code


@pytest.mark.usefixtures("repo")
def test_a_terminal_has_a_size_and_its_ctrl_c_reaches_the_command(lab: Lab) -> None:
    terminal = Terminal(lab, f"{RUN} --tty -- bash --norc")
    terminal.expect(r"\$ ")
    terminal.type("stty size; tty; echo in=$COLOR\r")
    terminal.expect(r"33 101\r\n/dev/pts/\d+\r\nin=red\r\n")
    terminal.resize(44, 120)
    terminal.type("until [ \"$(stty size)\" = '44 120' ]; do sleep 0.1; done; echo si''ze=$(stty size)\r")
    terminal.expect("size=44 120\r\n")
    terminal.type("sleep 600; echo slept=$?\r")
    time.sleep(1)
    terminal.type("\x03")
    terminal.type("echo after=$?\r")
    terminal.expect("after=130")
    terminal.type("exit 7\r")
    assert terminal.end() == 7


@pytest.mark.usefixtures("repo")
def test_a_terminal_that_is_closed_ends_the_command(lab: Lab) -> None:
    terminal = Terminal(lab, f"{RUN} --tty -- bash --norc")
    terminal.expect(r"\$ ")
    terminal.process.kill()
    terminal.process.wait()
    wait_for_end(lab)
    until = time.monotonic() + 60
    # The command may end by the terminal's own signal before the agent has noted why.
    while (entry := last_run(lab))["result"] != "interrupted" and time.monotonic() < until:
        time.sleep(0.3)
    assert (entry["result"], entry["reason"]) == ("interrupted", "The connection was lost.")
    assert no_units(lab)


@pytest.mark.usefixtures("repo")
def test_a_console_is_python_in_the_release(lab: Lab) -> None:
    console = f"sudo launchpad-agent console --app {APP} --who ada@laptop"
    assert lab.run(console, "import flask, os; print(os.environ['COLOR'])\n").out == "red\n"
    assert last_run(lab)["subject"] == "python"


def test_a_console_is_the_shell_of_manage_py_where_the_app_has_one(lab: Lab, repo: Repo) -> None:
    console = f"sudo launchpad-agent console --app {APP} --who ada@laptop"
    repo.commit("django", {"manage.py": "import sys; print(sys.argv)\n"})
    deploy(lab, repo, "django")
    assert lab.run(console).out == "['manage.py', 'shell']\n"
    (repo.path / "manage.py").unlink()
    (repo.path / "manage.py").symlink_to("/etc/shadow")
    repo.commit("led astray")
    deploy(lab, repo, "led astray")
    assert lab.run(console, "print(6 * 7)\n").out == "42\n", "root looked at where a link of the app leads"
    repo.commit("calm", {"manage.py": None})
    deploy(lab, repo, "calm")


@pytest.mark.usefixtures("repo")
def test_a_command_has_the_limits_of_a_task(lab: Lab) -> None:
    assert lab.run(f"{RUN} -- 'ulimit -u; nice'").out == "4096\n15\n"
    name = lab.run(f"{RUN} --detach -- sleep 30").out.strip()
    unit = f"launchpad-{APP}-{name}.service"
    shown = lab.sudo(
        f"systemctl show {unit} --property=RuntimeMaxUSec,TasksMax,KillMode,OOMScoreAdjust,NoNewPrivileges"
    )
    assert dict(line.split("=") for line in shown.splitlines()) == {
        **{"RuntimeMaxUSec": "1d", "TasksMax": "4096", "KillMode": "control-group", "OOMScoreAdjust": "500"},
        "NoNewPrivileges": "yes",
    }
    lab.sudo(f"systemctl stop {unit}")


@pytest.mark.usefixtures("repo")
def test_a_command_gets_none_of_the_callers_descriptors(lab: Lab) -> None:
    """A program that kept the connection's pipe would keep the connection from closing; a terminal, it could read."""
    held = f"{RUN} -- 'sh -c \"exec sleep 600\" & echo begun'"
    began = time.monotonic()
    assert lab.run(held).out == "begun\n"
    assert time.monotonic() - began < 30
    terminal = Terminal(lab, f"tty; {RUN} -- 'test -t 0 || test -t 1 || test -t 2 || echo none'")
    terminal.expect("none")
    assert terminal.end() == 0


@pytest.mark.usefixtures("repo")
def test_without_a_terminal_tty_is_a_pipe(lab: Lab) -> None:
    assert lab.run(f"{RUN} --tty -- 'test -t 0 || echo none'").out == "none\n"


@pytest.mark.usefixtures("repo")
def test_detached_it_goes_on_and_its_log_is_kept(lab: Lab) -> None:
    hold = "until test -e $DATA_DIR/go; do sleep 0.1; done"
    done = lab.run(f"{RUN} --detach -- 'echo begun; {hold}; echo key=$KEY; exit 5'")
    returned = time.monotonic()
    assert last_run(lab)["result"] == "running"
    assert re.fullmatch(r"run\.\d+\n", done.out)
    assert f"Its log: launchpad logs --process {done.out}" in done.err
    waited = time.monotonic() - returned
    lab.sudo("touch /srv/app/data/go")
    entry = wait_for_end(lab)
    assert (entry["result"], entry["reason"], f"run.{entry['number']}\n") == ("failed", "exit status 5", done.out)
    assert entry["seconds"] >= waited
    lab.sudo("rm /srv/app/data/go")


@pytest.mark.usefixtures("repo")
def test_a_lost_connection_ends_the_command(lab: Lab) -> None:
    process = subprocess.Popen(connection(lab, f"{RUN} -- 'echo begun; sleep 600'"), stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    assert "launchpad-app-run." in units(lab)
    process.kill()
    process.wait()
    entry = wait_for_end(lab)
    assert (entry["result"], entry["reason"]) == ("interrupted", "The connection was lost.")
    assert no_units(lab)
    until = time.monotonic() + 30
    # sudo and the agent have the command among their own words, and end a moment after the record says so.
    while "sleep 600" in (listed := lab.run("ps axww").out):
        assert time.monotonic() < until, listed
        time.sleep(0.3)


@pytest.mark.usefixtures("repo")
def test_an_agent_that_is_killed_takes_the_command_with_it(lab: Lab) -> None:
    process = subprocess.Popen(connection(lab, f"{RUN} -- 'echo begun; sleep 600'"), stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    lab.sudo("pkill -KILL --oldest --full '^/usr/bin/python3 -I /usr/local/bin/launchpad-agent run'")
    process.wait(30)
    entry = wait_for_end(lab)
    assert entry["result"] in ("interrupted", "failed")
    assert no_units(lab)
    assert lab.sudo("ls /etc/launchpad/app/runs") == ""


def test_no_deployment_removes_the_release_that_a_command_runs_in(lab: Lab, repo: Repo) -> None:
    release = lab.serving()["release"]
    name = lab.run(
        f"{RUN} --detach -- sh -c 'while ! test -e $DATA_DIR/go; do sleep 0.2; done; exec python -c print'"
    ).out
    deploy(lab, repo, "two", keep_releases=1)
    deploy(lab, repo, "three", keep_releases=1)
    assert lab.marker() == "three"
    assert release in {entry["release"] for entry in lab.history() if entry["built"]}
    lab.sudo("touch /srv/app/data/go")
    entry = wait_for_end(lab)
    assert (entry["result"], f"run.{entry['number']}\n", entry["release"]) == ("ok", name, release)
    deploy(lab, repo, "two", keep_releases=1)
    assert lab.run(f"test -e /srv/app/releases/{release}").code == 1


@pytest.mark.usefixtures("repo")
def test_what_a_dead_machine_left_keeps_no_release(lab: Lab) -> None:
    left = Path("/etc/launchpad/app/runs/999.json")
    launch = '{"argv": [], "cwd": "/", "env": {}, "release": "gone", "pid": 1, "start_time": "0"}'
    lab.sudo("mkdir -p -m 700 /etc/launchpad/app/runs")
    lab.sudo(f"tee {left} >/dev/null", launch)
    assert lab.run(f"{RUN} -- true").code == 0
    assert lab.sudo("ls /etc/launchpad/app/runs") == ""
