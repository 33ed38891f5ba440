"""Has what an app leans on ready before its release. Each service is imported where the app has it: most have none."""

from __future__ import annotations

from infra.agent.system.layout import App
from infra.protocol import service_urls
from infra.protocol.specs import DeploySpec


def have_database(app: App, spec: DeploySpec) -> None:
    """Have the app's own database answer, if it has one.

    Raises:
        Failure: It does not, and why.
    """
    if spec.database.engine:
        from infra.agent.services import postgres  # noqa: PLC0415

        postgres.ready(app)


def have_cache(app: App, spec: DeploySpec) -> None:
    """Have the app's own cache answer, if it has one.

    Raises:
        Failure: It does not, and why.
    """
    if spec.uses_cache:
        from infra.agent.services import cache  # noqa: PLC0415

        cache.check(app)


def ask_servers(spec: DeploySpec) -> None:
    """Ask the servers that the app's variables name, if they name any.

    Raises:
        Failure: The app cannot use one, and why.
    """
    if any(service_urls.servers(variables) for variables in (spec.env, spec.secrets)):
        from infra.agent.services import servers  # noqa: PLC0415

        servers.check(spec)
