"""The keys about processes, scheduled jobs and static files: maps whose items are each told under their own names."""

import json
from typing import Any

import pytest

from infra.config.parse import SettingsError
from infra.protocol.app_settings import CronJob, Process, StaticFiles
from tests.unit.config.reading import parse


def by_name(*items: Any) -> dict[str, Any]:
    """Messages by their names."""
    return {getattr(item, "name", "") or item.prefix: item for item in items}


def test_a_process_is_a_command_or_a_map_or_left_out() -> None:
    given = {
        "worker": {"command": "w", "count": 3, "memory": "512M", "stop_timeout": "10m"},
        "release": "r",
        "b": False,
    }
    assert parse({"processes": json.dumps(given)}).processes == by_name(
        Process("b", disabled=True),
        Process("release", "r"),
        Process("worker", "w", count=3, memory=512 * 2**20, stop_timeout=600),
    )


def test_a_job_is_a_schedule_and_a_command() -> None:
    given = {"a": "0 3 * * 1-5  python a.py --all", "b": "@daily python b.py", "c": False}
    assert parse({"cron": json.dumps(given)}).cron == by_name(
        CronJob("a", "0 3 * * 1-5", "python a.py --all"),
        CronJob("b", "@daily", "python b.py"),
        CronJob("c"),
    )


def test_static_files_are_folders_by_prefix() -> None:
    given = {"/static/": "staticfiles", "/media/": "$DATA_DIR/media", "/x/": False}
    assert parse({"static": json.dumps(given)}).static == by_name(
        StaticFiles("/media/", "$DATA_DIR/media"),
        StaticFiles("/static/", "staticfiles"),
        StaticFiles("/x/"),
    )


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("processes", {"a": 1}, "processes.a is 1; it must be a command, false, or a map of"),
        ("processes", {"a": {"count": 0}}, "launchpad:processes.a.count is 0; it must be a whole number from 1 to"),
        (
            "processes",
            {"web": {"count": 2}},
            "processes.web.count is 2; it must be 1, as web runs once; its servers start",
        ),
        ("processes", {"a": {"number": 2}}, 'processes.a is {"number": 2}; it must be a command, false, or a map of'),
        ("processes", {"a": True}, "processes.a is true; it must be a command, false, or a map of"),
        ("processes", {"a b": "x"}, "processes.a b is 'x'; it must be under a name of 1 to 100 letters"),
        ("processes", [], "processes is '[]'; it must be a map of processes, such as"),
        ("cron", {"a": "0 3 * * a.py"}, "cron.a is '0 3 * * a.py'; it must be a schedule and a command"),
        (
            "cron",
            {"a": "0 24 * * FUN a.py"},
            "cron.a is '0 24 * * FUN a.py'; it must be a schedule whose hour is from 0 to 23, "
            "and whose day of week is from 0 to 7 or from SUN to SAT",
        ),
        ("cron", {"a": "0 0 3 * * * a.py"}, "python cleanup.py; a schedule has five fields, without seconds"),
        ("cron", {"a b": "@daily a.py"}, "cron.a b is '@daily a.py'; it must be under a name of 1 to 100"),
        ("cron", {"a": 5}, "cron.a is 5; it must be a schedule and a command, such as 0 3 * * * python cleanup.py, or"),
        ("static", {"static": "x"}, "static.static is 'x'; it must be under a URL path that starts and ends with /"),
        (
            "static",
            {"/a/": 1},
            "static./a/ is 1; it must be a folder, such as staticfiles or $DATA_DIR/media, or false",
        ),
    ],
)
def test_each_wrong_item_is_told_by_its_name(key: str, value: object, told: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse({key: json.dumps(value)})
    (problem,) = caught.value.problems
    assert told in problem
