"""Makes the machine ready for an app: packages, user, directories, uv, proxy, unit. Quick if it is ready already."""

from __future__ import annotations

import pwd
import sys
from dataclasses import replace
from typing import TypedDict

from infra.agent.build import uv
from infra.agent.firewall import firewall
from infra.agent.process import file_units, pause, units
from infra.agent.proxy import debian_caddy, passwords, ports, proxy, site
from infra.agent.proxy.site import Site
from infra.agent.services import cache, postgres
from infra.agent.system import (
    data_disk,
    data_places,
    files,
    formats,
    former_places,
    install,
    machine,
    manifest,
    names,
    needed,
    owned,
    ownership,
    packages,
    say,
    space,
    systemd,
)
from infra.agent.system.failure import Failure
from infra.agent.system.layout import OPT, PYTHONS, SETTINGS, STATE, App
from infra.protocol import codec
from infra.protocol.specs import DeploySpec, PrepareSpec

LEAST_FREE = 500_000_000
"""Bytes that have to be free before packages are installed."""


class Prepared(TypedDict):
    """What ``prepare`` reports to the workstation.

    ``changed`` names what was not as it should be: launchpad-agent, data disk, packages, user, data, directories,
    database, uv, proxy, unit, cache.
    ``ports`` are those of the slots, ``python`` is the version of the system's own, ``seconds`` since the start.
    """

    app: str
    user: str
    changed: list[str]
    ports: dict[str, int]
    python: str
    data: str
    seconds: float


def prepare(spec: PrepareSpec, *, again: bool = False, anew: bool = False) -> Prepared:
    """Make the machine ready; says in the result what changed.

    Args:
        spec: What for.
        again: Whether it is the specification that was kept: passwords are not in it, and stay as they are.
        anew: Whether this program is installed again although it seems to be there.

    Raises:
        Failure: The machine cannot be made ready, and why. What serves already is still serving.
    """
    app = App(spec.app)
    machine.check()
    names.check(app)
    ownership.check(app, spec.owner)
    settings = _site(app, spec, again=again)
    _check_conflicts(settings)
    # Nothing has changed until here: what stands in the way is somebody else's.
    ports.check_public(settings)
    space.make_room(app, LEAST_FREE)
    formats.record()
    changed = ["launchpad-agent"] if install.install(anew=anew) else []
    if data_disk.ensure(spec.data_disk):
        changed.append("data disk")
    OPT.mkdir(parents=True, exist_ok=True)
    debian_caddy.before_installation()
    postgres.before_installation(spec.database)
    services = (*cache.packages(spec.cache), *postgres.packages(spec.database))
    if packages.install([*needed.needed(), *services, *spec.packages]):
        changed.append("packages")
    debian_caddy.after_installation()
    if names.add_user(app):
        changed.append("user")
    if _data(app, spec):
        changed.append("data")
    if _directories(app):
        changed.append("directories")
    if postgres.prepare(app, spec.database, spec.data_disk):
        changed.append("database")
    if uv.install(spec.package_index):
        changed.append("uv")
    if proxy.configure(app, settings, spec.tls):
        changed.append("proxy")
    firewall.renew()
    renewed = [file_units.renew(App(other.app)) for other in proxy.sites()]
    if any(renewed):
        systemd.reload()
    if not app.template.exists() and files.write(app.template, units.template(app, DeploySpec.stop_timeout)):
        systemd.reload()
        changed.append("unit")
    if cache.ensure(app, spec.cache):
        changed.append("cache")
    # Of passwords the site has hashes, and nobody needs more.
    files.write_json(app.preparation, codec.dump(replace(spec, basic_auth=())))
    manifest.tidy()
    say.step("done", f"ready for {app.name}" + (f" ({', '.join(changed)})" if changed else ", nothing to do"))
    return {
        "app": app.name,
        "user": app.user,
        "changed": changed,
        "ports": {"blue": settings.blue, "green": settings.green},
        "python": ".".join(str(part) for part in sys.version_info[:3]),
        "data": str(app.data),
        "seconds": round(say.seconds(), 2),
    }


def _site(app: App, spec: PrepareSpec, *, again: bool) -> Site:
    before = files.read_json(app.settings)
    blue, green = (int(before["blue"]), int(before["green"])) if before else ports.free_pair()
    kept = Site.from_data(before).basic_auth if before else ()
    return Site(
        app=app.name,
        blue=blue,
        green=green,
        http_port=spec.http_port,
        domain=spec.domain or None,
        aliases=spec.aliases,
        trusted_proxies=spec.trusted_proxies,
        own_certificate=bool(spec.tls.certificate),
        acme_ca=spec.tls.acme_ca,
        acme_root=bool(spec.tls.acme_root),
        hsts=spec.hsts,
        basic_auth=kept if again else passwords.hashed(spec.basic_auth, dict(kept)),
        limits=spec.limits,
        owner=spec.owner or ownership.owner(app),
    )


def _check_conflicts(settings: Site) -> None:
    others = [other for other in proxy.sites() if other.app != settings.app]
    if conflicts := site.conflicts([*others, settings]):
        raise Failure("\n".join(conflicts))


def _data(app: App, spec: PrepareSpec) -> bool:
    """Have the app's data, its history and the proxy's certificates on the disk for data, if there is one."""
    moved = former_places.mend(app)
    if not spec.data_disk:
        return moved
    why = "its data moves to the disk for data"
    changed = data_places.settle(app, lambda: pause.paused(app, why))
    names.add_proxy_user()
    return data_places.settle_proxy(proxy.paused) or changed or moved


def _directories(app: App) -> bool:
    user = pwd.getpwnam(app.user)
    own = (user.pw_uid, user.pw_gid)
    changed = [
        files.directory(SETTINGS, 0o755),
        files.directory(app.settings.parent, 0o755),
        files.directory(STATE, 0o755),
        files.directory(app.state, 0o755),
        files.directory(app.serving, 0o755),
        files.directory(app.kept, 0o700),
        files.directory(app.built, 0o700),
        files.directory(app.launches, 0o700),
        files.directory(app.home, 0o755),
        files.directory(app.static, 0o755),
        files.directory(app.releases, 0o750, (0, user.pw_gid), mend=True),
        # Earlier versions gave python to the app, which may have put links there: take back python first.
        files.directory(app.python, 0o755, mend=True),
        files.directory(app.virtualenvs, 0o755, mend=True),
        files.directory(app.cache, 0o750, own, mend=True),
        files.directory(app.data, 0o750, own, mend=True),
        files.directory(app.tmp, units.TMP_MODE, (0, user.pw_gid), mend=True),
        files.write(app.tmp_rule, units.tmp_rule(app)),
        files.directory(PYTHONS, 0o755),
    ]
    return any([*changed, _strange_virtualenvs(app)])


def _strange_virtualenvs(app: App) -> bool:
    """Remove what an app put among its virtualenvs while those were its own: all but directories."""
    strange = [path for path in app.virtualenvs.iterdir() if path.is_symlink() or not path.is_dir()]
    owned.remove(app, strange)
    return bool(strange)
