"""One deployment as it was asked for."""

from __future__ import annotations

from dataclasses import dataclass

from infra.agent.system.layout import App
from infra.protocol.specs import DeploySpec


@dataclass(frozen=True)
class Request:
    """What is to be deployed, and how.

    Attributes:
        spec: How the app is to run.
        revision: The commit, all 40 digits.
        restart: Whether what serves is to be started anew.
        only_web: Whether a restart leaves the processes other than ``web`` as they are.
        asks_servers: Whether the servers that its variables name are asked first; not to go back, restart or repair.
    """

    spec: DeploySpec
    revision: str
    restart: bool = False
    only_web: bool = False
    asks_servers: bool = False

    @property
    def app(self) -> App:
        """The app."""
        return App(self.spec.app)
