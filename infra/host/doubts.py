"""What speaks against a release while it is not healthy yet: when waiting would not help, and why."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Sequence

from . import activity, answers, remedies, say, sockets
from .activity import Sight
from .answers import Answer, Watch

REMIND = 5.0
"""Seconds until a line says what we still wait for; each time twice as long, for Pulumi repeats every line."""

CERTAIN = 5.0
"""Seconds for which the signs of a certain cause have to last."""

STEADY = 10.0
"""Seconds after which a client error (4xx) that is always the same is taken for final."""

QUIET = 20.0
"""Seconds after which a release that listens elsewhere, and where nothing happens, is given up."""

PASSING = (408, 425, 429)
"""Client errors that say themselves that they pass: timeout, too early, too many requests."""

METRICS = ("# HELP", "# TYPE")
"""How the answers of a Prometheus exporter begin, which apps open on a port of its own, often before their own."""


class Doubts:
    """What speaks against a release that is not healthy yet, gathered while we wait for it."""

    def __init__(self, watch: Watch, began: float) -> None:
        self.watch = watch
        self.began = began
        self.tell = began + REMIND
        self.first: tuple[Answer, float] | None = None
        self.sight: Sight | None = None
        self.calm = 0.0
        self.asked: frozenset[sockets.Listener] = frozenset()
        self.failing: list[int] = []

    def certain(self, now: float) -> str:
        """Why more waiting would not help, with the remedy; empty as long as it might. Tells progress now and then."""
        last, watch = self.watch.last, self.watch
        if now >= self.tell:
            self.tell = now + (now - self.began)
            left = watch.health.timeout - (now - self.began)
            say.step("health", f"{last.brief()}, still waiting, {left:.0f} s left")
        if not last.error:
            self.sight = None
            if self.first is None or not last.same(self.first[0]):
                self.first = (last, now)
            steady = now - self.first[1]
            return _final(watch, steady) if steady >= patience(last) else ""
        self.first = None
        if self.sight is None or now - self.sight.at >= 1:
            return self._look()
        return ""

    def _look(self) -> str:
        """See what the release does instead of answering."""
        watch, before, sight = self.watch, self.sight, activity.look(self.watch.unit)
        self.sight = sight
        self.calm = self.calm + sight.at - before.at if before and sight.calm_since(before) else 0.0
        log = answers.log(watch)
        errors = remedies.import_errors(log)
        self.failing = [*self.failing[-2:], len(errors)]
        idle = self.calm >= CERTAIN and bool(errors) and errors[-1] == log[-1].strip()
        if idle or respawning(self.failing, len(sight.processes)):
            return f"The release cannot load its code: {errors[-1]}"
        if not sight.listeners or sight.reachable(watch.port) or self.calm < CERTAIN or self._asleep(sight):
            return ""
        if self.calm >= QUIET or self._answers(sight):
            return f"{sight.where(watch.port)}\n{remedies.port(watch.command, log)}"
        return ""

    def _asleep(self, sight: Sight) -> bool:
        """Whether the listening process waits for something before it opens its port."""
        holders = sockets.holders({each.inode for each in sight.listeners}, sight.processes)
        return any(activity.asleep(pid) for pid in holders)

    def _answers(self, sight: Sight) -> bool:
        """Whether the web app itself answers where it listens, asked once for the same sockets."""
        if sight.listeners == self.asked:
            return False
        self.asked = sight.listeners
        if any(each.port == self.watch.port for each in sight.listeners):
            return True
        found = [answers.ask(dataclasses.replace(self.watch, port=each.port), CERTAIN) for each in sight.listeners]
        return any(each.healthy(self.watch.health) and not each.body.startswith(METRICS) for each in found)


def respawning(failing: Sequence[int], processes: int) -> bool:
    """Whether a server starts workers again and again that cannot load their code.

    ``failing`` counts the import errors in the log at the last looks. That each process logs one by itself may be about
    a module that is optional.
    """
    grows = len(failing) > 2 and all(before < after for before, after in itertools.pairwise(failing[-3:]))
    return grows and failing[-1] > processes


def patience(answer: Answer) -> float:
    """For how many seconds a bad answer may stay the same until it is taken for final."""
    if answer.wrong or (answer.status == 400 and remedies.refused_host("", answer.body)):
        return CERTAIN
    return STEADY if 400 <= answer.status < 500 and answer.status not in PASSING else math.inf


def _final(watch: Watch, steady: float) -> str:
    """What to say of an answer that will not change."""
    if watch.last.wrong:
        return watch.last.wrong
    text = (
        f"The release is not healthy, the same for {steady:.0f} s: {answers.question(watch)}, got {watch.last.words()}"
    )
    return "\n".join([text, *filter(None, [host_hint(watch)])])


def host_hint(watch: Watch) -> str:
    """What to do where the app refuses the host that it is asked by; empty where that is not the cause."""
    if watch.last.status != 400:
        return ""
    return remedies.refused_host(watch.public.host, "\n".join([watch.last.body, *answers.log(watch, 50)]))
