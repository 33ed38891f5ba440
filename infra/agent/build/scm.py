"""The version of an app that takes it from git, for its build: the tree of a release has no .git.

The build gets the version in the variables that the tools have for this, and no .git of its own: git in a directory of
another user's refuses to work or runs what its configuration names, and the app's history would be in each release.
"""

from __future__ import annotations

import re

from infra.agent.build import repository
from infra.agent.system.layout import App
from infra.app_model.dependencies.install import Install

VARIABLES = {
    "pbr": "PBR_VERSION",
    "poetry-dynamic-versioning": "POETRY_DYNAMIC_VERSIONING_BYPASS",
    "setuptools-scm": "SETUPTOOLS_SCM_PRETEND_VERSION_FOR_{name}",
}
"""The variables of the tools, which name the app where they can: a dependency that is built has a version of its own.
versioningit has none; it needs a default-version. Sources: the tools' documentations."""
DESCRIBED = re.compile(
    r"(?:.*[-_/v])?(?P<version>\d+(?:\.\d+)*(?:(?:a|b|rc)\d+)?)-(?P<distance>\d+)-g(?P<commit>[0-9a-f]+)"
)


def variables(app: App, revision: str, install: Install) -> dict[str, str]:
    """The variables that tell a build the app's version; none if it does not take it from git.

    Args:
        app: The app.
        revision: The commit.
        install: How its dependencies are installed.
    """
    if install.scm not in VARIABLES:
        return {}
    name = re.sub(r"[^A-Z0-9]", "_", install.name.upper())
    described = repository.git(app, "describe", "--tags", "--long", "--match", "*[0-9]*", revision)
    counted = "" if described.ok else repository.git(app, "rev-list", "--count", revision).out
    return {VARIABLES[install.scm].format(name=name): version(described.out, counted, revision)}


def version(described: str, counted: str, revision: str) -> str:
    """The version of a commit, as setuptools-scm guesses it by default.

    Args:
        described: What ``git describe --long`` says; empty if there is no tag.
        counted: How many commits there are, if there is no tag.
        revision: The commit.
    """
    match = DESCRIBED.fullmatch(described.strip())
    if not match:
        return f"0.1.dev{counted.strip() or 0}+g{revision[:9]}"
    if match["distance"] == "0":
        return match["version"]
    following = re.sub(r"\d+$", lambda last: str(int(last[0]) + 1), match["version"])
    return f"{following}.dev{match['distance']}+g{match['commit']}"
