"""What a person sees of a deployment, from the stream of the engine's events."""

import pytest

from cli import steps
from cli.events import parse
from cli.view import LOST_MEANS, Kind, View, cause
from tests.unit.cli.stream import event, failed, finished, progress, said, stack, started, summary

NOISE = "using pulumi-resource-command from $PATH at /x/plugins/pulumi-resource-command"


def plain(*lines: str) -> tuple[View, list[str]]:
    """The view after these lines, half a second apart, and what it showed where lines stay."""
    view = View()
    shown = []
    for number, line in enumerate(lines):
        if one := parse(line):
            shown += [each.text for each in view.feed(one, number / 2)]
    return view, shown


def test_each_step_has_a_plain_title_and_its_seconds() -> None:
    view, shown = plain(
        said(NOISE, severity="warning"),
        said("app: revision 5cd20a0a9633 (main) Say hello"),
        started("machine"),
        said("[  0.1s] machine: creating machine lp1\n", severity="info#err"),
        finished("machine"),
        started("app-prepare"),
        progress("app-prepare", "[  1.0s] uv: installing uv"),
        progress("app-prepare", '{"app": "app", "seconds": 6.5}'),
        finished("app-prepare"),
        stack(operation="create", url="http://198.18.0.2/"),
        summary(create=2),
    )
    assert shown == [
        "app: revision 5cd20a0a9633 (main) Say hello",
        "machine: [  0.1s] machine: creating machine lp1",
        "machine: done (1.0 s)",
        "prepare the machine: [  1.0s] uv: installing uv",
        "prepare the machine: done (1.5 s)",
    ]
    assert (view.outputs, view.result(), view.running, view.changed) == ({"url": "http://198.18.0.2/"}, [], {}, 2)


def test_an_update_that_changes_nothing_shows_no_step() -> None:
    view, shown = plain(started("app-release", "same"), finished("app-release", "same"), stack(), summary(same=13))
    assert (shown, view.changed, view.ended) == ([], 0, True)


def test_an_error_is_shown_once_and_at_the_end() -> None:
    text = (
        'Process exited with status 1: running "sudo launchpad-agent deploy --app app":\n'
        "[  0.2s] start: app@green.service: false\n"
        "error: Release 5cd20a0a9633 was not started; 111111111111 is still serving.\n"
        "The log of app@green.service ends:\n  (nothing)"
    )
    view, shown = plain(
        started("app-release", "update"),
        *(progress("app-release", line) for line in text.split("\n")[1:]),
        said(text, "app-release", "error"),
        failed("app-release", "update"),
        said("update failed", severity="error"),
        said("Resource monitor has terminated, shutting down", severity="error"),
        summary("failed", same=11),
    )
    assert shown == ["release: [  0.2s] start: app@green.service: false", "release: failed (3.0 s)"]
    assert view.result() == [
        "error: release: Release 5cd20a0a9633 was not started; 111111111111 is still serving.\n"
        "The log of app@green.service ends:\n  (nothing)"
    ]


def test_a_mistake_in_the_config_is_the_only_error() -> None:
    mistakes = "1 mistake in the config of this stack:\n  - launchpad:memory is 'lots'; it must be a size"
    view, shown = plain(
        said(mistakes, severity="error"),
        said("an unhandled error occurred: program exited with non-zero exit code: 1", severity="error"),
        summary("failed"),
    )
    assert (shown, view.result()) == ([], [f"error: {mistakes}"])


@pytest.mark.parametrize(
    ("kind", "how"),
    [
        ("array<string>", "a list; set its first item with: pulumi config set --path 'launchpad:packages[0]' VALUE"),
        ("object", "a map; set an item with: pulumi config set --path launchpad:packages.NAME VALUE"),
    ],
)
def test_a_text_where_a_list_or_a_map_has_to_be_is_refused_with_the_command_that_sets_one(kind: str, how: str) -> None:
    text = f"error: validating stack config: Stack 'shop' with configuration key 'packages' must be of type '{kind}'"
    event = parse(text)
    assert event is not None
    assert [each.text for each in View("shop").feed(event, 0)] == [f"{text}; it must be {how}"]


def test_warnings_are_kept_for_the_end_and_told_once() -> None:
    view, shown = plain(
        said("worker keeps ending", severity="warning"), said("worker keeps ending", severity="warning")
    )
    assert (shown, view.result()) == ([], ["warning: worker keeps ending"])


def test_what_takes_an_app_off_a_server_is_told_of_when_it_does() -> None:
    lines = [
        line
        for done in ("create", "update", "delete")
        for line in (started("app-removal", done), finished("app-removal", done))
    ]
    view, shown = plain(*lines)
    assert (shown, view.changed) == (["app app on the machine: removed (0.5 s)"], 1)


def test_waiting_for_a_machine_that_starts_is_one_line() -> None:
    dials = (progress("app-wait-for-ssh", f"Dial {number}/inf failed: retrying") for number in range(1, 9))
    view, shown = plain(started("app-wait-for-ssh"), *dials)
    assert shown == ["wait for SSH: the machine does not answer yet"]
    (step,) = view.running.values()
    assert (step.title, step.lines) == ("wait for SSH", ["the machine does not answer yet"])


def test_what_pulumi_itself_says_is_passed_on() -> None:
    view = View()
    (line,) = view.feed(parse(event(stdoutEvent={"message": "^C received; cancelling.\n"})) or pytest.fail(), 0)
    assert (line.kind, line.text) == (Kind.NOTE, "^C received; cancelling.")


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("app-wait-for-ssh", "wait for SSH"),
        ("my-shop-push-source", "push the source"),
        ("app-check-public-url", "check the public URL"),
        ("machine-client-key", "make the client key"),
        ("released", "released"),
    ],
)
def test_a_resource_without_a_title_is_called_by_its_name(name: str, title: str) -> None:
    assert steps.title(name) == title


@pytest.mark.parametrize(
    ("text", "about"),
    [
        ("plain words", "plain words"),
        (
            'exit status 1: running "python3 -m x":\n/ on port 80 was not healthy within 15 s: refused',
            "/ on port 80 was not healthy within 15 s: refused",
        ),
        (
            'wait: remote command exited without exit status or exit signal: running "sudo x":\n[  0.2s] build: y',
            LOST_MEANS,
        ),
        ('context canceled: running "sudo x":\n[  0.2s] build: y', 'context canceled: running "sudo x":'),
    ],
)
def test_a_cause_leaves_out_what_was_shown(text: str, about: str) -> None:
    assert cause(text) == about


def test_the_steps_of_another_app_in_the_stack_carry_its_name() -> None:
    view = View("shop")
    shown = []
    for name in ("shop-copy-agent", "app-copy-agent", "machine-host-key"):
        for line in (started(name, "delete"), finished(name, "delete")):
            shown += [each.text for each in view.feed(parse(line) or pytest.fail(), 0)]
    assert shown == [
        "copy the agent: removed (0.0 s)",
        "copy the agent of app: removed (0.0 s)",
        "make the host key: removed (0.0 s)",
    ]


def test_an_update_does_not_say_what_has_gone_out_already() -> None:
    lines = ("What goes out with app:", "  1 commit since 2672464e412e:", "    3d281e6 Say more", "done")
    _, shown = plain(*(said(line) for line in lines))
    assert shown == ["done"]
