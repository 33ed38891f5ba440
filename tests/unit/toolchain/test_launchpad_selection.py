"""The stack that is selected: a plain `pulumi config set` works on it, before a command of ours and after."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.unit.toolchain.clone import Clone, executable
from tests.unit.toolchain.project import LAUNCHPAD, asked

pytestmark = pytest.mark.slow

PULUMI = """
echo "$*" >>"$HOME.asked"
states=$(dirname "$0")/../state/.pulumi/stacks/launchpad
for name; do :; done
case "$*" in
  "stack --show-name --non-interactive") cat "$HOME.selected" 2>/dev/null || exit 6 ;;
  "stack select"*) echo "$name" >"$HOME.selected" ;;
  "stack init --no-select"*) echo "{}" >"$states/$name.json" ;;
  "stack init"*) exit 99 ;;
  "stack rm"*) rm "$states/$name.json" "$HOME.selected" ;;
  "stack output"*) echo '{"url": "http://198.18.0.2/"}' ;;
  up*--badoption*) exit 255 ;;
esac
"""
"""A CLI that keeps a selection, as Pulumi does: `stack rm` drops it whichever stack it removes."""


@pytest.fixture
def clone(project: Clone) -> Clone:
    """A clone without a stack, and with none selected."""
    project.environment["SOMEONE"] = "0"
    executable(project.root / ".launchpad/bin/pulumi", PULUMI)
    (project.root / ".launchpad/state/.pulumi/stacks/launchpad/dev.json").unlink()
    return project


def selected(clone: Clone) -> str:
    return clone.run("sh", "-c", 'cat "$HOME.selected" 2>/dev/null').stdout.strip()


@pytest.mark.parametrize("words", [("up",), ("init", "--app", "shop", "--repository", ".")])
def test_the_default_stack_is_selected_where_none_is(clone: Clone, words: tuple[str, ...]) -> None:
    clone.run("git", "init", "-q")
    done = clone.run(LAUNCHPAD, *words)
    assert (done.returncode, selected(clone)) == (0, "dev"), done.stderr


def test_a_stack_that_an_up_makes_is_not_selected(clone: Clone) -> None:
    clone.run(LAUNCHPAD, "up")
    assert clone.run(LAUNCHPAD, "up", "-s", "nosuch", "--badoption").returncode == 1
    assert "stack init --no-select --stack nosuch" in asked(clone)
    assert selected(clone) == "dev"


def test_nor_is_any_where_only_another_one_is_made(clone: Clone) -> None:
    clone.run(LAUNCHPAD, "up", "-s", "other")
    assert selected(clone) == ""


def test_a_destroy_of_another_stack_keeps_the_selection(clone: Clone) -> None:
    clone.run(LAUNCHPAD, "up")
    clone.run(LAUNCHPAD, "up", "-s", "other")
    assert clone.run(LAUNCHPAD, "destroy", "-s", "other").returncode == 0
    assert selected(clone) == "dev"
    assert clone.run(LAUNCHPAD, "destroy").returncode == 0
    assert selected(clone) == ""


def test_the_default_stack_is_selected_where_it_was_there_but_none_is(clone: Clone) -> None:
    clone.run(LAUNCHPAD, "up")
    clone.run("sh", "-c", 'rm "$HOME.selected"')
    clone.run(LAUNCHPAD, "up")
    assert selected(clone) == "dev"


@pytest.mark.parametrize(("noted", "is_asked"), [("dev", False), ("gone", True)])
def test_pulumi_is_asked_only_where_its_own_file_names_no_stack_that_is_there(
    clone: Clone, noted: str, is_asked: bool
) -> None:
    clone.run(LAUNCHPAD, "up")
    before = asked(clone).count("stack --show-name --non-interactive")
    digest = hashlib.sha1(f"{clone.root}/Pulumi.yaml".encode()).hexdigest()
    file = Path(clone.environment["HOME"]) / f".pulumi/workspaces/launchpad-{digest}-workspace.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    backend = f"file://{clone.root}/.launchpad/state"
    file.write_text(json.dumps({"stacks": {backend: f"organization/launchpad/{noted}"}}))
    assert clone.run(LAUNCHPAD, "up").returncode == 0
    assert (asked(clone).count("stack --show-name --non-interactive") > before) == is_asked
