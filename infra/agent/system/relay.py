"""Carries bytes, unchanged, between our stdin, stdout and stderr and a program's, until the program ends.

The program gets descriptors of its own and never ours: whoever has somebody's terminal can read on what is typed there
after he should have ended, and whoever keeps the pipe of a connection keeps that from closing.
"""

from __future__ import annotations

import contextlib
import os
import select
from dataclasses import dataclass

from infra.agent.system.failure import Interrupted

CHUNK = 65536
SAFE_WRITE = 4096
"""Bytes that a pipe takes without blocking once it is ready at all (PIPE_BUF, pipe(7)). Our own descriptors block:
others have them too, and would see it if we changed that."""
MOST_AFTER_END = 2**20
"""Bytes that are still carried once the program has ended: more than a pipe holds, and an end to what another
process may keep writing."""


class ReaderGone(Interrupted):
    """Nobody reads what the program prints: the connection is gone."""


@dataclass
class Channel:
    """One way for bytes.

    Attributes:
        source: Where they come from.
        target: Where they go to.
        inward: Whether they go to the program; else they come from it.
        closes: Whether the target is closed at the end of the source, which tells the program that it was the end.
        waiting: What has been read and not been written.
        open: Whether more may come.
    """

    source: int
    target: int
    inward: bool
    closes: bool = False
    waiting: bytes = b""
    open: bool = True

    def wants(self) -> tuple[int, int]:
        """The descriptor to wait for, and for what."""
        return (self.target, select.POLLOUT) if self.waiting else (self.source, select.POLLIN)

    def active(self) -> bool:
        """Whether there is anything left to do."""
        return self.open or bool(self.waiting)

    def read(self) -> None:
        """Take what has come; at the end of the source, tell the program."""
        try:
            self.waiting = os.read(self.source, CHUNK)
        except BlockingIOError:
            return
        except OSError:  # a terminal says so when nobody has its other side any more
            self.waiting = b""
        if not self.waiting:
            self.close()

    def write(self) -> None:
        """Hand on what is waiting, as much as is taken."""
        try:
            taken = os.write(self.target, self.waiting if self.inward else self.waiting[:SAFE_WRITE])
            self.waiting = self.waiting[taken:]
        except BlockingIOError:
            return
        except OSError as error:
            if not self.inward:
                raise ReaderGone("The connection was lost.") from error
            self.close()

    def close(self) -> None:
        """Nothing more goes this way."""
        self.open, self.waiting = False, b""
        if self.closes:
            with contextlib.suppress(OSError):
                os.close(self.target)


def carry(pid: int, channels: list[Channel], readers: tuple[int, ...] = (1, 2)) -> None:
    """Carry bytes until a child process has ended and all that it printed is handed on.

    Args:
        pid: The child process; it is not waited for.
        channels: The ways; the program's side of each is ours alone and is set not to block here.
        readers: Our descriptors whose reader's going ends all.

    Raises:
        ReaderGone: Nobody reads ``readers`` any more.
    """
    for each in channels:
        os.set_blocking(each.target if each.inward else each.source, False)
    end = os.pidfd_open(pid)
    try:
        while end not in (seen := _poll(channels, readers, end)):
            _move(seen, channels, readers)
        left = MOST_AFTER_END
        for each in channels:
            while not each.inward and left > 0 and _drain(each, readers):
                left -= SAFE_WRITE
    finally:
        os.close(end)


def _poll(channels: list[Channel], readers: tuple[int, ...], end: int | None = None) -> dict[int, int]:
    """Wait until something happens; says what has happened to which descriptor."""
    wanted = dict.fromkeys(readers, 0)  # that nobody reads any more is told without being asked for
    if end is not None:
        wanted[end] = select.POLLIN
    for each in channels:
        if each.active():
            descriptor, event = each.wants()
            wanted[descriptor] = wanted.get(descriptor, 0) | event
    poll = select.poll()
    for descriptor, event in wanted.items():
        poll.register(descriptor, event)
    return dict(poll.poll())


def _move(seen: dict[int, int], channels: list[Channel], readers: tuple[int, ...]) -> None:
    """Do what can be done without waiting."""
    _check_readers(seen, readers)
    for each in channels:
        descriptor, event = each.wants()
        if each.active() and seen.get(descriptor, 0) & (event | select.POLLHUP | select.POLLERR | select.POLLNVAL):
            each.write() if each.waiting else each.read()


def _drain(channel: Channel, readers: tuple[int, ...]) -> bool:
    """Hand on what the program left behind; says whether there may be more."""
    if channel.waiting:
        _check_readers(_poll([channel], readers), readers)
        channel.write()
    elif channel.open:
        channel.read()
        return bool(channel.waiting)
    return channel.active()


def _check_readers(seen: dict[int, int], readers: tuple[int, ...]) -> None:
    if any(seen.get(each, 0) & (select.POLLERR | select.POLLHUP) for each in readers):
        raise ReaderGone("The connection was lost.")
