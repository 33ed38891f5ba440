"""The processes of a release as they should run, and how they differ from what does run."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from infra.agent.build import kept_plans
from infra.agent.build.inventory import Built
from infra.agent.process import environments, launch_file, slots, timers, units, worker_count
from infra.agent.process.launch_file import Launch
from infra.agent.process.timers import Job
from infra.agent.proxy.site import Site
from infra.agent.release import health, read_only
from infra.agent.release.answers import Watch
from infra.agent.system import instances, systemd
from infra.agent.system.layout import App
from infra.app_model import process_settings
from infra.app_model.build_plan import BuildPlan
from infra.common.redirects import Public
from infra.protocol.app_settings import REMOVE, Process
from infra.protocol.specs import DeploySpec


@dataclass(frozen=True)
class Processes:
    """What should run for one release with one set of settings.

    Attributes:
        app: The app.
        spec: The settings.
        site: The app at the proxy.
        slot: The slot of the web process.
        plan: What the app is: its commands, by process.
        environment: What all processes get.
        built: The release.
        fresh: Whether the other processes restart even if they run as they should.
        only: The instances of the other processes that this is about; empty for all.
    """

    app: App
    spec: DeploySpec
    site: Site
    slot: str
    plan: BuildPlan
    environment: dict[str, str] = field(repr=False)
    built: Built
    fresh: bool = False
    only: tuple[str, ...] = ()

    @classmethod
    def of(cls, app: App, spec: DeploySpec, site: Site, built: Built) -> Processes:
        """The processes of a built release, in the serving slot if it runs just this, otherwise in the idle one.

        Raises:
            Failure: The Procfile cannot be used.
        """
        plan = kept_plans.of(app, spec, built)
        spec = dataclasses.replace(spec, health=dataclasses.replace(spec.health, path=plan.health_path))
        environment = environments.release(app, spec, built.tree, plan.environment)
        serving = slots.serving(app)
        in_place = cls(app, spec, site, serving or "blue", plan, environment, built)
        return in_place if in_place.serves() else dataclasses.replace(in_place, slot=slots.other(serving))

    @property
    def commands(self) -> Mapping[str, str]:
        """The command of each process by its name."""
        return self.plan.processes

    def web(self) -> Launch:
        """How the web process should be started."""
        port = self.site.port(self.slot)
        environment = environments.release(self.app, self.spec, self.built.tree, self.plan.environment, port)
        others = process_settings.memory_of_others(self.spec, self.commands)
        workers = 1 if self.plan.one_worker else worker_count.here(self.settings("web").memory, others)
        return self._describe("web", environments.web(environment, port, workers))

    def others(self) -> dict[str, Launch]:
        """How the other processes that keep running should be started, by instance of the app's unit."""
        names = [name for name in self.commands if name not in ("web", "release")]
        numbered = [(name, number) for name in names for number in range(1, self.settings(name).count + 1)]
        wanted = [(instances.instance(*each), each) for each in numbered]
        return {
            instance: self._describe(name, self.environment, number)
            for instance, (name, number) in wanted
            if not self.only or instance in self.only
        }

    def settings(self, name: str) -> Process:
        """What the settings say about a process."""
        return process_settings.settings(self.spec, name)

    def jobs(self) -> dict[str, Job]:
        """How the scheduled jobs should run, by name."""
        names = {job: instances.process(instances.job(job.name)) for job in self.plan.cron}
        return {
            job.name: Job(job.schedule, self._launch(name, job.command, self.environment))
            for job, name in names.items()
        }

    def serves(self) -> bool:
        """Whether just this web process runs in the serving slot."""
        return self.slot == slots.serving(self.app) and launch_file.started(self.app, self.slot) == self.web()

    def anew(self, *, others: bool) -> Processes:
        """The same processes for a new start in the idle slot; with ``others``, the other processes restart, too."""
        return dataclasses.replace(self, slot=slots.other(slots.serving(self.app)), fresh=others)

    def outdated(self) -> list[str]:
        """The instances of the other processes that run differently or not at all, or have to restart."""
        others = self.others().items()
        return [name for name, launch in others if self.fresh or not launch_file.runs(self.app, name, launch)]

    def leftover(self) -> list[str]:
        """The instances that run, or would after a reboot, although this release has no such process."""
        known = {*self.others(), *slots.SLOTS}
        at_boot = set(systemd.enabled(self.app.name))
        loaded = {*systemd.instances(self.app.name)} - known - at_boot
        states = systemd.states(*map(self.app.unit, loaded))
        stopping = {name for name in loaded if states[self.app.unit(name)].active == "deactivating"}
        return sorted((loaded - stopping) | (at_boot - known))

    def others_match(self) -> bool:
        """Whether just these processes beside ``web`` run, and just these jobs are scheduled."""
        return not self.outdated() and not self.leftover() and timers.right(self.app, self.jobs())

    @property
    def tree(self) -> read_only.Tree:
        """The release, for hints at what it cannot write."""
        asked = tuple(entry for entry in self.spec.persist if not entry.startswith(REMOVE))
        return read_only.Tree(self.built.root, self.app.releases / self.built.release, asked)

    def sick(self) -> str:
        """What the serving process answers, if that is unhealthy by these settings; empty if it is healthy."""
        answer = health.again(self.watch())
        return "" if answer.healthy(self.spec.health) else answer.brief()

    def watch(self, slot: str = "") -> Watch:
        """The health check of the web process in its slot, or in another one."""
        slot = slot or self.slot
        site = self.site
        url = urlsplit(self.spec.url)
        host = url.hostname or self.spec.health.host or site.domain or "localhost"
        port = (url.port or 80) if url.scheme == "http" else site.http_port
        public = Public(host, port, https=bool(site.domain), fronted=bool(site.trusted_proxies))
        unit, port = self.app.unit(slot), site.port(slot)
        return Watch(unit, port, self.spec.health, public, self.commands["web"], self.settings("web").memory)

    def serving_release(self) -> str:
        """The release that is serving now; empty if none is."""
        return launch_file.serving_release(self.app)

    def _describe(self, name: str, env: dict[str, str], number: int = 1) -> Launch:
        env = {**env, "LAUNCHPAD_PROCESS_NUMBER": str(number)}
        return dataclasses.replace(self._launch(name, self.commands[name], env), memory=self.settings(name).memory)

    def _launch(self, name: str, command: str, env: dict[str, str]) -> Launch:
        secrets = tuple(name for name, _ in self.spec.secrets)
        launch = launch_file.describe(command, self.built.tree, {**env, "LAUNCHPAD_PROCESS": name}, secrets)
        return dataclasses.replace(launch, sandbox=units.FINGERPRINT, metadata_access=self.spec.metadata_access)
