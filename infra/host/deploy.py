"""One deployment from start to end: fetch, build, start, gate, switch, drain, and what follows. DESIGN section 7."""

from __future__ import annotations

import dataclasses
import signal
import time
import urllib.parse
from types import FrameType
from typing import Any

from . import (
    build,
    contents,
    databases,
    files,
    history,
    launches,
    lock,
    procfile,
    proxy,
    prune,
    release_step,
    remote,
    repository,
    say,
    slots,
    systemd,
    tasks,
    units,
)
from .failure import Failure, Interrupted
from .layout import App
from .processes import Processes
from .release_step import Step
from .rollout import Rollout
from .site import Site
from .spec import DeploySpec


class Deployment:
    """One run of ``deploy``. Until the switch it stops cleanly when asked to (SIGTERM, SIGINT), after it no more.

    A lost connection does not stop it: nothing half done is left behind, the next run finds it done or waits for it.
    """

    def __init__(self, spec: DeploySpec, revision: str, *, restart: bool = False) -> None:
        self.spec = spec
        self.restart = restart
        self.revision = revision
        self.app = App(spec.app)
        self.site: Site = proxy.site(self.app)
        self.switched = False
        self.sick = ""

    def run(self) -> dict[str, Any]:
        """Deploy; returns the result for the desk."""
        self._listen_to_signals()
        what = f"{self.spec.ref or 'revision'} at {self.revision[:12]}"
        with lock.held(self.app, self.spec.who, what, self.spec.lock_timeout):
            # Another deployment may have prepared the machine while we waited.
            self.site = proxy.site(self.app)
            self._heal()
            if self.restart and launches.serving(self.app).get("revision") != self.revision:
                raise Failure("Another release has begun to serve meanwhile, so there is nothing to restart.")
            built = build.find(self.app, self.revision, build.key(self.spec))
            processes = self._processes(built) if built else None
            self.sick = processes.sick() if processes and processes.serves() else ""
            if built and processes and processes.unchanged() and not self._to_do(built):
                say.step("done", f"{built.release} already serves with these settings")
                return self._result(built, processes.slot, changed=False, fresh=False)
            return self._recorded(built)

    def _recorded(self, built: build.Built | None) -> dict[str, Any]:
        """Deploy with an entry in the history, whatever comes."""
        what = self._what(built)
        number = history.begin(
            self.app,
            revision=self.revision,
            release=built.release if built else "",
            subject=built.subject if built else "",
            who=self.spec.who,
            ref=self.spec.ref,
            what=what,
        )
        began = time.monotonic()
        try:
            done, processes, warnings = self._deploy(built, what)
        except BaseException as error:
            said = error.reason if isinstance(error, Failure) else str(error)
            reason = say.redactor.clean(said or type(error).__name__)
            known = build.find(self.app, self.revision, build.key(self.spec))
            history.end(
                self.app,
                number,
                release=known.release if known else "",
                subject=known.subject if known else repository.subject(self.app, self.revision),
                result="interrupted" if isinstance(error, Interrupted | KeyboardInterrupt) else "failed",
                reason=" ".join(reason.split("\n", 1)[0].split())[:300],
                seconds=round(time.monotonic() - began, 2),
            )
            raise
        took = round(time.monotonic() - began, 2)
        note = {"reason": "; ".join(warning.split("\n", 1)[0] for warning in warnings)} if warnings else {}
        history.end(
            self.app,
            number,
            release=done.release,
            subject=done.subject,
            result="ok",
            seconds=took,
            slot=processes.slot,
            **note,
        )
        prune.prune(self.app, self.spec.keep_releases, done.release)
        say.step("done", f"{done.release} serves ({done.subject})")
        result = self._result(done, processes.slot, changed=True, fresh=built is None)
        return {**result, "warnings": warnings} if warnings else result

    def _deploy(self, built: build.Built | None, what: str) -> tuple[build.Built, Processes, list[str]]:
        app, spec = self.app, self.spec
        if built is None:
            repository.fetch(app, spec.source, self.revision, spec.ref)
            contents.check(app, self.revision, spec.directory, spec.allow_missing)
            if what == "rebuild":
                here = any(other.revision == self.revision for other in build.all_built(app))
                why = (
                    "is to be built in another way" if here else "was deployed before but is no longer on this machine"
                )
                say.step("build", f"{self.revision[:12]} {why}: building it again")
            built = build.build(app, spec, self.revision)
        else:
            say.step("build", f"release {built.release} is on this machine: nothing to build")
        processes = self._processes(built)
        if files.write(app.template, units.template(app, spec.stop_timeout)):
            systemd.reload()
        if not self.restart:
            built = self._release_process(built, processes)
        if self.restart or (self.sick and processes.serves()):
            why = f"serves and is not healthy ({self.sick})" if self.sick else "is to be restarted"
            say.step("restart", f"{built.release} {why}: starting it anew in the other slot")
            processes = processes.anew(others=self.restart)
        rollout = Rollout(app, spec, self.site, built, processes)
        if not processes.serves():
            rollout.start_and_switch(self._point_of_no_return)
        self._point_of_no_return()
        warnings = [*rollout.warnings, *rollout.finish()]
        built = dataclasses.replace(built, served=True)
        build.record(app, built)
        return built, processes, warnings

    def _release_process(self, built: build.Built, processes: Processes) -> build.Built:
        """Run the Procfile's ``release:`` process where it has to run (see release_step.py)."""
        command = processes.commands.get("release", "")
        digest = launches.digest({"env": processes.environment})
        before = [entry for entry in history.entries(self.app) if entry.result == "ok"]
        what = release_step.step(
            command=bool(command),
            ran_with=built.released_with,
            settings=digest,
            serves=launches.serving(self.app).get("revision") == built.revision,
            served=built.served or any(entry.revision == built.revision for entry in before),
        )
        if what is Step.BEHIND:
            say.step("release", f"not run: {what.value}")
        if what is not Step.RUN:
            return built
        say.step("release", command)
        root = built.root
        writable = (self.app.releases / built.release, self.app.data)
        argv = procfile.shell(command)
        env = processes.environment
        limit = self.spec.release_timeout
        began = time.time()
        tasks.run(self.app, tasks.Task(f"The release process ({command})", argv, root, env, writable, limit))
        databases.check(self.app, root, began)
        built = dataclasses.replace(built, released_with=digest)
        build.record(self.app, built)
        return built

    def _processes(self, built: build.Built) -> Processes:
        return Processes.of(self.app, self.spec, self.site, built)

    def _to_do(self, built: build.Built) -> bool:
        """Whether there is something to do although just this release runs."""
        return self.restart or bool(self.sick) or self._unfinished(built)

    def _unfinished(self, built: build.Built) -> bool:
        """Whether the last deployment of this commit was interrupted: what follows a switch may not have been done."""
        own = [entry for entry in history.entries(self.app) if entry.revision == built.revision]
        return bool(own) and own[-1].result == "interrupted"

    def _what(self, built: build.Built | None) -> str:
        """What kind of deployment this is, for the history."""
        before = [entry for entry in history.entries(self.app) if entry.result == "ok"]
        if built is None:
            return "rebuild" if any(entry.revision == self.revision for entry in before) else "deploy"
        if self.restart or (before and before[-1].release == built.release):
            return "restart"
        return "rollback" if built.served else "deploy"

    def _heal(self) -> None:
        """Put right what an interrupted deployment left: tasks, half-built releases, a slot that does not serve."""
        proxy.heal()
        tasks.stop_leftover(self.app)
        build.clean(self.app)
        repository.mend(self.app)
        for folder in (self.app.launches, self.app.settings.parent, self.app.state, self.app.built):
            files.sweep(folder)
        self._note_served()
        serving = slots.serving(self.app)
        for slot in slots.SLOTS:
            unit = self.app.unit(slot)
            if slot != serving:
                systemd.disable(unit)
                state = systemd.state(unit)["ActiveState"]
                if state == "deactivating":
                    systemd.stop(unit)
                elif state not in ("inactive", "failed"):
                    say.step("heal", f"stopping the slot {slot}, left by an interrupted deployment")
                    proxy.drain(self.site.port(slot), self.spec.drain_timeout)
                    systemd.stop(unit)

    def _note_served(self) -> None:
        """What serves has served, also where its deployment was killed before it could note that."""
        serving = launches.serving(self.app).get("release")
        for built in build.all_built(self.app):
            if built.release == serving and not built.served:
                build.record(self.app, dataclasses.replace(built, served=True))

    def _result(self, built: build.Built, slot: str, *, changed: bool, fresh: bool) -> dict[str, Any]:
        return {
            "release": built.release,
            "revision": built.revision,
            "subject": built.subject,
            "slot": slot,
            "changed": changed,
            "built": fresh,
            "seconds": round(say.seconds(), 2),
        }

    def _point_of_no_return(self) -> None:
        self.switched = True

    def _listen_to_signals(self) -> None:
        def stop(number: int, _frame: FrameType | None) -> None:
            if not self.switched:
                name = signal.Signals(number).name
                raise Interrupted(f"Interrupted by {name} before anything was switched; what served before serves on.")

        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)


def secret_values(spec: DeploySpec) -> list[str]:
    """Everything in a specification that must never be printed."""
    values = [value for _, value in spec.secrets]
    values.append(spec.source.deploy_key)
    values += remote.credentials(spec.source.url)[1:]
    for url in (spec.source.url, spec.package_index or ""):
        if "://" in url:
            parts = urllib.parse.urlsplit(url)
            values += [parts.password or ""]
            if not parts.password and parts.scheme in ("http", "https"):
                values += [parts.username or ""]
    return [value for value in values if value]
