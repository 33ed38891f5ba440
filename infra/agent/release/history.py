"""The machine's record of deployments: one JSON object a line, only ever appended to."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, cast

from infra.agent.system.files import Json
from infra.agent.system.layout import App
from infra.common.printable import one_line

RUN = "run"
"""What an entry is called that is a command of ``run``; it is kept elsewhere (run_history.py) and only shown here."""
MAINTENANCE = "maintenance"
"""How an entry is called, before on or off, of a site that was closed or opened; it is kept elsewhere, too."""

DEPLOYMENT = "deployment"


@dataclass(frozen=True)
class Entry:
    """One deployment.

    ``result`` is ok, failed or interrupted; ``seconds`` is how long it took, ``switch_time`` the time of the switch, in
    seconds since the epoch (None: not known).
    """

    number: int
    release: str
    revision: str
    subject: str
    when: float
    who: str
    seconds: float | None
    result: str
    reason: str
    what: str
    switched: bool = False
    switch_time: float | None = None

    @property
    def kind(self) -> str:
        """What it is an entry of: deployment, run or maintenance."""
        word = self.what.partition(" ")[0]
        return word if word in (RUN, MAINTENANCE) else DEPLOYMENT

    @property
    def served(self) -> bool:
        """Whether its release got requests, even if the deployment was interrupted after the switch."""
        return self.kind == DEPLOYMENT and (self.switched or self.result == "ok")


class Event(TypedDict, total=False):
    """One line of the record. Those of one deployment have one number, and a later one adds to those before.

    ``event`` is begin, switch or end; ``when`` (of the beginning) and ``switch_time`` are in seconds since the epoch,
    ``seconds`` is how long it took.
    """

    event: str
    number: int
    when: float
    revision: str
    release: str
    subject: str
    who: str
    ref: str
    what: str
    slot: str
    switched: bool
    switch_time: float
    result: str
    reason: str
    seconds: float


def begin(
    app: App, *, revision: str, what: str, who: str = "", ref: str = "", release: str = "", subject: str = ""
) -> int:
    """Record that a deployment begins.

    Args:
        app: The app.
        revision: The commit, all 40 digits.
        what: What kind of deployment it is (see ``plan.Kind``).
        who: Who asked for it.
        ref: The branch, tag or commit that was asked for.
        release: Its release; empty if that is yet to be built.
        subject: The first line of the commit's message; empty if the commit is yet to be fetched.

    Returns:
        The deployment's number, from 1.
    """
    number = max((entry.number for entry in entries(app)), default=0) + 1
    event = Event(event="begin", number=number, when=time.time(), revision=revision, what=what, who=who, ref=ref)
    append(app.history, event | Event(release=release, subject=subject))
    return number


def switch(app: App, number: int, release: str, slot: str, *, served: bool) -> None:
    """Record, at the switch itself, which release gets requests; ``served`` is False if they went back at once."""
    event = Event(event="switch", number=number, release=release, slot=slot, switched=served)
    append(app.history, event | Event(switch_time=time.time()))


def end(
    app: App,
    number: int,
    *,
    result: str,
    seconds: float,
    release: str = "",
    subject: str = "",
    slot: str = "",
    reason: str = "",
) -> None:
    """Record how a deployment ended.

    Args:
        app: The app.
        number: The deployment's number.
        result: ok, failed or interrupted.
        seconds: How long it took.
        release: Its release; empty if no other is known than when it began.
        subject: The first line of the commit's message; empty in the same way.
        slot: The slot that it serves from; empty if it does not.
        reason: Why it failed, or what else a person should know of it.
    """
    event = Event(event="end", number=number, result=result, seconds=seconds)
    # What is not known now may have been when it began.
    if release:
        event["release"] = release
    if subject:
        event["subject"] = subject
    append(app.history, event | Event(slot=slot, reason=reason))


def entries(app: App) -> list[Entry]:
    """All deployments, the oldest first."""
    return _entries(app.history)


def maintenances(app: App) -> list[Entry]:
    """Each time that the site was closed or opened, the oldest first."""
    return _entries(app.maintenance_history)


def _entries(path: Path) -> list[Entry]:
    try:
        return read(path.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError:
        return []


def read(text: str) -> list[Entry]:
    """The deployments in a record; a line that was cut off (the machine died while writing it) is passed over."""
    return [_entry(cast("Event", value)) for value in events(text)]


def events(text: str) -> list[Json]:
    """What a record says of each of its numbers, in order: a later line about one adds to those before."""
    known: dict[int, Json] = {}
    # Not splitlines: earlier records hold U+2028 and its like as they are, which would end a line there.
    for line in text.split("\n"):
        try:
            event = json.loads(line)
            known.setdefault(int(event["number"]), {}).update(event)
        except (ValueError, KeyError, TypeError):
            continue
    return [known[number] for number in sorted(known)]


def merged(deployments: Sequence[Entry], runs: Sequence[Entry]) -> list[Entry]:
    """Deployments in the order of their numbers, each run before the first deployment that is younger.

    Not all by their times: the clock may have been wrong, and whoever rolls back goes by the order of the deployments.
    """
    found = list(deployments)
    for run in runs:
        younger = (at for at, entry in enumerate(found) if entry.kind == DEPLOYMENT and entry.when > run.when)
        found.insert(next(younger, len(found)), run)
    return found


def _entry(value: Event) -> Entry:
    ended = value.get("event") == "end"
    return Entry(
        number=int(value["number"]),
        release=str(value.get("release") or "-"),
        revision=str(value.get("revision", "")),
        subject=one_line(str(value.get("subject", ""))),
        when=float(value.get("when", 0)),
        who=one_line(str(value.get("who", ""))),
        seconds=float(value["seconds"]) if ended and "seconds" in value else None,
        result=str(value.get("result", "failed")) if ended else "interrupted",
        reason=one_line(str(value.get("reason", "")), 1000),
        what=str(value.get("what", "")),
        switched=bool(value.get("switched")),
        switch_time=float(value["switch_time"]) if "switch_time" in value else None,
    )


def append(path: Path, event: Mapping[str, object]) -> None:
    """Add a line to a record."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(handle).st_size
        cut_off = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        os.write(handle, (("\n" if cut_off else "") + json.dumps(event) + "\n").encode())
        os.fsync(handle)
    finally:
        os.close(handle)
