"""Reads systemd's journal line by line, each with the unit and the start of it that wrote it."""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from infra.agent.system import sh

FIELDS = "MESSAGE,UNIT,INVOCATION_ID,_SYSTEMD_UNIT,_SYSTEMD_INVOCATION_ID,_PID,_HOSTNAME,SYSLOG_IDENTIFIER,_COMM"
SYSTEMD = "1"
"""The process id of systemd, whose lines about a unit name it in a field that others could set, too."""


@dataclass(frozen=True)
class Line:
    """An entry of the journal.

    Attributes:
        when: In seconds since the epoch.
        unit: The unit that wrote it, or that systemd wrote it about.
        invocation: The id of that start of the unit.
        cursor: Its place in the journal.
    """

    when: float
    host: str
    identifier: str
    pid: str
    unit: str
    invocation: str
    message: str
    cursor: str

    def time(self, timespec: str = "seconds") -> str:
        """When, as ISO 8601 in the machine's time zone."""
        return datetime.fromtimestamp(self.when).astimezone().isoformat(timespec=timespec)

    def text(self, message: str) -> str:
        """The entry as ``journalctl --output=short-iso`` prints it, with another message in it."""
        head = f"{self.time()} {self.host} {self.identifier}[{self.pid}]: "
        return head + message.replace("\n", "\n" + " " * len(head))


def parse(text: str) -> Line | None:
    """An entry as ``journalctl --output=json`` prints it; None if it is none."""
    try:
        entry = json.loads(text)
        pid = _field(entry.get("_PID"))
        own = pid != SYSTEMD
        return Line(
            when=int(entry["__REALTIME_TIMESTAMP"]) / 1e6,
            host=_field(entry.get("_HOSTNAME")),
            identifier=_field(entry.get("SYSLOG_IDENTIFIER")) or _field(entry.get("_COMM")) or "unknown",
            pid=pid,
            unit=_field(entry.get("_SYSTEMD_UNIT" if own else "UNIT")),
            invocation=_field(entry.get("_SYSTEMD_INVOCATION_ID" if own else "INVOCATION_ID")),
            message=_field(entry.get("MESSAGE")),
            cursor=_field(entry.get("__CURSOR")),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _field(value: object) -> str:
    """A field's text: what is not UTF-8 comes as a list of bytes, what was set several times as a list of texts."""
    if isinstance(value, list):
        if all(isinstance(each, int) for each in value):
            return bytes(value).decode(errors="replace")
        return _field(value[0])
    return str(value or "")


def read(*options: str) -> Generator[Line]:
    """The entries that journalctl finds, until it ends or nobody reads what we print any more, be it in silence."""
    argv = ["journalctl", "--output=json", "--all", f"--output-fields={FIELDS}", "--no-pager", "--quiet", *options]
    with subprocess.Popen(sh.bound(argv), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        try:
            for text in _lines(child):
                if line := parse(text):
                    yield line
        finally:
            child.terminate()


def _lines(child: subprocess.Popen[bytes]) -> Iterator[str]:
    """What a program prints, line by line."""
    assert child.stdout is not None
    poll = select.poll()
    poll.register(child.stdout, select.POLLIN)
    for ours in (1, 2):
        poll.register(ours, 0)
    rest = b""
    while not any(
        descriptor in (1, 2) and event & (select.POLLERR | select.POLLHUP) for descriptor, event in poll.poll()
    ):
        read = os.read(child.stdout.fileno(), 65536)
        *whole, rest = (rest + read).split(b"\n")
        yield from (line.decode(errors="replace") for line in whole)
        if not read:
            return


def understands(timestamp: str) -> bool:
    """Whether systemd knows what time a text means (systemd.time(7))."""
    return sh.run(["systemd-analyze", "timestamp", "--", timestamp]).ok


def units(names: Sequence[str]) -> list[str]:
    """The options that choose the lines of units, or about them."""
    return [f"--unit={name}" for name in names]
