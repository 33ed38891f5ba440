"""Brings a built release to the public: start, health gate, switch, drain, stop; then the other processes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from . import health, hooks, launches, layout, proxy, say, slots, sockets, systemd, workers
from .failure import Failure, Interrupted
from .printable import bare
from .processes import Processes

SHOWN_LINES = 12
LEAST_LINES = 5
SHOWN_WIDTH = 300
FRAME = re.compile(r'  File "(.*)", line \d+, in ')
SERVERS = re.compile(r"(gunicorn\.errors\.)?HaltServer|SystemExit|KeyboardInterrupt")
EXCEPTION = re.compile(r"(\w+\.)*\w*(Error|Exception|Exit|Interrupt|Fault)\b.*")


class Rollout:
    """One release on its way into one slot."""

    def __init__(self, processes: Processes, on_switch: Callable[[bool], None]) -> None:
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
        self.workers = workers.Workers(app, processes)

    def start_and_switch(self, point_of_no_return: Callable[[], None]) -> None:
        """Start the release in the idle slot and let it serve once it is healthy. On failure the old one serves on."""
        try:
            self._start()
            took = health.wait(self.watch)
            say.step("health", f"{self.watch.last.brief()} from {self.spec.health.path} after {took:.1f} s")
            if note := self.watch.last.note:
                say.step("warning", note)
                self.warnings.append(note)
            writable = (self.app.releases / self.built.release, self.app.data)
            hooks.run(self.app, "before_switch", self.built.root, self.processes.environment, writable)
            self._still_healthy()
            systemd.enable(self.unit, self.app.template)
            point_of_no_return()
            self._switch()
        except Interrupted:
            self._abandon()
            raise
        except Failure as failure:
            report = self._report(failure)
            self._abandon()
            raise Failure(report, failure.reason) from failure
        except BaseException:
            self._abandon()
            raise

    def _start(self) -> None:
        if systemd.state(self.unit)["ActiveState"] == "deactivating":
            say.step("start", f"the release that served from {self.slot} before is still stopping; waiting for it")
            systemd.stop(self.unit)
        strangers = {listener.inode for listener in sockets.listeners() if listener.port == self.watch.port}
        if strangers:
            names = ", ".join(sockets.name(pid) for pid in sockets.holders(strangers, sockets.all_processes()))
            raise Failure(
                f"The port {self.watch.port} of the slot {self.slot} is taken by {names or 'an unknown process'}."
            )
        say.step("start", f"{self.unit}: {self.processes.commands['web']}")
        launches.write(self.app, self.slot, self.processes.web())
        systemd.start(self.unit)

    def _still_healthy(self) -> None:
        """Ask once more right before the switch: the hook may have taken minutes."""
        answer = health.again(self.watch)
        if not self.watch.alive():
            raise Failure("The release was healthy and ended before it was switched to.")
        if not answer.healthy(self.spec.health):
            raise Failure(f"The release was healthy and is so no more right before the switch: {answer.words()}")

    def _switch(self) -> None:
        slots.switch(self.app, self.slot)
        self.on_switch(True)
        say.step("switch", f"requests go to {self.slot} ({self.built.release})")
        # At once, so that no old process takes up work that the new release hands out.
        self.workers.restart()
        if self.old is None:
            try:
                proxy.drain(self.site.port(slots.other(self.slot)), 0, self._check_alive)
            except Failure:
                slots.close(self.app)
                self.on_switch(False)
                self.workers.put_back()
                say.step("switch", "back to none: the new release ended")
                raise
            return
        try:
            left = proxy.drain(self.site.port(self.old), self.spec.drain_timeout, self._check_alive)
        except Failure:
            slots.switch(self.app, self.old)
            self.on_switch(False)
            self.workers.put_back()
            say.step("switch", f"back to {self.old}: the new release ended")
            proxy.drain(self.site.port(self.slot), 1)
            raise
        if left is None:
            say.step("drain", f"the proxy could not be asked for {self.spec.drain_timeout:g} s what is under way")
        elif left:
            say.step(
                "drain", f"{left} requests to the old release are still under way after {self.spec.drain_timeout:g} s"
            )

    def _check_alive(self) -> None:
        if not self.watch.alive():
            raise Failure("The release was healthy and ended as soon as it got requests.")

    def _abandon(self) -> None:
        """Stop the new release; it never got requests, or gets none any more."""
        if self.slot != slots.serving(self.app):
            systemd.disable(self.unit)
            systemd.end(self.unit)

    def _report(self, failure: Failure) -> str:
        """Everything a person needs to see why the release did not come up, the cause last."""
        state = systemd.state(self.unit)
        lines = systemd.log(self.unit, state["InvocationID"], lines=300)
        serving = self.processes.serving_release() if self.old else ""
        on = f"{serving} serves on" if serving else "no release serves"
        what = "restarted" if serving == self.built.release else "switched to"
        why = f"{failure}{cause(lines) if not self.watch.alive() else ''}"
        shown = excerpt(lines, str(self.built.root), max(LEAST_LINES, SHOWN_LINES - why.count("\n")))
        return "\n".join(
            [
                f"Release {self.built.release} was not {what}; {on}.",
                f"The log of {self.unit} ends so ({systemd.describe(state)}):\n{shown}",
                why,
            ]
        )

    def finish(self) -> list[str]:
        """Everything after the switch; done again where a deployment was interrupted. Returns warnings."""
        self._stop_old()
        self._stop_leftover()
        self.workers.restart()
        warnings = []
        writable = (self.app.releases / self.built.release, self.app.data)
        try:
            hooks.run(self.app, "after_switch", self.built.root, self.processes.environment, writable)
        except Failure as failure:
            warnings.append(str(failure))
        warnings += self.workers.settle()
        for warning in warnings:
            say.step("warning", warning)
        return warnings

    def _stop_old(self) -> None:
        idle = slots.other(self.slot)
        unit = self.app.unit(idle)
        systemd.enable(self.unit, self.app.template)
        systemd.disable(unit)
        if systemd.state(unit)["ActiveState"] not in ("inactive", "failed"):
            # Drained: what is left of its stopping needs nobody to wait for it; systemd ends it after stop_timeout.
            systemd.stop(unit, 0)

    def _stop_leftover(self) -> None:
        for name in self.processes.leftover():
            say.step("processes", f"{layout.process(name)} is no longer in the Procfile: stopping it")
            workers.stop(self.app, name)


def excerpt(lines: Sequence[str], root: str = "", most: int = SHOWN_LINES) -> str:
    """The last lines of a log, after the exceptions in what is left out: servers add tracebacks of their own.

    Of tracebacks only the frames in ``root``, the app's own code, are kept. Not more than ``most`` lines.
    """
    plain = [bare(line) for line in lines]
    kept = _own_frames(plain, root) if root else plain
    shown = kept[-most:]
    causes = [line.strip() for line in kept[:-most] if EXCEPTION.fullmatch(line.strip())]
    if causes:
        head = [*list(dict.fromkeys(causes))[-2:], "[...]"]
        shown = [*head, *shown[len(head) :]]
    return "\n".join(f"  {line[:SHOWN_WIDTH]}" for line in shown) or "  (nothing)"


def _own_frames(lines: Sequence[str], root: str) -> list[str]:
    """A log without the frames of tracebacks that are outside ``root`` or in a virtualenv."""
    kept: list[str] = []
    foreign = False
    for line in lines:
        if frame := FRAME.match(line):
            foreign = not frame[1].startswith(f"{root}/") or "/site-packages/" in frame[1]
        elif not line.startswith("    "):
            foreign = False
        if not foreign and line.strip() not in ("", "Traceback (most recent call last):"):
            kept.append(line)
    return kept


def cause(lines: Sequence[str]) -> str:
    """The exception that ended a process, by its log, as the end of a sentence; servers' own ones are no causes."""
    found = [line.strip() for line in lines if EXCEPTION.fullmatch(line.strip()) and not SERVERS.match(line.strip())]
    return f"\n{found[-1][:SHOWN_WIDTH]}" if found else ""
