"""Maintenance mode of a site: files that the proxy looks at on every request, kept over deployments and reboots.

All of them are in a folder of their own, to which the link ``on`` leads, so that a message, a time and a key change
together and at once. The key lets its holder past the page; only root and the proxy can read it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from infra.agent.proxy import pages
from infra.agent.system import files, locks
from infra.agent.system.failure import Failure
from infra.agent.system.layout import CADDYFILE, App, proxy_ids
from infra.common.printable import one_line

ON, RECORD = "on", "record.json"
TEXT = "Closed for maintenance. Please try again later."


@dataclass(frozen=True)
class Maintenance:
    """Since when (seconds since the epoch) a site is closed, by whom, with which message, and the key to it.

    ``retry_after`` is how many seconds visitors are asked to wait.
    """

    since: float
    who: str
    message: str
    retry_after: int
    key: str

    def describe(self) -> str:
        """It as a person reads it, without the key."""
        when = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(self.since))
        message = f" ({one_line(self.message)})" if self.message else ""
        return f"closed for maintenance since {when} by {self.who or 'somebody'}: visitors get 503{message}"


def current(app: App) -> Maintenance | None:
    """The maintenance mode that is on; None if the site is open."""
    kept = files.read_json(app.maintenance / ON / RECORD)
    return Maintenance(**kept) if kept else None


def begin(app: App, who: str, message: str, retry_after: int) -> Maintenance:
    """Close the site, or change what visitors of a closed one are told; the time and the key of that stay.

    Raises:
        Failure: The proxy does not look at the files, as an earlier version has configured it.
    """
    with contextlib.suppress(FileNotFoundError):
        if f"root {app.maintenance}\n" not in CADDYFILE.read_text(encoding="utf-8"):
            raise Failure(
                f"The proxy of this machine knows no maintenance mode of {app.name} yet: run launchpad up first."
            )
    with _alone(app):
        before = current(app)
        made = Maintenance(
            before.since if before else time.time(),
            who,
            message,
            retry_after,
            before.key if before else secrets.token_hex(16),
        )
        _show(app, _write(app, made))
    return made


def end(app: App) -> Maintenance | None:
    """Open the site; returns what it was closed by, None if it was open."""
    with _alone(app):
        before = current(app)
        _show(app, "")
    return before


def _write(app: App, made: Maintenance) -> str:
    """Write a folder with everything; returns its name."""
    _, group = proxy_ids()
    name = secrets.token_hex(4)
    folder = app.maintenance / name
    visitors, keys = folder / "visitors", folder / "keys"
    for path in (app.maintenance, folder, visitors, visitors / str(made.retry_after)):
        files.directory(path, 0o755)
    files.directory(keys, 0o750, (0, group))
    files.write(keys / f"{made.key}.key", "", 0o640, (0, group))
    files.write_json(folder / RECORD, asdict(made))
    files.write(visitors / str(made.retry_after) / "page.html", pages.maintenance_page(made.message))
    files.write(visitors / str(made.retry_after) / "page.txt", f"{made.message or TEXT}\n")
    return name


def _show(app: App, name: str) -> None:
    """Have the link lead to a folder, or be gone, and remove every other folder."""
    link, fresh = app.maintenance / ON, app.maintenance / ".on.new"
    if name:
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(name)
        fresh.replace(link)
    else:
        link.unlink(missing_ok=True)
    if not app.maintenance.is_dir():
        return
    handle = os.open(app.maintenance, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    for path in app.maintenance.iterdir():
        if path.name not in (ON, name):
            files.remove_tree(path)


@contextmanager
def _alone(app: App) -> Iterator[None]:
    """Keep others from changing it, who are done in an instant."""
    handle = locks.open_file(app.maintenance_lock)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
