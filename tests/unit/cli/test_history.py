"""Which revision is the previous one, from what the machine tells of its deployments."""

import pytest

from cli.failure import Failure
from cli.history import Deployment, choose


def history(text: str) -> list[Deployment]:
    """``"a b! c~ d*"``: revisions aaaa.., bbbb.. (failed), cccc.. (interrupted after the switch), dddd.. (it serves).

    ``"d?*"`` serves and was interrupted before its switch was recorded.
    """
    results = {"!": "failed", "~": "interrupted", "?": "interrupted"}
    return [
        {
            "revision": word[0] * 40,
            "release": word[0] * 12,
            "built": True,
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
    assert choose(history(deployments), "") == previous * 40


def test_a_time_of_maintenance_is_no_deployment_to_go_back_to() -> None:
    before, serving = history("a b*")
    closed: Deployment = {**serving, "kind": "maintenance", "revision": "c" * 40, "serving": False}
    assert choose([before, serving, {**closed, "revision": before["revision"]}, closed], "") == "a" * 40


@pytest.mark.parametrize("deployments", ["", "a", "a a", "a b!"])
def test_nothing_to_go_back_to(deployments: str) -> None:
    with pytest.raises(Failure, match="no earlier release"):
        choose(history(deployments), "")


@pytest.mark.parametrize(("wanted", "chosen"), [("aaa", "a" * 40), ("b" * 12, "b" * 40), ("v1.0", "v1.0")])
def test_a_name(wanted: str, chosen: str) -> None:
    assert choose(history("a b c"), wanted) == chosen


def test_a_beginning_of_two() -> None:
    two = history("a b")
    two[0]["revision"], two[1]["revision"] = "ab" + "0" * 38, "ab" + "1" * 38
    with pytest.raises(Failure, match="prefix of 2 revisions"):
        choose(two, "ab")


def test_a_run_is_no_deployment_to_go_back_to() -> None:
    deployments = history("a b c* b")
    deployments[3]["kind"] = "run"  # it began in b while c was on its way
    deployments[3]["serving"] = False
    assert choose(deployments, "") == "b" * 40
