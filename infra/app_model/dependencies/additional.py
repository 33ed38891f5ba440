"""What is installed besides the app's own dependencies: what the settings add, servers that it lacks, and pip."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

from infra.app_model.dependencies import names, pins, requirements
from infra.app_model.dependencies.install import Install
from infra.protocol.app_settings import REMOVE

NEEDS_PIP = re.compile(r"(?:^|[\s;&|(/])(?:pip3?|-m\s+(?:pip|ensurepip)|spacy\s+download)(?:$|[\s;&|)])")
"""A command that runs pip, or spaCy's download, which runs pip."""


def known(install: Install, wanted: Sequence[str]) -> dict[str, str]:
    """The packages that an app has, and those that ``launchpad:pip`` adds or wants to be left out.

    Args:
        install: The installation of the app's own dependencies.
        wanted: What ``launchpad:pip`` says.
    """
    said = (names.named(entry.removeprefix(REMOVE)) for entry in wanted)
    return {**install.packages, **{name: version for name, version in said if name}}


def add(install: Install, servers: Mapping[str, str], wanted: Sequence[str], commands: Iterable[str]) -> Install:
    """An installation with what comes on top.

    Args:
        install: The installation of the app's own dependencies.
        servers: The requirements of the servers that the commands need, and the program of each, which is installed
            only if the app has no such program.
        wanted: What ``launchpad:pip`` says: requirements, and names with ``-`` in front that are left out.
        commands: All the commands of the app, and its hooks.
    """
    added = [entry for entry in wanted if not entry.startswith(REMOVE)]
    seed = "pip" not in install.packages and any(NEEDS_PIP.search(command) for command in commands)
    lines = list(_commands(servers, added, seed=seed))
    if not lines or not install.kind:
        return install
    loose = next((entry for entry in added if not requirements.pinned(entry)), "")
    return dataclasses.replace(
        install,
        commands=(*install.commands, *lines),
        unproven=install.unproven or (f"launchpad:pip has {loose!r}, which is not pinned" if loose else ""),
        packages={**install.packages, **{name: version for name, version in map(names.named, added) if name}},
    )


def _commands(servers: Mapping[str, str], added: Sequence[str], *, seed: bool) -> Iterator[str]:
    if added:
        yield f"{pins.INTO} {' '.join(map(shlex.quote, added))}"
    for entry, program in servers.items():
        yield f'[ -x "$VENV/bin/"{shlex.quote(program)} ] || {pins.INTO} {shlex.quote(entry)}'
    if seed:
        yield f'[ -x "$VENV/bin/pip" ] || {pins.INTO} pip'
