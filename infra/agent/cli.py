"""The command line: specifications from stdin, results to stdout, errors as plain lines with exit status 1."""

from __future__ import annotations

import argparse
import os
import pwd
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.agent import verbs
from infra.agent.system import copies, formats, say
from infra.agent.system.failure import Failure
from infra.agent.system.layout import PEOPLE_KEYS, PERSON
from infra.common import garbage
from infra.protocol import paths
from infra.protocol.codec import MessageError
from infra.protocol.maintenance import RETRY_AFTER

COPY = Path(__file__).parents[2]
"""The copy of the program that runs: the directory that has the package ``infra``."""
Verb = Callable[[argparse.Namespace], int | None]
READING = ("status", "releases", "logs", "env", "verify", "data", "metrics")
"""The verbs that change nothing, which work with whatever is on the machine."""
FOR_PEOPLE = frozenset({*READING, "restart", "rollback", "run", "console", "job", "cancel", "maintenance", "database"})
"""What a person of ``launchpad:people`` may do: ask and operate an app, and neither deploy nor change the machine."""
RUN_TEXT = (
    "run a command in the serving release: its variables, user, sandbox and virtualenv. One word with spaces or shell "
    "syntax is run by a shell, as a line of the Procfile; several words are a program and its arguments"
)


VERIFY_TEXT = "compare the machine with what was deployed: exit status 1 if it differs, 2 if something is under way"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    garbage.overlook_modules()
    given = sys.argv[1:] if argv is None else argv
    if os.geteuid() != 0 and (PEOPLE_KEYS / pwd.getpwuid(os.geteuid()).pw_name).exists():
        os.execvp("sudo", ["sudo", "-n", str(PERSON), *given])
    return _finished(parsed(given))


def person_main(argv: Sequence[str] | None = None) -> int:
    """Run one command for the person who used sudo; returns the exit status."""
    return _finished(for_person(parsed(sys.argv[1:] if argv is None else argv), os.environ.get("SUDO_USER", "")))


def parsed(argv: Sequence[str]) -> argparse.Namespace:
    """The words of the command line."""
    arguments, command = split(argv)
    words = parser().parse_args(arguments)
    words.command = command
    return words


def for_person(words: argparse.Namespace, person: str) -> argparse.Namespace:
    """The words for a person: only verbs that are for people, and recorded for nobody else.

    It looks at the words as they are understood, and not as they are written: ``--wh=ben`` means ``--who``, too.

    Args:
        words: The words.
        person: Who it is by what sudo says, and not by what the person says.
    """
    if not person or words.verb not in FOR_PEOPLE:
        sys.exit(f"error: {words.verb} is not for people; these are: {', '.join(sorted(FOR_PEOPLE))}.")
    words.who = person
    return words


def _finished(words: argparse.Namespace) -> int:
    try:
        return _run(words)
    except BrokenPipeError:
        # Nobody reads this any more. What the interpreter flushes at its end must not complain of that.
        void = os.open(os.devnull, os.O_WRONLY)
        os.dup2(void, 1)
        os.dup2(void, 2)
        return 1


def split(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our own arguments, and the command after the first ``--`` that ``run`` passes on, whatever is in it."""
    if list(argv[:1]) != ["run"] or "--" not in argv:
        return list(argv), []
    at = list(argv).index("--")
    return list(argv[:at]), list(argv[at + 1 :])


def _run(words: argparse.Namespace) -> int:
    try:
        if os.geteuid() != 0:
            raise Failure("launchpad-agent needs root: run it with sudo.")
        copies.hold(COPY)
        os.umask(0o022)
        if words.verb not in READING:
            formats.check()
        return int(words.run(words) or 0)
    except (Failure, MessageError) as error:
        say.line(f"error: {error}")
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
        say.line(f"error: a defect in launchpad-agent: {type(error).__name__}: {error} ({_where(error)})")
        return 1


def parser() -> argparse.ArgumentParser:
    """The grammar of the command line: one subcommand for each verb."""
    found = argparse.ArgumentParser(
        prog="launchpad-agent", description="Prepares this machine for an app and releases it."
    )
    commands = found.add_subparsers(required=True, metavar="command")

    def verb(name: str, run: Verb, text: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=text, description=text)
        added.set_defaults(run=run, verb=name)
        return added

    def app_verb(name: str, run: Verb, text: str) -> argparse.ArgumentParser:
        added = verb(name, run, text)
        added.add_argument("--app", required=True)
        return added

    def recorded(added: argparse.ArgumentParser) -> argparse.ArgumentParser:
        added.add_argument("--who", default="", help="who asks for it, for the history")
        return added

    verb("prepare", verbs.prepare, "make the machine ready; reads a JSON specification from stdin")
    one = app_verb("deploy", verbs.deploy, "release a commit; reads a JSON specification from stdin")
    one.add_argument("--revision", required=True, help="the commit, all 40 digits")
    text = "release a commit that is still built here, with the settings that it had"
    one = recorded(app_verb("rollback", verbs.rollback, text))
    one.add_argument("--revision", required=True, help="the commit, all 40 digits")
    text = "start the serving release anew in the other slot, and its other processes"
    one = recorded(app_verb("restart", verbs.restart, text))
    one.add_argument("--process", default="", help="only this process: web, or one of the Procfile")
    one = recorded(app_verb("run", verbs.run, RUN_TEXT))
    one.usage = "launchpad-agent run --app APP [--who WHO] [--detach] [--tty] -- COMMAND..."
    one.add_argument("--detach", action="store_true", help="go on without this connection; print the log's name")
    one.add_argument("--with-database", action="store_true", help="refuse it unless the app's database answers")
    one.add_argument("--tty", action="store_true", help="give the command a terminal, if there is one here")
    recorded(app_verb("console", verbs.console, "Django's shell, or Python, in the serving release"))
    one = app_verb("job", verbs.job, "run a scheduled job now, apart from its schedule")
    one.add_argument("name", help="the job")
    text = "close the site for maintenance (on), open it again (off), or say whether it is closed"
    _options_of_maintenance(recorded(app_verb("maintenance", verbs.maintenance, text)))
    _options_of_database(recorded(app_verb("database", verbs.database, "dump the app's database, or load a dump")))
    one = app_verb("status", verbs.status, "which release serves, and the state of every process")
    one.add_argument("--json", action="store_true")
    one = app_verb("releases", verbs.releases, "every deployment, the newest first")
    one.add_argument("--runs", action="store_true", help="the commands of run as well, which --json always has")
    one.add_argument("--json", action="store_true")
    _options_of_logs(app_verb("logs", verbs.logs, "the app's log"))
    text = "take away what Launchpad put here for the app, its data included; with the last app what all of them share"
    one = recorded(app_verb("remove", verbs.remove, text))
    text = "forget which stack the app is of; the next that prepares it becomes that"
    _options_of_removal(one, app_verb("disown", verbs.disown, text))
    _options_of_firewall(verb("firewall", verbs.firewall, "the rules of a stack on a server's firewall"))
    app_verb("verify", verbs.verify, VERIFY_TEXT).add_argument("--json", action="store_true")
    recorded(app_verb("repair", verbs.repair, "put back what verify finds"))
    app_verb("env", verbs.env, "the names of the app's variables")
    one = app_verb("cancel", verbs.cancel, "stop the deployment that is under way")
    one.add_argument("--all", action="store_true", help="those that wait for their turn, too")
    _machine_verbs(verb)
    _options_of_backup(verb("backup", verbs.backup, "set up backups, back up now, list, drill and restore them"))
    _receive_pack(verb("receive-pack", verbs.receive_pack, "git's receiving end of a push into the app's clone"))
    return found


def _receive_pack(one: argparse.ArgumentParser) -> None:
    one.add_argument("--app", default="")
    one.add_argument("--who", default="", help="who pushes, for the history of deployments")
    one.add_argument("--revision", default="", help="the commit that is pushed")
    one.add_argument("path", nargs="?", default="", help="the app, as git passes it on: /app or app.git")


def _options_of_firewall(one: argparse.ArgumentParser) -> None:
    one.add_argument("what", choices=("apply", "confirm", "remove"), help="apply reads a specification from stdin")
    one.add_argument("--owner", default="", help="the stack, such as launchpad/dev")
    one.add_argument("--connection", default="", help="what SSH_CONNECTION says of who asks")


def _machine_verbs(verb: Callable[[str, Verb, str], argparse.ArgumentParser]) -> None:
    text = (
        "set up the machine's SSH, updates, clock, journal, swap, kernel, people; reads a JSON specification from stdin"
    )
    one = verb("settings", verbs.settings, text)
    one.add_argument("--remove", action="store_true", help="take back what a stack wanted of the machine")
    one.add_argument("--owner", default="", help="with --remove: the stack, as project/stack")
    one.add_argument("--lock-timeout", type=float, default=300, help="how many seconds to wait for deployments")
    one = verb("data", verbs.data, "how much the apps keep in $DATA_DIR, and since when")
    one.add_argument("--app", action="append", default=[], help="only this app; repeatable")
    one.add_argument("--disk", action="store_true", help="fail unless the disk for data is mounted")
    one.add_argument("--json", action="store_true")
    verb("metrics", verbs.metrics, "what the machine knows of itself, in Prometheus's text format")
    verb("reboot", verbs.reboot, "restart the machine if an update requires it, once no deployment is under way")


def _options_of_backup(one: argparse.ArgumentParser) -> None:
    words = ("settings", "now", "list", "drill", "restore", "run", "drill-all", "restore-here", "mend")
    text = (
        "settings reads a specification from stdin; run and drill-all are for systemd's units, which now and drill "
        "start; restore-here is what restore starts, and mend ends one that was killed"
    )
    one.add_argument("what", choices=words, help=text)
    one.add_argument("--app", default="")
    one.add_argument("--owner", default="", help="the stack, as project/stack")
    one.add_argument("--remove", action="store_true", help="with settings: back up the owner's apps no more")
    one.add_argument("--snapshot", default="", help="with restore: its id; the newest by default")
    one.add_argument("--of", default="", help="with restore: the app whose snapshot it is, if it is another")
    one.add_argument("--spec", action="store_true", help="with restore: the repository's specification is on stdin")
    one.add_argument("--who", default="", help="who asks for it, for the history")
    one.add_argument("--json", action="store_true")
    one.add_argument("--lock-timeout", type=float, default=300, help="how many seconds to wait for deployments")


def _options_of_removal(one: argparse.ArgumentParser, disown: argparse.ArgumentParser) -> None:
    one.add_argument(paths.KEEP_DATA, action="store_true", help="leave $DATA_DIR, and the user that it belongs to")
    one.add_argument("--owner", default="", help="who asks for it: an app of another owner is left alone")
    text = "how many seconds to wait for a deployment that is under way"
    for each in (one, disown):
        each.add_argument("--lock-timeout", type=float, default=300, help=text)


def _options_of_database(one: argparse.ArgumentParser) -> None:
    one.add_argument("what", choices=("dump", "load"), help="dump writes to stdout, load reads from stdin")
    one.add_argument("--size", type=int, default=-1, help="with load: how many bytes the dump has")
    one.add_argument("--lock-timeout", type=float, default=300, help="with load: how many seconds to wait for others")
    one.add_argument("--keep", action="store_true", help="with load: although the app is not healthy with it")


def _options_of_maintenance(one: argparse.ArgumentParser) -> None:
    one.add_argument("state", nargs="?", choices=["on", "off"], help="nothing, to ask")
    one.add_argument("--message", default="", help="what visitors read")
    text = "after how many seconds visitors are asked to come again"
    one.add_argument("--retry-after", type=int, default=RETRY_AFTER, help=text)


def _options_of_logs(one: argparse.ArgumentParser) -> None:
    text = "web, proxy, cache, run, run.NUMBER, a process, one of it (worker.2), or a job (cron.NAME); all by default"
    one.add_argument("--process", default="", help=text)
    one.add_argument("--release", default="", help="only the lines of this release, or of the revision that begins so")
    text = 'not older than this: 10m, 2h, 1d, or as journalctl takes it ("10 min ago", "2026-11-26 10:00")'
    one.add_argument("--since", default="", help=text)
    one.add_argument("--grep", default="", help="only the lines in which this regular expression is found")
    one.add_argument("--lines", type=int, default=100, help="how many lines of the past")
    one.add_argument("--follow", action="store_true", help="go on as lines come")
    one.add_argument("--json", action="store_true", help="a JSON object for each line")


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
