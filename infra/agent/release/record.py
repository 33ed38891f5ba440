"""What one deployment records while it runs: its entry in the history, and which release gets the requests."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

from infra.agent.build import inventory, repository
from infra.agent.build.inventory import Built
from infra.agent.release import history, specifications
from infra.agent.release.plan import Kind
from infra.agent.release.request import Request
from infra.agent.system import say
from infra.agent.system.failure import Failure, Interrupted

LONGEST_REASON = 300
"""Characters of a failure's reason that the history keeps."""


class Record:
    """The entry of one deployment in the history, which begins with it."""

    def __init__(self, request: Request, built: Built | None, kind: Kind) -> None:
        """Begin the entry.

        Args:
            request: The deployment as it was asked for.
            built: The release, if it is built already.
            kind: What the history calls the deployment.
        """
        self.request = request
        self.app = request.app
        self.began = time.monotonic()
        self.number = history.begin(
            self.app,
            revision=request.revision,
            release=built.release if built else "",
            subject=built.subject if built else "",
            who=request.spec.who,
            ref=request.spec.ref,
            what=kind.value,
        )

    def switched(self, built: Built, slot: str, *, served: bool) -> None:
        """Record at once what gets the requests, and with which settings, so that it holds even if we are killed now.

        Args:
            built: The release.
            slot: Where it serves from.
            served: Whether it gets the requests; False if they went back to the previous release.
        """
        try:
            history.switch(self.app, self.number, built.release, slot, served=served)
            inventory.record(self.app, dataclasses.replace(built, served=served or built.served))
            if served:
                specifications.keep(self.app, built.release, self.request.spec)
        except OSError as error:
            say.step("warning", f"could not record the switch: {error}")

    def failed(self, error: BaseException) -> None:
        """Record that the deployment failed or was interrupted, and why."""
        reason = (error.reason if isinstance(error, Failure) else str(error)) or type(error).__name__
        built = inventory.find(self.app, self.request.revision, self.request.spec)
        history.end(
            self.app,
            self.number,
            release=built.release if built else "",
            subject=built.subject if built else repository.subject(self.app, self.request.revision),
            result="interrupted" if isinstance(error, Interrupted | KeyboardInterrupt) else "failed",
            reason=" ".join(say.redactor.clean(reason).split("\n", 1)[0].split())[:LONGEST_REASON],
            seconds=self._seconds(),
        )

    def succeeded(self, built: Built, slot: str, warnings: Sequence[str]) -> None:
        """Record that the release is serving, with the first line of each warning."""
        history.end(
            self.app,
            self.number,
            release=built.release,
            subject=built.subject,
            result="ok",
            seconds=self._seconds(),
            slot=slot,
            reason="; ".join(warning.split("\n", 1)[0] for warning in warnings),
        )

    def _seconds(self) -> float:
        return round(time.monotonic() - self.began, 2)
