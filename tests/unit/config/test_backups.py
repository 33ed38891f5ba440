"""The key ``backup``: a map whose secrets alone are encrypted, and whose mistakes are told in the preview."""

from __future__ import annotations

import json

import pytest

from infra import from_settings
from infra.config.parse import SettingsError
from infra.protocol.backups import Keep
from tests.unit.config import pem
from tests.unit.config.reading import parse

PASSWORD = "correct horse battery"
SECRET = frozenset({"backup"})
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def backup(**keys: object) -> dict[str, str]:
    return {"backup": json.dumps({"repository": "/mnt/backup", "password": PASSWORD, **keys})}


def mistakes(raw: dict[str, str], stack_file: str = "", secret: frozenset[str] = SECRET) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(raw, secret, stack_file)
    assert PASSWORD not in str(caught.value)
    return caught.value.problems


def test_a_stack_without_the_key_has_no_backups() -> None:
    assert from_settings.backups(parse({}), "shop/prod") is None


def test_the_map_becomes_what_the_machine_is_asked_for() -> None:
    settings = parse(
        {**backup(schedule="@daily", keep={"daily": 7}), "apps": '{"shop": {}, "blog": {"http_port": 81}}'}, SECRET
    )
    spec = from_settings.backups(settings, "shop/prod")
    assert spec is not None
    assert (spec.owner, spec.apps, spec.repository, spec.password) == (
        "shop/prod",
        ("blog", "shop"),
        "/mnt/backup",
        PASSWORD,
    )
    assert (spec.schedule, spec.keep) == ("@daily", Keep(daily=7))


def test_what_is_set_alone_counts_as_what_is_in_the_map() -> None:
    raw = {"backup.repository": "sftp:ana@host:/a", "backup.password": PASSWORD, "backup.private_key": pem.ssh()}
    settings = parse({**raw, "backup.host_key": HOST_KEY}, frozenset({"backup.password", "backup.private_key"}))
    assert (settings.backup.repository, settings.backup.host_key) == ("sftp:ana@host:/a", HOST_KEY)
    assert settings.backup.keep == {"daily": 7, "weekly": 5, "monthly": 12}


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"repository": "backups"}, "launchpad:backup.repository is [secret]; it must be a folder such as"),
        (
            {"password": "short"},
            "launchpad:backup.password is too short; it must be one line of at least 12 characters",
        ),
        ({"password": ""}, "launchpad:backup.password is empty; it must be one line"),
        ({"schedule": "daily"}, "launchpad:backup.schedule is [secret]; it must be five fields"),
        ({"schedule": ""}, "launchpad:backup.schedule is [secret]; it must be a schedule such as"),
        ({"keep": {"nightly": 7}}, "launchpad:backup.keep.nightly is [secret]; it must be one of last, hourly"),
        ({"keep": 7}, "launchpad:backup.keep is [secret]; it must be a map such as"),
        ({"repository": "sftp:ana@host:/a"}, "launchpad:backup.private_key is empty; the repository is an SFTP server"),
        ({"repository": "s3:https://host/a"}, "launchpad:backup.access_key is empty; the repository is a bucket"),
        ({"host_key": HOST_KEY}, "launchpad:backup.host_key is set, but the repository is not an SFTP server"),
        (
            {"bucket": "a"},
            "launchpad:backup.bucket is not a key of this program; did you mean launchpad:backup.repository?",
        ),
    ],
)
def test_mistakes_are_told_by_key(keys: dict[str, object], told: str) -> None:
    assert any(line.startswith(told) for line in mistakes(backup(**keys)))


def test_a_password_in_plain_text_is_told() -> None:
    text = f"config:\n  launchpad:backup:\n    repository: /mnt/backup\n    password: {PASSWORD}\n"
    told = mistakes(backup(), text, frozenset())
    assert (
        "launchpad:backup.password is stored unencrypted; set it again with: pulumi config set --secret --path launchpad:backup.password"
        in told
    )
    sealed = text.replace(PASSWORD, "{secure: abc}")
    parse(backup(), SECRET, sealed)


def test_a_map_is_wanted_and_an_app_has_none_of_its_own() -> None:
    assert mistakes({"backup": "/mnt/backup"}, secret=frozenset()) == [
        "launchpad:backup is '/mnt/backup'; it must be a map of keys, such as launchpad:backup.repository"
    ]
    told = mistakes({"apps": '{"shop": {"backup": {"repository": "/mnt/backup"}}}'})
    assert told == [
        "launchpad:apps.shop.backup is about the machine, which all apps share; set launchpad:backup instead"
    ]
