"""The scheduled jobs of a release: they take over at the switch, with the other processes."""

from __future__ import annotations

from infra.agent.process import timers
from infra.agent.process.timers import Job
from infra.agent.release.processes import Processes
from infra.agent.system import say
from infra.agent.system.layout import App


class Jobs:
    """The jobs of one release."""

    def __init__(self, app: App, processes: Processes) -> None:
        """Change nothing yet.

        Args:
            app: The app.
            processes: The release and how its jobs should run.
        """
        self.app = app
        self.wanted = processes.jobs()
        self.stop_timeout = processes.spec.stop_timeout
        self.before: dict[str, Job] | None = None

    def take_over(self) -> None:
        """Have the next run of each job use this release. Calling it again does nothing."""
        if self.before is None:
            self.before = timers.installed(self.app)
            if self.wanted and self.wanted != self.before:
                say.step("jobs", f"the next runs of {', '.join(self.wanted)} use this release")
            timers.install(self.app, self.wanted, self.stop_timeout)

    def put_back(self) -> None:
        """Undo ``take_over``: requests went back to the old release, so its jobs do, too."""
        before, self.before = self.before or {}, None
        for name in self.wanted.keys() - before.keys():
            timers.remove(self.app, name)
        changed = {name: job for name, job in before.items() if self.wanted.get(name, job) != job}
        timers.install(self.app, changed, self.stop_timeout, anew=False)

    def finish(self) -> None:
        """Remove the jobs that this release does not have; those that it has run by now at the latest."""
        self.take_over()
        for name in timers.installed(self.app).keys() - self.wanted.keys():
            say.step("jobs", f"{name} runs no more: this release has no such job")
            timers.remove(self.app, name)
