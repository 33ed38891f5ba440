"""The other processes of a release (``worker:`` and so on): restarted together, and watched until they run steadily."""

from __future__ import annotations

import time
from typing import Any

from . import files, launches, layout, say, systemd
from .layout import App
from .processes import Processes

STEADY = 3.0
"""Seconds that a restarted process has to run to count as running; importing Django or Celery takes one or two."""
LATE = 1.0
"""Seconds beyond that in which it has to start at all; its predecessor may still finish its work."""
READ_ONLY = ("Read-only file system", "Errno 30", "EROFS", "readonly database", "unable to open database file")


class Workers:
    """The processes of one release that are to be restarted."""

    def __init__(self, app: App, processes: Processes) -> None:
        self.app = app
        self.processes = processes
        self.before: dict[str, dict[str, Any] | None] = {}
        self.began: float | None = None

    def restart(self) -> None:
        """Restart what runs differently or not at all; once, however often it is called."""
        if self.began is not None:
            return
        wanted = self.processes.others()
        names = self.processes.outdated()
        self.began = time.monotonic()
        self.before = {name: files.read_json(self.app.launch(name)) for name in names}
        if not names:
            return
        say.step("processes", f"restarting {', '.join(map(layout.process, names))}")
        self._start({name: wanted[name] for name in names})

    def put_back(self) -> None:
        """Have them run as they did before ``restart``: the release went back."""
        for name in (name for name, launch in self.before.items() if launch is None):
            stop(self.app, name)
        former = {name: launch for name, launch in self.before.items() if launch is not None}
        if former:
            say.step("processes", f"back to the former {', '.join(map(layout.process, former))}")
            self._start(former)
        self.before = {}

    def settle(self) -> list[str]:
        """Wait until each restarted process has run steadily or has ended; returns what is wrong, for people."""
        pending = {self.app.unit(name): name for name in self.before}
        troubles = []
        began = self.began or 0
        while pending:
            states = systemd.states(*pending)
            now = time.monotonic()
            for unit, name in list(pending.items()):
                state = states[unit]
                started = systemd.started_at(state)
                if started < began:
                    if now - began > STEADY + LATE:
                        say.step("processes", f"{layout.process(name)}: its old process still finishes its work")
                        del pending[unit]
                elif systemd.has_ended(state) or int(state["NRestarts"] or 0):
                    troubles.append(trouble(self.app, name, state))
                    del pending[unit]
                elif now - started >= STEADY:
                    del pending[unit]
            if pending:
                time.sleep(0.1)
        return troubles

    def _start(self, wanted: dict[str, dict[str, Any]]) -> None:
        for name, launch in wanted.items():
            launches.write(self.app, name, launch)
            systemd.enable(self.app.unit(name), self.app.template)
        systemd.restart(*map(self.app.unit, wanted), wait=False)


def stop(app: App, name: str) -> None:
    """Have a process run no more, now and after a reboot."""
    systemd.disable(app.unit(name))
    systemd.stop(app.unit(name), 0)
    app.launch(name).unlink(missing_ok=True)


def troubles(app: App, names: list[str]) -> list[str]:
    """What is wrong with processes that are left as they are: those that end again and again."""
    states = systemd.states(*map(app.unit, names))
    return [trouble(app, name, states[app.unit(name)]) for name in names if systemd.looping(states[app.unit(name)])]


def trouble(app: App, name: str, state: dict[str, str]) -> str:
    """How a process ended, with its last lines."""
    unit = app.unit(name)
    lines = systemd.log(unit, state["InvocationID"], lines=10) or systemd.log(unit, lines=10)
    shown = "\n".join(f"  {line}" for line in lines)
    text = f"the process {layout.process(name)} does not run: {systemd.describe(state)}\n{shown}"
    if any(sign in line for line in lines for sign in READ_ONLY):
        text += (
            "\n  The tree of a release is read-only: let it write to $DATA_DIR (celery beat: -s $DATA_DIR/schedule)."
        )
    return text
