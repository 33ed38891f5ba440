"""The base of Launchpad's dynamic providers: errors without tracebacks."""

from __future__ import annotations

import sys
import traceback

from pulumi.dynamic import ConfigureRequest, ResourceProvider

from infra import pulumi_internals
from infra.common import garbage


class PlainError(Exception):
    """An error that is shown as its message only, without a traceback."""


class PlainProvider(ResourceProvider):
    """A provider whose expected errors reach the terminal as plain messages.

    Pulumi's host for Python providers reports every exception with a traceback from ``traceback.format_exc``. In that
    process, and only for ``PlainError``, the message replaces the traceback. A provider is pickled into the state as a
    reference to its class, so the class must not move and must not have attributes.
    """

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:  # noqa: ARG002
        """Install the plain messages; Pulumi calls this once in each provider process, before anything else."""
        garbage.overlook_modules()
        pulumi_internals.explain_errors(explanation)


def explanation() -> str:
    """The text for the exception that is being handled."""
    error = sys.exc_info()[1]
    return str(error) if isinstance(error, PlainError) else traceback.format_exc()
