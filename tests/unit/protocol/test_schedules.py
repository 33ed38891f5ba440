"""Schedules of jobs: what cron's fields mean, and the words that tell what is wrong in one."""

import re
from collections.abc import Iterable

import pytest

from infra.protocol import codec, schedules
from infra.protocol.app_settings import CronJob
from infra.protocol.codec import MessageError
from infra.protocol.refusal import Refusal
from infra.protocol.schedules import Schedule

MINUTES, HOURS, DAYS = frozenset(range(60)), frozenset(range(24)), frozenset(range(1, 32))
MONTHS, WEEKDAYS = frozenset(range(1, 13)), frozenset(range(7))


def of(  # noqa: PLR0917 - in the order of a schedule's fields
    minutes: Iterable[int] = MINUTES,
    hours: Iterable[int] = HOURS,
    days: Iterable[int] = DAYS,
    months: Iterable[int] = MONTHS,
    weekdays: Iterable[int] = WEEKDAYS,
    either: bool = False,
) -> Schedule:
    return Schedule(
        frozenset(minutes), frozenset(hours), frozenset(days), frozenset(months), frozenset(weekdays), either
    )


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("* * * * *", of()),
        ("0 3 * * *", of({0}, {3})),
        ("*/20 */8 * * *", of({0, 20, 40}, {0, 8, 16})),
        ("5,35 1-3 * * *", of({5, 35}, {1, 2, 3})),
        ("10-30/10,59 0 * * *", of({10, 20, 30, 59}, {0})),
        ("0 0 1 jan *", of({0}, {0}, {1}, {1})),
        ("0 0 * MAR-may,12 *", of({0}, {0}, DAYS, {3, 4, 5, 12})),
        ("0 0 * * 0", of({0}, {0}, weekdays={0})),
        ("0 0 * * 7", of({0}, {0}, weekdays={0})),
        ("0 0 * * SUN", of({0}, {0}, weekdays={0})),
        ("0 0 * * mon-FRI", of({0}, {0}, weekdays={1, 2, 3, 4, 5})),
        ("0 0 * * 5-7", of({0}, {0}, weekdays={5, 6, 0})),
        ("0 0 * * FRI-SUN", of({0}, {0}, weekdays={5, 6, 0})),
        ("0 0 * * 0-7", of({0}, {0})),
        ("0 0 13 * 5", of({0}, {0}, {13}, weekdays={5}, either=True)),
        ("0 0 30 2 1", of({0}, {0}, {30}, {2}, {1}, either=True)),
        ("0 0 */2 * 1", of({0}, {0}, range(1, 32, 2), weekdays={1})),
        ("0 0 1 * */2", of({0}, {0}, {1}, weekdays={0, 2, 4, 6})),
        ("0 0 29 2 *", of({0}, {0}, {29}, {2})),
        ("@hourly", of({0})),
        ("@daily", of({0}, {0})),
        ("@midnight", of({0}, {0})),
        ("@weekly", of({0}, {0}, weekdays={0})),
        ("@monthly", of({0}, {0}, {1})),
        ("@yearly", of({0}, {0}, {1}, {1})),
        ("@annually", of({0}, {0}, {1}, {1})),
    ],
)
def test_a_schedule_means_what_cron_means_by_it(text: str, meant: Schedule) -> None:
    assert schedules.parse(text) == meant


FIVE = "five fields (minute, hour, day of month, month, day of week) such as 0 3 * * *, or a word such as @daily"


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        ("60 * * * *", "a schedule whose minute is from 0 to 59"),
        ("* 24 * * *", "a schedule whose hour is from 0 to 23"),
        ("* * 0 * *", "a schedule whose day of month is from 1 to 31"),
        ("* * * 13 *", "a schedule whose month is from 1 to 12 or from JAN to DEC"),
        ("* * * * 8", "a schedule whose day of week is from 0 to 7 or from SUN to SAT"),
        ("* * * * FUN", "a schedule whose day of week is from 0 to 7 or from SUN to SAT"),
        (
            "61 * * MON *",
            "a schedule whose minute is from 0 to 59, and whose month is from 1 to 12 or from JAN to DEC",
        ),
        ("*/0 * * * *", "a schedule whose minute has steps from 1 to 59"),
        ("*/90 * * * *", "a schedule whose minute has steps from 1 to 59"),
        ("5/15 * * * *", "a schedule whose minute has a range before each step, such as 0-59/2"),
        ("* 22-2 * * *", "a schedule whose hour has ranges that go up; one over 23 is written as two"),
        ("1,,2 * * * *", "a schedule whose minute is from 0 to 59, a range, a list or *"),
        ("*-5 * * * *", "a schedule whose minute is from 0 to 59, a range, a list or *"),
        ("0 0 L * *", "a schedule whose day of month is from 1 to 31"),
        (
            "0 0 ? * 2#1",
            "a schedule whose day of month is from 1 to 31, a range, a list or *, "
            "and whose day of week is from 0 to 7 or from SUN to SAT, a range, a list or *",
        ),
        ("٣ * * * *", "a schedule whose minute is from 0 to 59, a range, a list or *"),
        (
            f"{'9' * 5000} * * * *",
            "a schedule whose minute is from 0 to 59, a range, a list or *",
        ),
        ("0 0 30 2 *", "a schedule whose day of month exists in its month"),
        ("0 0 31 4,6 */2", "a schedule whose day of month exists in its month"),
        ("* * * *", FIVE),
        ("* * * * * *", FIVE),
        ("", FIVE),
        (
            "@reboot",
            "a schedule with times, and not @reboot; a process of the Procfile starts with the machine",
        ),
        (
            "@dayly",
            "five fields such as 0 3 * * *, or one of "
            "@yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly",
        ),
    ],
)
def test_each_wrong_field_is_named(text: str, allowed: str) -> None:
    with pytest.raises(Refusal, match=f"^{re.escape(allowed)}$"):
        schedules.parse(text)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("0 3 * * * python a.py", ("0 3 * * *", "python a.py")),
        ("  0  3 * * 1-5\tpython a.py  --all ", ("0 3 * * 1-5", "python a.py  --all")),
        ("@daily A=1 python b.py | tee c", ("@daily", "A=1 python b.py | tee c")),
        ("0 3 * * * ./2fa-cleanup 5", ("0 3 * * *", "./2fa-cleanup 5")),
    ],
)
def test_a_line_is_a_schedule_and_a_command(line: str, parts: tuple[str, str]) -> None:
    assert schedules.split(line) == parts


@pytest.mark.parametrize("line", ["", "@daily", "0 3 * * *", "0 3 * * a.py"])
def test_a_line_lacks_its_schedule_or_its_command(line: str) -> None:
    with pytest.raises(Refusal, match=r"^a schedule and a command, such as 0 3 \* \* \* python cleanup\.py$"):
        schedules.split(line)


def test_a_sixth_field_is_no_command() -> None:
    with pytest.raises(Refusal, match=r"python cleanup\.py; a schedule has five fields, without seconds$"):
        schedules.split("0 0 3 * * * python a.py")


@pytest.mark.parametrize(
    ("line", "begins"),
    [
        ("0 3 * * * a", True),
        ("* a", True),
        ("*/5 0 a", True),
        ("99 0 a", True),
        ("@daily a", True),
        ("@reboot a", True),
        ("python scheduler.py", False),
        ("7z x", False),
        ("A=1 supercronic crontab", False),
        ("", False),
    ],
)
def test_a_schedule_is_told_from_a_command(line: str, begins: bool) -> None:
    assert schedules.begins(line) is begins


def test_the_agent_refuses_a_job_with_the_same_words() -> None:
    with pytest.raises(MessageError) as caught:
        codec.parse(CronJob, {"name": "a", "schedule": "0 24 * * FUN", "command": "a.py"})
    assert caught.value.mistakes == [
        "schedule: is '0 24 * * FUN'; it must be a schedule whose hour is from 0 to 23, "
        "and whose day of week is from 0 to 7 or from SUN to SAT"
    ]
    with pytest.raises(MessageError, match="command: is missing"):
        codec.parse(CronJob, {"name": "a", "schedule": "@daily"})
    with pytest.raises(MessageError, match=r"command: must be .*; a schedule has five fields, without seconds"):
        codec.parse(CronJob, {"name": "a", "schedule": "0 0 3 * *", "command": "* a.py"})
