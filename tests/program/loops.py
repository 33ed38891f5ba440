"""One event loop after the other: each program that is recorded has its own, and the one before it is closed.

Pulumi gives each of its threads a loop, too. They end with the loop that has begun them; if they stayed, a worker that
runs all these tests would have more than a thousand open files.
"""

from __future__ import annotations

import asyncio

_open: list[asyncio.Runner] = []


def fresh() -> asyncio.AbstractEventLoop:
    """A new event loop, which is the current one; tasks of the one before are cancelled and its threads ended."""
    while _open:
        _open.pop().close()
    _open.append(asyncio.Runner())
    return _open[-1].get_loop()
