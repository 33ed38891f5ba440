"""What a stack sets on its machine is not bound to any one of its apps: one may fail while another is taken out."""

from __future__ import annotations

import json
import runpy
from typing import Any

import pulumi
import pytest
from pulumi.runtime import config

from infra.deployment import settled
from tests.program import registrations
from tests.program.recorder import ROOT, Recording

APPS = {"shop": {"http_port": 8001}, "blog": {"http_port": 8002}}
VALUES = {
    "apps": json.dumps(APPS),
    "backup.repository": "/mnt/backup",
    "backup.password": "correct horse battery",
}
PARTS = ("system", "data")


def dependencies(monkeypatch: pytest.MonkeyPatch, failed: tuple[str, ...]) -> dict[str, set[str]]:
    """What each resource depends on where these apps were not delivered."""

    async def succeeded(resource: pulumi.Resource) -> bool:
        return resource._name not in [f"{app}-push-source" for app in failed]

    monkeypatch.setattr(settled, "succeeded", succeeded)
    config.set_all_config({f"launchpad:{key}": value for key, value in VALUES.items()}, ["launchpad:backup.password"])
    try:
        whole: list[dict[str, Any]] = registrations.registered(
            lambda: runpy.run_path(str(ROOT / "__main__.py")), Recording(), "dev"
        )
    finally:
        config.set_all_config({})
    return {each["name"]: set(each["options"].get("depends_on", ())) for each in whole}


@pytest.mark.parametrize(
    ("failed", "after"),
    [((), {"shop-push-source", "blog-push-source"}), (("blog",), {"shop-push-source"}), (("blog", "shop"), set())],
)
def test_how_it_is_taken_back_follows_the_apps_that_were_delivered_alone(
    monkeypatch: pytest.MonkeyPatch, failed: tuple[str, ...], after: set[str]
) -> None:
    found = dependencies(monkeypatch, failed)
    for part in PARTS:
        assert {each for each in found[f"{part}-undo"] if each.endswith("push-source")} == after


def test_a_release_follows_the_push_and_refers_to_it_only_where_it_is_skipped_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = dependencies(monkeypatch, ("blog",))
    assert [f"{app}-push-source" in found[f"{app}-release"] for app in ("shop", "blog")] == [False, True]
    assert [f"{app}-prepare" in found[f"{app}-release"] for app in ("shop", "blog")] == [True, True]


def test_nothing_is_set_where_no_app_brought_the_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    apps = {"shop-push-source", "blog-push-source"}
    some, none = dependencies(monkeypatch, ("blog",)), dependencies(monkeypatch, ("blog", "shop"))
    for name in ("system-settings", "data-backups"):
        assert not some[name] & apps
        assert none[name] >= apps
