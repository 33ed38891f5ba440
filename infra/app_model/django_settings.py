"""The settings with which a Django project serves, and what a person should know about them."""

from __future__ import annotations

from dataclasses import dataclass

from infra.app_model import django
from infra.app_model.django import Project
from infra.app_model.module_values import ModuleValues
from infra.app_model.sources import Sources
from infra.protocol.specs import DeploySpec

KEPT = {"DATA_DIR": "$DATA_DIR"}
"""The variable whose value only the machine knows: it stands for itself."""
ON = ("true", "yes", "on", "1")
"""What a variable says to switch something on, in whatever way an app reads it."""


@dataclass(frozen=True)
class Serving:
    """A Django project with the settings that serve.

    Attributes:
        project: The project.
        settings: The dotted name of the settings.
        named: Whether that name has to be given to manage.py, which would take other settings.
        values: The settings.
        whitenoise: Whether the app serves its static files itself.
    """

    project: Project
    settings: str
    named: bool
    values: ModuleValues
    whitenoise: bool


def find(sources: Sources, spec: DeploySpec) -> Serving | None:
    """The Django project with the settings that serve; None if the app is none."""
    project = django.find(sources)
    if project is None:
        return None
    variables = dict((*spec.env, *spec.secrets))
    given = variables.get(django.VARIABLE, "")
    settings = given or project.server_settings or project.settings
    # The preview and the state show what is decided, so that no secret may be part of a URL or a folder.
    unknown = dict.fromkeys(name for name, _ in spec.secrets)
    values = ModuleValues(sources, settings, {**dict(spec.env), **unknown, **KEPT}, project.folder)
    server = sources.find(project.application.partition(":")[0], (project.folder,))
    whitenoise = any(text.startswith("whitenoise.") for text in values.literals)
    whitenoise = whitenoise or (server is not None and "whitenoise" in server.text.lower())
    return Serving(project, settings, not given and settings != project.settings, values, whitenoise)


def notes(sources: Sources, spec: DeploySpec) -> tuple[str, ...]:
    """What a person should know about a Django app's settings: that its pages of errors tell visitors everything."""
    found = find(sources, spec)
    debug = found.values.get("DEBUG") if found else None
    if found is None or not (debug is True or str(debug).lower() in ON):
        return ()
    return (
        f"DEBUG is on in {found.settings}: each error shows a visitor the app's code and settings; set it to False",
    )
