"""Preview stacks of the launchpad command: what it checks before one is made, and what it says at its end."""

from pathlib import Path

import pytest

from tests.unit.toolchain.clone import Clone
from tests.unit.toolchain.project import LAUNCHPAD, asked

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(project: Clone) -> Clone:
    """The clone, with a repository of an app in ./app that has one branch besides main."""
    project.environment["SOMEONE"] = "0"
    project.bash(
        "git init -q app && cd app && git -c user.name=x -c user.email=x@example.org commit -q --allow-empty -m x"
        " && git branch feature/cart"
    )
    return project


def stacks(clone: Clone) -> list[str]:
    """What the clone has of stacks: settings files and states."""
    states = clone.root / ".launchpad/state/.pulumi/stacks/launchpad"
    files: list[Path] = [*clone.root.glob("Pulumi.*.yaml"), *states.iterdir()]
    return sorted(file.name for file in files)


def test_a_branch_that_is_not_there_leaves_nothing_behind(shop: Clone) -> None:
    before = stacks(shop)
    done = shop.run(LAUNCHPAD, "branch", "up", "nope")
    assert (done.returncode, done.stderr) == (
        1,
        "launchpad: ./app does not have 'nope'; name a branch, a tag or a commit in it (git log shows them)\n",
    )
    assert stacks(shop) == before
    assert not any("preview-nope" in line for line in asked(shop))


def test_a_branch_that_is_there_is_brought_up(shop: Clone) -> None:
    shop.run(LAUNCHPAD, "branch", "up", "feature/cart")
    assert "up --yes --skip-preview --json --stack preview-feature-cart" in asked(shop)


def test_a_branch_taken_down_is_brought_up_again_by_its_name(shop: Clone) -> None:
    name = "preview-feature-cart"
    (shop.root / f".launchpad/state/.pulumi/stacks/launchpad/{name}.json").write_text("{}")
    done = shop.run(LAUNCHPAD, "branch", "down", "feature/cart")
    assert (done.returncode, done.stderr.splitlines()) == (
        0,
        [f"To bring it up again: {LAUNCHPAD} branch up feature/cart"],
    )


def test_a_stack_that_never_was_is_not_brought_up_again(shop: Clone) -> None:
    for words, name in ((("branch", "down", "nope"), "preview-nope"), (("destroy", "-s", "nope"), "nope")):
        done = shop.run(LAUNCHPAD, *words)
        assert (done.returncode, done.stderr) == (0, f"stack {name} does not exist: nothing to destroy\n")


def test_a_destroy_says_how_to_bring_the_stack_up_again_and_how_to_change_it_before(shop: Clone) -> None:
    assert shop.run(LAUNCHPAD, "destroy").stderr.splitlines() == [
        f"To bring it up again: {LAUNCHPAD} up",
        f"Until then `pulumi config` knows no stack dev. To change its settings: {LAUNCHPAD} init --set KEY=VALUE",
    ]
