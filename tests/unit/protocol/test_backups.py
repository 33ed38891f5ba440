"""Where backups may go, and what each kind of place needs."""

from __future__ import annotations

import json

import pytest

from infra.protocol import backups, codec
from infra.protocol.backups import BackupSpec, Keep, Sftp
from infra.protocol.codec import SCHEMA, MessageError
from infra.protocol.refusal import Refusal
from tests.unit.config import pem

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
WHOLE: dict[str, object] = {
    "schema": SCHEMA,
    "owner": "shop/prod",
    "apps": ["shop"],
    "repository": "/mnt/backup/shop",
    "password": "correct horse battery",
}


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("", ""),
        ("/mnt/backup/shop/", "/mnt/backup/shop"),
        ("sftp:ana@backup.example.org:/srv/backups/shop", "sftp:ana@backup.example.org:/srv/backups/shop"),
        ("sftp://ana@192.0.2.7:2222/shop/", "sftp:ana@192.0.2.7:2222/shop"),
        ("s3:https://s3.eu-central-1.amazonaws.com/shop-backups/prod", None),
        ("s3:https://minio.example.org:9000/shop", None),
        ("s3:http://127.0.0.1:5000/shop", None),
    ],
)
def test_a_place_for_backups_is_read(given: str, read: str | None) -> None:
    assert backups.repository(given) == (given if read is None else read)


@pytest.mark.parametrize(
    "given",
    [
        *("backup", "./backup", "/", "/srv/shop/data/backup", "/etc/backup", "/tmp/backup", "/mnt/a/../../etc/backup"),
        *("/mnt/back up", "/mnt/a;b", "/mnt/%i", "/mnt/launchpad/backup", "/var/lib/backup"),
        *("sftp:host:/path", "sftp:ana@host:path", "sftp://ana@host:70000/path", "sftp:ana@-oProxyCommand=x:/path"),
        *("s3:http://minio.example.org/shop", "s3:https://host", "s3:shop", "rest:https://host/", "b2:shop", 7),
    ],
)
def test_any_other_place_is_refused(given: object) -> None:
    with pytest.raises(Refusal, match="a folder such as /mnt/backup/shop"):
        backups.repository(given)


def test_the_parts_of_an_sftp_server_are_told_apart() -> None:
    assert backups.sftp("sftp:ana@host:/a/b") == Sftp("ana", "host", 22, "/a/b")
    assert backups.sftp("sftp://ana@host:2222/a") == Sftp("ana", "host", 2222, "/a")
    assert backups.sftp("/a/b") is None


def test_a_message_has_only_what_it_needs_and_hides_its_secrets() -> None:
    spec = codec.load(BackupSpec, WHOLE)
    assert (spec.schedule, spec.keep.counts(), spec.secrets()) == ("0 3 * * *", {}, ("correct horse battery",))
    assert "correct" not in repr(spec)
    kept = codec.load(BackupSpec, {**WHOLE, "keep": {"daily": 7, "last": 2}})
    assert kept.keep == Keep(last=2, daily=7)
    assert codec.load(BackupSpec, json.loads(codec.text(kept))) == kept


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"password": "short"}, "password: is too short; it must be one line of at least 12 characters"),
        ({"password": "two lines\nof words"}, "password: is too short"),
        ({"repository": ""}, "repository: is empty"),
        ({"repository": "sftp:ana@host:/a"}, "private_key: is empty; the repository is an SFTP server, which needs it"),
        ({"repository": "sftp:ana@host:/a", "private_key": pem.ssh()}, "host_key: is empty; the repository is an SFTP"),
        ({"host_key": HOST_KEY}, "host_key: is set, but the repository is not an SFTP server; remove it"),
        ({"repository": "s3:https://host/a", "access_key": "A"}, "secret_key: is empty; the repository is a bucket"),
        ({"access_key": "A"}, "access_key: is set, but the repository is not a bucket; remove it"),
        ({"keep": {"daily": -1}}, "keep.daily: is -1"),
        ({"keep": {"nightly": 1}}, "keep.nightly: is not a known key"),
        ({"schedule": "never"}, "schedule: is 'never'"),
        ({"apps": ["root"]}, "apps: "),
    ],
)
def test_what_is_missing_or_does_not_fit_is_told_without_a_secret(change: dict[str, object], told: str) -> None:
    with pytest.raises(MessageError) as caught:
        codec.load(BackupSpec, {**WHOLE, **change})
    assert told in str(caught.value)
    assert "battery" not in str(caught.value)
