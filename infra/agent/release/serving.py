"""The release that serves, with the settings that it serves with."""

from __future__ import annotations

from infra.agent.build import inventory
from infra.agent.build.inventory import Built
from infra.agent.process import launch_file
from infra.agent.release import secrets, specifications
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.protocol.specs import DeploySpec


def serving(app: App, purpose: str) -> tuple[DeploySpec, Built]:
    """The release that serves and its specification, whose secrets are hidden in all output from now on.

    Args:
        app: The app.
        purpose: What it is needed for, as the end of the sentence "so there is nothing ...".

    Raises:
        Failure: Nothing serves yet, or what serves is not known well enough.
    """
    launch = launch_file.serving(app)
    if not launch:
        raise Failure(f"No release of {app.name} is serving, so there is nothing {purpose}. Deploy one: pulumi up")
    spec = secrets.hidden(specifications.of(app, launch.release))
    fitting = inventory.fitting(app, launch.revision, spec)
    built = next((each for each in fitting if each.release == launch.release), None)
    if built is None:
        raise Failure(f"The serving release {launch.release} is not the one deployed last. Deploy again: pulumi up")
    return spec, built
