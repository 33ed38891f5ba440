"""Settings of uv in an app's files, which may refer to further files."""

from __future__ import annotations

from infra.app_model.dependencies import tables
from infra.app_model.dependencies.tables import Table
from infra.app_model.files import Files

HARMLESS = frozenset(
    {
        *("package", "dev-dependencies", "default-groups", "environments", "required-environments", "conflicts"),
        *("required-version", "managed", "index", "index-url", "extra-index-url", "index-strategy", "prerelease"),
        *("resolution", "fork-strategy", "exclude-newer", "link-mode", "compile-bytecode"),
    }
)
"""Settings of uv in pyproject.toml that refer to no other file of the repository."""
OF_WORKSPACE = HARMLESS | {"workspace", "sources"}
"""Those of a workspace's pyproject.toml; what its sources come to is in the lock."""


def unproven(own: Table, files: Files, lock: str = "") -> str:
    """Why uv's settings leave open what is installed; empty if they do not.

    Args:
        own: The content of pyproject.toml.
        files: The app's files.
        lock: The text of the lock; if it is that of a workspace above, so is the pyproject.toml there.
    """
    strange = sorted(set(tables.table(own, "tool", "uv")) - HARMLESS)
    if strange:
        return f"pyproject.toml has the setting {strange[0]} of uv"
    for depth in range(files.up() + 1):
        folder = "../" * depth
        if files.text(f"{folder}uv.toml") is not None:
            return "there is a uv.toml"
        above = files.text(f"{folder}pyproject.toml") if depth else None
        if above is not None and lock and files.text(f"{folder}uv.lock") == lock:
            strange = sorted(
                set(tables.table(tables.toml(f"{folder}pyproject.toml", above), "tool", "uv")) - OF_WORKSPACE
            )
            return f"pyproject.toml of the workspace has the setting {strange[0]} of uv" if strange else ""
        if above is not None:
            return "there is a pyproject.toml above the app's directory"
    return ""
