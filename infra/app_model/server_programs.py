"""The server programs that Launchpad adds, and what installs each, apart from how a command's is found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Server:
    """A server program.

    Attributes:
        program: Its name as a command.
        requirement: What installs it, pinned to a version that was tried.
        scales: Whether it starts as many workers as ``$WEB_CONCURRENCY`` says.
    """

    program: str
    requirement: str
    scales: bool = False

    @property
    def package(self) -> str:
        """The name of the package that has it."""
        return self.requirement.partition("==")[0]


SERVERS = (
    Server("gunicorn", "gunicorn==27.0.1", scales=True),
    Server("uvicorn", "uvicorn==0.54.0", scales=True),
    Server("hypercorn", "hypercorn==0.18.0"),
    Server("daphne", "daphne==4.2.3"),
    Server("waitress-serve", "waitress==3.0.2"),
    Server("granian", "granian==2.8.9"),
)
WEBSOCKETS = Server("websockets", "websockets==15.0.1")
"""What uvicorn needs for WebSockets and does not bring; the program is a sign that the package is there."""
PROGRAMS = {server.requirement: server.program for server in (*SERVERS, WEBSOCKETS)}
"""The program that each requirement of ours brings: where that is there already, nothing is installed."""
