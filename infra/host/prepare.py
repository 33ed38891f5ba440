"""Makes the machine ready for an app: packages, user, directories, installer, proxy, unit. Cheap when it is."""

from __future__ import annotations

import contextlib
import pwd
import sys
from pathlib import Path
from typing import Any

from . import files, install, owned, packages, proxy, say, sh, site, sockets, space, systemd, units, uv
from .failure import Failure
from .layout import OPT, PYTHONS, SETTINGS, STATE, UV, App
from .spec import PrepareSpec

NEEDED = ("python3-venv", "git", "caddy", "curl", "ca-certificates", "bash", "openssh-client")
LEAST_FREE = 500_000_000
FIRST_PORT = 20001
LAST_PORT = 29999
GECOS = "Launchpad app"


def prepare(spec: PrepareSpec) -> dict[str, Any]:
    """Make the machine ready; says in the result what changed."""
    app = App(spec.app)
    _check_system(app)
    _check_names(app)
    changed = ["launchpad-host"] if install.install() else []
    OPT.mkdir(parents=True, exist_ok=True)
    settings = _site(app, spec)
    _check_conflicts(settings)
    _check_ports(spec)
    if packages.missing(["caddy"]):
        # Before the package is there: its service then starts with our configuration, never with its welcome page.
        proxy.before_installation()
    if packages.install([*NEEDED, *spec.packages]):
        changed.append("packages")
    if _user(app):
        changed.append("user")
    if _directories(app):
        changed.append("directories")
    if uv.install(spec.package_index):
        changed.append("uv")
    if proxy.configure(app, settings, spec.tls):
        changed.append("proxy")
    if not app.template.exists() and files.write(app.template, units.template(app, 30)):
        systemd.reload()
        changed.append("unit")
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


def check_prepared(app: App) -> None:
    """A clear message where ``prepare`` has not been here, or its work was undone."""
    for path in (app.settings, UV, app.data):
        if not path.exists():
            raise Failure(
                f"This machine is not prepared for {app.name} ({path} is missing): run launchpad-host prepare."
            )


def _check_system(app: App) -> None:
    release = Path("/etc/os-release").read_text() if Path("/etc/os-release").exists() else ""
    values = dict(line.split("=", 1) for line in release.splitlines() if "=" in line)
    names = f"{values.get('ID', '')} {values.get('ID_LIKE', '')}".replace('"', "").split()
    if not {"debian", "ubuntu"} & set(names):
        raise Failure(
            f"This machine runs {values.get('PRETTY_NAME', 'an unknown system')}; only Debian and Ubuntu are supported."
        )
    if not Path("/run/systemd/system").is_dir():
        raise Failure("This machine was not booted with systemd, which runs the app.")
    space.make_room(app, LEAST_FREE)


def _check_names(app: App) -> None:
    """An app must not take over a user, a unit or a directory of somebody else."""
    with contextlib.suppress(KeyError):
        if not pwd.getpwnam(app.user).pw_gecos.startswith(GECOS):
            raise Failure(
                f"The app cannot be called {app.name}: this machine has a user of that name. Choose another name."
            )
    for folder in ("/usr/lib/systemd/system", "/lib/systemd/system"):
        if (Path(folder) / app.template.name).exists():
            raise Failure(
                f"The app cannot be called {app.name}: the system has a unit {app.template.name}. Choose another name."
            )
    if app.name in ("tls", "launchpad"):
        raise Failure(f"The app cannot be called {app.name}: Launchpad uses that name itself. Choose another name.")
    if app.home.exists() and not app.settings.exists() and any(app.home.iterdir()):
        known = {"repo.git", "releases", "python", "data"}
        strange = sorted({path.name for path in app.home.iterdir()} - known)
        if strange:
            raise Failure(
                f"{app.home} holds something else ({', '.join(strange[:5])}). Choose another name, or move it away."
            )


def _site(app: App, spec: PrepareSpec) -> site.Site:
    before = files.read_json(app.settings)
    blue, green = (int(before["blue"]), int(before["green"])) if before else _free_ports()
    return site.Site(
        app=app.name,
        blue=blue,
        green=green,
        http_port=spec.http_port,
        https_port=spec.https_port,
        domain=spec.domain,
        own_certificate=bool(spec.tls.certificate),
        acme_ca=spec.tls.acme_ca,
        acme_root=bool(spec.tls.acme_root),
        email=spec.tls.email,
        limits=spec.limits,
    )


def _free_ports() -> tuple[int, int]:
    taken = {port for other in proxy.sites() for port in (other.blue, other.green)}
    taken |= {listener.port for listener in sockets.listeners()}
    for blue in range(FIRST_PORT, LAST_PORT, 2):
        if not {blue, blue + 1} & taken:
            return blue, blue + 1
    raise Failure(f"No two free loopback ports are left between {FIRST_PORT} and {LAST_PORT}.")


def _check_conflicts(settings: site.Site) -> None:
    others = [other for other in proxy.sites() if other.app != settings.app]
    found = site.conflicts([*others, settings])
    if found:
        raise Failure("\n".join(found))


def _check_ports(spec: PrepareSpec) -> None:
    """The public ports must be free or the proxy's own."""
    wanted = {spec.http_port, spec.https_port} if spec.domain else {spec.http_port}
    inodes = {listener.inode: listener.port for listener in sockets.listeners() if listener.port in wanted}
    if not inodes:
        return
    own = set(systemd.processes(systemd.state(proxy.UNIT)))
    if set(sockets.holders(inodes, own)) and all(sockets.holders([inode], own) for inode in inodes):
        return
    for pid in sockets.all_processes():
        for inode in sockets.sockets_of(pid) & set(inodes):
            if pid not in own:
                raise Failure(
                    f"Port {inodes[inode]} is taken by {sockets.name(pid)}. Stop it, or give the app another http_port."
                )


def _user(app: App) -> bool:
    with contextlib.suppress(KeyError):
        pwd.getpwnam(app.user)
        return False
    sh.run(
        [
            *("useradd", "--system", "--user-group", "--no-create-home", "--home-dir", str(app.data)),
            *("--shell", "/usr/sbin/nologin", "--comment", f"{GECOS} {app.name}", app.user),
        ],
        doing=f"Adding the user {app.user}",
    )
    return True


def _directories(app: App) -> bool:
    user = pwd.getpwnam(app.user)
    own = (user.pw_uid, user.pw_gid)
    changed = [
        files.directory(SETTINGS, 0o755),
        files.directory(app.settings.parent, 0o755),
        files.directory(STATE, 0o755),
        files.directory(app.state, 0o755),
        files.directory(app.serving, 0o755),
        files.directory(app.built, 0o700),
        files.directory(app.launches, 0o700),
        files.directory(app.home, 0o755),
        files.directory(app.releases, 0o750, (0, user.pw_gid), mend=True),
        # Earlier versions gave python to the app, which may have put links there: root's first, then what is in it.
        files.directory(app.python, 0o755, mend=True),
        files.directory(app.virtualenvs, 0o755, mend=True),
        files.directory(app.cache, 0o750, own, mend=True),
        files.directory(app.data, 0o750, own, mend=True),
        files.directory(PYTHONS, 0o755),
    ]
    return any([*changed, _strange_virtualenvs(app)])


def _strange_virtualenvs(app: App) -> bool:
    """Remove what an app put among its virtualenvs while the directory was its own: anything but directories."""
    strange = [path for path in app.virtualenvs.iterdir() if path.is_symlink() or not path.is_dir()]
    owned.remove(app, strange)
    return bool(strange)
