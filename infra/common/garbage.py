"""Spares processes that last for seconds most of the search for garbage: that among modules, which stay to the end."""

from __future__ import annotations

import atexit
import gc
from functools import cache


@cache
def overlook_modules() -> None:
    """From the first call on, look for garbage only among what is made later, and at the process's end for none.

    A process that has imported Pulumi has 300,000 objects. Python looks through all of them when it collects garbage,
    and several times before it exits, while whoever started it waits: a fifth of the processor time of such a process.
    """
    gc.freeze()
    atexit.register(gc.freeze)
