"""What each verb of the command line does: reads its specification or flags, calls a room, prints the result.

The rooms are imported where a verb enters them: each run of the program pays for one verb, and a deployment from the
workstation runs three (the push, ``prepare`` and ``deploy``).
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import shutil
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

from infra.agent.process import launch_file
from infra.agent.system import prepared, say
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.protocol import codec, values
from infra.protocol.refusal import Refusal

if TYPE_CHECKING:
    from infra.protocol.backups import BackupSpec

REVISION = re.compile(r"[0-9a-f]{40}")


def prepare(_words: argparse.Namespace) -> None:
    """Make the machine ready as the specification on stdin says."""
    from infra.agent import prepare as preparation
    from infra.agent.release import caller, lock
    from infra.protocol.specs import PrepareSpec

    spec = codec.load(PrepareSpec, _stdin())
    say.redactor.add(spec.tls.key, *(password for _, password in spec.basic_auth))
    say.signs_of_life()
    app = App(spec.app)
    with lock.alone(caller.who(app, ""), f"preparing the machine for {app.name}", spec.lock_timeout):
        say.carry_on()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        result = preparation.prepare(spec)
    say.result(result)


def deploy(words: argparse.Namespace) -> None:
    """Release a commit as the specification on stdin says."""
    from infra.agent.release import caller, deploy, secrets
    from infra.protocol.specs import DeploySpec

    value = _stdin()
    if isinstance(value, dict) and isinstance(value.get("secrets"), dict):
        say.redactor.add(*(text for text in value["secrets"].values() if isinstance(text, str)))
    spec = codec.load(DeploySpec, value)
    say.redactor.add(*secrets.secret_values(spec))
    if spec.app != words.app:
        raise Failure(f"--app is {words.app}, but the specification is for {spec.app}")
    app, revision = App(spec.app), _revision(words)
    prepared.check(app)
    say.signs_of_life()
    spec = dataclasses.replace(spec, who=spec.who or caller.who(app, revision))
    say.result(deploy.deploy(spec, revision))


def rollback(words: argparse.Namespace) -> None:
    """Release a commit that is still built here."""
    from infra.agent.release import caller, deploy

    app, revision = _prepared_app(words), _revision(words)
    say.signs_of_life()
    say.result(deploy.rollback(app, revision, words.who or caller.who(app, revision)))


def restart(words: argparse.Namespace) -> None:
    """Start what serves anew."""
    from infra.agent.release import restart

    app = _prepared_app(words)
    say.signs_of_life()
    say.result(restart.restart(app, words.who, words.process))


def run(words: argparse.Namespace) -> int | None:
    """Run a command in the serving release; its exit status is ours."""
    from infra.agent.release import caller, run
    from infra.agent.release.run_unit import Command

    app = _prepared_app(words)
    if not words.command:
        raise Failure("no command is given: launchpad run -- COMMAND...")
    if words.with_database:
        from infra.agent.services import postgres

        postgres.ready(app)
    command, who = Command(tuple(words.command)), words.who or caller.who(app, "")
    if not words.detach:
        return run.run(app, command, who, tty=words.tty)
    name = run.detach(app, command, who)
    say.line(f"The command goes on by itself. Its log: launchpad logs --process {name}")
    say.text(name)
    return None


def console(words: argparse.Namespace) -> int:
    """Run Python, or Django's shell, in the serving release."""
    from infra.agent.release import caller, run

    app = _prepared_app(words)
    return run.run(app, run.console(app), words.who or caller.who(app, ""), tty=True)


def maintenance(words: argparse.Namespace) -> None:
    """Close the app's site for maintenance, open it again, or say whether it is closed."""
    from infra.agent.release import caller, maintenance

    app = _prepared_app(words)
    who = words.who or caller.who(app, "")
    if words.state == maintenance.ON:
        _print(maintenance.begin(app, who, words.message, words.retry_after))
    else:
        _print(maintenance.end(app, who) if words.state == maintenance.OFF else maintenance.show(app))


def job(words: argparse.Namespace) -> None:
    """Run a scheduled job now."""
    from infra.agent.process import timers

    say.text(timers.run_now(_prepared_app(words), words.name))


def database(words: argparse.Namespace) -> None:
    """Write a dump of the app's database to stdout, or load one from stdin in its place."""
    from infra.agent.release import caller, load
    from infra.agent.services import postgres_dump

    app = _prepared_app(words)
    if words.what == "dump":
        with postgres_dump.dump(app) as stream:
            shutil.copyfileobj(stream, sys.stdout.buffer, 2**20)
        sys.stdout.buffer.flush()
        return
    say.signs_of_life()
    options = load.Options(words.size, words.keep, words.lock_timeout)
    load.load(app, sys.stdin.buffer, words.who or caller.who(app, ""), options)


def status(words: argparse.Namespace) -> None:
    """Print which release serves, and the state of every process."""
    from infra.agent.release import status

    app = _app(words.app)
    _print(status.status(app) if words.json else status.status_text(app))


def releases(words: argparse.Namespace) -> None:
    """Print the history."""
    from infra.agent.release import status

    app = _app(words.app)
    _print(status.releases_data(app) if words.json else status.releases_text(app, runs=words.runs))


def logs(words: argparse.Namespace) -> None:
    """Print the app's log."""
    from infra.agent.release import logs

    app = _prepared_app(words)
    query = {name: getattr(words, name) for name in ("process", "release", "since", "grep", "lines", "follow", "json")}
    logs.show(app, logs.Query(**query))


def env(words: argparse.Namespace) -> None:
    """Print the names of the app's variables."""
    from infra.agent.release import status

    _print(status.environment_text(_app(words.app)))


def remove(words: argparse.Namespace) -> int:
    """Take away what Launchpad put on the machine for an app."""
    from infra.agent.release import caller, lock
    from infra.agent.removal import remove

    app = _app(words.app)
    say.signs_of_life()
    who = words.who or caller.who(app, "")
    with lock.alone(who, f"removing {app.name} from the machine", words.lock_timeout):
        say.carry_on()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        result = remove.remove(app, keep_data=words.keep_data, asking=words.owner)
    say.result(result)
    return 1 if result["left"] else 0


def disown(words: argparse.Namespace) -> None:
    """Have the machine forget whose an app is."""
    from infra.agent.release import caller, lock
    from infra.agent.system import ownership

    app = _app(words.app)
    with lock.alone(caller.who(app, ""), f"forgetting whose {app.name} is", words.lock_timeout):
        ownership.disown(app)


def firewall(words: argparse.Namespace) -> None:
    """Change the rules of a stack on a server's firewall; ``apply`` reads its specification from stdin."""
    from infra.agent.firewall import firewall
    from infra.agent.release import lock
    from infra.agent.removal import shared_parts
    from infra.protocol.firewall import FirewallSpec

    if words.what == "confirm":
        firewall.confirm(words.owner)
        return
    say.signs_of_life()
    spec = codec.load(FirewallSpec, _stdin()) if words.what == "apply" else None
    owner, timeout = (spec.owner, spec.lock_timeout) if spec else (words.owner, FirewallSpec.lock_timeout)
    with lock.alone(owner, "the firewall", timeout):
        say.carry_on()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        if spec:
            say.result(firewall.apply(spec, words.connection))
            return
        firewall.remove(owner)
        shared_parts.remove_unused()


def settings(words: argparse.Namespace) -> None:
    """Set up the machine as the specification on stdin says; with ``--remove``, take that back."""
    from infra.agent.machine import settings
    from infra.agent.release import lock
    from infra.agent.removal import shared_parts
    from infra.protocol.machine_settings import SettingsSpec

    spec = None if words.remove else codec.load(SettingsSpec, _stdin())
    if words.remove and not words.owner:
        raise Failure("--owner is missing: the project and stack whose settings go, such as shop/prod")
    say.signs_of_life()
    owner, timeout = (words.owner, words.lock_timeout) if spec is None else (spec.owner, spec.lock_timeout)
    with lock.alone(f"the stack {owner}", "setting up the machine", timeout):
        say.carry_on()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        result = settings.remove(owner) if spec is None else settings.apply(spec)
        if spec is None:
            shared_parts.remove_unused()
    say.result(result)


def reboot(_words: argparse.Namespace) -> None:
    """Restart the machine if an update requires it."""
    from infra.agent.machine import reboots
    from infra.agent.release import lock

    if reboots.since() is None:
        say.step("reboot", "no update requires it")
        return
    with lock.alone("the reboot window", "restarting the machine", reboots.WAIT):
        reboots.restart()


def verify(words: argparse.Namespace) -> int:
    """Compare the machine with what was set there; 1 if there are differences, 2 if something was under way."""
    from infra.agent.release import verify
    from infra.protocol.drift import Difference

    found = verify.verify(_app(words.app))
    if words.json:
        _print(found)
    elif found["busy"]:
        say.line(f"Nothing was compared, for something is under way: {found['busy']}")
    else:
        for each in found["differences"]:
            say.plain(codec.parse(Difference, each).line())
        say.line(f"{len(found['differences'])} differences" if found["differences"] else "as deployed")
    return 2 if found["busy"] else 1 if found["differences"] else 0


def data(words: argparse.Namespace) -> None:
    """Print how much data the apps have."""
    from infra.agent.services import postgres_held
    from infra.agent.system import held_data

    if words.disk:
        held_data.check_disk()
    until = time.monotonic() + held_data.LIMIT
    there = {app.name: app for app in (*held_data.apps(), *postgres_held.apps())}
    named = [_app(name) for name in words.app] or [there[name] for name in sorted(there)]
    found = [held_data.measure(app, until, postgres_held.tables(app)) for app in named]
    if words.json:
        _print({"apps": [codec.plain(each) for each in found]})
        return
    for each in found:
        say.plain(each.line())


def metrics(_words: argparse.Namespace) -> None:
    """Print what the machine knows of itself for Prometheus."""
    from infra.agent.machine import backup_state
    from infra.agent.metrics import backups, exposition

    sys.stdout.write(exposition.text(backups.metrics(backup_state.of_all())))


def repair(words: argparse.Namespace) -> int:
    """Put back what is otherwise than it was set; 1 if something could not be."""
    from infra.agent import repair
    from infra.agent.release import caller

    app = _app(words.app)
    say.signs_of_life()
    result = repair.repair(app, words.who or caller.who(app, ""))
    say.result(result)
    return 1 if result["left"] else 0


def cancel(words: argparse.Namespace) -> None:
    """Stop the deployment that is under way; with ``--all`` those that wait for it, too."""
    from infra.agent.release import cancelling

    say.text(cancelling.cancel(_app(words.app), everyone=words.all))


def receive_pack(words: argparse.Namespace) -> None:
    """Take a push into the app's clone."""
    from infra.agent.build import repository
    from infra.agent.release import caller

    app = _app(words.app or words.path.strip("/").removesuffix(".git"))
    prepared.check(app)
    if words.who:
        caller.note_pusher(app, words.who, words.revision)
    repository.receive_pack(app)


def backup(words: argparse.Namespace) -> int:
    """Set up backups, back up, list, drill or restore; ``settings`` and ``--spec`` read a specification from stdin."""
    from infra.agent.backup import run
    from infra.agent.backup import verbs as work
    from infra.protocol.backups import BackupSpec

    what, code = words.what, 0
    if what in ("settings", "run", "drill-all") and (words.remove or what != "settings") and not words.owner:
        raise Failure("--owner is missing: the project and stack, such as shop/prod")
    # The specification that comes with restore is for the program that restores.
    reads = (words.spec and what == "restore-here") or (what == "settings" and not words.remove)
    spec = codec.load(BackupSpec, _stdin()) if reads else None
    if what == "settings":
        timeout = spec.lock_timeout if spec else words.lock_timeout
        say.result(work.set_up(spec, spec.owner if spec else words.owner, timeout))
    elif what == "run":
        run.run(words.owner)
    elif what == "drill-all":
        run.prove(words.owner)
    else:
        code = _backup_of(words, _app(words.app), spec)
    return code


def _backup_of(words: argparse.Namespace, app: App, spec: BackupSpec | None) -> int:
    """What ``backup`` does with one app."""
    from infra.agent.backup import listing
    from infra.agent.backup import verbs as work
    from infra.agent.machine import backup_state
    from infra.agent.release import caller

    who = words.who or caller.who(app, "")
    if words.what in ("now", "drill"):
        found = work.now(app) if words.what == "now" else work.drill(app)
        if words.json:  # of one app what is known of it, of several that by name
            say.result(found if len(found) > 1 else found[app.name])
        else:
            say.text("\n".join(f"{name}: {backup_state.verified(each)}" for name, each in found.items()))
    elif words.what == "list":
        every = listing.listing(app.name)
        say.result(every) if words.json else say.text(listing.text(every))
    elif words.what == "restore":
        options = {"--snapshot": words.snapshot, "--of": words.of, "--who": who}
        more = [text for name, given in options.items() if given for text in (name, given)]
        return work.begin_restore(app, [*more, *(["--spec"] if words.spec else [])])
    elif words.what == "mend":
        work.mend(app, who)
    else:
        say.result(work.restore_here(app, words.snapshot, who, words.of, spec))
    return 0


def _app(name: str) -> App:
    """The app of this name, its secrets hidden from now on."""
    try:
        values.app_name(name)
    except Refusal as refusal:
        raise Failure(f"the app is {name!r}; it must be {refusal}") from None
    say.redactor.add(*launch_file.secret_values(App(name)))
    return App(name)


def _prepared_app(words: argparse.Namespace) -> App:
    app = _app(words.app)
    prepared.check(app)
    return app


def _revision(words: argparse.Namespace) -> str:
    if not REVISION.fullmatch(words.revision):
        raise Failure(f"--revision is {words.revision!r}; it must be the full 40 digits of a commit")
    return str(words.revision)


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
