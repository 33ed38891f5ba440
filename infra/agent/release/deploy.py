"""One deployment from start to end: observe the machine, plan, carry out the plan."""

from __future__ import annotations

import dataclasses

from infra.agent.build import built_trees, inventory
from infra.agent.build.inventory import Built
from infra.agent.machine import backup_state
from infra.agent.process import hooks, limits, slots, units
from infra.agent.proxy import proxy
from infra.agent.release import (
    generated,
    heal,
    lock,
    maintenance,
    prune,
    release_process,
    secrets,
    services,
    specifications,
    workers,
)
from infra.agent.release.observe import Observed, observe
from infra.agent.release.plan import Action, Kind, Plan, plan
from infra.agent.release.predecessor import Predecessor
from infra.agent.release.processes import Processes
from infra.agent.release.record import Record
from infra.agent.release.request import Request
from infra.agent.release.result import Result, result
from infra.agent.release.rollout import Rollout
from infra.agent.release.signals import Signals
from infra.agent.system import files, instances, manifest, say, space, systemd
from infra.agent.system.layout import App
from infra.protocol.specs import DeploySpec


def deploy(spec: DeploySpec, revision: str) -> Result:
    """Deploy a revision as the specification says.

    Args:
        spec: The specification.
        revision: The commit, all 40 digits.

    Raises:
        Failure: Why the release is not serving. The previous one still is, unless the text says otherwise.
    """
    app = App(spec.app)
    signals = Signals()
    with lock.deploying(app, spec.who, f"{spec.ref or 'revision'} at {revision[:12]}", spec.lock_timeout):
        signals.begin()
        request = Request(generated.settled(app, spec), revision, asks_servers=spec.check_services)
        return Deployment(request, signals).run()


def rollback(app: App, revision: str, who: str) -> Result:
    """Deploy a revision that is still built on this machine, with the settings it last served with.

    Raises:
        Failure: It is not built on this machine, or is not healthy; the previous release is still serving.
    """
    signals = Signals()
    timeout = specifications.lock_timeout(app)
    with lock.deploying(app, who, f"the rollback to {revision[:12]}", timeout):
        signals.begin()
        spec = secrets.hidden(specifications.for_rollback(app, revision))
        spec = dataclasses.replace(spec, ref=revision[:12], who=who)
        return Deployment(Request(spec, revision), signals).run()


class Deployment:
    """One deployment whose turn it is, from start to end."""

    def __init__(self, request: Request, signals: Signals) -> None:
        """Take the request.

        Raises:
            Failure: The machine was never prepared for the app.
        """
        self.request = request
        self.spec = request.spec
        self.app = request.app
        self.site = proxy.site(self.app)
        self.signals = signals

    def run(self) -> Result:
        """Observe, plan, carry out.

        Returns:
            The result for the workstation.

        Raises:
            Failure: Why the release is not serving.
        """
        heal.heal(self.app, self.site, self.spec.drain_timeout)
        services.have_database(self.app, self.spec)
        observed = observe(self.request, self.site)
        steps = plan(observed.facts)
        if observed.processes and not steps.actions:
            return self._leave(observed.processes)
        return self._record(observed, steps)

    def _leave(self, processes: Processes) -> Result:
        """Change nothing, except to remove older releases that the settings no longer keep."""
        built = processes.built
        specifications.keep(self.app, built.release, self.spec)
        built_trees.keep(self.app, built.release)
        self._write_units(processes)
        if len(inventory.all_built(self.app)) > self.spec.keep_releases:
            prune.prune(self.app, self.spec.keep_releases, built.release)
        warnings = workers.troubles(self.app, processes.tree, list(processes.others()))
        warnings += maintenance.warning(self.app) + backup_state.warning(self.app.name)
        for warning in warnings:
            say.step("warning", warning)
        age = f", {built.age()}" if built.unproven else ""
        say.step("done", f"{built.release} is already serving with these settings{age}")
        return result(built, processes.slot, warnings, changed=False, fresh=False)

    def _record(self, observed: Observed, steps: Plan) -> Result:
        """Carry out the plan, with an entry in the history however it ends."""
        built = observed.processes.built if observed.processes else None
        record = Record(self.request, built, steps.kind)
        try:
            built, slot, warnings = self._carry_out(observed, steps, record)
        except BaseException as error:
            record.failed(error)
            raise
        record.succeeded(built, slot, warnings)
        warnings += self._tidy(built)
        say.step("done", f"{built.release} is serving ({built.subject})")
        return result(built, slot, warnings, changed=True, fresh=Action.BUILD in steps.actions)

    def _tidy(self, built: Built) -> list[str]:
        """Remove what is no longer needed; returns why that failed, which costs the serving release nothing."""
        try:
            prune.prune(self.app, self.spec.keep_releases, built.release)
            manifest.tidy()
        except OSError as error:
            what = "the disk is full" if space.ran_out(error) else str(error)
            text = f"{built.release} is serving, but what it replaces could not be tidied up: {what}"
            say.step("warning", text)
            return [text]
        return []

    def _carry_out(self, observed: Observed, steps: Plan, record: Record) -> tuple[Built, str, list[str]]:
        """Do what the plan says; returns the release, the slot that it serves from, and warnings."""
        app, spec = self.app, self.spec
        services.have_cache(app, spec)
        if self.request.asks_servers:
            services.ask_servers(spec)
        units.permit_metadata(app, spec.metadata_access)
        processes = self._built(observed, steps)
        self._write_units(processes)
        if Action.RELEASE_PROCESS in steps.actions:
            processes = dataclasses.replace(processes, built=release_process.run(app, processes, spec.release_timeout))
        built = processes.built
        if Action.START in steps.actions:
            self._say_why(observed, built)
            processes = processes.anew(others=steps.renew_others)
        rollout = Rollout(processes, lambda served: record.switched(built, processes.slot, served=served))
        if Action.STOP in steps.actions:
            rollout.predecessor = self._predecessor(processes)
        if Action.START in steps.actions:
            rollout.start_and_switch(self.signals.switch)
        self.signals.switch()
        specifications.keep(app, built.release, self.spec)
        warnings = [*rollout.warnings, *rollout.finish()]
        if warning := limits.unenforced([each.name for each in spec.processes if each.memory]):
            say.step("warning", warning)
            warnings.append(warning)
        for warning in maintenance.warning(app) + backup_state.warning(app.name):
            say.step("warning", warning)
            warnings.append(warning)
        built = dataclasses.replace(built, served=True)
        inventory.record(app, built)
        wrote = Action.RELEASE_PROCESS in steps.actions or hooks.any_of(built.root, app.releases / built.release)
        built_trees.keep(app, built.release, anew=wrote)
        return built, processes.slot, warnings

    def _predecessor(self, processes: Processes) -> Predecessor:
        """What serves, with the other processes that stop with it: none if only web restarts."""
        slot = slots.serving(self.app) or ""
        others = [] if self.request.only_web else sorted(set(systemd.enabled(self.app.name)) - {*slots.SLOTS})
        return Predecessor(self.app, slot, processes.watch(slot), tuple(others), self.spec.drain_timeout)

    def _built(self, observed: Observed, steps: Plan) -> Processes:
        """The processes of the release, built now if the plan says so."""
        if observed.processes is None:
            return Processes.of(self.app, self.spec, self.site, self._build(steps))
        built = observed.processes.built
        # A restart is about no build.
        age = f", {built.age()}" if built.age() and not self.request.restart else ""
        say.step("build", f"release {built.release} is on this machine: nothing to build{age}")
        return observed.processes

    def _build(self, steps: Plan) -> Built:
        # Late: a rollback, a restart and a deployment that changes nothing build nothing.
        from infra.agent.build import build, contents, repository  # noqa: PLC0415

        app, spec, revision = self.app, self.spec, self.request.revision
        repository.fetch(app, spec.source, revision, spec.ref)
        placed = contents.gather(app, spec, revision)
        if steps.kind is Kind.REBUILD:
            here = any(other.revision == revision for other in inventory.all_built(app))
            why = "its build settings changed" if here else "its earlier build is no longer on this machine"
            say.step("build", f"building {revision[:12]} again: {why}")
        prune.make_room(app, spec.keep_releases)
        return build.build(app, spec, revision, placed)

    def _write_units(self, processes: Processes) -> None:
        """Write the unit of the app's processes, and how long each may take to stop, which counts at once."""
        app = self.app
        written = [files.write(app.template, units.template(app, self.spec.stop_timeout))]
        for instance in (*slots.SLOTS, *processes.others()):
            name = "web" if instance in slots.SLOTS else instances.process(instance)
            stop = limits.stop(processes.settings(name).stop_timeout)
            written.append(limits.write(app, instance, limits.STOP, stop))
        limits.tidy(app, {*slots.SLOTS, *processes.others()})
        if any(written) or systemd.is_stale(app.unit(processes.slot)):
            systemd.reload()

    def _say_why(self, observed: Observed, built: Built) -> None:
        """Say why a release that is already serving restarts."""
        why = f"{built.release} is serving but unhealthy ({observed.sick}): " if observed.sick else ""
        if why or self.request.restart:
            say.step("restart", f"{why}restarting {built.release} in the other slot")
