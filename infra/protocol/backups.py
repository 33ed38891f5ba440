"""What a stack wants to be backed up, where to, when, and for how long; and the rules of that."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import ClassVar, Protocol

from infra.protocol import pem, quantities, schedules, values
from infra.protocol.codec import Message, value
from infra.protocol.refusal import Refusal

FORMS = (
    "a folder such as /mnt/backup/shop, sftp:user@host:/path, sftp:user@host:2222/path or s3:https://host/bucket/path"
)
PLAIN = r"[A-Za-z0-9._+=@-]+"
"""What is in a part of a path: nothing that means something to a shell or to systemd."""
FOLDER = re.compile(rf"(/{PLAIN})+/?")
SFTP = re.compile(
    rf"sftp:(?://)?(?P<user>[A-Za-z_][A-Za-z0-9_.-]{{0,31}})@(?P<host>[A-Za-z0-9][A-Za-z0-9.-]{{0,252}})"
    rf"(?::(?P<port>[0-9]{{1,5}}))?:?(?P<path>(/{PLAIN})+)/?"
)
S3 = re.compile(
    rf"s3:(https://[A-Za-z0-9.-]+(:[0-9]{{1,5}})?|http://(localhost|127\.0\.0\.1)(:[0-9]{{1,5}})?)(/{PLAIN})+/?"
)
OURS = (
    *("/srv", "/etc", "/usr", "/proc", "/sys", "/dev", "/run", "/tmp", "/var/tmp", "/opt", "/boot", "/home", "/root"),
    *("/var/lib", "/var/cache", "/mnt/launchpad"),
)
"""Where no repository is: places of the system and of Launchpad, those of apps, and those that do not last."""
LEAST_PASSWORD = 12
"""Characters of a password. Whoever holds the repository may try as many as the time allows."""
SCHEDULE = "0 3 * * *"


@dataclass(frozen=True)
class Sftp:
    """A repository on a server that is reached by SFTP."""

    user: str
    host: str
    port: int
    path: str


def repository(value: object) -> str:
    """Where backups go, or empty."""
    if value == "":
        return ""
    if not isinstance(value, str) or ".." in value.split("/"):
        raise Refusal(FORMS)
    if FOLDER.fullmatch(value):
        if any(value.rstrip("/") == place or value.startswith(f"{place}/") for place in OURS):
            raise Refusal(f"{FORMS}; a folder outside of {', '.join(OURS)}")
        return value.rstrip("/")
    if sftp(value) or S3.fullmatch(value):
        # Without //, a user in it is not taken for a secret.
        return value.replace("sftp://", "sftp:").rstrip("/")
    raise Refusal(FORMS)


def sftp(text: str) -> Sftp | None:
    """The parts of a repository on an SFTP server; None if it is elsewhere."""
    match = SFTP.fullmatch(text)
    if not match or not 0 < int(match["port"] or 22) < 65536:
        return None
    return Sftp(match["user"], match["host"], int(match["port"] or 22), match["path"])


def is_s3(text: str) -> bool:
    """Whether a repository is a bucket."""
    return text.startswith("s3:")


def is_folder(text: str) -> bool:
    """Whether a repository is a folder on the machine itself."""
    return text.startswith("/")


@dataclass(frozen=True)
class Keep(Message):
    """How many snapshots of each app stay, the newest of each hour, day, week and so on; all 0: all stay."""

    last: int = value(values.whole(0, 10_000), 0)
    hourly: int = value(values.whole(0, 10_000), 0)
    daily: int = value(values.whole(0, 10_000), 0)
    weekly: int = value(values.whole(0, 10_000), 0)
    monthly: int = value(values.whole(0, 10_000), 0)
    yearly: int = value(values.whole(0, 10_000), 0)

    def counts(self) -> dict[str, int]:
        """Those that are not 0, by name."""
        return {field.name: count for field in fields(self) if (count := int(getattr(self, field.name)))}


@dataclass(frozen=True)
class BackupSpec(Message):
    """What one stack wants to be backed up.

    Attributes:
        owner: The stack, as project/stack; its snapshots are told from those of others by this.
        apps: The apps whose data is backed up.
        repository: Where to: a folder of the machine, or a URL.
        password: What the repository is encrypted with.
        private_key: The SSH key for an SFTP server.
        host_key: That server's public host key.
        access_key: The access key for a bucket.
        secret_key: Its secret half.
        schedule: When, as cron has it.
        keep: Which snapshots stay.
        lock_timeout: Seconds to wait for deployments that are under way.
        instance: The machine, so that Pulumi runs the step again for another one.
        program: The agent's digest, so that Pulumi runs the step again when the agent changes.
    """

    TITLE: ClassVar[str] = "The specification of the backups"

    owner: str = value(values.pattern(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+", "a project and a stack, such as shop/prod"))
    apps: tuple[str, ...] = value(lambda given: tuple(values.app_name(name) for name in values.list_of_texts(given)))
    repository: str = value(repository)
    password: str = value(values.text, secret=True)
    private_key: str = value(pem.ssh_key, "", secret=True)
    host_key: str = value(values.text, "")
    access_key: str = value(values.text, "", secret=True)
    secret_key: str = value(values.text, "", secret=True)
    schedule: str = value(schedules.schedule, SCHEDULE)
    keep: Keep = value(Keep, Keep())
    lock_timeout: float = value(quantities.seconds(0, 86_400), 300)
    instance: str = value(values.text, "")
    program: str = value(values.text, "")

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """What the kind of repository needs and is missing, and what another kind would need."""
        if not self.repository:
            yield "repository", "is empty"
        yield from misfits(self)

    def secrets(self) -> tuple[str, ...]:
        """What must not be printed."""
        return tuple(each for each in (self.password, self.private_key, self.access_key, self.secret_key) if each)


class WithKeys(Protocol):
    """A repository with the keys to it, as the config or a message has them."""

    @property
    def repository(self) -> str: ...  # noqa: D102
    @property
    def password(self) -> str: ...  # noqa: D102
    @property
    def private_key(self) -> str: ...  # noqa: D102
    @property
    def host_key(self) -> str: ...  # noqa: D102
    @property
    def access_key(self) -> str: ...  # noqa: D102
    @property
    def secret_key(self) -> str: ...  # noqa: D102


def misfits(keys: WithKeys) -> Iterator[tuple[str, str]]:
    """What does not fit the kind of repository: pairs of a field and what is wrong with it, without its value."""
    if not keys.repository:
        return
    if len(keys.password) < LEAST_PASSWORD or "\n" in keys.password:
        yield (
            "password",
            f"is {'too short' if keys.password else 'empty'}; it must be one line of at least {LEAST_PASSWORD} "
            "characters, which the repository is encrypted with",
        )
    is_sftp, ssh = sftp(keys.repository) is not None, {"private_key": keys.private_key, "host_key": keys.host_key}
    bucket = {"access_key": keys.access_key, "secret_key": keys.secret_key}
    for needs, kind, named in ((is_sftp, "an SFTP server", ssh), (is_s3(keys.repository), "a bucket", bucket)):
        for name, given in named.items():
            if needs and not given:
                yield name, f"is empty; the repository is {kind}, which needs it"
            if given and not needs:
                yield name, f"is set, but the repository is not {kind}; remove it"
