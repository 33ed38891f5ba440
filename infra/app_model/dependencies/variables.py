"""The variables that an app's files refer to, such as tokens in the URLs of private repositories."""

from __future__ import annotations

from collections.abc import Collection

from infra.app_model.dependencies.install import Install

GIVEN = frozenset({"HOME", "PATH", "PWD", "VENV", "ROOT", "PROJECT_ROOT"})
"""The variables that every build has."""


def unset(install: Install, known: Collection[str]) -> str:
    """Why an installation cannot work: a variable that it refers to is not set. Empty if all are.

    Args:
        install: The installation.
        known: The names of the variables that are set.
    """
    missing = sorted(set(install.variables) - set(known) - GIVEN)
    if not missing:
        return install.refused
    name = missing[0]
    return (
        f"{install.kind} refers to ${{{name}}}, which is not set: "
        f"pulumi config set --secret --path launchpad:secrets.{name} VALUE"
    )
