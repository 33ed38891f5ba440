"""toolchain/rollback.py: which revision is the previous one."""

import importlib.util
from typing import Any

import pytest

from tests.unit.toolchain.clone import ROOT

spec = importlib.util.spec_from_file_location("rollback", ROOT / "toolchain/rollback.py")
assert spec and spec.loader
rollback = importlib.util.module_from_spec(spec)
spec.loader.exec_module(rollback)


def history(text: str) -> list[dict[str, Any]]:
    """``"a b! c~ d*"``: revisions aaaa.., bbbb.. (failed), cccc.. (interrupted after the switch), dddd.. (it serves).

    ``"d?*"`` serves and was interrupted before its switch was recorded.
    """
    results = {"!": "failed", "~": "interrupted", "?": "interrupted"}
    return [
        {
            **{"revision": word[0] * 40, "release": word[0] * 12, "built": True},
            "result": next((result for mark, result in results.items() if mark in word), "ok"),
            "switched": "!" not in word and "?" not in word,
            "serving": "*" in word,
        }
        for word in text.split()
    ]


@pytest.mark.parametrize(
    ("deployments", "previous"),
    [
        ("a b", "a"),
        ("a b c", "b"),
        ("a b! c", "a"),
        ("a b b b", "a"),  # the same revision with other settings
        ("a b c b", "a"),  # gone back once: once more
        ("a b c b d", "b"),  # c was gone back from, so it is not where to go
        ("a b c!", "a"),
        ("a b c~*", "b"),  # killed after the switch: c serves, and one back is b
        ("a b c?*", "b"),
        ("a b c? b*", "a"),
        ("a b c~ b*", "a"),
        ("a b* c~", "a"),  # c was switched to and back: b serves
    ],
)
def test_without_a_name_the_one_before(deployments: str, previous: str) -> None:
    assert rollback.choose(history(deployments), "") == previous * 40


@pytest.mark.parametrize("deployments", ["", "a", "a a", "a b!"])
def test_nothing_to_go_back_to(deployments: str) -> None:
    with pytest.raises(SystemExit, match="no earlier release"):
        rollback.choose(history(deployments), "")


@pytest.mark.parametrize(("wanted", "chosen"), [("aaa", "a" * 40), ("b" * 12, "b" * 40), ("v1.0", "v1.0")])
def test_a_name(wanted: str, chosen: str) -> None:
    assert rollback.choose(history("a b c"), wanted) == chosen


def test_a_beginning_of_two() -> None:
    two = [{"revision": "ab" + "0" * 38, "release": "x"}, {"revision": "ab" + "1" * 38, "release": "y"}]
    with pytest.raises(SystemExit, match="beginning of 2 revisions"):
        rollback.choose(two, "ab")
