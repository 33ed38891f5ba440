"""The build plan: everything that Launchpad decides about an app, each decision with its reason and its key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.app_model.dependencies.install import Install
from infra.protocol.app_settings import CronJob, StaticFiles


@dataclass(frozen=True)
class Decision:
    """One decision, as the preview shows it.

    Attributes:
        subject: What it is about, such as ``start command``.
        value: What is done, such as ``gunicorn app:app``.
        reason: Why: what in the app's files says so, or which key.
        key: The config key that decides otherwise, such as ``launchpad:command``.
    """

    subject: str
    value: str
    reason: str
    key: str

    def text(self) -> str:
        """The decision in a line, which may hold characters of the app's own files."""
        return f"{self.subject}: {self.value} ({self.reason}; to decide otherwise: {self.key})"


@dataclass(frozen=True)
class BuildPlan:
    """What an app is, and how it is built and run.

    Attributes:
        framework: The framework, such as ``Flask``; empty if it is not known.
        install: How its dependencies are installed.
        processes: The command of each process by its name, ``web`` and ``release`` among them.
        cron: The scheduled jobs.
        pip: Requirements that are installed in addition to the app's own, unless a program of that name is there.
        packages: Debian packages that it needs, in addition to those of the settings.
        collect: A command that collects static files, run in the build; empty if there is none.
        static: The folders that the proxy serves by itself.
        persist: The paths that outlive a release; those of folders end with ``/``.
        generated: The secret variables that it reads and that are generated where nobody set them.
        environment: Variables that its framework needs, for every process.
        one_worker: Why its web process must not run several workers; empty if it may.
        health_path: What it is asked for.
        decisions: Everything decided, in the order in which it is shown.
        notes: What a person should know.
    """

    framework: str = ""
    install: Install = field(default_factory=lambda: Install(""))
    processes: Mapping[str, str] = field(default_factory=dict)
    cron: tuple[CronJob, ...] = ()
    pip: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    collect: str = ""
    static: tuple[StaticFiles, ...] = ()
    persist: tuple[str, ...] = ()
    generated: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    one_worker: str = ""
    health_path: str = "/"
    decisions: tuple[Decision, ...] = ()
    notes: tuple[str, ...] = ()
