"""One request of the engine: whom its log lines are about, until when it may take, and how it fails."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

Log = Callable[[str, str, str, bool], Awaitable[None]]


class Failure(Exception):
    """An error to show the user as it stands."""


@dataclass(frozen=True)
class Call:
    """A request under way. deadline: in the event loop's time, seconds; None when the user set no timeout."""

    urn: str
    send: Log
    deadline: float | None = None

    async def log(self, message: str, severity: str = "INFO", *, fleeting: bool = True) -> None:
        """Show a line to the user; a fleeting one only until the next arrives."""
        await self.send(self.urn, severity, message, fleeting)

    def limit(self) -> asyncio.Timeout:
        """A context that ends at the call's deadline by TimeoutError."""
        return asyncio.timeout_at(self.deadline)
