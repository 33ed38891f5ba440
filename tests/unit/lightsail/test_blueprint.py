"""The image is chosen once: Debian 13, or the newest Debian that there is."""

from typing import Any

import pytest

from infra.machines.aws import session
from infra.machines.lightsail.blueprint import DebianProvider, choose, usable
from infra.machines.providers import PlainError
from tests.unit.lightsail.account import Account, error, image


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["debian_11", "debian_13", "debian_12"], "debian_13"),
        (["debian_13", "debian_14"], "debian_13"),
        (["debian_9", "debian_12", "debian_11_1"], "debian_12"),
        (["debian_12", "debian_12_1"], "debian_12_1"),
        (["ubuntu_24_04"], None),
        ([], None),
    ],
)
def test_debian_13_or_else_the_newest(offered: list[str], chosen: str | None) -> None:
    assert choose(offered) == chosen


def test_only_active_images_of_systems_that_launchpad_knows_are_usable() -> None:
    offered = [
        image("debian_13"),
        image("debian_11", isActive=False),
        image("debian_lamp", type="app"),
        image("amazon_linux_2023"),
        image("ubuntu_24_04"),
    ]
    assert usable(offered) == ["debian_13", "ubuntu_24_04"]


def created(monkeypatch: pytest.MonkeyPatch, **answers: Any) -> Any:
    monkeypatch.setattr(session, "client", Account(**answers))
    return DebianProvider().create({"region": "eu-central-1"}).outs


def test_it_is_kept_in_the_state_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    held = created(monkeypatch)
    assert held == {"region": "eu-central-1", "blueprint": "debian_13"}
    assert DebianProvider().diff("debian_13", held, {"region": "eu-central-1"}).changes is False
    assert DebianProvider().diff("debian_13", held, {"region": "eu-west-1"}).replaces == ["region"]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            {"blueprints": [image("ubuntu_24_04")]},
            "Lightsail offers no Debian in eu-central-1; set launchpad:lightsail",
        ),
        (error("AccessDeniedException"), "Allow lightsail:GetBlueprints, or name one by launchpad:lightsail.blueprint"),
    ],
)
def test_where_there_is_none_the_message_says_what_to_set(
    monkeypatch: pytest.MonkeyPatch, answer: Any, said: str
) -> None:
    with pytest.raises(PlainError, match=said):
        created(monkeypatch, get_blueprints=answer)
