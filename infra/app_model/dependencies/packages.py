"""Whether a project is a package that can be built: whether its folder is there."""

from __future__ import annotations

from collections.abc import Sequence

from infra.app_model.dependencies import names, tables
from infra.app_model.dependencies.tables import Table
from infra.app_model.files import Files


def buildable(own: Table, files: Files, folder: str = "") -> bool:
    """Whether a project has the package or the module that it is named after, or those that it lists for Poetry.

    Args:
        own: The content of pyproject.toml.
        files: The app's files.
        folder: Where the project lies, with a slash at the end; empty for the app's directory.
    """
    if "build-system" not in own:
        return False
    poetry = tables.table(own, "tool", "poetry")
    listed = tables.tables(poetry, "packages")
    if listed:
        return all(_there(files, folder, str(item.get("from", "")), str(item.get("include", ""))) for item in listed)
    name = str(tables.table(own, "project").get("name") or poetry.get("name") or "")
    module = names.normal(name).replace("-", "_")
    return bool(module) and any(
        _there(files, folder, below, each) for below in ("", "src") for each in (module, f"{module}.py")
    )


def _there(files: Files, folder: str, below: str, include: str) -> bool:
    parts = [part for part in f"{below}/{include}".split("/") if part not in ("", ".")]
    if not parts or ".." in parts:
        return False
    wanted = parts[: next((place for place, part in enumerate(parts) if "*" in part), len(parts))]
    if not wanted:
        return True
    where = folder.rstrip("/")
    *above, last = wanted
    return last in files.names("/".join(filter(None, [where, *above])))


def sources(items: Sequence[Table]) -> tuple[tuple[str, str], ...]:
    """The registries that a project names beside the usual one, as pairs of name and URL."""
    found = []
    for number, item in enumerate(items):
        url = str(item.get("url", ""))
        if url.startswith(("http://", "https://")) and "//pypi.org/" not in f"{url}/":
            found.append((str(item.get("name") or f"source{number}"), url))
    return tuple(dict.fromkeys(found))
