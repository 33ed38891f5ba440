"""What the program asks of the machine about backups: after delivery, before the release, and with its keys secret."""

from __future__ import annotations

import json
import runpy

import pulumi
import pytest
from pulumi.runtime import config

from tests.program import registrations
from tests.program.recorder import ROOT, Recording, record

PASSWORD = "correct horse battery"
BACKUP = {"backup.repository": "/mnt/backup", "backup.password": PASSWORD}
SECRET = ("backup.password",)


def test_a_stack_without_a_repository_has_no_backups() -> None:
    assert [each.name for each in record({}).registrations if each.name in ("data-undo", "data-backups")] == []


def test_the_machine_is_told_what_to_back_up_and_how_it_is_taken_back() -> None:
    recording = record({**BACKUP, "backup.keep": '{"daily": 3}'}, SECRET)
    step = recording.one("data-backups").inputs
    asked = json.loads(step["stdin"])
    assert {name: asked[name] for name in ("owner", "apps", "repository", "password", "schedule", "instance")} == {
        "owner": "launchpad/test",
        "apps": ["app"],
        "repository": "/mnt/backup",
        "password": PASSWORD,
        "schedule": "0 3 * * *",
        "instance": "i-1",
    }
    assert (asked["keep"]["daily"], asked["keep"]["weekly"]) == (3, 0)
    assert step["create"] == step["update"] == "sudo launchpad-agent backup settings"
    assert recording.one("data-undo").inputs["delete"] == (
        "if [ -e /etc/launchpad/backup.d ]; then sudo launchpad-agent backup settings --remove --owner launchpad/test; fi"
    )


def test_its_message_is_secret() -> None:
    assert record(BACKUP, SECRET).one("data-backups").secrets >= {"stdin"}


def test_it_comes_between_delivery_and_release() -> None:
    config.set_all_config({f"launchpad:{key}": value for key, value in BACKUP.items()}, ["launchpad:backup.password"])
    try:
        whole = registrations.registered(lambda: runpy.run_path(str(ROOT / "__main__.py")), Recording(), "dev")
    finally:
        config.set_all_config({})
    found = {each["name"]: each["options"] for each in whole}
    assert "app-push-source" in found["data-undo"]["depends_on"]
    assert "data-undo" in found["data-backups"]["depends_on"]
    assert "app-release" not in found["data-backups"]["depends_on"]
    assert found["data-undo"]["deleted_with"] == found["data-backups"]["deleted_with"] == "machine"


def test_mistakes_are_told_before_anything_is_made() -> None:
    with pytest.raises(pulumi.RunError) as caught:
        record({"backup.repository": "sftp:ana@host:/shop", "backup.password": "short"}, SECRET)
    for line in (
        "launchpad:backup.password is too short; it must be one line of at least 12 characters",
        "launchpad:backup.private_key is empty; the repository is an SFTP server, which needs it",
        "launchpad:backup.host_key is empty; the repository is an SFTP server, which needs it",
    ):
        assert line in str(caught.value)
