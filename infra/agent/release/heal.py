"""Puts right what an interrupted deployment left: tasks, half-built releases, a slot that runs and does not serve."""

from __future__ import annotations

import dataclasses

from infra.agent.build import cleanup, inventory
from infra.agent.process import launch_file, slots, tasks
from infra.agent.proxy import proxy
from infra.agent.proxy.site import Site
from infra.agent.release import leftovers, predecessor
from infra.agent.system import say, systemd
from infra.agent.system.layout import App


def heal(app: App, site: Site, drain_timeout: float) -> None:
    """Put everything right. Only for the holder of the app's lock.

    Args:
        app: The app.
        site: Its ports.
        drain_timeout: Seconds that such a slot gets to answer the requests it has.
    """
    proxy.heal()
    tasks.stop_leftover(app)
    cleanup.clean(app)
    leftovers.clear(app)
    _note_served(app)
    serving = slots.serving(app)
    for slot in slots.SLOTS:
        if slot != serving:
            _stop_slot(app, slot, site.port(slot), drain_timeout)
    predecessor.heal(app)


def _note_served(app: App) -> None:
    """Record that the serving release has served; its deployment may have been killed before it could."""
    serving = launch_file.serving_release(app)
    for built in inventory.all_built(app):
        if built.release == serving and not built.served:
            inventory.record(app, dataclasses.replace(built, served=True))


def _stop_slot(app: App, slot: str, port: int, drain_timeout: float) -> None:
    unit = app.unit(slot)
    systemd.disable(unit)
    state = systemd.state(unit)
    if not state.is_stopped and state.active != "deactivating":
        say.step("heal", f"stopping slot {slot}, left running by an interrupted deployment")
        proxy.drain(port, drain_timeout)
        systemd.stop(unit)
