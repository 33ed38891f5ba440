"""Waits until a started release is healthy, or says why it is not."""

from __future__ import annotations

import time
from dataclasses import dataclass

from infra.agent.process import limits, memory_kills
from infra.agent.release import activity, answers, remedies
from infra.agent.release.answers import Answer, Watch
from infra.agent.release.doubts import Doubts, hint
from infra.agent.system import sockets, systemd
from infra.agent.system.failure import Failure
from infra.common import procfs

INTERVAL = 0.1
"""Seconds between two questions."""

SETTLE = 0.5
"""Seconds that a release has to answer without a miss. Most apps that die after their first answer die within it."""

LEAST_ANSWERS = 3
"""Healthy answers in a row that a release has to give."""

MOST_DEATHS = 3
"""Times that a process may exit after it has answered, before the release is given up."""

TRIES = 3
"""Bad answers in a row that make a release unhealthy that was healthy before."""


def again(watch: Watch) -> Answer:
    """Ask a release that was healthy once more. A bad answer counts only if it comes several times in a row.

    Returns:
        The last answer.
    """
    for _ in range(TRIES):
        watch.last = answers.ask(watch)
        if watch.last.healthy(watch.health):
            break
        time.sleep(INTERVAL)
    return watch.last


def wait(watch: Watch) -> float:
    """Wait until a unit that was just started is healthy and stays so.

    Healthy means: expected answers without a miss for the settling time, from the unit's own processes, none of which
    exited meanwhile. So a release that answers once and then dies does not pass.

    Returns:
        The seconds that it took.

    Raises:
        Failure: Why the release is not healthy; at once if the cause is certain, otherwise at the health timeout.
    """
    began = time.monotonic()
    watch.state = systemd.state(watch.unit)
    pid = watch.state.main_pid
    watch.main = (pid, procfs.start_time(pid))
    streak, doubts, deaths, answered = Streak(), Doubts(watch, began), 0, False
    while True:
        if not watch.alive():
            raise Failure(_ended(watch, time.monotonic() - began, answered=answered))
        if streak.begun:
            # Before it answers, too: on a busy machine, one that ends right after it has answered is gone by then.
            watch.servers |= _servers(watch)
        watch.last = answers.ask(watch, began + watch.health.timeout - time.monotonic())
        now = time.monotonic()
        streak.add(now, healthy=watch.last.healthy(watch.health))
        # Kept when the next answer is bad: it is, if the process ends while it is asked again.
        answered = answered or streak.begun
        if streak.count == 1:
            doubts.first = None
        if streak.begun and _has_lost_a_server(watch):
            streak, deaths = Streak(), deaths + 1
        if deaths >= MOST_DEATHS:
            raise Failure(
                f"The release answers and then dies: {deaths} times, a process ended within {SETTLE:g} s of answering."
            )
        if streak.is_enough(now) and watch.alive():
            return now - began
        if now - began >= watch.health.timeout:
            ended = not watch.alive()
            raise Failure(_ended(watch, now - began, answered=answered) if ended else _late(watch, deaths))
        if not streak.begun and watch.alive() and (cause := doubts.certain(now)):
            raise Failure(cause)
        time.sleep(INTERVAL)


@dataclass
class Streak:
    """Healthy answers in a row: how many, and since when (by ``time.monotonic``; None: there is none)."""

    count: int = 0
    since: float | None = None

    @property
    def begun(self) -> bool:
        """Whether the last answer was healthy."""
        return self.since is not None

    def add(self, now: float, *, healthy: bool) -> None:
        """Count an answer that has come now."""
        if not healthy:
            self.count, self.since = 0, None
        else:
            self.count, self.since = self.count + 1, now if self.since is None else self.since

    def is_enough(self, now: float) -> bool:
        """Whether there were enough of them, for long enough, to call the release healthy."""
        return self.since is not None and self.count >= LEAST_ANSWERS and now - self.since >= SETTLE


def _has_lost_a_server(watch: Watch) -> bool:
    """Whether a process that has answered has ended since; the others are then forgotten."""
    # At every answer: a process that has taken the place of one that died may be the next to die.
    watch.servers |= _servers(watch)
    if all(procfs.start_time(pid) == started for pid, started in watch.servers.items()):
        return False
    watch.servers = {}
    return True


def _servers(watch: Watch) -> dict[int, int]:
    """The processes that hold the port: their start times by id.

    Raises:
        Failure: They are not the unit's own.
    """
    inodes = {listener.inode for listener in sockets.listeners() if listener.port == watch.port}
    # It has none yet while systemd is about to try again.
    own = systemd.processes(watch.state if watch.state.control_group else systemd.state(watch.unit))
    servers = {pid: procfs.start_time(pid) for pid in sockets.holders(inodes, own)}
    others = [] if servers or not watch.alive() else sockets.holders(inodes, sockets.all_processes())
    # If nobody holds the port any more, its process has ended since, and the caller notices.
    if others:
        names = ", ".join(sockets.name(pid) for pid in others)
        raise Failure(f"Port {watch.port} was answered by a process that is not the release's: {names}.")
    return servers


def _ended(watch: Watch, after: float, *, answered: bool) -> str:
    """Why the web process ended, ``after`` so many seconds."""
    what = "answered and then ended" if answered else "ended before it was healthy"
    state = systemd.state(watch.unit)
    how = state.ending() or "its unit was stopped"
    if memory_kills.of(watch.unit, state):
        how = f"it {limits.exceeded('web', watch.memory)}"
    hint = (
        ": a command was not found; is it among the app's dependencies? launchpad:pip adds one"
        if how.endswith(" 127")
        else ""
    )
    return f"The web process {what}, {after:.1f} s after its start ({how}{hint})."


def _late(watch: Watch, deaths: int) -> str:
    """What a release did instead of becoming healthy in time."""
    health = watch.health
    lines = [f"The release was not healthy within {health.timeout:g} s: {answers.question(watch)}, "]
    if watch.last.healthy(health):
        lines[0] += f"got {watch.last.brief()}, but not for {SETTLE:g} s without a miss"
        lines.append("If it needs more time to start, raise launchpad:health_timeout.")
    else:
        lines[0] += f"got {watch.last.describe()}"
    if deaths:
        lines.append(f"{deaths} times, a process ended after it had answered.")
    if remedy := hint(watch):
        lines.append(remedy)
    sight = activity.look(watch.unit)
    if not sight.reachable(watch.port):
        lines.append(sight.where(watch.port))
        if sight.listeners:
            lines.append(remedies.port(watch.command, answers.log(watch)))
    return "\n".join(lines)
