"""Runs code of ours on files of strangers with limits to the time and the memory that they can make it take.

Whoever writes these files can have a parser take forever, or more memory than the machine has; and what would be killed
for that is root's program, with a lock in its hands. So this happens in a child process, which hands back the result.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import resource
import select
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from infra.agent.system.failure import Failure

Result = TypeVar("Result")

SECONDS = 30.0
"""The time that it may take. The largest of real apps take one second."""
MEMORY = 1_500_000_000
"""Bytes of address space that it may have beside what the program has already."""
LARGEST = 50_000_000
"""Bytes of a result at most."""


def call(work: Callable[[], Result], name: str, seconds: float = SECONDS, memory: int = MEMORY) -> Result:
    """Do some work in a child process, within limits.

    Args:
        work: What is done. It changes nothing, and neither it nor its result have anything of this process's.
        name: What a person calls it, at the beginning of a sentence.
        seconds: The time that it may take.
        memory: Bytes of address space that it may have.

    Raises:
        Failure: It raised one, or it took too much.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        _work(work, writer, seconds, memory)
    os.close(writer)
    try:
        data = _read(reader, time.monotonic() + seconds)
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if not data:
        raise Failure(
            f"{name} took more than {seconds:g} s or {memory // 10**6} MB, which no usual app needs. "
            "Is there generated code, or a huge file, among the app's own?"
        )
    kind, value = pickle.loads(data)
    if kind == "failure":
        raise Failure(value)
    if kind == "error":
        raise RuntimeError(value)
    result: Result = value
    return result


def _work(work: Callable[[], object], writer: int, seconds: float, memory: int) -> None:
    """Do the work, write its outcome, and end this process."""
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        # Without what else is open: locks above all, which would outlive this process's parent.
        os.dup2(writer, 3)
        os.closerange(4, os.sysconf("SC_OPEN_MAX"))
        limit = round(seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
        # Beside what this process has already: threads and their heaps, in a program that has such.
        most = memory + _address_space()
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        with contextlib.suppress(MemoryError):
            data = pickle.dumps(_outcome(work))
            while data:
                data = data[os.write(3, data) :]
    finally:
        os._exit(0)


def _address_space() -> int:
    """Bytes of address space that this process has. Source: proc_pid_statm(5), the first field."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()


def _outcome(work: Callable[[], object]) -> tuple[str, object]:
    try:
        return "result", work()
    except MemoryError:
        raise
    except Failure as failure:
        return "failure", str(failure)
    except Exception:
        return "error", traceback.format_exc()


def _read(reader: int, until: float) -> bytes:
    """What the child writes until it ends; nothing if that is too much or too late."""
    data = bytearray()
    answer = select.poll()  # select() knows no file handle above 1023, and its caller may have that many
    answer.register(reader, select.POLLIN)
    while (left := until - time.monotonic()) > 0 and len(data) <= LARGEST:
        if answer.poll(left * 1000):
            some = os.read(reader, 1 << 20)
            if not some:
                return bytes(data)
            data += some
    return b""
