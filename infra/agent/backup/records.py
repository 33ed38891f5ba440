"""What each stack wants to be backed up, with the keys to its repository, in files of root's."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from infra.agent.system import files, say
from infra.agent.system.failure import Failure
from infra.agent.system.layout import BACKUP_CACHE, BACKUP_STATE, BACKUPS, RUN, UNITS
from infra.protocol import backups, codec
from infra.protocol.backups import BackupSpec


@dataclass(frozen=True)
class Places:
    """Where everything about the backups of one stack is. Nothing here touches the disk.

    Attributes:
        owner: The stack.
        folder: Where the keys are: elsewhere for as long as a stack of another machine lends them.
    """

    owner: str
    folder: Path = BACKUPS

    @property
    def name(self) -> str:
        """The owner as a part of names of files and units, in which no slash is."""
        return self.owner.replace("/", ":")

    @property
    def spec(self) -> Path:
        """What is wanted, secrets included: root's, 0600."""
        return self.folder / f"{self.name}.json"

    @property
    def password(self) -> Path:
        """The repository's password: root's, 0600."""
        return self.folder / f"{self.name}.password"

    @property
    def key(self) -> Path:
        """The SSH key for an SFTP server: root's, 0600."""
        return self.folder / f"{self.name}.key"

    @property
    def known_hosts(self) -> Path:
        """That server's host key."""
        return self.folder / f"{self.name}.known_hosts"

    @property
    def state(self) -> Path:
        """How the backups went (see ``machine/backup_state.py``)."""
        return BACKUP_STATE / f"{self.name}.json"

    @property
    def cache(self) -> Path:
        """What restic keeps of the repository."""
        return (BACKUP_CACHE if self.folder == BACKUPS else self.folder) / self.name

    @property
    def lock(self) -> Path:
        """Locked while a backup or a drill runs; not ``*.lock``, as it keeps no deployment waiting."""
        return RUN / f"backup-{self.name}"

    @property
    def service(self) -> Path:
        """Backs up once. No template's instance, for whose slice nobody would care when it is gone."""
        return UNITS / f"launchpad-backup.{self.name}.service"

    @property
    def drill(self) -> Path:
        """Proves the newest backups once."""
        return UNITS / f"launchpad-backup-drill.{self.name}.service"

    def files(self) -> list[Path]:
        """All files but the state, units included."""
        timers = [self.service.with_suffix(".timer"), self.drill.with_suffix(".timer")]
        return [*timers, self.service, self.drill, self.key, self.known_hosts, self.password, self.spec]


def owners() -> list[str]:
    """The stacks that have backups on this machine."""
    found = sorted(BACKUPS.glob("*.json")) if BACKUPS.is_dir() else []
    return [path.stem.replace(":", "/") for path in found]


def read(owner: str) -> BackupSpec:
    """What a stack wants; its secrets are hidden in all output from now on.

    Raises:
        Failure: It has no backups here.
    """
    kept = files.read_json(Places(owner).spec)
    if kept is None:
        raise Failure(f"The stack {owner} has no backups on this machine: set launchpad:backup.repository.")
    known = {field.name for field in dataclasses.fields(BackupSpec)}
    spec = codec.parse(BackupSpec, {name: item for name, item in kept.items() if name in known})
    say.redactor.add(*spec.secrets())
    return spec


def of_app(app: str) -> BackupSpec:
    """The specification by which an app is backed up.

    Raises:
        Failure: It is not.
    """
    for owner in owners():
        spec = read(owner)
        if app in spec.apps:
            return spec
    raise Failure(f"{app} is not backed up: set launchpad:backup.repository, and run launchpad up. See docs/backups.md")


def write(spec: BackupSpec) -> bool:
    """Write down what a stack wants. Says whether anything changed."""
    places = Places(spec.owner)
    changed = [files.directory(BACKUPS, 0o700), write_keys(spec, places)]
    return any([*changed, files.write_json(places.spec, codec.plain(spec))])


def write_keys(spec: BackupSpec, places: Places) -> bool:
    """Write the files that restic and ssh read. Says whether anything changed."""
    changed = [files.write(places.password, f"{spec.password}\n", 0o600)]
    server = backups.sftp(spec.repository)
    if not server:
        for path in (places.key, places.known_hosts):
            files.remove_tree(path)
        return any(changed)
    name = server.host if server.port == 22 else f"[{server.host}]:{server.port}"
    changed += [
        files.write(places.key, f"{spec.private_key.strip()}\n", 0o600),
        files.write(places.known_hosts, f"{name} {spec.host_key}\n", 0o600),
    ]
    return any(changed)
