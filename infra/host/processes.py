"""The processes of a release as they should run, and how they differ from what does run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from . import files, health, launches, layout, procfile, slots, systemd
from .build import Built
from .layout import App
from .site import Site
from .spec import DeploySpec


@dataclass(frozen=True)
class Processes:
    """What should run for one release with one set of settings."""

    app: App
    spec: DeploySpec
    site: Site
    slot: str
    commands: dict[str, str]
    environment: dict[str, str] = field(repr=False)
    built: Built

    @classmethod
    def of(cls, app: App, spec: DeploySpec, site: Site, built: Built) -> Processes:
        """The processes of a built release; in the slot that already runs just this, otherwise in the idle one."""
        commands = procfile.processes(files.text_in_tree(built.root, "Procfile"), spec.command)
        environment = launches.environment(app, spec, built.tree)
        serving = slots.serving(app)
        found = cls(app, spec, site, serving or "blue", commands, environment, built)
        return found if found.serves() else dataclasses.replace(found, slot=slots.other(serving))

    def web(self) -> dict[str, Any]:
        """How the web process is to be started."""
        return self._describe("web", launches.web_environment(self.environment, self.site.port(self.slot)))

    def others(self) -> dict[str, dict[str, Any]]:
        """How the other processes that keep running are to be started, by instance of the app's unit."""
        names = [name for name in self.commands if name not in ("web", "release")]
        return {layout.instance(name): self._describe(name, self.environment) for name in names}

    def serves(self) -> bool:
        """Whether just this web process runs in the serving slot."""
        return self.slot == slots.serving(self.app) and launches.started(self.app, self.slot) == self.web()

    def outdated(self) -> list[str]:
        """The other processes that run differently or not at all, by instance."""
        return [name for name, launch in self.others().items() if launches.started(self.app, name) != launch]

    def leftover(self) -> list[str]:
        """Instances that run, or would after a reboot, and that this release does not have."""
        known = {*self.others(), *slots.SLOTS}
        seen = {*systemd.instances(self.app.name), *systemd.enabled(self.app.name)}
        return sorted(seen - known)

    def unchanged(self) -> bool:
        """Whether all is as it should be, and healthy: nothing to deploy."""
        if not self.serves() or self.outdated() or self.leftover():
            return False
        return self.spec.health.accepts(health.ask(self.watch()).status)

    def watch(self) -> health.Watch:
        """The health gate of the web process."""
        host = self.spec.health.host or self.site.domain or "localhost"
        port = self.site.port(self.slot)
        return health.Watch(self.app.unit(self.slot), port, self.spec.health, host, https=bool(self.site.domain))

    def serving_release(self) -> str:
        """The release that serves now; empty where none does."""
        serving = slots.serving(self.app)
        launch = launches.started(self.app, serving) if serving else None
        return str(launch.get("release", "")) if launch else ""

    def _describe(self, name: str, env: dict[str, str]) -> dict[str, Any]:
        secrets = tuple(name for name, _ in self.spec.secrets)
        return launches.describe(self.commands[name], self.built.tree, {**env, "LAUNCHPAD_PROCESS": name}, secrets)
