"""The output of a command: collected, logged line by line while it runs, quoted if it fails."""

import asyncio

from .call import Call, Failure
from .values import Object

_LOGGED = {None: (1, 2), "stdoutAndStderr": (1, 2), "stdout": (1,), "stderr": (2,)}
_ESCAPES = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\v": "\\v"}
STDOUT, STDERR = 1, 2


class Output:
    """Collects both streams of a command. A context manager, which waits at the end until every line is logged."""

    def __init__(self, call: Call, logging: str | None) -> None:
        self._call = call
        self._logged = _LOGGED.get(logging, ())
        self._streams = {STDOUT: bytearray(), STDERR: bytearray()}
        self._both = bytearray()
        self._line = bytearray()
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()

    async def __aenter__(self) -> "Output":
        self._logger = asyncio.create_task(self._log())
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._line:
            self._lines.put_nowait(bytes(self._line))
        self._lines.put_nowait(None)
        await self._logger

    def add(self, stream: int, data: bytes) -> None:
        """Add data that arrived on STDOUT or STDERR."""
        self._streams[stream] += data
        self._both += data
        if stream in self._logged:
            self._line += data
            *lines, self._line = self._line.split(b"\n")
            for line in lines:
                self._lines.put_nowait(bytes(line))

    async def _log(self) -> None:
        while (line := await self._lines.get()) is not None:
            await self._call.log(_text(line.removesuffix(b"\r")))

    def results(self) -> Object:
        """The outputs `stdout` and `stderr`, each without one final newline."""
        names = {"stdout": STDOUT, "stderr": STDERR}
        return {name: _text(self._streams[stream]).removesuffix("\n") for name, stream in names.items()}

    def failure(self, reason: str, command: str) -> Failure:
        """The error for a failed command, with its whole output."""
        return Failure(f"{reason}: running {quote(command)}:\n{_text(self._both)}")


def _text(data: bytes | bytearray) -> str:
    return data.decode(errors="replace")


def quote(text: str) -> str:
    """The text as Go's %q formats it."""
    quoted = ""
    for char in text:
        if char in '"\\':
            quoted += "\\" + char
        elif char in _ESCAPES:
            quoted += _ESCAPES[char]
        elif char.isprintable():
            quoted += char
        else:
            quoted += f"\\x{ord(char):02x}" if ord(char) < 0x80 else f"\\u{ord(char):04x}"
    return f'"{quoted}"'
