"""Compares the machine with what Launchpad last set there for an app, and changes nothing.

It takes no lock: it sees by the locks and the manifest whether something was under way meanwhile, and looks again.
"""

from __future__ import annotations

from typing import TypedDict

from infra.agent.build import built_trees, inventory, kept_plans
from infra.agent.firewall import firewall, table
from infra.agent.process import launch_file, slots
from infra.agent.proxy import proxy, running
from infra.agent.release import lock
from infra.agent.services import cache, postgres
from infra.agent.system import compare, install, manifest, packages, say, unit_check
from infra.agent.system.layout import CADDYFILE, COMMAND, UV, App
from infra.agent.system.needed import needed
from infra.protocol import codec
from infra.protocol.drift import Difference
from infra.protocol.specs import PrepareSpec

TRIES = 3
SHOWN_FILES = 5
"""Files of a release that are named."""


class Verified(TypedDict):
    """What ``verify`` reports.

    ``revision`` and ``release`` are what serves, empty if nothing does; ``program`` is the digest of the agent that the
    workstation brought last; ``differences`` has the fields of ``Difference``; ``busy`` says who deploys, in which case
    nothing was compared.
    """

    app: str
    revision: str
    release: str
    program: str
    differences: list[dict[str, object]]
    busy: str
    seconds: float


def verify(app: App) -> Verified:
    """Compare the machine with what was set there for an app, and for all apps together.

    Raises:
        Failure: The machine was never prepared for the app.
    """
    proxy.site(app)
    found: list[Difference] = []
    busy = lock.busy(app)
    for _ in range(TRIES):
        mark = manifest.mark()
        if busy:
            break
        found = differences(app)
        busy = lock.busy(app)
        if not busy and mark == manifest.mark():
            break
        busy = busy or "a deployment that has just ended"
    launch = launch_file.serving(app)
    spec = preparation(app)
    return Verified(
        app=app.name,
        revision=launch.revision if launch else "",
        release=launch.release if launch else "",
        program=spec.program if spec else "",
        differences=[] if busy else [codec.plain(each) for each in found],
        busy=busy,
        seconds=round(say.seconds(), 2),
    )


def preparation(app: App) -> PrepareSpec | None:
    """The specification that the machine was prepared with last; None if another version of this program did it."""
    from infra.agent.system import files  # noqa: PLC0415

    try:
        return codec.load(PrepareSpec, files.read_json(app.preparation))
    except codec.MessageError:
        return None


def entries(app: App) -> dict[str, manifest.Entry]:
    """What should be there for an app and for all apps together."""
    others = [App(site.app) for site in proxy.sites() if site.app != app.name]
    return {what: entry for what, entry in manifest.entries().items() if not manifest.others(what, others)}


def differences(app: App) -> list[Difference]:
    """Everything that is otherwise than it was set."""
    noted = entries(app)
    units = unit_check.wanted(noted)
    found = [each for what, entry in noted.items() for each in _named(what, entry, units)]
    unit_differences = unit_check.differences(units, noted)
    return [
        *found,
        *_agent(noted),
        *unit_differences,
        *_proxy(noted, unit_differences),
        *_packages(app),
        *_firewall(),
        *_release(app),
    ]


def _named(what: str, entry: manifest.Entry, units: dict[str, str]) -> list[Difference]:
    """The differences of one thing; a link that starts a unit at boot is about the unit."""
    found = compare.differences(what, entry)
    unit = what.rpartition("/")[2]
    if found and entry.kind == manifest.LINK and unit in units:
        return [Difference("unit", unit, "not enabled", "started at boot")]
    return found


def _agent(noted: dict[str, manifest.Entry]) -> list[Difference]:
    command = noted.get(str(COMMAND))
    copy = install.installed(command.text) if command else None
    if copy is None or install.is_intact(copy):
        return []
    return [Difference("agent", str(copy), compare.CHANGED)]


def _proxy(noted: dict[str, manifest.Entry], units: list[Difference]) -> list[Difference]:
    if any(each.what == proxy.UNIT and each.found != "not enabled" for each in units) or str(CADDYFILE) not in noted:
        return []
    return running.differences(noted[str(CADDYFILE)].text)


def _packages(app: App) -> list[Difference]:
    spec = preparation(app)
    services = (*cache.packages(spec.cache), *postgres.packages(spec.database)) if spec else ()
    asked = (*services, *spec.packages) if spec else ()
    wanted = [*needed(), *asked, *kept_plans.packages(app, launch_file.serving_release(app))]
    found = [Difference("package", name, "not installed") for name in packages.missing(dict.fromkeys(wanted))]
    return [*found, *([] if UV.exists() else [Difference("file", str(UV), "gone")])]


def _firewall() -> list[Difference]:
    how = firewall.found()
    return [Difference("firewall", f"table {table.NAME}", how)] if how else []


def _release(app: App) -> list[Difference]:
    found = []
    if slots.suspended(app):
        found.append(Difference("file", str(app.suspended), "there, so the proxy answers 503", "gone"))
    release = launch_file.serving_release(app)
    if not release:
        return found
    changed = built_trees.changes(app, release)
    for name, how in list(changed.items())[:SHOWN_FILES]:
        found.append(Difference("release", f"{release}/{name}", f"{how} since it was deployed"))
    if len(changed) > SHOWN_FILES:
        found.append(
            Difference("release", release, f"{len(changed) - SHOWN_FILES} more of its files are not as deployed")
        )
    if not changed and all(built.release != release for built in inventory.all_built(app)):
        found.append(Difference("virtualenv", f"of {release}", "gone"))
    return found
