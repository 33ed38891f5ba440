"""Decides whether a started release is healthy, and says why when it is not."""

from __future__ import annotations

import http.client
import math
import time
from dataclasses import dataclass, field

from . import sockets, systemd
from .failure import Failure
from .spec import Health

LEAST_ANSWERS = 3
"""Healthy answers in a row that a release has to give."""

MOST_DEATHS = 3
"""A release whose serving processes died so often after an answer is given up."""

SHOWN_LINES = 5
SHOWN_WIDTH = 300


@dataclass(frozen=True)
class Answer:
    """One answer to a health request: a status with the body's first lines, or what went wrong instead."""

    status: int = 0
    body: str = ""
    location: str = ""
    error: str = ""

    def words(self) -> str:
        """The answer in words."""
        if self.error:
            return self.error
        moved = f" to {self.location}" if self.location else ""
        lines = [line[:SHOWN_WIDTH] for line in self.body.splitlines() if line.strip()][:SHOWN_LINES]
        return "\n".join([f"status {self.status}{moved}", *(f"  {line}" for line in lines)])


@dataclass
class Watch:
    """A started unit that is being watched: what to ask, whom, and what has been seen so far."""

    unit: str
    port: int
    health: Health
    host: str
    https: bool = False
    last: Answer = field(default_factory=lambda: Answer(error="no answer yet"))
    main: tuple[int, str] = (0, "")
    servers: dict[int, str] = field(default_factory=dict)

    def alive(self) -> bool:
        """Whether the unit's main process still is the one that was started."""
        return bool(self.main[0]) and sockets.born(self.main[0]) == self.main[1]


def ask(watch: Watch, limit: float = math.inf) -> Answer:
    """Send one health request to the slot's port, as the proxy would; ``limit`` shortens the time for an answer."""
    timeout = max(0.1, min(watch.health.request_timeout, limit))
    connection = http.client.HTTPConnection("127.0.0.1", watch.port, timeout=timeout)
    headers = {
        "Host": watch.host,
        "User-Agent": "launchpad-health",
        "Connection": "close",
        "X-Forwarded-Proto": "https" if watch.https else "http",
        "X-Forwarded-Host": watch.host,
    }
    try:
        connection.request("GET", watch.health.path, headers=headers)
        response = connection.getresponse()
        body = response.read(4096).decode("utf-8", errors="replace")
        return Answer(response.status, body, response.getheader("Location") or "")
    except TimeoutError:
        return Answer(error=f"no answer within {timeout:.3g} s")
    except ConnectionRefusedError:
        return Answer(error=f"connection refused (nothing listens on 127.0.0.1:{watch.port})")
    except (OSError, http.client.HTTPException) as error:
        return Answer(error=f"the connection broke off ({type(error).__name__}: {error})")
    finally:
        connection.close()


def wait(watch: Watch) -> float:
    """Wait until a just started unit is healthy and stays so; returns the seconds it took. A Failure says why not.

    Healthy means: expected answers without a miss for the settling time, given by the unit's own processes, none of
    which died meanwhile. So a release that answers once and then dies does not pass.
    """
    began = time.monotonic()
    pid = int(systemd.state(watch.unit)["MainPID"] or 0)
    watch.main = (pid, sockets.born(pid))
    since: float | None = None
    answers = deaths = 0
    while True:
        if not watch.alive():
            raise Failure(_ended(time.monotonic() - began, answered=since is not None))
        watch.last = ask(watch, began + watch.health.timeout - time.monotonic())
        now = time.monotonic()
        if not watch.health.accepts(watch.last.status):
            since, answers = None, 0
        elif since is None:
            since, answers = now, 1
            watch.servers = _servers(watch)
        else:
            answers += 1
        if since is not None and any(sockets.born(pid) != born for pid, born in watch.servers.items()):
            since, answers, deaths = None, 0, deaths + 1
        if deaths >= MOST_DEATHS:
            raise Failure(
                f"The release answers and then dies: {deaths} times a process that had answered ended within "
                f"{watch.health.settle:g} s."
            )
        if since is not None and answers >= LEAST_ANSWERS and now - since >= watch.health.settle and watch.alive():
            return now - began
        if now - began >= watch.health.timeout:
            raise Failure(_late(watch, deaths))
        time.sleep(watch.health.interval)


def _servers(watch: Watch) -> dict[int, str]:
    """The processes that hold the port, which must be the unit's own, with their times of birth."""
    inodes = {listener.inode for listener in sockets.listeners() if listener.port == watch.port}
    own = systemd.processes(systemd.state(watch.unit))
    servers = {pid: sockets.born(pid) for pid in sockets.holders(inodes, own)}
    if inodes and not servers:
        strangers = ", ".join(sockets.name(pid) for pid in sockets.holders(inodes, sockets.all_processes()))
        raise Failure(
            f"The port {watch.port} was answered by another process than the release: {strangers or 'unknown'}."
        )
    return servers


def _ended(after: float, *, answered: bool) -> str:
    what = "answered and then ended" if answered else "ended before it was healthy"
    return f"The web process {what}, {after:.1f} s after its start."


def _late(watch: Watch, deaths: int) -> str:
    lines = [
        f"The release was not healthy within {watch.health.timeout:g} s: GET {watch.health.path} (Host: {watch.host}), "
        f"expected status {watch.health.expected()}, got {watch.last.words()}"
    ]
    if deaths:
        lines.append(f"{deaths} times a process that had answered ended.")
    own = systemd.processes(systemd.state(watch.unit))
    elsewhere = [listener for listener in sockets.listeners() if sockets.holders({listener.inode}, own)]
    if not any(listener.port == watch.port for listener in elsewhere):
        where = ", ".join(f"{listener.address}:{listener.port}" for listener in elsewhere)
        lines.append(
            f"It listens on {where} instead of $PORT ({watch.port})."
            if where
            else f"It never listened on $PORT ({watch.port})."
        )
    return "\n".join(lines)
