"""The keys that say which dependencies are installed, where the app's files leave a choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from infra.config import readers
from infra.config.key import Keys, key


@dataclass(frozen=True, kw_only=True)
class DependencyKeys(Keys):
    """The app's dependencies. Launchpad finds their file by itself; these keys are for apps that have several."""

    title: ClassVar[str] = "Dependencies"

    requirements: tuple[str, ...] = key(
        readers.files,
        default="[]",
        description="""Requirements files to install from, relative to the app's directory, instead of the file that
            Launchpad finds.""",
        example='["requirements/production.txt"]',
        also=("requirements_file", "requirements_txt"),
    )
    extras: tuple[str, ...] = key(
        readers.names,
        default="[]",
        description="Extras of the project to install.",
        example='["postgres"]',
        also=("extra", "optional_dependencies"),
    )
    groups: tuple[str, ...] = key(
        readers.names,
        default="[]",
        description="Dependency groups to install. Empty: the main dependencies, and the groups prod and production.",
        example='["prod"]',
        also=("group", "dependency_groups"),
    )
    pip: tuple[str, ...] = key(
        readers.pip,
        default="[]",
        description="""Requirements to install in addition to the app's own. An entry with - in front leaves out what
            Launchpad adds by itself, such as -gunicorn.""",
        example='["gunicorn==23.0.0"]',
        also=("add_packages", "python_packages", "install"),
    )
