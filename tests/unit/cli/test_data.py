"""Lines about data: each is shown once, whoever tells it, and an update asks first where it could be too late."""

from __future__ import annotations

import json

import pytest

from cli import engine, events
from cli.preview import DataPreview, Preview
from cli.view import View
from tests.unit.cli.stream import event, metadata, started

STAYS = "DATA: app shop is taken off the machine: its data in /srv/shop/data stays"
GOES = "DATA: when the stack is destroyed, its data is DELETED"


def said(text: str) -> str:
    """The event of what the guard prints."""
    return event(diagnosticEvent={"urn": "", "severity": "info", "message": f"{text}\n"})


def removal() -> str:
    """The event of a removal, of which Pulumi's plan tells."""
    line = json.loads(started("shop-removal", "delete"))
    data = metadata("shop-removal", "delete")
    data["old"] = {**data["old"], "inputs": {"delete": "launchpad-agent remove --app shop --keep-data"}}
    line["resourcePreEvent"]["metadata"] = data
    return json.dumps(line)


def shown(view: View, *lines: str) -> list[str]:
    found = [events.parse(line) for line in lines]
    return [each.text for one in found if one for each in view.feed(one, 0.0)]


def test_the_guard_and_the_plan_tell_the_same_line_once() -> None:
    off = "app shop on the machine: remove"
    assert shown(Preview(), removal(), said(STAYS)) == [off, STAYS]
    assert shown(Preview(), said(f"{STAYS}\n{GOES}"), removal()) == [STAYS, GOES, off]
    assert shown(View(), said(STAYS), said(STAYS)) == [STAYS]


def test_a_preview_for_the_data_alone_shows_nothing_else() -> None:
    assert shown(DataPreview(), started("shop-release"), said("What goes out with shop:"), said(GOES)) == [GOES]


@pytest.mark.parametrize(
    ("machine", "on_destroy", "asks"),
    [
        ("ec2", "", True),
        ("lightsail", "keep", True),
        ("ec2", "delete", False),
        ("embedded", "", False),
        ("embedded", "delete", False),
        ("embedded", "keep", True),
        ("server", "", False),
        ("server", "keep", False),
    ],
)
def test_an_update_asks_first_where_its_end_would_be_too_late(machine: str, on_destroy: str, asks: bool) -> None:
    assert engine.may_lose_data(machine, on_destroy) is asks
