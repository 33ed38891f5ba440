"""The engine's events, read from the lines that pulumi prints."""

import pytest

from cli.events import Event, Failed, Finished, Line, Message, Resource, Started, Summary, parse
from tests.unit.cli import stream

RELEASE = Resource(stream.urn("app-release"), "app-release", custom=True)
STACK = Resource(stream.STACK, "launchpad-dev", custom=False)


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (stream.started("app-release", "update"), Started(RELEASE, "update")),
        (stream.finished("app-release", "delete"), Finished(RELEASE, "delete")),
        (stream.stack(url="http://x/"), Finished(STACK, "same", {"url": "http://x/"})),
        (stream.failed("app-release"), Failed(RELEASE)),
        (
            stream.progress("app-release", "[  0.1s] build: x"),
            Message(RELEASE.urn, "info", "[  0.1s] build: x", passing=True),
        ),
        (stream.said("app: revision 1"), Message("", "info", "app: revision 1", passing=False)),
        (
            stream.said("[  0.1s] machine: making\n", severity="info#err"),
            Message("", "info", "[  0.1s] machine: making", passing=True),
        ),
        (stream.summary("failed", same=3), Summary({"same": 3}, succeeded=False)),
        (stream.event(stdoutEvent={"message": "^C received; cancelling.\n"}), Line("^C received; cancelling.")),
        ("error: no stack named 'nope' found\n", Line("error: no stack named 'nope' found")),
        ("[1, 2]\n", Line("[1, 2]")),
        ("\n", None),
        (stream.said("registering resource", severity="debug"), None),
        (stream.event(preludeEvent={"config": {}}), None),
        (stream.event(cancelEvent={}), None),
        (stream.event(resourcePreEvent={"metadata": None}), None),
        (stream.event(diagnosticEvent="of another shape"), None),
    ],
)
def test_a_line_is_read_as_the_event_that_it_is(line: str, event: Event | None) -> None:
    assert parse(line) == event


def test_a_terminal_obeys_nothing_of_a_message() -> None:
    message = parse(stream.progress("app-release", "\x1b[31mred\x1b[0m \x1b]0;title\x07 end"))
    assert isinstance(message, Message)
    assert message.text == "red \N{REPLACEMENT CHARACTER}]0;title\N{REPLACEMENT CHARACTER} end"
