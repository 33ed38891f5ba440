"""The names and settings of preview stacks."""

from pathlib import Path

import pytest

from cli import branch
from cli.branch import stack_name
from cli.failure import Failure
from cli.project import Project
from cli.stack import Stack, without_salt


@pytest.mark.parametrize(
    ("named", "name"),
    [
        ("feature/cart", "preview-feature-cart"),
        ("Feature/new_cart", "preview-feature-new-cart"),
        ("--x--", "preview-x"),
        ("v1.2", "preview-v1-2"),
        ("änderung", "preview-nderung"),
    ],
)
def test_a_branch_names_its_stack(named: str, name: str) -> None:
    assert stack_name(named) == name


@pytest.mark.parametrize(("named", "message"), [("", "name the branch"), ("//", "has no letter or digit")])
def test_a_branch_that_names_none_is_refused(named: str, message: str) -> None:
    with pytest.raises(Failure, match=message):
        stack_name(named)


def test_a_copy_of_settings_leaves_the_salt_behind() -> None:
    text = "# mine\nconfig:\n  launchpad:app: shop # encryptionsalt: no\nencryptionsalt: v1:x:y\n"
    assert without_salt(text) == "# mine\nconfig:\n  launchpad:app: shop # encryptionsalt: no\n"


def test_a_branch_does_not_take_the_place_of_the_app_on_a_server(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.vps.yaml").write_text("config:\n  launchpad:machine: server\n  launchpad:app: shop\n")
    with pytest.raises(Failure) as caught:
        branch.bring_up(Stack(Project(tmp_path), "vps"), "feature/cart")
    assert str(caught.value) == (
        "a branch would take the place of shop on the same server. Give it a stack, a name and a port of its own: "
        "launchpad init REPOSITORY --machine server --app shop-branch --set http_port=8081 --set revision=BRANCH --stack NAME"
    )


def test_a_branch_of_a_stack_with_several_apps_is_told_to_have_a_stack_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.vps.yaml").write_text("config:\n  launchpad:apps:\n    shop:\n    blog:\n")
    with pytest.raises(Failure, match=r"names its apps in launchpad:apps\. Give the branch of one a stack: "):
        branch.bring_up(Stack(Project(tmp_path), "vps"), "cart")


@pytest.mark.parametrize(
    ("settings", "keeps"),
    [
        ("", False),
        ("  launchpad:on_destroy: keep\n", True),
        ("  launchpad:on_destroy: delete\n", False),
        ("  launchpad:machine: ec2\n", True),
        ("  launchpad:machine: ec2\n  launchpad:on_destroy: delete\n", False),
    ],
)
def test_the_data_of_a_branch_goes_with_it(tmp_path: Path, settings: str, keeps: bool) -> None:
    (tmp_path / "Pulumi.preview-x.yaml").write_text(f"config:\n  launchpad:app: shop\n{settings}")
    assert branch.keeps_data(Stack(Project(tmp_path), "preview-x")) is keeps
