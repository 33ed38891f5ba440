"""The app's log: of all its processes or one, of one release, since a time, the lines that match; without secrets."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypedDict

from infra.agent.process import slots
from infra.agent.proxy import proxy
from infra.agent.release import run_history
from infra.agent.release.log_origins import CACHE, RUN, Origins
from infra.agent.services import cache
from infra.agent.system import instances, journal_lines, say, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.journal_lines import Line
from infra.agent.system.layout import App

SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
SHORT = re.compile(rf"(?P<count>\d{{1,9}}) ?(?P<unit>{'|'.join(SECONDS)})")
"""How long ago, in short: 10m, 2h, 1d."""
IN_DEPLOYMENT = ("release", "build", "hook")
"""What a deployment runs and shows itself: its output goes through a pipe and not into the journal (see tasks.py)."""


class LogLine(TypedDict):
    """A line for programs. ``time`` is ISO 8601; ``release`` is None if the line is of none, or that is not known."""

    time: str
    process: str
    release: str | None
    unit: str
    message: str


@dataclass(frozen=True)
class Query:
    """What is asked for; empty texts choose everything.

    Attributes:
        process: web, proxy, cache, run, run.NUMBER, the name of a Procfile process, or of a job, with or without cron.
        release: A release's name, or the beginning of its revision.
        since: A time as journalctl takes it, or how long ago in short.
        grep: A regular expression, for what is printed.
        lines: How many lines of the past.
        follow: Whether to go on as lines come.
        json: Whether to print an object for each line.
    """

    process: str = ""
    release: str = ""
    since: str = ""
    grep: str = ""
    lines: int = 100
    follow: bool = False
    json: bool = False


def show(app: App, query: Query) -> None:
    """Print the lines that are asked for.

    Raises:
        Failure: A process, release, time or pattern that there is not; with those that there are.
    """
    options = [*journal_lines.units(_units(app, query.process)), *_since(query.since)]
    if query.lines < 0:
        raise Failure(f"--lines is {query.lines}; it must be 0 or more")
    origins = Origins(app)
    wanted = origins.named(query.release) if query.release else set()
    pattern = _pattern(query.grep)
    only_own = _is_run(query.process)

    def shown(line: Line) -> str | None:
        """A line's message as it is printed; None if it is not asked for."""
        if (wanted and origins.of(line) not in wanted) or (only_own and line.pid == journal_lines.SYSTEMD):
            return None
        message = say.fit(line.message)
        return message if pattern is None or pattern.search(message) else None

    def put(line: Line, message: str) -> None:
        if query.json:
            entry = LogLine(
                time=line.time("milliseconds"),
                process=origins.process(line),
                release=origins.of(line) or None,
                unit=line.unit,
                message=message,
            )
            say.result(entry)
        else:
            say.text(line.text(message))

    cursor = _past(options, query, shown, put)
    if query.follow:
        after = f"--after-cursor={cursor}" if cursor else f"--since=@{int(time.time())}"
        rest = [option for option in options if not option.startswith("--since=")]
        _print(journal_lines.read(*rest, "--follow", "--no-tail", after), shown, put)


def _past(
    options: list[str], query: Query, shown: Callable[[Line], str | None], put: Callable[[Line, str], None]
) -> str:
    """Print the last lines of the past; returns the place in the journal from which on the future begins."""
    all_shown = not (query.grep or query.release or _is_run(query.process))
    limit = [f"--lines={max(query.lines, 1)}"] if all_shown else []
    found: list[tuple[Line, str]] = []
    cursor = ""
    lines = journal_lines.read(*options, "--reverse", *limit)
    for line in lines:
        cursor = cursor or line.cursor
        if len(found) >= query.lines:
            break
        if (message := shown(line)) is not None:
            found.append((line, message))
    lines.close()
    for line, message in reversed(found):
        put(line, message)
    return cursor


def _print(lines: Iterator[Line], shown: Callable[[Line], str | None], put: Callable[[Line, str], None]) -> None:
    try:
        for line in lines:
            if (message := shown(line)) is not None:
                put(line, message)
    except KeyboardInterrupt:
        pass


def _units(app: App, process: str) -> list[str]:
    """The units whose lines are asked for."""
    loaded = sorted({*systemd.instances(app.name), *systemd.enabled(app.name)})
    launches = sorted(path.stem for path in app.launches.glob("*.json")) if app.launches.is_dir() else []
    known = sorted({*loaded, *launches, *slots.SLOTS})
    if not process:
        # By name, too: a pattern finds only what has written already, and another may start while we follow.
        return [*(app.unit(instance) for instance in known), *map(app.unit, ("*", instances.job("*"))), app.every_run]
    others = [each for each in known if each not in slots.SLOTS]
    own = [app.unit(each) for each in others if process in _called(each)]
    fixed = {"web": [app.unit(slot) for slot in slots.SLOTS], "proxy": [proxy.UNIT, *own]}
    if cache.is_there(app):
        fixed[CACHE] = [app.cache_unit, *own]
    if process in fixed:
        return fixed[process]
    numbers = [run.number for run in run_history.all_runs(app)]
    if process == RUN:
        return [*(app.run(number) for number in numbers), app.every_run, *own]
    if (number := process.removeprefix(f"{RUN}.")).isdigit() and process != number and int(number) in numbers:
        return [app.run(int(number))]
    if own:
        return own
    names = [*fixed, *map(instances.label, others), RUN]
    if process in IN_DEPLOYMENT:
        raise Failure(
            f"The log has no lines of {process}: a deployment shows its output itself (in the output of launchpad up). "
            f"The log has {', '.join(names)}."
        )
    raise Failure(f"There is no process {process}; there are {', '.join(names)}.")


def _called(instance: str) -> tuple[str, ...]:
    """What a person may call an instance."""
    return instance, instances.process(instance), instances.label(instance), instances.job_name(instance)


def _is_run(process: str) -> bool:
    """Whether only commands of ``run`` are asked for; systemd's lines about their starts and ends are left out then."""
    return process == RUN or process.startswith(f"{RUN}.")


def _since(text: str) -> list[str]:
    """The option for journalctl that leaves out what is older."""
    if not text:
        return []
    if match := SHORT.fullmatch(text):
        return [f"--since=-{int(match['count']) * SECONDS[match['unit']]}s"]
    if "\n" in text or not journal_lines.understands(text):
        raise Failure(
            f"--since is {text!r}, which is no time. "
            'Use how long ago (10m, 2h, 1d, "10 min ago") or a time ("2026-11-26 10:00", yesterday)'
        )
    return [f"--since={text}"]


def _pattern(text: str) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text else None
    except re.error as error:
        raise Failure(f"--grep is {text!r}, which is no regular expression: {error}") from error
