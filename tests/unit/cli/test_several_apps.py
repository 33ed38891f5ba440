"""The commands for a stack with several apps: which of them is meant, and what is said of each."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cli import engine, remote, steps, up
from cli.failure import Failure
from cli.project import Project
from cli.stack import Stack

FILE = "config:\n  launchpad:apps:\n    shop:\n      http_port: 80\n    blog:\n"
OUTPUTS = {"ssh": "ssh deploy@198.18.0.2", "apps": {"blog": {}, "shop": {}, "old": {}}}


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack with the apps shop and blog in its config, and old on the machine besides."""
    (tmp_path / "Pulumi.yaml").write_text("name: launchpad\n")
    (tmp_path / "Pulumi.dev.yaml").write_text(FILE)
    (tmp_path / "pulumi").write_text(f"#!/bin/sh\necho '{json.dumps(OUTPUTS)}'\n")
    (tmp_path / "pulumi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return Stack(Project(tmp_path), "dev")


def test_an_app_is_named_where_there_are_several(stack: Stack) -> None:
    assert (stack.named_apps, stack.app) == (["blog", "shop"], "")
    assert remote.login(stack, "shop") == remote.Login(("ssh", "deploy@198.18.0.2"), "shop")
    assert remote.login(stack, "old").app == "old"  # on the machine until the next up
    with pytest.raises(
        Failure, match=r"^stack dev has several apps\. Name one of them: --app blog, --app old, --app shop$"
    ):
        remote.login(stack)
    with pytest.raises(Failure, match=r"^stack dev has no app shp; it has blog, old, shop$"):
        remote.login(stack, "shp")


def test_the_only_app_of_a_map_needs_no_name(stack: Stack) -> None:
    stack.file.write_text("config:\n  launchpad:apps: {shop: {}}\n")
    assert stack.app == "shop"
    assert remote.choose(stack, ["shop"], "") == "shop"


@pytest.mark.parametrize(
    ("named", "there", "goes_on"),
    [
        ([], ["app"], False),
        (["shop"], ["shop"], False),
        (["shop", "blog"], [], True),
        (["shop", "blog"], ["shop"], True),
        (["shop", "blog"], ["shop", "blog", "api"], True),
        (["shop", "blog"], ["shop", "api"], False),  # api became blog, or so it seems
    ],
)
def test_one_app_that_fails_stops_no_other_unless_it_may_be_a_new_name(
    named: list[str], there: list[str], goes_on: bool
) -> None:
    assert engine.goes_on(named, there) is goes_on


def test_another_backend_is_asked_which_apps_are_up(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://elsewhere")
    assert engine._up(stack) == ["blog", "old", "shop"]
    (stack.project.root / "pulumi").write_text("#!/bin/sh\nexit 1\n")
    assert engine._up(stack) == []


def test_each_step_of_several_apps_is_told_with_the_name_of_its_app() -> None:
    assert steps.title("blog-release", steps.SEVERAL) == "release of blog"
    assert steps.title("shop-prepare", steps.SEVERAL) == "prepare the machine of shop"
    assert steps.title("machine-host-key", steps.SEVERAL) == "make the host key"


def test_the_end_of_an_up_says_where_each_app_is(stack: Stack) -> None:
    apps = {
        "blog": {"url": "http://a:8080/", "release": "abc", "revision": "abcd"},
        "shop": {"url": "https://shop.org/", "release": "def", "revision": "defg"},
    }
    assert up.summary(stack, {"apps": apps}, {}) == [
        "blog:    http://a:8080/ (release abc, commit abcd)",
        "shop:    https://shop.org/ (release def, commit defg)",
        "Log in:  launchpad ssh",
        "Next:    launchpad logs -f --app blog, launchpad status",
    ]
