"""The schedules of jobs: five fields as cron has them, or a word such as ``@daily``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from infra.protocol.refusal import Refusal

WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
"""The words that stand for five fields. Source: crontab(5)."""
EXAMPLE = "0 3 * * *"
LINE = f"a schedule and a command, such as {EXAMPLE} python cleanup.py"
LONGEST_MONTHS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
FIELD = re.compile(r"[\d*][\d*,/-]*|\?")
"""A field of numbers; no program is called like this, so it tells a schedule from a command."""
PART = re.compile(r"(?P<first>\*|\w{1,4})(?:-(?P<last>\w{1,4}))?(?:/(?P<step>\d{1,4}))?", re.ASCII)


@dataclass(frozen=True)
class Field:
    """A field of a schedule: its name, the numbers that it allows, and the names of the first ones."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()

    def allowed(self) -> str:
        """What may stand in it, in words."""
        names = f" or from {self.names[0]} to {self.names[-1]}" if self.names else ""
        return f"from {self.low} to {self.high}{names}"

    def number(self, text: str, *, ends: bool = False) -> int | None:
        """The number that a text means; None if it means none.

        Args:
            text: A number or a name.
            ends: Whether it ends a range: a Sunday, which begins the week as SUN, is its last day there.
        """
        if text.upper() in self.names:
            number = self.low + self.names.index(text.upper())
            return 7 if ends and self is WEEKDAY and number == 0 else number
        return int(text) if text.isdigit() and self.low <= int(text) <= self.high else None


MINUTE = Field("minute", 0, 59)
HOUR = Field("hour", 0, 23)
DAY = Field("day of month", 1, 31)
MONTH = Field("month", 1, 12, ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"))
WEEKDAY = Field("day of week", 0, 7, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))
FIELDS = (MINUTE, HOUR, DAY, MONTH, WEEKDAY)


@dataclass(frozen=True)
class Schedule:
    """When a job runs.

    Attributes:
        minutes: At which minutes of an hour.
        hours: In which hours of a day.
        days: On which days of a month.
        months: In which months, January being 1.
        weekdays: On which days of a week, Sunday being 0.
        either: Whether a day on which one of ``days`` and ``weekdays`` allows it is enough; otherwise both have to.
    """

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either: bool

    def has_dates(self) -> bool:
        """Whether one of the months has one of the days of the month."""
        return any(day <= LONGEST_MONTHS[month - 1] for month in self.months for day in self.days)


def schedule(value: object) -> str:
    """A schedule, or empty text: a rule of a message's field."""
    if not isinstance(value, str):
        raise Refusal(f"a schedule such as {EXAMPLE} or @daily")
    if value:
        parse(value)
    return value


def parse(text: str) -> Schedule:
    """Read a schedule.

    Args:
        text: Five fields, or a word.

    Raises:
        Refusal: It is none; names each field that is wrong. The text follows "must be".

    Source: crontab(5).
    """
    if text == "@reboot":
        raise Refusal("a schedule with times, and not @reboot; a process of the Procfile starts with the machine")
    if text.startswith("@") and text not in WORDS:
        raise Refusal(f"five fields such as {EXAMPLE}, or one of {', '.join(WORDS)}")
    texts = WORDS.get(text, text).split()
    if len(texts) != len(FIELDS):
        names = ", ".join(field.name for field in FIELDS)
        raise Refusal(f"five fields ({names}) such as {EXAMPLE}, or a word such as @daily")
    mistakes: list[str] = []
    minutes, hours, days, months, weekdays = (
        _field(field, part, mistakes) for field, part in zip(FIELDS, texts, strict=True)
    )
    if mistakes:
        raise Refusal(f"a schedule {', and '.join(mistakes)}")
    # As cron does it: a field counts as open if it begins with *, even if that has a step.
    either = not texts[2].startswith("*") and not texts[4].startswith("*")
    read = Schedule(minutes, hours, days, months, frozenset(day % 7 for day in weekdays), either)
    if not either and not read.has_dates():
        raise Refusal("a schedule whose day of month exists in its month")
    return read


def _field(field: Field, text: str, mistakes: list[str]) -> frozenset[int]:
    """The numbers that a field means; what is wrong with it is added to ``mistakes``."""
    numbers: set[int] = set()
    for part in text.split(","):
        try:
            numbers |= _part(field, part)
        except Refusal as refusal:
            mistakes.append(f"whose {field.name} {refusal}")
            break
    return frozenset(numbers)


def _part(field: Field, part: str) -> set[int]:
    match = PART.fullmatch(part)
    if not match or (match["first"] == "*" and match["last"]):
        raise Refusal(f"is {field.allowed()}, a range, a list or *")
    first, last, step = match["first"], match["last"], match["step"]
    low = field.low if first == "*" else field.number(first)
    high = field.high if first == "*" else field.number(last or first, ends=last is not None)
    if low is None or high is None:
        raise Refusal(f"is {field.allowed()}")
    if step and first != "*" and not last:
        raise Refusal(f"has a range before each step, such as {field.low}-{field.high}/2")
    if low > high:
        raise Refusal(f"has ranges that go up; one over {field.high} is written as two")
    if step and not 1 <= int(step) <= field.high:
        raise Refusal(f"has steps from 1 to {field.high}")
    return set(range(low, high + 1, int(step or 1)))


def begins(line: str) -> bool:
    """Whether a line begins with a schedule, right or wrong, and not with a command."""
    first = line.split(None, 1)[:1]
    return bool(first) and (first[0].startswith("@") or bool(FIELD.fullmatch(first[0])))


def split(line: str) -> tuple[str, str]:
    """The schedule and the command of a line.

    Raises:
        Refusal: One of them is missing or wrong. The text follows "must be".
    """
    count = 1 if line.lstrip().startswith("@") else len(FIELDS)
    *fields, command = line.split(None, count)[: count + 1] or [""]
    if len(fields) != count:
        raise Refusal(LINE)
    text = " ".join(fields)
    parse(text)
    check_command(command)
    return text, command.rstrip()


def check_command(command: str) -> None:
    """Check that a command is not the rest of a schedule.

    Raises:
        Refusal: It begins with a sixth field.
    """
    if FIELD.fullmatch(command.split(None, 1)[0] if command.strip() else ""):
        raise Refusal(f"{LINE}; a schedule has five fields, without seconds")
