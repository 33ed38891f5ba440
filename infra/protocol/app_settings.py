"""What the settings say about an app's dependencies, processes, scheduled jobs and static files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from infra.protocol import quantities, schedules, values
from infra.protocol.codec import Message, value
from infra.protocol.refusal import Refusal

REMOVE = "-"
"""Begins an entry of a list that removes what Launchpad would choose by itself, such as ``-libpq5``."""

process_name = values.pattern(r"[A-Za-z0-9_-]{1,100}", "a name of 1 to 100 letters, digits, - and _")
"""The name of a process, as in a Procfile."""

URL_PREFIX = r"/((?!\.)[A-Za-z0-9._~-]+/)+"
"""The beginning of the URLs of static files. No part of it begins with a dot: root makes a folder for each of them, and
``..`` would have it write outside of its own."""

url_prefix = values.pattern(
    URL_PREFIX, "a URL path that starts and ends with /, such as /static/, without hidden parts"
)
"""The beginning of the URLs of static files."""


@dataclass(frozen=True)
class Dependencies(Message):
    """Which dependencies are installed, where the app's files leave a choice.

    Attributes:
        requirements: The requirements files, instead of the one that is found.
        extras: The extras of the project that are installed.
        groups: The dependency groups that are installed, instead of the usual ones.
        pip: Requirements that are installed in addition, such as gunicorn or gunicorn==23.0.0.
    """

    requirements: tuple[str, ...] = value(values.files, ())
    extras: tuple[str, ...] = value(values.names, ())
    groups: tuple[str, ...] = value(values.names, ())
    pip: tuple[str, ...] = value(values.pip, ())


@dataclass(frozen=True)
class Process(Message):
    """One process of the app.

    Attributes:
        name: Its name: web, release, or another one, which runs beside web.
        command: Its command; empty: the one of the Procfile.
        disabled: Whether the process is left out, although the Procfile has it.
        count: How many of it run at once.
        memory: The most memory in bytes that one of it may take; 0 for no limit.
        stop_timeout: Seconds from SIGTERM to SIGKILL; 0 for the app's ``stop_timeout``.
    """

    name: str = value(process_name)
    command: str = value(values.command, "")
    disabled: bool = value(values.flag, False)
    count: int = value(values.whole(1, 100), 1)
    memory: int = value(quantities.memory, 0)
    stop_timeout: float = value(quantities.seconds(0, 86400), 0)

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """More than one where only one can be."""
        if self.count > 1 and self.name in ("web", "release"):
            hint = "; its servers start several workers by WEB_CONCURRENCY" if self.name == "web" else ""
            yield "count", f"must be 1, as {self.name} runs once{hint}"


@dataclass(frozen=True)
class CronJob(Message):
    """A command that runs by a schedule.

    Attributes:
        name: Its name.
        schedule: Five fields of cron, such as ``0 3 * * *``, or a word such as ``@daily``; empty: it does not run.
        command: Its command.
    """

    name: str = value(process_name)
    schedule: str = value(schedules.schedule, "")
    command: str = value(values.command, "")

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """A schedule without a command, and a command that is the rest of a schedule."""
        if self.schedule and not self.command:
            yield "command", "is missing"
        try:
            schedules.check_command(self.command)
        except Refusal as refusal:
            yield "command", f"must be {refusal}"


@dataclass(frozen=True)
class StaticFiles(Message):
    """Files that the proxy serves by itself.

    Attributes:
        prefix: How their URLs begin, such as /static/.
        folder: Their folder, relative to the app's directory, or in ``$DATA_DIR``; empty: they are left to the app.
    """

    prefix: str = value(url_prefix)
    folder: str = value(values.text, "")
