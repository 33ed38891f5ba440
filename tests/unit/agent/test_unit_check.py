"""Units that should run against what systemd says of them."""

from pathlib import Path

import pytest

from infra.agent.system import unit_check
from infra.agent.system.manifest import LINK, REGULAR, Entry
from infra.protocol.drift import Difference

UNIT = "shop@blue.service"
FINE = {"LoadState": "loaded", "ActiveState": "active"}


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        (FINE, []),
        ({**FINE, "ActiveState": "activating"}, []),
        ({**FINE, "ActiveState": "failed"}, [f"unit {UNIT}: failed, should be active"]),
        ({**FINE, "ActiveState": "inactive", "LoadState": "masked"}, [f"unit {UNIT}: masked"]),
        ({}, [f"unit {UNIT}: unknown, should be active"]),
        ({**FINE, "FragmentPath": "/run/x"}, [f"unit {UNIT}: runs by /run/x, should be FILE"]),
        (
            {**FINE, "DropInPaths": f"/etc/systemd/system/{UNIT}.d/a.conf /usr/lib/systemd/system/service.d/b.conf"},
            [f"/etc/systemd/system/{UNIT}.d/a.conf: is not Launchpad's, and changes the unit"],
        ),
        ({**FINE, "DropInPaths": f"/etc/systemd/system/{UNIT}.d/stop.conf"}, []),
    ],
)
def test_a_unit(found: dict[str, str], lines: list[str], tmp_path: Path) -> None:
    file = tmp_path / "shop@.service"
    file.touch()
    differing = unit_check.compared(UNIT, str(file), found, {f"/etc/systemd/system/{UNIT}.d/stop.conf"})
    assert [each.line().replace(str(file), "FILE") for each in differing] == lines


def test_of_a_unit_without_its_file_nothing_more_is_said() -> None:
    assert unit_check.compared(UNIT, "/nonexistent", {"ActiveState": "inactive"}, set()) == []


def test_drop_ins_of_a_template_count_and_those_for_all_units_do_not() -> None:
    shown = "/etc/systemd/system/shop@.service.d/a.conf /etc/systemd/system/service.d/b.conf /run/systemd/system/x.d/c"
    assert unit_check.drop_ins(UNIT, shown) == ["/etc/systemd/system/shop@.service.d/a.conf"]


def test_what_starts_at_boot_should_run() -> None:
    entries = {
        f"/etc/systemd/system/multi-user.target.wants/{UNIT}": Entry(LINK, "/etc/systemd/system/shop@.service"),
        "/etc/systemd/system/shop@.service": Entry(REGULAR, "text"),
    }
    assert unit_check.wanted(entries) == {UNIT: "/etc/systemd/system/shop@.service"}


def test_a_difference_in_one_line() -> None:
    assert Difference("file", "/etc/a", "gone").line() == "/etc/a: gone"
    assert Difference("unit", "a.service", "failed", "active").line() == "unit a.service: failed, should be active"
