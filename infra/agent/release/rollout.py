"""Brings a built release to the public: start, health check, switch, drain, stop; then the other processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from infra.agent.build import public_files
from infra.agent.process import file_units, hooks, launch_file, slots
from infra.agent.proxy import proxy
from infra.agent.release import conflicts, health, holders, jobs, report, workers
from infra.agent.release.predecessor import Predecessor
from infra.agent.release.processes import Processes
from infra.agent.system import instances, journal, say, sockets, systemd
from infra.agent.system.failure import Failure, Interrupted
from infra.app_model.static_words import DATA

LOG_LINES = 300
"""Lines of the log that are searched for the cause of a failure."""


class Rollout:
    """One release on its way into one slot."""

    def __init__(self, processes: Processes, on_switch: Callable[[bool], None]) -> None:
        """Take the release.

        Args:
            processes: The release and how its processes should run.
            on_switch: Called at the switch with True, and with False if requests go back to the old release.
        """
        self.app = app = processes.app
        self.spec = processes.spec
        self.site = processes.site
        self.built = processes.built
        self.processes = processes
        self.slot = processes.slot
        self.unit = app.unit(processes.slot)
        self.old = slots.serving(app)
        self.watch = processes.watch()
        self.warnings: list[str] = []
        self.on_switch = on_switch
        self.began = journal.now()
        self.workers = workers.Workers(app, processes)
        self.jobs = jobs.Jobs(app, processes)
        self.predecessor: Predecessor | None = None
        self.back = ""

    def start_and_switch(self, point_of_no_return: Callable[[], None]) -> None:
        """Start the release in the idle slot, and send requests to it once it is healthy.

        Args:
            point_of_no_return: Called right before the switch; no signal stops the deployment afterwards.

        Raises:
            Failure: The release did not come up, with everything that says why; the old one is still serving.
        """
        try:
            if self.predecessor:
                self.predecessor.stop()
            self._start()
            self._wait_until_healthy()
            self._run_hook("before_switch")
            self._check_still_healthy()
            systemd.enable(self.unit, self.app.template)
            point_of_no_return()
            self._switch()
        except Interrupted:
            self._abandon()
            raise
        except Failure as failure:
            attempt = self._attempt()
            self._abandon()
            raise Failure(report.failed(replace(attempt, back=self.back), str(failure)), failure.reason) from failure
        except BaseException:
            self._abandon()
            raise

    def finish(self) -> list[str]:
        """Do everything that follows a switch. Doing it again is safe, for a deployment may have been interrupted here.

        Returns:
            Warnings: what went wrong after the switch and undoes nothing.
        """
        self._stop_old()
        self._stop_leftover()
        self.workers.restart()
        self.jobs.finish()
        warnings = []
        try:
            self._run_hook("after_switch")
        except Failure as failure:
            warnings.append(str(failure))
        warnings += self.workers.settle()
        # The first visitors may have found it by now; later, status says so.
        if remedy := self.processes.tree.hint(journal.tail(self.unit, systemd.state(self.unit))):
            warnings.append(f"{self.unit} has tried to write among its own files. {remedy}")
        for warning in warnings:
            say.step("warning", warning)
        return warnings

    def _start(self) -> None:
        if systemd.state(self.unit).active == "deactivating":
            say.step("start", f"waiting for the release that served from {self.slot} before to stop")
            systemd.stop(self.unit)
        self._check_port_is_free()
        say.step("start", f"{self.unit}: {self.processes.commands['web']}")
        if launch_file.write(self.app, self.slot, self.processes.web()):
            systemd.reload()
        self._show_files()
        self.began = journal.now()
        systemd.start(self.unit)

    def _show_files(self) -> None:
        """Have the release's static files served together with the slot; the public still gets the other one."""
        if any(item.folder.startswith(DATA) for item in self.processes.plan.static):
            file_units.ensure(self.app)
        public_files.show(self.app, self.slot, self.built.release)

    def _check_port_is_free(self) -> None:
        port = self.watch.port
        taken = {listener.inode for listener in sockets.listeners() if listener.port == port}
        if taken:
            names = ", ".join(sockets.name(pid) for pid in sockets.holders(taken, sockets.all_processes()))
            raise Failure(f"Port {port} of slot {self.slot} is in use by {names or 'an unknown process'}.")

    def _wait_until_healthy(self) -> None:
        took = health.wait(self.watch)
        say.step("health", f"{self.watch.last.brief()} from {self.spec.health.path} after {took:.1f} s")
        if note := self.watch.last.note:
            say.step("warning", note)
            self.warnings.append(note)

    def _run_hook(self, name: str) -> None:
        hooks.run(self.app, name, self.built.root, self.processes.environment, self._writable())

    def _writable(self) -> tuple[Path, ...]:
        return (self.app.releases / self.built.release, self.app.data)

    def _check_still_healthy(self) -> None:
        """Check the health once more right before the switch: the hook may have taken minutes."""
        answer = health.again(self.watch)
        if not self.watch.alive():
            raise Failure("The release was healthy but ended before the switch.")
        if not answer.healthy(self.spec.health):
            raise Failure(
                f"The release was healthy at first but is unhealthy right before the switch: {answer.describe()}"
            )

    def _switch(self) -> None:
        slots.switch(self.app, self.slot)
        slots.resume(self.app)
        self.on_switch(True)
        say.step("switch", f"requests go to {self.slot} ({self.built.release})")
        # At once, so that no old process takes up work that the new release hands out.
        self.workers.restart()
        self.jobs.take_over()
        try:
            self._drain_old()
        except Failure:
            self._switch_back()
            raise

    def _drain_old(self) -> None:
        """Let the old release answer the requests it has, and see that the new one survives its first ones."""
        if self.old is None:
            proxy.drain(self.site.port(slots.other(self.slot)), 0, self._check_alive)
            return
        timeout = self.spec.drain_timeout
        left = proxy.drain(self.site.port(self.old), timeout, self._check_alive)
        if text := report.undrained(left, timeout):
            say.step("drain", text)

    def _switch_back(self) -> None:
        """Send requests to the old release again; to none if this one is the first."""
        if self.old is None:
            slots.close(self.app)
        else:
            slots.switch(self.app, self.old)
        self.on_switch(False)
        self.workers.put_back()
        self.jobs.put_back()
        if self.predecessor:
            self._abandon()
        say.step("switch", f"back to {self.old or 'none'}: the new release ended")
        if self.old is not None:
            proxy.drain(self.site.port(self.slot), 1)

    def _check_alive(self) -> None:
        if not self.watch.alive():
            raise Failure("The release was healthy but ended as soon as it got requests.")

    def _abandon(self) -> None:
        """Stop the new release, unless it is serving; start again what was stopped for it."""
        if self.slot == slots.serving(self.app):
            return
        systemd.disable(self.unit)
        systemd.end(self.unit)
        if self.predecessor:
            self.back = self.predecessor.start_again() or self.back

    def _attempt(self) -> report.Attempt:
        """What to report of the release that did not come up; asked before its process is stopped."""
        state = systemd.state(self.unit)
        log = journal.since(self.unit, self.began, LOG_LINES)
        return report.Attempt(
            release=self.built.release,
            serving=self.processes.serving_release() if self.old else "",
            unit=self.unit,
            state=state.describe(),
            log=log,
            root=str(self.built.root),
            alive=self.watch.alive(),
            remedy=self.processes.tree.remedy(log) or self._taken(log),
        )

    def _taken(self, log: list[str]) -> str:
        """What to do if the release found its port or a lock taken, and who has that."""
        old = self.processes.serving_release() if self.old and not self.predecessor else ""
        return conflicts.remedy(log, old, holders.holders(self.app, self.watch.port))

    def _stop_old(self) -> None:
        unit = self.app.unit(slots.other(self.slot))
        systemd.enable(self.unit, self.app.template)
        systemd.disable(unit)
        if not systemd.state(unit).is_stopped:
            # It is drained, so nobody has to wait for it to stop; systemd kills it after stop_timeout.
            systemd.stop(unit, 0)

    def _stop_leftover(self) -> None:
        for name in self.processes.leftover():
            process = instances.process(name)
            wanted = self.processes.settings(process).count if process in self.processes.commands else 0
            why = f"of {process}, {wanted} are to run" if wanted else "which is no longer in the Procfile"
            say.step("processes", f"stopping {instances.label(name)}, {why}")
            workers.stop(self.app, name)
