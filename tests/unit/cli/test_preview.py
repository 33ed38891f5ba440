"""What a preview shows, from the stream of the engine's events."""

import json
from typing import Any

from cli import changes
from cli.events import parse
from cli.preview import Preview
from tests.unit.cli.stream import said, stack, started

NOISE = (
    said("using pulumi-resource-command from $PATH at /x/pulumi-resource-command", severity="warning"),
    said("registering resource: ty=x", severity="debug"),
)


def shown(*lines: str) -> tuple[list[str], list[str]]:
    """The lines of a preview as they come, and those at its end."""
    view = Preview()
    texts = [each.text for line in lines if (event := parse(line)) for each in view.feed(event, 0)]
    return texts, view.result() + view.summary()


def changing(name: str, kind: str, old: dict[str, Any], new: dict[str, Any]) -> str:
    """The event of a resource whose inputs change."""
    line = json.loads(started(name, "update"))
    metadata = {**line["resourcePreEvent"]["metadata"], "type": kind}
    paths = [key for key in new if new[key] != old.get(key)]
    metadata["old"] = {**metadata["old"], "inputs": old}
    metadata["new"] = {**metadata["new"], "inputs": new}
    return json.dumps({**line, "resourcePreEvent": {"metadata": {**metadata, "diffs": paths}}})


def test_a_preview_tells_each_change_and_no_noise() -> None:
    old = {"memory": "1G", "token": "[secret]a", "labels": {"A": "b"}, "disk": "8G"}
    new = {"memory": "2G", "token": "[secret]b", "labels": {"A": "c"}, "disk": "8G"}
    command = "command:remote:Command"
    assert shown(
        *NOISE,
        started("machine", "same"),
        started("app-prepare", "create"),
        changing("machine", "launchpad:embedded:Machine", old, new),
        changing("app-release", command, {"create": "a", "update": "a"}, {"create": "b", "update": "b", "stdin": "c"}),
        started("app-copy-agent", "create-replacement"),
        started("app-copy-agent", "replace"),
        started("app-copy-agent", "delete-replaced"),
        stack({"url": "http://a/", "same": "x", "gone": 1}, url="http://b/", same="x", release=changes.UNKNOWN),
    ) == (
        [
            "prepare the machine: create",
            "machine: update (memory: 1G -> 2G, token, labels)",
            "release: update",
            "copy the agent: replace",
        ],
        [
            "output url: http://a/ -> http://b/",
            "output release: known after up",
            "output gone: removed",
            "1 to create, 2 to update, 1 to replace, 1 unchanged",
        ],
    )


def test_a_preview_without_a_change_says_so() -> None:
    assert shown(*NOISE, started("app-release", "same"), stack({"url": "x"}, url="x")) == ([], ["nothing to change"])


def test_a_preview_tells_a_mistake_once() -> None:
    mistake = said("1 mistake in the config of this stack", severity="error")
    ending = said("an unhandled error occurred: program exited with non-zero exit code: 1", severity="error")
    assert shown(mistake, ending)[1][0] == "error: 1 mistake in the config of this stack"


GOES_OUT = ("What goes out with app:", "  1 commit since 2672464e412e:", "    3d281e6 Say more")


def test_a_preview_says_what_goes_out() -> None:
    texts, _ = shown(*(said(line) for line in GOES_OUT))
    assert texts == [*GOES_OUT]


def removal(operation: str, old: str, new: str | None = None) -> str:
    """The event of what takes the app shop off its machine."""
    line = json.loads(started("shop-removal", operation))
    data = line["resourcePreEvent"]["metadata"]
    data["old"] = {**data["old"], "inputs": {"delete": old}}
    data["new"] = {**data["old"], "inputs": {"delete": new}} if new else None
    return json.dumps(line)


def test_what_happens_to_the_data_of_an_app_that_goes_is_a_line_of_its_own() -> None:
    keeps, deletes = "launchpad-agent remove --app shop --keep-data", "launchpad-agent remove --app shop"
    for line, told in (
        (removal("delete", keeps), "app shop is taken off the machine: its data in /srv/shop/data stays"),
        (removal("delete", deletes), "app shop is taken off the machine: its data in /srv/shop/data is DELETED"),
        (
            removal("update", keeps, deletes),
            "when app shop is taken off the machine, its data in /srv/shop/data is DELETED",
        ),
        (removal("update", deletes, keeps), "when app shop is taken off the machine, its data in /srv/shop/data stays"),
    ):
        assert shown(line)[0][1:] == [f"DATA: {told}"]
    assert shown(removal("update", keeps, f"{keeps} --owner launchpad/dev"))[0] == ["app shop on the machine: update"]
