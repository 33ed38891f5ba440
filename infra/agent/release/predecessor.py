"""The release that serves, stopped before the new one starts: for apps that cannot run twice at once."""

from __future__ import annotations

from dataclasses import dataclass, field

from infra.agent.process import launch_file, slots
from infra.agent.proxy import proxy
from infra.agent.release import health
from infra.agent.release.answers import Watch
from infra.agent.system import instances, say, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App


@dataclass
class Predecessor:
    """What served until now.

    Attributes:
        app: The app.
        slot: Its slot.
        watch: The health check of its web process.
        others: The instances of its other processes that stop with it.
        drain_timeout: Seconds that it gets to answer the requests it has.
        stopped: The units that were stopped, and start again if the new release does not come up.
    """

    app: App
    slot: str
    watch: Watch
    others: tuple[str, ...]
    drain_timeout: float
    stopped: list[str] = field(default_factory=list)

    def stop(self) -> None:
        """Stop it, its other processes too; the proxy answers 503 from now on.

        It stays the one that serves, and that starts at boot: whatever becomes of us, the machine comes back with it.
        """
        release = launch_file.serving_release(self.app)
        say.step("stop", f"stopping {release} first (release_strategy is recreate): the app is down until the switch")
        slots.suspend(self.app)
        proxy.drain(self.watch.port, self.drain_timeout)
        running = [name for name in (self.slot, *self.others) if not systemd.state(self.app.unit(name)).is_stopped]
        self.stopped = [self.app.unit(name) for name in running]
        systemd.stop_all(self.stopped)

    def start_again(self) -> str:
        """Start again what ``stop`` stopped, and send requests to it.

        Returns:
            What became of it, as the end of a sentence; empty if it was never stopped.
        """
        if not self.stopped:
            slots.resume(self.app)
            return ""
        say.step("start", f"starting {launch_file.serving_release(self.app)} again")
        slots.suspend(self.app)
        systemd.start_all(self.stopped)
        self.stopped = []
        try:
            health.wait(self.watch)
        except Failure as failure:
            return f"was started again, but is not healthy: {failure}"
        finally:
            slots.resume(self.app)
        return "was started again and is serving"


def heal(app: App) -> None:
    """Start again what a deployment had stopped that was killed before the new release served."""
    if not slots.suspended(app):
        return
    serving = slots.serving(app)
    names = [name for name in systemd.enabled(app.name) if name == serving or name not in slots.SLOTS]
    down = [name for name in names if systemd.state(app.unit(name)).is_stopped]
    if down:
        say.step(
            "heal", f"starting {', '.join(map(instances.label, down))}, which an interrupted deployment had stopped"
        )
        systemd.start_all([app.unit(name) for name in down])
    slots.resume(app)
