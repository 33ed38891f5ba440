"""What all our dynamic providers need: errors that people can read."""

from __future__ import annotations

import sys
import traceback
import types

from pulumi.dynamic import ConfigureRequest, ResourceProvider


class PlainError(Exception):
    """An error whose text is all that a person needs."""


class PlainProvider(ResourceProvider):
    """A provider whose expected errors reach the terminal as their text.

    Pulumi's host for Python providers answers every exception with a traceback, made by ``traceback.format_exc``.
    In that process, and for our own errors only, the text takes the traceback's place.
    A provider is pickled into the state as a reference to its class, so it must stay where it is, without attributes.
    """

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:  # noqa: ARG002
        """Called once in each provider process, before anything else."""
        host = sys.modules["__main__"]
        if hasattr(host, "_abort_with_traceback"):
            vars(host)["traceback"] = types.SimpleNamespace(format_exc=explanation)


def explanation() -> str:
    """What to say about the exception being handled."""
    error = sys.exc_info()[1]
    return str(error) if isinstance(error, PlainError) else traceback.format_exc()
