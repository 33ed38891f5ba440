"""Compares the units that should run with what systemd knows of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from infra.agent.system import manifest, sh, unit_state
from infra.agent.system.layout import UNITS
from infra.agent.system.manifest import Entry
from infra.protocol.drift import Difference

PROPERTIES = "Id,LoadState,ActiveState,SubState,FragmentPath,DropInPaths,NeedDaemonReload"
"""What is asked for, by systemd's names. Source: org.freedesktop.systemd1(5)."""
FOLDERS = (UNITS, Path("/run/systemd/system"), Path("/etc/systemd/system.control"), Path("/run/systemd/system.control"))
"""Where somebody may put what changes a unit; Debian's own is below /usr/lib."""
STRANGE = "is not Launchpad's, and changes the unit"
RUNNING = frozenset({"active", "reloading", "activating"})
"""A unit that systemd is starting again after its process has ended is as it should be; see ``launchpad status``."""


def wanted(entries: Mapping[str, Entry]) -> dict[str, str]:
    """The units that should run, each with its file: those that start at boot.

    Args:
        entries: What is noted down in the manifest.
    """
    links = {Path(what): entry for what, entry in entries.items() if entry.kind == manifest.LINK}
    return {path.name: entry.text for path, entry in links.items() if path.parent.suffix == ".wants"}


def differences(units: Mapping[str, str], noted: Collection[str]) -> list[Difference]:
    """How units are otherwise than they should be.

    Args:
        units: Those that should run, each with its file.
        noted: The paths of all files that are Launchpad's.
    """
    if not units:
        return []
    shown = sh.run(["systemctl", "show", *units, f"--property={PROPERTIES}"]).out
    found = {each["Id"]: each for each in unit_state.blocks(shown) if "Id" in each}
    return [
        difference for unit, file in units.items() for difference in compared(unit, file, found.get(unit, {}), noted)
    ]


def compared(unit: str, file: str, found: Mapping[str, str], noted: Collection[str]) -> list[Difference]:
    """How one unit is otherwise than it should be.

    Args:
        unit: Its name.
        file: Its file.
        found: Its properties.
        noted: As in ``differences``.
    """
    strange = [path for path in drop_ins(unit, found.get("DropInPaths", "")) if path not in noted]
    differing = [Difference("file", path, STRANGE) for path in strange]
    if not Path(file).exists():
        return differing  # that its file is gone is a difference of its own
    active, load = found.get("ActiveState", "unknown"), found.get("LoadState", "unknown")
    if load == "masked":
        differing.append(Difference("unit", unit, "masked"))
    elif active not in RUNNING:
        differing.append(Difference("unit", unit, active, "active"))
    elif (fragment := found.get("FragmentPath", file)) != file:
        differing.append(Difference("unit", unit, f"runs by {fragment}", file))
    return differing


def drop_ins(unit: str, shown: str) -> list[str]:
    """The drop-ins that somebody made for a unit or its template, and not for units of all kinds.

    Args:
        unit: Its name.
        shown: The paths of its drop-ins, with spaces between them.
    """
    template = re.sub(r"@.*\.", "@.", unit)
    names = {f"{unit}.d", f"{template}.d"}
    paths = [Path(path) for path in shown.split()]
    return [str(path) for path in paths if path.parent.name in names and path.parents[1] in FOLDERS]


def mask(unit: str) -> list[Path]:
    """The links that mask a unit."""
    links = [folder / unit for folder in FOLDERS]
    return [path for path in links if path.is_symlink() and str(path.readlink()) == "/dev/null"]


def has_read(units: Iterable[str]) -> bool:
    """Whether systemd has read the files of these units as they are now."""
    shown = sh.run(["systemctl", "show", *units, "--property=Id,NeedDaemonReload"]).out
    return all(each.get("NeedDaemonReload") == "no" for each in unit_state.blocks(shown) if "Id" in each)
