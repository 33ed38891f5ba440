"""The command line: specifications from stdin, results to stdout, errors as plain lines with exit status 1."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import re
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Any

from . import caller, deploy, launches, lock, prepare, repository, say, spec, status, turns
from .failure import Failure
from .layout import App

REVISION = re.compile(r"[0-9a-f]{40}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    words = _parser().parse_args(argv)
    try:
        return _run(words)
    except BrokenPipeError:
        # Nobody reads this any more. What the interpreter flushes at its end must not complain of that.
        void = os.open(os.devnull, os.O_WRONLY)
        os.dup2(void, 1)
        os.dup2(void, 2)
        return 1


def _run(words: argparse.Namespace) -> int:
    try:
        if os.geteuid() != 0:
            raise Failure("launchpad-host needs root: run it with sudo.")
        os.umask(0o022)
        words.run(words)
    except Failure as failure:
        say.line(f"error: {failure}")
        return 1
    except KeyboardInterrupt:
        say.line("error: interrupted")
        return 1
    except BrokenPipeError:
        raise
    except OSError as error:
        say.line(f"error: {_system_error(error)}")
        return 1
    except Exception as error:
        say.line(f"error: a defect in launchpad-host: {type(error).__name__}: {error} ({_where(error)})")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="launchpad-host", description="Prepares this machine for an app and releases it."
    )
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(name: str, run: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        found = commands.add_parser(name, help=text, description=text)
        found.set_defaults(run=run)
        return found

    command("prepare", _prepare, "make the machine ready; reads a JSON specification from stdin")
    one = command("deploy", _deploy, "release a commit; reads a JSON specification from stdin")
    one.add_argument("--app", required=True)
    one.add_argument("--revision", required=True, help="the commit, all 40 digits")
    one = command("rollback", _rollback, "release a commit that is still built here, with the settings that it had")
    one.add_argument("--app", required=True)
    one.add_argument("--revision", required=True, help="the commit, all 40 digits")
    one.add_argument("--who", default="", help="who asks for it, for the history of deployments")
    one = command("restart", _restart, "start the serving release anew in the other slot, and its other processes")
    one.add_argument("--app", required=True)
    one.add_argument("--who", default="", help="who asks for it, for the history of deployments")
    for name, run, text in (
        ("status", _status, "which release serves, and the state of every process"),
        ("releases", _releases, "every deployment, the newest first"),
    ):
        one = command(name, run, text)
        one.add_argument("--app", required=True)
        one.add_argument("--json", action="store_true")
    one = command("logs", _logs, "the app's log")
    one.add_argument("--app", required=True)
    one.add_argument(
        "--process", default="", help="web, proxy, or the name of a Procfile process; all of the app's by default"
    )
    one.add_argument("--lines", type=int, default=100)
    one.add_argument("--follow", action="store_true")
    command("env", _env, "the names of the app's variables").add_argument("--app", required=True)
    one = command("unlock", _unlock, "stop the deployment that holds the lock")
    one.add_argument("--app", required=True)
    one.add_argument("--all", action="store_true", help="those that wait for the lock, too")
    one = command("receive-pack", _receive_pack, "git's receiving end of a push into the app's clone")
    one.add_argument("--app", default="")
    one.add_argument("--who", default="", help="who pushes, for the history of deployments")
    one.add_argument("--revision", default="", help="the commit that is pushed")
    one.add_argument("path", nargs="?", default="", help="the app, as git passes it on: /app or app.git")
    return parser


def _prepare(_words: argparse.Namespace) -> None:
    wanted = spec.prepare_spec(_stdin())
    say.redactor.add(wanted.tls.key)
    say.signs_of_life()
    app = App(wanted.app)
    with lock.preparing(app, caller.who(app, ""), wanted.lock_timeout):
        say.carry_on()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        result = prepare.prepare(wanted)
    say.result(result)


def _deploy(words: argparse.Namespace) -> None:
    value = _stdin()
    if isinstance(value, dict) and isinstance(value.get("secrets"), dict):
        say.redactor.add(*(text for text in value["secrets"].values() if isinstance(text, str)))
    wanted = spec.deploy_spec(value)
    say.redactor.add(*deploy.secret_values(wanted))
    if wanted.app != words.app:
        raise Failure(f"--app is {words.app}, but the specification is for {wanted.app}")
    app, revision = App(wanted.app), _revision(words)
    prepare.check_prepared(app)
    say.signs_of_life()
    wanted = dataclasses.replace(wanted, who=wanted.who or caller.who(app, revision))
    say.result(deploy.deploy(wanted, revision, value))


def _rollback(words: argparse.Namespace) -> None:
    app, revision = _app(words.app), _revision(words)
    prepare.check_prepared(app)
    say.signs_of_life()
    say.result(deploy.rollback(app, revision, words.who or caller.who(app, revision)))


def _restart(words: argparse.Namespace) -> None:
    app = _app(words.app)
    prepare.check_prepared(app)
    say.signs_of_life()
    say.result(deploy.restart(app, words.who))


def _revision(words: argparse.Namespace) -> str:
    if not REVISION.fullmatch(words.revision):
        raise Failure(f"--revision is {words.revision!r}; it must be the full 40 digits of a commit")
    return str(words.revision)


def _status(words: argparse.Namespace) -> None:
    app = _app(words.app)
    _print(status.status(app) if words.json else status.status_text(app))


def _releases(words: argparse.Namespace) -> None:
    app = _app(words.app)
    _print(status.releases_data(app) if words.json else status.releases_text(app))


def _logs(words: argparse.Namespace) -> None:
    status.logs(_app(words.app), words.process, words.lines, follow=words.follow)


def _env(words: argparse.Namespace) -> None:
    _print(status.environment_text(_app(words.app)))


def _unlock(words: argparse.Namespace) -> None:
    app = _app(words.app)
    waiting = turns.waiting(app)
    if words.all:
        for each in waiting:
            os.kill(each.pid, signal.SIGTERM)
    holder = lock.current(app)
    if holder and holder.alive():
        os.kill(holder.pid, signal.SIGTERM)
        say.text(f"Asked the deployment of {holder.words()} to stop. It stops at once, unless it has already switched.")
    elif not waiting:
        say.text(f"No deployment of {app.name} is under way; the lock is free.")
    if waiting and words.all:
        say.text(f"Ended {len(waiting)} that waited: {'; '.join(each.words() for each in waiting)}")
    elif waiting:
        say.text(
            f"{len(waiting)} more wait and go on, in order: {'; '.join(each.words() for each in waiting)}\n"
            f"To end them too: sudo launchpad-host unlock --all --app {app.name}"
        )


def _receive_pack(words: argparse.Namespace) -> None:
    app = _app(words.app or words.path.strip("/").removesuffix(".git"))
    prepare.check_prepared(app)
    if words.who:
        caller.note_pusher(app, words.who, words.revision)
    repository.receive_pack(app)


def _app(name: str) -> App:
    if not re.fullmatch(spec.APP, name):
        raise Failure(f"the app is {name!r}; allowed: {spec.APP_WORDS}")
    say.redactor.add(*launches.secret_values(App(name)))
    return App(name)


def _stdin() -> Any:
    try:
        return json.loads(sys.stdin.buffer.read())
    except ValueError as error:
        raise Failure(f"stdin must be a JSON specification: {error}") from error


def _print(value: Any) -> None:
    if isinstance(value, str):
        say.plain(value)
    else:
        say.result(value, indent=1)


def _system_error(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    if error.errno == 28:
        return f"the disk is full{where}"
    return f"{error.strerror or error}{where}"


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{os.path.basename(trace.tb_frame.f_code.co_filename)}:{trace.tb_lineno}" if trace else "unknown"  # noqa: PTH119
