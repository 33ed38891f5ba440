"""Runs a command in the serving release: its environment, its user, its sandbox, its virtualenv."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import subprocess
from collections.abc import Iterator, Sequence
from types import FrameType

from infra.agent.build import kept_plans
from infra.agent.build.inventory import Built
from infra.agent.process import environments, exchange, run_launch
from infra.agent.process.run_launch import RunLaunch
from infra.agent.release import run_history, serving
from infra.agent.release.run_unit import Begun, Command
from infra.agent.system import relay, say, sh, systemd, terminal, trees
from infra.agent.system.failure import Failure, Interrupted
from infra.agent.system.layout import App
from infra.agent.system.relay import Channel
from infra.common import procfs
from infra.protocol.specs import DeploySpec

LONGEST_COMMAND = 1000
"""Characters of a command line that the history keeps."""
STOP_WITH_US = """trap 'systemctl stop "$0"; exit 1' TERM; exec 3<&0 </dev/null; "$@" <&3 3<&- & exec 3<&-; wait $!"""
"""Runs systemd-run and stops the unit where SIGTERM says that we are gone: systemd would let it run to its end."""


def console(app: App) -> Command:
    """The command for a person who wants to try something: Django's shell if the app has one, else Python's."""
    _, built = serving.serving(app, "to open a console in")
    try:
        found = trees.path(built.root, "manage.py", app.releases / built.release)
    except Failure:  # a link that leads elsewhere is nothing of ours
        found = None
    return Command(("python", "manage.py", "shell") if found else ("python",))


def run(app: App, command: Command, who: str, *, tty: bool) -> int:
    """Run a command to its end, its input and output ours.

    Args:
        app: The app.
        command: What to run.
        who: Who asks, for the history.
        tty: Whether it gets a terminal, if we have one.

    Returns:
        Its exit status as a shell says it.

    Raises:
        Failure: Nothing serves, the data is being exchanged, or the command could not be started.
    """
    at_terminal = tty and terminal.interactive()
    begun = _begin(app, command, who, terminal.kind() if at_terminal else "")
    try:
        with _ended_by_signals():
            (_in_terminal if at_terminal else _in_pipes)(begun)
    except Interrupted:
        # What follows is brought to its end, whoever is gone.
        say.carry_on()
    finally:
        _stop(begun)
    status = run_history.exit_status(app, begun.number)
    if status is None:
        _not_started(begun)
    return status or 0


def detach(app: App, command: Command, who: str) -> str:
    """Start a command that goes on without us; returns the name under which its log is found."""
    begun = _begin(app, command, who, "")
    done = sh.run(begun.argv("--property=StandardInput=null"))
    if not done.ok:
        _not_started(begun, done.last_lines(3))
    return f"run.{begun.number}"


def _begin(app: App, command: Command, who: str, term: str) -> Begun:
    """Choose the release, and write down that it is in use; ``term`` is the type of the command's terminal, if any."""
    with run_launch.settled(app):
        exchange.refuse(app)
        spec, built = serving.serving(app, "to run a command in")
        run_launch.under_way(app)  # removes what is left of those that are gone
        text = say.redactor.clean(command.text())[:LONGEST_COMMAND]
        number = run_history.begin(app, release=built.release, revision=built.revision, command=text, who=who)
        run_launch.write(app, number, _launch(app, command, spec, built, term))
    return Begun(app, number, built)


def _launch(app: App, command: Command, spec: DeploySpec, built: Built, term: str) -> RunLaunch:
    framework = kept_plans.of(app, spec, built).environment
    environment = {**environments.release(app, spec, built.tree, framework), "LAUNCHPAD_PROCESS": "run"}
    return RunLaunch(
        argv=tuple(command.argv()),
        cwd=str(built.root),
        env={**environment, "TERM": term} if term else environment,
        terminal=bool(term),
        release=built.release,
        pid=os.getpid(),
        start_time=procfs.start_time(os.getpid()),
    )


def _in_pipes(begun: Begun) -> None:
    """Run it with pipes for its input and output."""
    child = _start(begun, subprocess.PIPE, subprocess.PIPE, subprocess.PIPE)
    assert child.stdin and child.stdout and child.stderr
    channels = [
        Channel(0, os.dup(child.stdin.fileno()), inward=True, closes=True),
        Channel(child.stdout.fileno(), 1, inward=False),
        Channel(child.stderr.fileno(), 2, inward=False),
    ]
    child.stdin.close()
    _carry(begun, child, channels)


def _in_terminal(begun: Begun) -> None:
    """Run it in a terminal of its own, which ours shows."""
    ours, theirs = terminal.make(pwd.getpwnam(begun.app.user).pw_uid)
    # An interactive shell ignores SIGTERM.
    child = _start(begun, theirs, theirs, theirs, "--property=SendSIGHUP=yes")
    os.close(theirs)
    with terminal.attached(ours):
        _carry(begun, child, [Channel(0, ours, inward=True), Channel(ours, 1, inward=False)])


def _start(begun: Begun, stdin: int, stdout: int, stderr: int, *options: str) -> subprocess.Popen[bytes]:
    argv = sh.bound(["/bin/sh", "-c", STOP_WITH_US, begun.unit, *begun.argv("--pipe", "--wait", *options)])
    return subprocess.Popen(argv, stdin=stdin, stdout=stdout, stderr=stderr, cwd="/", start_new_session=True)


def _carry(begun: Begun, child: subprocess.Popen[bytes], channels: Sequence[Channel]) -> None:
    try:
        relay.carry(child.pid, list(channels))
    except Interrupted as error:
        # Before the end: whoever sees that in the history sees why, too.
        run_history.note(begun.app, begun.number, str(error))
        raise
    finally:
        # First what starts the unit, or it might still start it after we have looked for it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
        child.wait()


def _stop(begun: Begun) -> None:
    """Have nothing of the command go on, and its end written down."""
    if systemd.state(begun.unit).active not in run_launch.ENDED:
        sh.run(["systemctl", "stop", begun.unit])


def _not_started(begun: Begun, why: str = "") -> None:
    """Tell, and write down, that nothing came of a command."""
    run_history.end(begun.app, begun.number, run_history.NOT_STARTED)
    run_launch.forget(begun.app, begun.number)
    raise Failure(f"The command could not be started: {why or 'see journalctl -u ' + begun.unit}")


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """A signal ends the command, not us: its end is still to be written down."""

    def stop(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            raise relay.ReaderGone("The connection was lost.")
        raise Interrupted(f"Interrupted by {signal.Signals(number).name}.")

    before = {number: signal.signal(number, stop) for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        # One that comes now changes nothing any more.
        for number in before:
            signal.signal(number, signal.SIG_IGN)
