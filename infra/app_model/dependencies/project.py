"""Projects without a lock: pyproject.toml alone."""

from __future__ import annotations

from infra.app_model.dependencies import groups, names, pins, requirements, tables
from infra.app_model.dependencies.install import Install
from infra.app_model.dependencies.tables import Table
from infra.app_model.files import Files
from infra.protocol.app_settings import Dependencies


def unlocked(own: Table, content: str, files: Files, wanted: Dependencies) -> Install | None:
    """How a project without a lock is installed; None if its pyproject.toml does not say what it depends on.

    Args:
        own: The content of its pyproject.toml.
        content: The text of it.
        files: The app's files.
        wanted: The settings.

    Raises:
        AppError: The settings name what is not there.
    """
    if "project" in own:
        only = "" if installs_itself(own) else " --no-install-project"
        command = f'"$UV" sync --no-dev --python "$PYTHON"{only}{options(own, wanted)[0]}'
        requires = str(tables.table(own, "project").get("requires-python", ""))
        unproven = "pyproject.toml has no lock"
        return Install("pyproject.toml", (command,), unproven, content, direct(own, files), requires_python=requires)
    if "build-system" in own:
        return Install("pyproject.toml", (pins.VENV, f"{pins.INTO} ."), pins.ITSELF, "")
    return None


def installs_itself(own: Table) -> bool:
    """Whether uv installs a project as a package."""
    package = tables.table(own, "tool", "uv").get("package")
    if package is not None:
        return bool(package)
    apart = (
        tables.table(own, "tool", "poetry").get("package-mode"),
        tables.table(own, "tool", "pdm").get("distribution"),
    )
    return "build-system" in own and False not in apart


def options(own: Table, wanted: Dependencies) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """The options of ``uv sync`` for the groups and extras to install, and their names.

    Args:
        own: The content of pyproject.toml.
        wanted: The settings.

    Raises:
        AppError: The settings name what is not there.
    """
    chosen = groups.groups(wanted, tables.table(own, "dependency-groups"), "pyproject.toml")
    extras = groups.extras(wanted, tables.table(own, "project", "optional-dependencies"), "pyproject.toml")
    said = [*(f" --extra {name}" for name in extras), *(f" --group {name}" for name in chosen)]
    return "".join(said), chosen, extras


def direct(own: Table, files: Files) -> dict[str, str]:
    """The packages that a project names, with the version where it names just one."""
    lines = tables.strings(tables.table(own, "project").get("dependencies"))
    elsewhere = tables.table(own, "tool", "setuptools", "dynamic").get("dependencies")
    for path in tables.strings(elsewhere.get("file")) if isinstance(elsewhere, dict) else ():
        lines += requirements.lines(files.text(path) or "")
    found = (names.named(line) for line in lines)
    return {name: version for name, version in found if name}
