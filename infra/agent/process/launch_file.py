"""How each process of an app starts: its command, directory and environment, in a file for each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from infra.agent.process import limits, run_launch, slots, starts
from infra.agent.process.environments import Tree
from infra.agent.process.shell import shell
from infra.agent.system import files, instances, systemd
from infra.agent.system.layout import App

MOST_FORMER = 200
"""Former values of secrets that are remembered, so that they stay hidden in the log."""


@dataclass(frozen=True)
class Launch:
    """All that decides how a process runs: equal launches mean that there is nothing to restart.

    Attributes:
        argv: The program and its arguments.
        cwd: The directory it starts in.
        env: Its whole environment, secrets included.
        command: The line of the Procfile; empty for a build or a hook.
        release: The release that it belongs to.
        revision: That release's commit.
        secrets: The names of the secrets in ``env``, sorted.
        sandbox: A fingerprint of what the unit keeps it from (``units.FINGERPRINT``). It is in the unit, not in this
            file; named here so that a change of it starts the process again.
        metadata_access: Whether it may use the cloud's metadata service, which the unit decides, too.
        memory: The most memory in bytes that it may take; 0 for no limit. The unit limits it, as with ``sandbox``.
        background: Whether it yields to everything else on the machine, as a build does.
    """

    argv: tuple[str, ...]
    cwd: str
    env: dict[str, str] = field(repr=False)
    command: str = ""
    release: str = ""
    revision: str = ""
    secrets: tuple[str, ...] = ()
    sandbox: str = ""
    metadata_access: bool = False
    background: bool = False
    memory: int = 0

    def text(self) -> str:
        """The content of a launch file, which ``exec_shim`` reads."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @property
    def secret_values(self) -> list[str]:
        """The values of its secrets."""
        return [self.env.get(name, "") for name in self.secrets]


def describe(command: str, tree: Tree, env: dict[str, str], secrets: tuple[str, ...]) -> Launch:
    """How one process of a release starts."""
    return Launch(
        argv=tuple(shell(command)),
        cwd=str(tree.root),
        env=env,
        command=command,
        release=tree.release,
        revision=tree.revision,
        secrets=tuple(sorted(secrets)),
    )


def digest(env: Mapping[str, str]) -> str:
    """A short fingerprint of an environment, which shows a changed setting without its value."""
    return hashlib.sha256(json.dumps(env, sort_keys=True).encode()).hexdigest()[:12]


def read(path: Path) -> Launch | None:
    """The launch in a file; None if there is none, or it is damaged. Keys of another version are passed over."""
    value = files.read_json(path)
    names = {item.name for item in fields(Launch)}
    try:
        known = {name: item for name, item in (value or {}).items() if name in names}
        return Launch(**{**known, "argv": tuple(known["argv"]), "secrets": tuple(known.get("secrets", ()))})
    except (KeyError, TypeError):
        return None


def write(app: App, instance: str, launch: Launch) -> bool:
    """Write the launch file of a process, for its next start; says whether systemd has to be reloaded before it."""
    files.directory(app.launches, 0o700)
    _keep_former(app, read(app.launch(instance)), launch)
    starts.note(app, instance, launch.release, launch.revision)
    files.write(app.launch(instance), launch.text(), 0o600)
    return limits.write(app, instance, limits.MEMORY, limits.memory(instance, launch.memory))


def _keep_former(app: App, before: Launch | None, launch: Launch) -> None:
    """Remember the values that secrets had until now, so that they stay hidden in the log."""
    lost = set(before.secret_values if before else ()) - set(launch.secret_values)
    known = former_secrets(app)
    if not lost <= set(known):
        files.write_json(app.former_secrets, {"values": [*known, *sorted(lost - set(known))][-MOST_FORMER:]})


def started(app: App, instance: str) -> Launch | None:
    """What the running process was started with; None if it does not run.

    systemd keeps a copy of the credential as long as the unit runs: exact even if we were killed between writing a
    launch file and starting the process.
    """
    if not systemd.running(app.unit(instance)):
        return None
    return read(Path("/run/credentials") / app.unit(instance) / "launch")


def serving(app: App) -> Launch | None:
    """What the serving slot was started with, even while its process is down; None before the first release."""
    slot = slots.serving(app)
    return (started(app, slot) or read(app.launch(slot))) if slot else None


def serving_release(app: App) -> str:
    """The release that serves, even while its process is down; empty before the first one."""
    launch = serving(app)
    return launch.release if launch else ""


def runs(app: App, instance: str, launch: Launch) -> bool:
    """Whether a process runs with this launch, or systemd is about to start it with it.

    One that is still stopping is: it was asked to restart, for a process that is to stop for good has no launch file.
    """
    if systemd.state(app.unit(instance)).active in ("activating", "deactivating"):
        return read(app.launch(instance)) == launch
    return started(app, instance) == launch


def running(app: App) -> list[Launch]:
    """What every process that runs, or is just stopping, was started with, jobs and commands of ``run`` too.

    The serving slot counts even while its process is down.
    """
    units = (app.unit("*"), app.unit(instances.job("*")))
    kept = sorted(path for unit in units for path in Path("/run/credentials").glob(f"{unit}/launch"))
    commands = [
        Launch(each.argv, each.cwd, each.env, release=each.release) for each in run_launch.under_way(app).values()
    ]
    launches = [*(read(path) for path in kept), *commands, serving(app)]
    return [launch for launch in launches if launch]


def secret_values(app: App) -> list[str]:
    """The values of all secrets that any process of the app ever got, for hiding them in output."""
    values = former_secrets(app)
    for path in sorted(app.launches.glob("*.json")) if app.launches.is_dir() else []:
        launch = read(path)
        values += launch.secret_values if launch else []
    return values


def former_secrets(app: App) -> list[str]:
    """The former values of the app's secrets, the newest last."""
    values = (files.read_json(app.former_secrets) or {}).get("values", [])
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []
