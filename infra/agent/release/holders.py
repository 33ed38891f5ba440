"""Who listens on which port of this machine, as a release that finds one taken wants to know it."""

from __future__ import annotations

from infra.agent.process import launch_file
from infra.agent.release.conflicts import Holder
from infra.agent.system import sockets, systemd
from infra.agent.system.layout import App


def holders(app: App, but: int) -> dict[int, Holder]:
    """Who listens on each port.

    Args:
        app: The app, whose own processes are told with their release.
        but: A port that is left out.
    """
    own: dict[int, str] = {}
    for name, state in systemd.states(*map(app.unit, systemd.instances(app.name))).items():
        launch = launch_file.started(
            app, name.removeprefix(app.unit("").removesuffix(".service")).removesuffix(".service")
        )
        own |= dict.fromkeys(systemd.processes(state), launch.release if launch else "")
    pids = sockets.all_processes()
    listening = {listener.inode: listener.port for listener in sockets.listeners() if listener.port != but}
    found: dict[int, Holder] = {}
    for pid in pids:
        for inode in sockets.sockets_of(pid) & listening.keys():
            found.setdefault(listening[inode], Holder(sockets.name(pid), own.get(pid, "")))
    return found
