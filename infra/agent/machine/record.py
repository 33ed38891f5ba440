"""Remembers which stacks want what of the machine, and how it was before."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from infra.agent.system import files
from infra.protocol import codec, paths
from infra.protocol.machine_settings import SettingsSpec

FILE = Path(paths.MACHINE_SETTINGS)


def specs() -> dict[str, SettingsSpec]:
    """What each stack wants, by its owner. What only a newer version knows of it is left out."""
    known = {field.name for field in dataclasses.fields(SettingsSpec)}
    owners = (files.read_json(FILE) or {}).get("owners", {})
    return {
        owner: codec.parse(SettingsSpec, {name: item for name, item in spec.items() if name in known})
        for owner, spec in sorted(owners.items())
    }


def keep(wanted: Mapping[str, SettingsSpec]) -> bool:
    """Write down what each stack wants. Says whether anything changed."""
    return _write({owner: codec.plain(spec) for owner, spec in wanted.items()}, _former())


def is_used() -> bool:
    """Whether a stack wants something of the machine."""
    return bool((files.read_json(FILE) or {}).get("owners"))


def before(name: str, now: str) -> str:
    """How something was before Launchpad changed it. It is written down before the first change.

    Args:
        name: What it is.
        now: How it is now.
    """
    former = _former()
    if name not in former:
        _write((files.read_json(FILE) or {}).get("owners", {}), {**former, name: now})
        return now
    return former[name]


def taken(prefix: str) -> dict[str, str]:
    """How things were before Launchpad changed them, by their names, which begin with ``prefix``."""
    return {name: value for name, value in _former().items() if name.startswith(prefix)}


def forget(prefix: str) -> None:
    """They are as they were before."""
    former = {name: value for name, value in _former().items() if not name.startswith(prefix)}
    _write((files.read_json(FILE) or {}).get("owners", {}), former)


def _former() -> dict[str, str]:
    return {str(name): str(value) for name, value in (files.read_json(FILE) or {}).get("former", {}).items()}


def _write(owners: Mapping[str, object], former: Mapping[str, str]) -> bool:
    if owners or former:
        return files.write_json(FILE, {"owners": owners, "former": former})
    existed = FILE.exists()
    FILE.unlink(missing_ok=True)
    return existed
