"""A request of the engine: the resource of its log lines, its deadline, and its failure."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Log = Callable[[str, str, str, bool], Awaitable[None]]


class Failure(Exception):
    """An error whose message is shown to the user verbatim."""


@dataclass(frozen=True)
class Call:
    """A running request. deadline: seconds in the event loop's time; None if the user set no timeout."""

    urn: str
    send: Log
    deadline: float | None = None

    async def log(self, message: str, severity: str = "INFO", *, fleeting: bool = True) -> None:
        """Show a line to the user; a fleeting line disappears when the next one arrives."""
        await self.send(self.urn, severity, message, fleeting)

    def limit(self) -> asyncio.Timeout:
        """A context that raises TimeoutError at the call's deadline."""
        return asyncio.timeout_at(self.deadline)
