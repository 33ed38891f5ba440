"""Puts back what ``verify`` finds otherwise than Launchpad last set it, without losing a request where the site serves.

First the files, as the manifest has them; then ``prepare`` by its kept specification: packages, users, proxy; then the
serving release is deployed again, with the settings that it has: what does not run is started in the other slot, and a
release whose files are not as deployed is built anew.
"""

from __future__ import annotations

import dataclasses
import signal
from typing import TypedDict

from infra.agent import prepare
from infra.agent.build import cleanup, inventory
from infra.agent.firewall import firewall
from infra.agent.firewall import parts as firewall_parts
from infra.agent.machine import record, settings
from infra.agent.process import launch_file
from infra.agent.proxy import caddy
from infra.agent.release import caller, lock, secrets, specifications, verify
from infra.agent.release.deploy import Deployment
from infra.agent.release.request import Request
from infra.agent.release.signals import Signals
from infra.agent.system import compare, install, manifest, say, systemd, unit_check
from infra.agent.system.failure import Failure
from infra.agent.system.layout import LIB, UNITS, App
from infra.protocol.drift import PATHS, Difference


class Repaired(TypedDict):
    """What ``repair`` reports: a line for each difference that was put right, and for each that is left."""

    app: str
    repaired: list[str]
    left: list[str]
    seconds: float


def repair(app: App, who: str) -> Repaired:
    """Put right what is otherwise than it was set.

    Args:
        app: The app.
        who: Who asks, for the history.

    Raises:
        Failure: It is not known well enough what was set, or the release cannot be brought back.
    """
    timeout = specifications.lock_timeout(app)
    with lock.alone(who, f"repairing the machine for {app.name}", timeout):
        say.carry_on()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        found = verify.differences(app)
        for difference in found:
            say.step("repair", difference.line())
        if found:
            restarts = _restore(app, found)
    if found:
        _deploy(app, who, timeout, restart=restarts)
    left = [each.line() for each in verify.differences(app)] if found else []
    for line in left:
        say.step("warning", f"not repaired: {line}")
    repaired = [line for line in (each.line() for each in found) if line not in left]
    say.step("done", f"repaired {len(repaired)} of {len(found)} differences" if found else "nothing to repair")
    return {"app": app.name, "repaired": repaired, "left": left, "seconds": round(say.seconds(), 2)}


def _restore(app: App, found: list[Difference]) -> bool:
    """Put everything back but the release; returns whether processes run that were started by something else."""
    spec = verify.preparation(app)
    if spec is None:
        raise Failure("An earlier version of Launchpad prepared this machine; deploy again: pulumi up")
    say.redactor.add(spec.tls.key)
    noted = verify.entries(app)
    restarts = _are_in_use(app, {each.what for each in found if each.found.startswith(compare.CHANGED)})
    _restore_settings(app, found)
    # What sends requests to the release that serves goes first.
    first = sorted(noted.items(), key=lambda item: not item[0].startswith(str(app.serving)))
    for what, entry in first:
        if compare.differences(what, entry):
            compare.restore(what, entry)
    for difference in found:
        _restore_unit(difference)
    if any(difference.kind == "proxy" for difference in found):
        caddy.distrust()
    if any(each.kind == "unit" or each.what.startswith(str(UNITS)) for each in found):
        systemd.reload()
    # Nothing but systemd starts what serves files; the processes and timers are the deployment's.
    systemd.start_all([each.what for each in found if each.kind == "unit" and each.what.endswith(".socket")])
    _check_program(found)
    prepare.prepare(spec, again=True, anew=any(each.kind == "agent" for each in found))
    _give_up_changed_releases(app, found)
    return restarts


def _are_in_use(app: App, changed: set[str]) -> bool:
    """Whether processes of the app may have been started by files that were changed."""
    units = [app.unit(name) for name in systemd.enabled(app.name)]
    ours = (str(app.template), *(f"{UNITS}/{unit}" for unit in units))
    if any(what.startswith(str(LIB)) and install.COPIES not in what for what in changed):
        return True
    return any(what.startswith(ours) for what in changed) and bool(units) and unit_check.has_read(units)


def _restore_settings(app: App, found: list[Difference]) -> None:
    """Have what is about the machine itself set up again by those who know how it takes effect."""
    shared = [difference for difference in found if not manifest.belongs(difference.what, app)]
    if any(each.what.startswith((str(firewall_parts.FOLDER), f"{UNITS}/{firewall.UNIT}")) for each in shared):
        firewall.renew()
    if any(each.kind == "firewall" for each in shared):
        firewall.load()
    specs = list(record.specs().values())
    if specs and any(each.kind in PATHS for each in shared):
        try:
            settings.apply(specs[0])
        except Failure as failure:
            say.step("warning", str(failure))


def _restore_unit(difference: Difference) -> None:
    """Take away what masks a unit or changes it beside its files."""
    if difference.kind == "unit":
        for path in unit_check.mask(difference.what):
            path.unlink()
    elif difference.found == unit_check.STRANGE:
        compare.restore(difference.what, manifest.Entry(manifest.ABSENT))


def _check_program(found: list[Difference]) -> None:
    """Refuse to install a changed copy of this program by itself.

    Raises:
        Failure: This is the copy that was changed.
    """
    if any(each.kind == "agent" and each.what == str(install.RUNNING) for each in found):
        raise Failure("The agent's own files were changed, and it cannot repair itself: launchpad up")


def _give_up_changed_releases(app: App, found: list[Difference]) -> None:
    """Have a release whose files were changed count as complete no more, so that it is built anew."""
    release = launch_file.serving_release(app)
    if any(difference.kind == "release" for difference in found):
        cleanup.unmark(app, [built for built in inventory.all_built(app) if built.release == release])


def _deploy(app: App, who: str, timeout: float, *, restart: bool) -> None:
    """Bring the serving release back, with the settings that it has."""
    launch = launch_file.serving(app)
    if launch is None:
        return
    signals = Signals()
    with lock.deploying(app, who, "the repair", timeout):
        signals.begin()
        spec = secrets.hidden(specifications.of(app, launch.release))
        spec = dataclasses.replace(spec, ref="repair", who=who or caller.who(app, launch.revision))
        Deployment(Request(spec, launch.revision, restart=restart), signals).run()
