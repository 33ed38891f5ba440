"""What launchpad verify makes of the machine's answer and of the stack's outputs."""

from __future__ import annotations

import json

import pytest

from cli.verify import Answer, of_revision, revision
from infra.protocol.drift import Difference

OLD, NEW = "a" * 40, "b" * 40
ANSWER = {
    "app": "shop",
    "revision": NEW,
    "release": NEW[:12],
    "program": "",
    "differences": [{"kind": "user", "what": "shop", "found": "gone", "wanted": ""}],
    "busy": "",
    "seconds": 0.3,
}


def test_an_answer_is_read() -> None:
    assert Answer.of(json.dumps(ANSWER)) == Answer("shop", NEW, (Difference("user", "shop", "gone"),), "")


@pytest.mark.parametrize("text", ["", "no JSON", "{}", "[]", json.dumps({**ANSWER, "differences": [{"kind": 1}]})])
def test_what_is_no_answer_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Answer.of(text)


@pytest.mark.parametrize(
    ("serves", "deployed", "busy", "lines"),
    [
        (NEW, NEW, "", []),
        (OLD, NEW, "", [f"revision of shop: {OLD[:12]} serves, should be {NEW[:12]}, which this stack deployed last"]),
        ("", NEW, "", [f"revision of shop: none serves, should be {NEW[:12]}, which this stack deployed last"]),
        (OLD, "", "", []),
        (OLD, NEW, "ada", []),
    ],
)
def test_what_serves_against_what_the_stack_deployed(serves: str, deployed: str, busy: str, lines: list[str]) -> None:
    assert [each.line() for each in of_revision(Answer("shop", serves, (), busy), deployed)] == lines


def test_the_revision_of_an_app_in_the_outputs_of_each_version() -> None:
    assert revision({"apps": {"shop": {"revision": NEW}, "blog": {"revision": ""}}}, "shop") == NEW
    assert revision({"apps": {"shop": {"revision": NEW}, "blog": {"revision": ""}}}, "blog") == ""
    assert revision({"app_user": "shop", "revision": OLD}, "shop") == OLD
    assert revision({"app_user": "shop", "revision": OLD}, "blog") == ""
    assert revision({}, "shop") == ""
