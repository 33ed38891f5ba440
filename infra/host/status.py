"""What people ask about an app: its state, its logs, its settings' names."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Iterator
from typing import Any

from . import build, history, launches, layout, lock, proxy, say, sh, slots, systemd, turns
from .failure import Failure
from .layout import App


def status(app: App) -> dict[str, Any]:
    """The app's state as plain values."""
    proxy.site(app)
    serving = slots.serving(app)
    launch = (launches.started(app, serving) if serving else None) or {}
    ok = [entry for entry in history.entries(app) if entry.served]
    holder = lock.current(app)
    return {
        "app": app.name,
        "release": launch.get("release"),
        "revision": launch.get("revision"),
        "subject": next((entry.subject for entry in reversed(ok) if entry.release == launch.get("release")), None),
        "slot": serving,
        "since": ok[-1].when if ok and launch else None,
        "proxy": _unit(proxy.UNIT),
        "processes": {name: _process(app, name) for name in _instances(app)},
        "releases": [built.release for built in build.all_built(app)],
        "waiting": [each.words() for each in turns.waiting(app)],
        "deploying": holder.words() if holder and holder.alive() else None,
    }


def status_text(app: App) -> str:
    """The app's state for people."""
    found = say.redactor.clean_leaves(status(app))
    if found["release"]:
        since = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(found["since"] or 0))
        lines = [f"{app.name} serves {found['release']} ({found['subject']}) since {since}"]
    elif found["slot"]:
        lines = [f"{app.name}: the slot {found['slot']} should serve, but does not run"]
    else:
        lines = [f"{app.name}: no release serves yet"]
    lines.append(f"  {'proxy':12} {found['proxy']['words']}")
    for name, process in found["processes"].items():
        mark = " <- requests" if name == found["slot"] else ""
        lines.append(f"  {name:12} {process['words']}  {process['release'] or ''}{mark}")
    if found["deploying"]:
        lines.append(f"A deployment is under way: {found['deploying']}")
    lines += [f"Another waits for its turn: {words}" for words in found["waiting"]]
    return "\n".join(lines)


def releases_text(app: App) -> str:
    """The history as a table."""
    holder = lock.current(app)
    found = [history.Entry(**say.redactor.clean_leaves(vars(entry))) for entry in history.entries(app)]
    if not found:
        return f"{app.name}: no deployment yet"
    return history.table(found, status(app)["release"], running=bool(holder and holder.alive()))


def releases_data(app: App) -> list[dict[str, Any]]:
    """The history as plain values, the oldest first."""
    serving = status(app)["release"]
    on_disk = {built.release for built in build.all_built(app)}
    return [
        {**vars(entry), "built": entry.release in on_disk, "serving": entry.release == serving}
        for entry in history.entries(app)
    ]


def environment_text(app: App) -> str:
    """The names of the app's own variables; values are not shown."""
    serving = slots.serving(app)
    launch = (launches.started(app, serving) if serving else None) or {}
    secrets = set(launch.get("secrets", []))
    return "\n".join(f"{name}{' (secret)' if name in secrets else ''}" for name in sorted(launch.get("env", {})))


def logs(app: App, process: str, lines: int, *, follow: bool) -> None:
    """Print the journal of the app's processes, without secret values."""
    known = _instances(app)
    chosen = layout.instance(process) if layout.instance(process) in known else process
    units = [app.unit(chosen)] if process else [app.unit("*")]
    if process == "web":
        units = [app.unit(slot) for slot in slots.SLOTS]
    elif process == "proxy":
        units = [proxy.UNIT, *([app.unit("proxy")] if "proxy" in known else [])]
    elif process and chosen not in known and not app.launch(chosen).exists():
        names = ", ".join(["web", "proxy", *(layout.process(name) for name in known if name not in slots.SLOTS)])
        raise Failure(f"There is no process {process}; there are {names}.")
    argv = [
        "journalctl",
        *(f"--unit={unit}" for unit in units),
        f"--lines={lines}",
        "--output=short-iso",
        "--no-pager",
        "--quiet",
    ]
    with subprocess.Popen(sh.bound([*argv, *(["--follow"] if follow else [])]), stdout=subprocess.PIPE) as child:
        try:
            for line in _lines(child):
                say.text(line)
        except KeyboardInterrupt:
            pass
        finally:
            child.terminate()


def _lines(child: subprocess.Popen[bytes]) -> Iterator[str]:
    """What a program prints, line by line, until it ends or nobody reads us any more, be it in silence."""
    assert child.stdout is not None
    poll = select.poll()
    poll.register(child.stdout, select.POLLIN)
    for ours in (1, 2):
        poll.register(ours, 0)
    rest = b""
    while not any(
        descriptor in (1, 2) and event & (select.POLLERR | select.POLLHUP) for descriptor, event in poll.poll()
    ):
        read = os.read(child.stdout.fileno(), 65536)
        *whole, rest = (rest + read).split(b"\n")
        yield from (line.decode(errors="replace") for line in whole)
        if not read:
            return


def _instances(app: App) -> list[str]:
    return sorted({*systemd.instances(app.name), *systemd.enabled(app.name)})


def _process(app: App, name: str) -> dict[str, Any]:
    launch = launches.started(app, name) or {}
    return {**_unit(app.unit(name)), "release": launch.get("release"), "command": launch.get("command")}


def _unit(name: str) -> dict[str, Any]:
    state = systemd.state(name)
    words = systemd.describe(state) + (" and keeps ending" if systemd.looping(state) else "")
    return {"state": state["ActiveState"], "words": words, "pid": int(state["MainPID"] or 0)}
