"""A command of ``run`` as it was asked for, and the systemd unit that it runs in."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from infra.agent.build.inventory import Built
from infra.agent.process import units
from infra.agent.process.shell import shell
from infra.agent.system.layout import LAUNCHER, RECORDER, App

LIMIT = 24 * 3600.0
"""Seconds that a command may take."""
PLAIN_WORD = re.compile(r"[\w@%+:,./-]+")
"""A word that means the same to a shell as without one."""


@dataclass(frozen=True)
class Command:
    """A command as it was asked for.

    One word with spaces or shell syntax is a command line, run by a shell as a line of the Procfile is; several words
    are a program and its arguments, passed on as they are.
    """

    words: tuple[str, ...]

    def argv(self) -> list[str]:
        """The program and its arguments."""
        if len(self.words) == 1 and not PLAIN_WORD.fullmatch(self.words[0]):
            return shell(self.words[0])
        return list(self.words)

    def text(self) -> str:
        """The command line, for people."""
        return self.words[0] if len(self.words) == 1 else shlex.join(self.words)


@dataclass(frozen=True)
class Begun:
    """A command that has its number and its entry in the history; its release stays until it has ended."""

    app: App
    number: int
    built: Built

    @property
    def unit(self) -> str:
        """The systemd unit that it runs in."""
        return self.app.run(self.number)

    def properties(self) -> list[str]:
        """The unit's properties. Every user of the machine can read them: no value is in them."""
        launch = self.app.run_launch(self.number)
        record = f"+/usr/bin/python3 -IS {RECORDER} {self.app.run_history} {self.number} {launch}"
        return [
            *units.sandbox(self.app, (str(self.app.data),), LIMIT, units.shared_tmp(self.app)),
            f"LoadCredential=launch:{launch}",
            f"ExecStopPost={record}",
            f"SyslogIdentifier={self.app.name}-run",
        ]

    def argv(self, *options: str) -> list[str]:
        """The command that starts the unit."""
        return [
            *("systemd-run", *options, "--collect", "--quiet", f"--unit={self.unit}"),
            f"--description={self.app.name} (run {self.number})",
            *(f"--property={each}" for each in self.properties()),
            *("/usr/bin/python3", "-IS", str(LAUNCHER)),
        ]
