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
    caller,
    contents,
    databases,
    files,
    history,
    launches,
    leftovers,
    lock,
    procfile,
    proxy,
    prune,
    release_step,
    remote,
    repository,
    say,
    slots,
    specifications,
    systemd,
    tasks,
    units,
    workers,
)
from .failure import Failure, Interrupted
from .layout import App
from .processes import Processes
from .release_step import Step
from .rollout import Rollout
from .site import Site
from .spec import DeploySpec, deploy_spec


class Signals:
    """What SIGTERM, SIGINT and SIGHUP do: they end a request that waits, and a deployment that has not switched.

    Once it has begun, a lost connection does not stop it: nothing half done is left behind, and the next run finds it
    done or waits for it. One that waits ends with its reader, or an older commit might come over a newer one.
    """

    def __init__(self) -> None:
        self.begun = self.switched = False
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)

    def begin(self) -> None:
        """From now on a lost connection stops nothing."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        say.carry_on()
        self.begun = True

    def switch(self) -> None:
        """From now on nothing is stopped any more."""
        self.switched = True

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if not self.begun:
            raise Interrupted(f"Interrupted by {name} while it waited for its turn; nothing was done.")
        if not self.switched:
            raise Interrupted(f"Interrupted by {name} before anything was switched; what served before serves on.")


def deploy(spec: DeploySpec, revision: str, told: dict[str, Any]) -> dict[str, Any]:
    """Deploy a revision as the specification says, which was ``told``; returns the result for the desk."""
    app = App(spec.app)
    signals = Signals()
    with lock.deploying(app, spec.who, f"{spec.ref or 'revision'} at {revision[:12]}", spec.lock_timeout):
        signals.begin()
        return Deployment(spec, revision, told, signals).run()


def rollback(app: App, revision: str, who: str) -> dict[str, Any]:
    """Deploy a revision that is still built here, with the settings that it served with last."""
    signals = Signals()
    timeout = specifications.lock_timeout(app)
    with lock.deploying(app, who, f"the rollback to {revision[:12]}", timeout):
        signals.begin()
        told = {**specifications.for_rollback(app, revision), "ref": revision[:12], "who": who}
        return Deployment(_known(told), revision, told, signals).run()


def restart(app: App, who: str) -> dict[str, Any]:
    """Start what serves anew in the other slot, with the settings that it has."""
    signals = Signals()
    launch = launches.serving(app)
    if not launch:
        raise Failure(f"No release of {app.name} serves yet, so there is nothing to restart; deploy one: pulumi up")
    timeout = specifications.lock_timeout(app)
    who = who or caller.who(app, str(launch["revision"]))
    with lock.deploying(app, who, "the restart", timeout):
        signals.begin()
        launch = launches.serving(app)
        told = {**specifications.of(app, str(launch["release"])), "ref": "restart", "who": who}
        spec, revision = _known(told), str(launch["revision"])
        built = build.find(app, revision, build.key(spec))
        if built is None or built.release != launch["release"]:
            raise Failure(f"What serves ({launch['release']}) is not what was deployed last; deploy again: pulumi up")
        return Deployment(spec, revision, told, signals, restart=True).run()


def _known(told: dict[str, Any]) -> DeploySpec:
    """A specification that was noted down here, its secrets known from now on."""
    spec = deploy_spec(told)
    say.redactor.add(*secret_values(spec))
    return spec


class Deployment:
    """One deployment whose turn it is, from start to end."""

    def __init__(
        self, spec: DeploySpec, revision: str, told: dict[str, Any], signals: Signals, *, restart: bool = False
    ) -> None:
        self.spec = spec
        self.restart = restart
        self.revision = revision
        self.told = told
        self.signals = signals
        self.app = App(spec.app)
        self.site: Site = proxy.site(self.app)
        self.number = 0
        self.sick = ""

    def run(self) -> dict[str, Any]:
        """Deploy; returns the result for the desk."""
        self._heal()
        built = build.find(self.app, self.revision, build.key(self.spec))
        processes = self._processes(built) if built else None
        self.sick = processes.sick() if processes and processes.serves() else ""
        if built and processes and processes.unchanged() and not self._to_do(built):
            specifications.keep(self.app, built.release, self.told)
            if len(build.all_built(self.app)) > self.spec.keep_releases:
                prune.prune(self.app, self.spec.keep_releases, built.release)
            warnings = workers.troubles(self.app, list(processes.others()))
            for warning in warnings:
                say.step("warning", warning)
            say.step("done", f"{built.release} already serves with these settings")
            if built.unproven:
                say.step("done", f"it was {built.age()}")
            return self._result(built, processes.slot, warnings, changed=False, fresh=False)
        return self._recorded(built)

    def _recorded(self, built: build.Built | None) -> dict[str, Any]:
        """Deploy with an entry in the history, whatever comes."""
        what = self._what(built)
        number = self.number = history.begin(
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
        return self._result(done, processes.slot, warnings, changed=True, fresh=built is None)

    def _deploy(self, built: build.Built | None, what: str) -> tuple[build.Built, Processes, list[str]]:
        app, spec = self.app, self.spec
        units.permit_metadata(app, spec.metadata_access)
        if built is None:
            repository.fetch(app, spec.source, self.revision, spec.ref)
            contents.check(app, self.revision, spec.directory, spec.allow_missing)
            if what == "rebuild":
                here = any(other.revision == self.revision for other in build.all_built(app))
                why = (
                    "is to be built in another way" if here else "was deployed before but is no longer on this machine"
                )
                say.step("build", f"{self.revision[:12]} {why}: building it again")
            prune.make_room(app, spec.keep_releases)
            built = build.build(app, spec, self.revision)
        else:
            age = f", {built.age()}" if built.age() else ""
            say.step("build", f"release {built.release} is on this machine: nothing to build{age}")
        processes = self._processes(built)
        written = files.write(app.template, units.template(app, spec.stop_timeout))
        if written or systemd.is_stale(app.unit(processes.slot)):
            systemd.reload()
        if not self.restart:
            built = self._release_process(built, processes)
        if self.restart or (self.sick and processes.serves()):
            why = f"serves and is not healthy ({self.sick})" if self.sick else "is to be restarted"
            say.step("restart", f"{built.release} {why}: starting it anew in the other slot")
            processes = processes.anew(others=self.restart)
        ready, slot = built, processes.slot
        rollout = Rollout(processes, lambda served: self._on_switch(ready, slot, served=served))
        if not processes.serves():
            rollout.start_and_switch(self.signals.switch)
        self.signals.switch()
        specifications.keep(app, built.release, self.told)
        warnings = [*rollout.warnings, *rollout.finish()]
        built = dataclasses.replace(built, served=True)
        build.record(app, built)
        return built, processes, warnings

    def _release_process(self, built: build.Built, processes: Processes) -> build.Built:
        """Run the Procfile's ``release:`` process where it has to run (see release_step.py)."""
        command = processes.commands.get("release", "")
        digest = launches.digest({"env": processes.environment})
        before = [entry for entry in history.entries(self.app) if entry.served]
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
        leftovers.clear(self.app)
        self._note_served()
        serving = slots.serving(self.app)
        for slot in slots.SLOTS:
            unit = self.app.unit(slot)
            if slot != serving:
                systemd.disable(unit)
                state = systemd.state(unit)["ActiveState"]
                if state not in ("inactive", "failed", "deactivating"):
                    say.step("heal", f"stopping the slot {slot}, left by an interrupted deployment")
                    proxy.drain(self.site.port(slot), self.spec.drain_timeout)
                    systemd.stop(unit)

    def _note_served(self) -> None:
        """What serves has served, also where its deployment was killed before it could note that."""
        serving = launches.serving(self.app).get("release")
        for built in build.all_built(self.app):
            if built.release == serving and not built.served:
                build.record(self.app, dataclasses.replace(built, served=True))

    def _result(
        self, built: build.Built, slot: str, warnings: list[str], *, changed: bool, fresh: bool
    ) -> dict[str, Any]:
        return {
            "release": built.release,
            "revision": built.revision,
            "subject": built.subject,
            "slot": slot,
            "changed": changed,
            "built": fresh,
            "seconds": round(say.seconds(), 2),
            **({"warnings": warnings} if warnings else {}),
        }

    def _on_switch(self, built: build.Built, slot: str, *, served: bool) -> None:
        """Write down right away what gets requests, with what: it holds even if we are killed now."""
        try:
            history.switch(self.app, self.number, built.release, slot, served=served)
            build.record(self.app, dataclasses.replace(built, served=served or built.served))
            if served:
                specifications.keep(self.app, built.release, self.told)
        except OSError as error:
            say.step("warning", f"the switch could not be written down: {error}")


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
