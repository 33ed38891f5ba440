"""Loads a dump into an app's database, which has its former content again where the app is not healthy with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO

from infra.agent.process import exchange, launch_file
from infra.agent.release import lock, restart, verify
from infra.agent.release.signals import Signals
from infra.agent.services import postgres_dump
from infra.agent.system import say
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App

UNHEALTHY = """\
{app} is not healthy with what was loaded, so it has its former database again. If that is the dump of an older release:
launchpad db load --keep, launchpad run -- with what migrates it, then launchpad restart
{why}"""


@dataclass(frozen=True)
class Options:
    """How a dump is loaded.

    Attributes:
        size: The bytes that it has; negative if that is not known.
        keep: Whether the app keeps what was loaded although it is not healthy with it.
        lock_timeout: Seconds to wait for deployments.
    """

    size: int = -1
    keep: bool = False
    lock_timeout: float = 300


def load(app: App, stream: IO[bytes], who: str, options: Options) -> None:
    """Put a dump in the place of the app's database, and start its processes anew.

    None of them is to go on with a connection that was cut.

    Args:
        app: The app.
        stream: The dump, in PostgreSQL's custom form.
        who: Who asks.
        options: How.

    Raises:
        Failure: It cannot be loaded, or the app is not healthy with it. The database is as before.
    """
    spec = verify.preparation(app)
    extensions = spec.database.extensions if spec else ()
    signals, what = Signals(), f"loading a dump into {app.name}"
    with (
        lock.deploying(app, who, what, options.lock_timeout),
        exchange.exchanging(app, who, what),
        postgres_dump.loaded(app, stream, extensions, options.size) as new,
    ):
        signals.begin()
        try:
            with postgres_dump.in_place(app, new):
                _start(app, who, signals, keep=options.keep)
        except Failure:
            _start(app, who, signals, keep=True)
            raise
    say.step("database", f"{app.name} has the database that was loaded")


def _start(app: App, who: str, signals: Signals, *, keep: bool) -> None:
    """Start the app's processes anew, if it serves.

    Args:
        app: The app.
        who: Who asks.
        signals: What signals do.
        keep: Whether it is only a warning that the app is not healthy.

    Raises:
        Failure: It is not.
    """
    if not launch_file.serving_release(app):
        return
    try:
        restart.again(app, who, signals)
    except Failure as failure:
        if not keep:
            raise Failure(UNHEALTHY.format(app=app.name, why=failure)) from failure
        say.step("warning", f"{app.name} is not healthy: {failure}")
