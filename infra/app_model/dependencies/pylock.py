"""Locks of the packaging standards: pylock.toml, which uv installs as it is. Source: PEP 751."""

from __future__ import annotations

from infra.app_model.dependencies import groups, names, pins, tables
from infra.app_model.dependencies.install import Install
from infra.protocol.app_settings import Dependencies

LOCK = "pylock.toml"
LINKS = ("vcs", "directory", "archive")
"""What a package that comes from no registry has instead of files of one."""


def locked(lock: str, wanted: Dependencies) -> Install:
    """How a pylock.toml is installed.

    Args:
        lock: Its text.
        wanted: The settings.

    Raises:
        AppError: It is not TOML, or the settings name what is not there.
    """
    parsed = tables.toml(LOCK, lock)
    found = tables.tables(parsed, "packages")
    usual = tables.strings(parsed.get("default-groups"))
    extras = groups.extras(wanted, tables.strings(parsed.get("extras")), LOCK)
    chosen = groups.groups(wanted, tables.strings(parsed.get("dependency-groups")), LOCK)
    options = [f"--extra {name}" for name in extras] + [f"--group {name}" for name in chosen if name not in usual]
    strange = next((package for package in found if set(LINKS) & package.keys() or not package.get("version")), None)
    versions = [
        pins.Pin(names.normal(str(package.get("name", ""))), str(package.get("version", ""))) for package in found
    ]
    sync = [
        'UV_PREVIEW_FEATURES=pylock "$UV" pip sync --python "$VENV/bin/python" --allow-empty-requirements',
        *options,
        LOCK,
    ]
    return Install(
        LOCK,
        (pins.VENV, " ".join(sync)),
        unproven=f"pylock.toml has {strange.get('name')}, which comes from no registry" if strange else "",
        content=lock,
        packages=pins.versions(versions),
        requires_python=str(parsed.get("requires-python", "")),
    )
