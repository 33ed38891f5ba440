"""The processes of a release as they should run, and how they differ from what does run."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from . import files, health, launches, layout, procfile, slots, systemd, units
from .answers import Watch
from .build import Built
from .layout import App
from .redirects import Public
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
    fresh: bool = False

    @classmethod
    def of(cls, app: App, spec: DeploySpec, site: Site, built: Built) -> Processes:
        """The processes of a built release; in the slot that already runs just this, otherwise in the idle one."""
        commands = procfile.processes(
            files.text_in_tree(built.root, "Procfile", app.releases / built.release), spec.command
        )
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

    def anew(self, *, others: bool) -> Processes:
        """The same once more in the other slot; with ``others`` the other processes are started anew, too."""
        return dataclasses.replace(self, slot=slots.other(slots.serving(self.app)), fresh=others)

    def outdated(self) -> list[str]:
        """The other processes that run differently or not at all, or are to be started anew, by instance."""
        others = self.others().items()
        return [name for name, launch in others if self.fresh or not launches.runs(self.app, name, launch)]

    def leftover(self) -> list[str]:
        """Instances that run, or would after a reboot, and that this release does not have."""
        known = {*self.others(), *slots.SLOTS}
        seen = {*systemd.instances(self.app.name), *systemd.enabled(self.app.name)}
        return sorted(seen - known)

    def unchanged(self) -> bool:
        """Whether just this runs, and nothing else."""
        return self.serves() and not self.outdated() and not self.leftover()

    def sick(self) -> str:
        """What the serving process answers where that is not healthy by these settings; else empty."""
        answer = health.again(self.watch())
        return "" if answer.healthy(self.spec.health) else answer.brief()

    def watch(self) -> Watch:
        """The health gate of the web process."""
        site = self.site
        host = self.spec.health.host or site.domain or "localhost"
        public = Public(host, site.http_port, https=bool(site.domain), https_port=site.https_port)
        unit, port = self.app.unit(self.slot), site.port(self.slot)
        return Watch(unit, port, self.spec.health, public, self.commands["web"])

    def serving_release(self) -> str:
        """The release that serves now; empty where none does."""
        return str(launches.serving(self.app).get("release", ""))

    def _describe(self, name: str, env: dict[str, str]) -> dict[str, Any]:
        secrets = tuple(name for name, _ in self.spec.secrets)
        launch = launches.describe(self.commands[name], self.built.tree, {**env, "LAUNCHPAD_PROCESS": name}, secrets)
        # In the unit, not in the launch; named here so that a change of it starts the process again.
        unit: dict[str, Any] = {"sandbox": units.FINGERPRINT}
        return {**launch, **unit, **({"metadata_access": True} if self.spec.metadata_access else {})}
