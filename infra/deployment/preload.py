"""What takes the processor a tenth of a second, begun while the process waits for git."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress
from importlib import import_module

from infra.deployment import bundle

APP_MODEL = "infra.app_model.plan"


def begin(modules: Iterable[str]) -> threading.Thread:
    """Begin to import modules that will be used, and to pack the agent.

    Args:
        modules: Those besides the app model; an empty name is none.

    Returns:
        The thread that does it, which the process need not wait for.
    """
    thread = threading.Thread(target=_prepare, args=([APP_MODEL, *filter(None, modules)],), daemon=True)
    thread.start()
    return thread


def _prepare(modules: Iterable[str]) -> None:
    for module in modules:
        with suppress(ImportError):  # whoever uses it says what is missing
            import_module(module)
    bundle.packed()
