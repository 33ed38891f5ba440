"""Whether the ``release:`` process runs: bound to what served, not to what once ran."""

import pytest

from infra.agent.release.release_step import Step, step

NOW, BEFORE, NEVER = "settings of today", "settings of before", ""

TABLE = [
    # command, ran_with, serves, served -> what is done
    ("no release: line", False, NEVER, False, False, Step.NONE),
    ("no release: line in what serves", False, BEFORE, True, True, Step.NONE),
    ("a new release", True, NEVER, False, False, Step.RUN),
    ("built, ran, never served: the same settings", True, NOW, False, False, Step.DONE),
    ("built, ran, never served: other settings", True, BEFORE, False, False, Step.RUN),
    ("what serves, the same settings", True, NOW, True, True, Step.DONE),
    ("what serves, other settings", True, BEFORE, True, True, Step.RUN),
    ("what serves, killed before that was noted", True, BEFORE, True, False, Step.RUN),
    ("what serves, built in another way", True, NEVER, True, True, Step.RUN),
    ("back to an older release, the same settings", True, NOW, False, True, Step.DONE),
    ("back to an older release, other settings", True, BEFORE, False, True, Step.BEHIND),
    ("back to an older release that had to be built again", True, NEVER, False, True, Step.BEHIND),
]


@pytest.mark.parametrize(
    ("command", "ran_with", "serves", "served", "done"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_the_release_process_runs_for_what_never_served(
    command: bool, ran_with: str, serves: bool, served: bool, done: Step
) -> None:
    assert step(command=command, ran_with=ran_with, settings=NOW, serves=serves, served=served) is done
