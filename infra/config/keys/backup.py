"""The keys of the backups: ``launchpad:backup.<key>``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from infra.config import backups, readers
from infra.config.key import Keys, key
from infra.protocol.backups import SCHEDULE


@dataclass(frozen=True, kw_only=True)
class BackupKeys(Keys):
    """Where the data of the stack's apps is backed up to, and when (docs/backups.md)."""

    title: ClassVar[str] = "Backups"

    repository: str = key(
        backups.repository,
        description="""Where backups go: a folder of the machine, which should be another disk than the data's; an SFTP
            server; or a bucket. Empty: there are no backups.""",
        example="s3:https://s3.eu-central-1.amazonaws.com/shop-backups/prod",
        also=("bucket", "target", "url", "destination"),
    )
    password: str = key(
        readers.text,
        description="""What the backups are encrypted with, at least 12 characters. Keep it elsewhere, too: without it
            no backup can be read.""",
        secret=True,
        also=("passphrase", "encryption_key"),
    )
    schedule: str = key(
        backups.schedule,
        default=SCHEDULE,
        description="When, as cron has it, in the machine's time zone. A time that was missed is made up for.",
        example="30 */6 * * *",
        also=("cron", "when", "interval"),
    )
    keep: dict[str, int] = key(
        backups.keep,
        default='{"daily": 7, "weekly": 5, "monthly": 12}',
        description="""Which backups of each app stay: how many of the last, hourly, daily, weekly, monthly and yearly
            ones. {}: all stay, and the machine never deletes one, as it has to be where its key may only add.""",
        also=("retention", "keep_last"),
    )
    private_key: str = key(
        readers.ssh_key,
        description="Private SSH key (OpenSSH or PEM, without a passphrase) for an SFTP server.",
        secret=True,
        also=("ssh_key", "identity_file"),
    )
    host_key: str = key(
        readers.host_key,
        description="The SFTP server's public host key. Any other is refused.",
        example="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
        also=("known_hosts", "fingerprint"),
    )
    access_key: str = key(
        readers.text,
        description="Access key for a bucket.",
        secret=True,
        also=("access_key_id", "aws_access_key_id"),
    )
    secret_key: str = key(
        readers.text,
        description="The secret half of the access key.",
        secret=True,
        also=("secret_access_key", "aws_secret_access_key"),
    )
