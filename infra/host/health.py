"""Decides whether a started release is healthy, and says why when it is not."""

from __future__ import annotations

import time

from . import activity, answers, remedies, sockets, systemd
from .answers import Answer, Watch
from .doubts import Doubts, host_hint
from .failure import Failure

LEAST_ANSWERS = 3
"""Healthy answers in a row that a release has to give."""

MOST_DEATHS = 3
"""A release whose serving processes died so often after an answer is given up."""

TRIES = 3
"""Bad answers in a row that make a release unhealthy that was healthy before."""


def again(watch: Watch) -> Answer:
    """Ask a release that was healthy once more; a single bad answer is asked again before it counts."""
    for _ in range(TRIES):
        watch.last = answers.ask(watch)
        if watch.last.healthy(watch.health):
            break
        time.sleep(watch.health.interval)
    return watch.last


def wait(watch: Watch) -> float:
    """Wait until a just started unit is healthy and stays so; returns the seconds it took. A Failure says why not.

    Healthy means: expected answers without a miss for the settling time, given by the unit's own processes, none of
    which died meanwhile. So a release that answers once and then dies does not pass. Where the cause is certain it is
    told at once, else when the health timeout is over.
    """
    began = time.monotonic()
    pid = int(systemd.state(watch.unit)["MainPID"] or 0)
    watch.main = (pid, sockets.born(pid))
    since: float | None = None
    good = deaths = 0
    doubts = Doubts(watch, began)
    while True:
        if not watch.alive():
            raise Failure(_ended(watch, time.monotonic() - began, answered=since is not None))
        watch.last = answers.ask(watch, began + watch.health.timeout - time.monotonic())
        now = time.monotonic()
        if not watch.last.healthy(watch.health):
            since, good = None, 0
        elif since is None:
            since, good, doubts.first = now, 1, None
        else:
            good += 1
        if since is not None:
            # At every answer: where a process has taken the place of one that died, it is the next that may die.
            watch.servers |= _servers(watch)
        if since is not None and any(sockets.born(pid) != born for pid, born in watch.servers.items()):
            since, good, deaths = None, 0, deaths + 1
            watch.servers = {}
        if deaths >= MOST_DEATHS:
            raise Failure(
                f"The release answers and then dies: {deaths} times a process that had answered ended within "
                f"{watch.health.settle:g} s."
            )
        if since is not None and good >= LEAST_ANSWERS and now - since >= watch.health.settle and watch.alive():
            return now - began
        if now - began >= watch.health.timeout:
            ended = not watch.alive()
            raise Failure(_ended(watch, now - began, answered=False) if ended else _late(watch, deaths))
        if since is None and watch.alive() and (cause := doubts.certain(now)):
            raise Failure(cause)
        time.sleep(watch.health.interval)


def _servers(watch: Watch) -> dict[int, str]:
    """The processes that hold the port, which must be the unit's own, with their times of birth."""
    inodes = {listener.inode for listener in sockets.listeners() if listener.port == watch.port}
    own = systemd.processes(systemd.state(watch.unit))
    servers = {pid: sockets.born(pid) for pid in sockets.holders(inodes, own)}
    strangers = [] if servers or not watch.alive() else sockets.holders(inodes, sockets.all_processes())
    # Where nobody holds the port any more, who did has ended since: that is seen by itself.
    if strangers:
        names = ", ".join(sockets.name(pid) for pid in strangers)
        raise Failure(f"The port {watch.port} was answered by another process than the release: {names}.")
    return servers


def _ended(watch: Watch, after: float, *, answered: bool) -> str:
    what = "answered and then ended" if answered else "ended before it was healthy"
    how = systemd.ended(systemd.state(watch.unit)) or "its unit was stopped"
    hint = ": a command was not found; is it among the app's dependencies?" if how.endswith(" 127") else ""
    return f"The web process {what}, {after:.1f} s after its start ({how}{hint})."


def _late(watch: Watch, deaths: int) -> str:
    health = watch.health
    lines = [
        f"The release was not healthy within {health.timeout:g} s: {answers.question(watch)}, got {watch.last.words()}"
    ]
    if deaths:
        lines.append(f"{deaths} times a process that had answered ended.")
    if hint := host_hint(watch):
        lines.append(hint)
    sight = activity.look(watch.unit)
    if not sight.reachable(watch.port):
        lines.append(sight.where(watch.port))
        if sight.listeners:
            lines.append(remedies.port(watch.command, answers.log(watch)))
    return "\n".join(lines)
