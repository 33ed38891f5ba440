"""The key for what becomes of a stack's data: what each kind of machine can do, in exact words."""

from __future__ import annotations

import json

import pytest

from infra.config.parse import SettingsError
from infra.machines.registry import KINDS
from tests.unit.config.reading import parse
from tests.unit.machines.test_server import GOOD as SERVER

KIND = {
    "embedded": {},
    "ec2": {"machine": "ec2", "ec2.region": "eu-central-1", "ssh_cidrs": '["203.0.113.7/32"]'},
    "lightsail": {"machine": "lightsail", "lightsail.region": "eu-central-1", "ssh_cidrs": '["203.0.113.7/32"]'},
    "server": SERVER,
}
REPOSITORY = {"repository": "https://github.com/you/shop.git"}


def problems(raw: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(raw)
    return caught.value.problems


def test_nothing_is_said_unless_it_is_set() -> None:
    assert parse(REPOSITORY).on_destroy == ""


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_takes_what_it_can_do_and_refuses_the_rest(kind: str) -> None:
    able = KINDS[kind].on_destroy
    assert "delete" in able
    for word in ("delete", "keep", "snapshot"):
        raw = {**REPOSITORY, **KIND[kind], "on_destroy": word}
        if word in able:
            assert parse(raw).on_destroy == word
        else:
            assert problems(raw) == [
                f"launchpad:on_destroy is {word}, which machine {kind} cannot do; "
                f"it must be {' or '.join(['empty', *able])}"
            ]


def test_another_word_is_refused() -> None:
    assert problems({**REPOSITORY, "on_destroy": "retain"}) == [
        "launchpad:on_destroy is 'retain'; it must be empty or delete or keep or snapshot"
    ]


def test_a_server_cannot_both_keep_and_delete() -> None:
    keep = {**SERVER, **REPOSITORY, "on_destroy": "keep"}
    assert problems({**keep, "delete_data": "true"}) == [
        "launchpad:on_destroy is keep, but launchpad:delete_data is true, so a destroy would delete the data of app; "
        "remove one of them"
    ]
    apps = {"shop": {"http_port": 8001}, "blog": {"delete_data": "true", "http_port": 8002}}
    assert problems({**keep, "apps": json.dumps(apps)}) == [
        "launchpad:on_destroy is keep, but launchpad:apps.blog.delete_data is true, so a destroy would delete the data "
        "of blog; remove one of them"
    ]
    assert parse({**keep, "on_destroy": "delete", "delete_data": "true"}).on_destroy == "delete"
