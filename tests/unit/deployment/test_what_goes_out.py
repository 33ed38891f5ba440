"""What the preview says of a deployment: commits, dependencies, variables, decisions; never a value."""

from typing import Any

from infra.app_model.build_plan import Decision
from infra.deployment.what_goes_out import Contents, lines

START = Decision("start command", "gunicorn app:app", "app.py has a Flask app named app", "launchpad:command")
BEFORE = Contents(
    revision="a" * 40,
    dependencies={"flask": "3.0.0", "click": "8.1", "old": "1"},
    variables={"A": "1", "B": "1", "C": "1"},
    decisions=(START,),
)


def changed(**more: Any) -> Contents:
    return Contents(**{**vars(BEFORE), **more})


def test_nothing_goes_out_where_nothing_changes() -> None:
    assert lines(BEFORE, changed(release="python manage.py migrate"), []) == []


def test_the_first_deployment_says_what_was_decided_and_why() -> None:
    assert lines(Contents(), changed(release="migrate"), []) == [
        "start command: gunicorn app:app (app.py has a Flask app named app; to decide otherwise: launchpad:command)",
        "release: migrate runs before the switch",
    ]


def test_commits_dependencies_and_variables_that_change_are_named() -> None:
    after = changed(
        revision="b" * 40,
        dependencies={"flask": "3.1.0", "click": "8.1", "new": "2"},
        variables={"A": "1", "B": "2", "D": "1"},
        decisions=(),
    )
    assert lines(BEFORE, after, ["bbbbbbb Two", "ccccccc One"]) == [
        "2 commits since aaaaaaaaaaaa:",
        "  bbbbbbb Two",
        "  ccccccc One",
        "dependencies: flask 3.0.0 -> 3.1.0, new 2 added, old 1 removed",
        "variables that change: B, C removed, D added",
        "start command: no longer gunicorn app:app",
    ]


def test_only_notes_that_are_new_are_said() -> None:
    before = changed(notes=("known",))
    assert lines(before, changed(notes=("known", "new\x1b[2J")), []) == ["note: new\N{REPLACEMENT CHARACTER}[2J"]
    assert lines(before, changed(notes=()), []) == []
    assert Contents.of(before.as_data()) == before


def test_many_commits_and_dependencies_are_counted() -> None:
    after = changed(revision="b" * 40, dependencies={f"p{number:02}": "1" for number in range(30)})
    found = lines(BEFORE, after, [f"{number:07} c" for number in range(12)])
    assert found[0] == "12 commits since aaaaaaaaaaaa:"
    assert found[10:12] == ["  0000009 c", "  and 2 more"]
    assert found[12].startswith("dependencies: click 8.1 removed, flask 3.0.0 removed, old 1 removed, p00 1 added")
    assert found[12].endswith(", p16 1 added, and 13 more")


def test_commits_that_are_not_here_are_named_by_their_ends() -> None:
    assert lines(BEFORE, changed(revision="b" * 40), []) == ["commits: from aaaaaaaaaaaa to bbbbbbbbbbbb"]


def test_a_subject_cannot_command_the_terminal() -> None:
    (_, shown) = lines(BEFORE, changed(revision="b" * 40), ["bbbbbbb \x1b[2Jgone"])
    assert "\x1b" not in shown


def test_plain_values_become_the_same_contents_again() -> None:
    assert Contents.of(BEFORE.as_data()) == BEFORE
    assert Contents.of({}) == Contents()
    assert Contents.of({"variables": None, "dependencies": {"a": None}, "decisions": None}) == Contents()


def test_a_long_reason_is_cut_and_the_key_is_not() -> None:
    long = Decision("static", "/a/", "because " * 50, "launchpad:static")
    (line,) = lines(Contents(), Contents(decisions=(long,)), [])
    assert line.startswith("static: /a/ (because because")
    assert line.endswith("…; to decide otherwise: launchpad:static)")
    assert len(line) < 300
