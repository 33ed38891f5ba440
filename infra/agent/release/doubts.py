"""Tells when it is useless to wait any longer for a release that is not healthy yet, and why."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence

from infra.agent.release import activity, answers, remedies
from infra.agent.release.activity import Sight
from infra.agent.release.answers import Answer, Watch
from infra.agent.system import say, sockets

REMIND = 5.0
"""Seconds until a line says what we are waiting for; twice as long each time, for Pulumi repeats every line."""

CERTAIN = 5.0
"""Seconds for which the signs of a cause have to last before they count as certain."""

STEADY = 10.0
"""Seconds after which a client error (4xx) that stays the same counts as final."""

QUIET = 20.0
"""Seconds after which an idle release that listens on another port is given up."""

LOOK_INTERVAL = 1.0
"""Seconds between two looks at what a release does instead of answering, and until the first one."""

PASSING = (408, 425, 429)
"""Client errors that are temporary by their meaning: timeout, too early, too many requests.
Source: RFC 9110, RFC 8470, RFC 6585."""

METRICS = ("# HELP", "# TYPE")
"""How the answers of a Prometheus exporter begin, which apps serve on another port, often before their own."""


class Doubts:
    """The signs against a release that is not healthy yet, gathered while we wait for it."""

    def __init__(self, watch: Watch, began: float) -> None:
        """Begin with no signs.

        Args:
            watch: The release.
            began: When the wait began, by ``time.monotonic``.
        """
        self.watch = watch
        self.began = began
        self.next_report = began + REMIND
        self.first: tuple[Answer, float] | None = None
        self.sight: Sight | None = None
        self.calm = 0.0
        self.slept = -math.inf
        self.asked: frozenset[sockets.Listener] = frozenset()
        self.failing: list[int] = []

    def certain(self, now: float) -> str:
        """Why it is useless to wait any longer, with the remedy; empty if it may help. Reports progress now and then.

        Args:
            now: The time, by ``time.monotonic``.
        """
        last = self.watch.last
        if now >= self.next_report:
            self.next_report = now + (now - self.began)
            left = self.watch.health.timeout - (now - self.began)
            say.step("health", f"{last.brief()}, still waiting, {left:.0f} s left")
        return self._unanswered(now) if last.error else self._answered(now)

    def _answered(self, now: float) -> str:
        """Judge by a bad answer, as ``certain`` does."""
        last = self.watch.last
        self.sight = None
        if self.first is None or not last.same(self.first[0]):
            self.first = (last, now)
        steady = now - self.first[1]
        if steady < final_after(last):
            return ""
        say.step("health", f"giving up early: the same answer for {steady:.0f} s")
        return _final(self.watch, steady)

    def _unanswered(self, now: float) -> str:
        """Judge by what the release does instead of answering, as ``certain`` does."""
        self.first = None
        # Not at once: most releases answer within the first second, and a look costs a handful of processes.
        if now - (self.sight.at if self.sight else self.began) < LOOK_INTERVAL:
            return ""
        if cause := self._look():
            say.step("health", "giving up early: the cause is certain")
        return cause

    def _look(self) -> str:
        """Look at what the release does instead of answering, as ``certain`` does."""
        watch, before, sight = self.watch, self.sight, activity.look(self.watch.unit)
        self.sight = sight
        self.calm = self.calm + sight.at - before.at if before and sight.calm_since(before) else 0.0
        log = answers.log(watch)
        errors = remedies.import_errors(log)
        self.failing = [*self.failing[-2:], len(errors)]
        idle = self.calm >= CERTAIN and bool(errors) and errors[-1] == log[-1].strip()
        if idle or respawning(self.failing, len(sight.processes)):
            return f"The release cannot load its code: {errors[-1]}"
        if not sight.listeners or sight.reachable(watch.port):
            return ""
        if self._asleep(sight):
            self.slept = sight.at
        # One that has just woken up may be about to open its port.
        idle_awake = min(self.calm, sight.at - self.slept)
        if idle_awake >= QUIET or (idle_awake >= CERTAIN and self._answers(sight)):
            return f"{sight.where(watch.port)}\n{remedies.port(watch.command, log)}"
        return ""

    def _asleep(self, sight: Sight) -> bool:
        """Whether the listening process sleeps, as one that waits for something before it opens its port."""
        holders = sockets.holders({listener.inode for listener in sight.listeners}, sight.processes)
        return any(activity.asleep(pid) for pid in holders)

    def _answers(self, sight: Sight) -> bool:
        """Whether the web app itself answers on a port where it listens; asked once for the same sockets."""
        if sight.listeners == self.asked:
            return False
        self.asked = sight.listeners
        ports = [listener.port for listener in sight.listeners]
        if self.watch.port in ports:
            return True
        given = [answers.ask(dataclasses.replace(self.watch, port=port), CERTAIN) for port in ports]
        return any(answer.healthy(self.watch.health) and not answer.body.startswith(METRICS) for answer in given)


def respawning(failing: Sequence[int], processes: int) -> bool:
    """Whether a server keeps starting workers that cannot load their code.

    One import error for each process proves nothing: the module may be optional.

    Args:
        failing: How many import errors the log had at the last looks.
        processes: How many processes the release has.
    """
    grows = len(failing) > 2 and all(before < after for before, after in itertools.pairwise(failing[-3:]))
    return grows and failing[-1] > processes


def final_after(answer: Answer) -> float:
    """The seconds after which a bad answer that stays the same counts as final."""
    if answer.wrong or (answer.status == 400 and remedies.refused_host("", answer.body)):
        return CERTAIN
    return STEADY if 400 <= answer.status < 500 and answer.status not in PASSING else math.inf


def _final(watch: Watch, steady: float) -> str:
    """The report on an answer that will not change."""
    if watch.last.wrong:
        return watch.last.wrong
    text = (
        f"The release has been unhealthy in the same way for {steady:.0f} s: {answers.question(watch)}, "
        f"got {watch.last.describe()}"
    )
    return "\n".join([text, *filter(None, [hint(watch)])])


def hint(watch: Watch) -> str:
    """What to do about an error status: where the app rejects the host name of the request, or which keys to change."""
    last = watch.last
    if last.wrong or last.error:
        return ""
    return host_hint(watch) or remedies.status(watch.health.path, last.status)


def host_hint(watch: Watch) -> str:
    """What to do if the app rejects the host name of the request; empty if that is not the cause."""
    if watch.last.status != 400:
        return ""
    return remedies.refused_host(watch.public.host, "\n".join([watch.last.body, *answers.log(watch, 50)]))
