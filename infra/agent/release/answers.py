"""Asks a release for its health, as a visitor who comes through the proxy would, and describes the answer."""

from __future__ import annotations

import dataclasses
import http.client
import math
import re
import time
from dataclasses import dataclass, field

from infra.agent.system import journal, systemd
from infra.agent.system.unit_state import UnitState
from infra.common import procfs, redirects
from infra.common.redirects import ACCEPT, Leads, Public
from infra.protocol.specs import Health

MOST_HOPS = 10
"""Redirects that are followed at most."""

SHOWN_LINES = 3
"""Lines of a body that are shown."""
SHOWN_WIDTH = 300
"""Characters of each of them."""
MARKUP = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """The answer to a health request, the last one if redirects led to it; or what went wrong instead.

    Attributes:
        status: The HTTP status; 0 if there was no answer.
        body: The first 4096 bytes of the body, as text.
        location: Where a redirect leads.
        error: Why there was no answer; empty if there was one.
        hops: The redirects that led here, as a person reads them.
        wrong: Why the answer is unhealthy whatever its status; empty if it is not.
        note: What a person should know of a healthy answer.
        cookies: The cookies that it set, as ``name=value``.
    """

    status: int = 0
    body: str = ""
    location: str = ""
    error: str = ""
    hops: tuple[str, ...] = ()
    wrong: str = ""
    note: str = ""
    cookies: tuple[str, ...] = ()

    def describe(self) -> str:
        """The answer as a person reads it, with the first lines of its body."""
        if self.wrong:
            return self.wrong
        before = "".join(f"{hop}, then " for hop in self.hops)
        if self.error:
            return before + self.error
        moved = f" to {self.location}" if self.location else ""
        body = MARKUP.sub("\n", self.body) if self.body.lstrip().startswith("<") else self.body
        lines = list(dict.fromkeys(line.strip()[:SHOWN_WIDTH] for line in body.splitlines() if line.strip()))[
            :SHOWN_LINES
        ]
        return "\n".join([f"{before}status {self.status}{moved}", *(f"  {line}" for line in lines)])

    def brief(self) -> str:
        """The answer in one line."""
        return self.describe().split("\n", 1)[0]

    def healthy(self, health: Health) -> bool:
        """Whether this is the answer of a healthy release."""
        if self.wrong or self.error:
            return False
        return health.accepts(self.status) or (bool(self.hops) and 200 <= self.status < 300)

    def same(self, other: Answer) -> bool:
        """Whether two answers are the same but for their bodies, which may hold a time or a number."""
        return dataclasses.replace(self, body="", cookies=()) == dataclasses.replace(other, body="", cookies=())


@dataclass
class Watch:
    """A started unit under observation: what to ask it, and what has been seen so far.

    Attributes:
        unit: The unit of the web process.
        port: Its own port, on loopback.
        health: What to ask, and what a healthy answer is.
        public: Where visitors reach the app, through the proxy.
        command: Its start command, for advice.
        memory: The most memory in bytes that it may take; 0 for no limit.
        last: The last answer.
        main: The main process when the watch began: its id and its start time (see procfs.start_time).
        servers: The processes that have answered: their start times by id.
        state: The unit's state when the watch began. Its control group stays the same until it stops.
    """

    unit: str
    port: int
    health: Health
    public: Public
    command: str = ""
    memory: int = 0
    last: Answer = field(default_factory=lambda: Answer(error="no answer yet"))
    main: tuple[int, int] = (0, 0)
    servers: dict[int, int] = field(default_factory=dict)
    state: UnitState = field(default_factory=UnitState)

    def alive(self) -> bool:
        """Whether the unit's main process is still the one that was started."""
        pid, started = self.main
        # A start time of 0 says that it had ended before its start time could be read.
        return started != 0 and procfs.start_time(pid) == started


def ask(watch: Watch, limit: float = math.inf) -> Answer:
    """Ask the slot's port for the health path, as the proxy would, and follow redirects as a visitor's browser would.

    Only redirects to the app itself are followed.

    Args:
        watch: The unit.
        limit: Seconds that all requests may take together; one may take ``health.request_timeout`` at most.
    """
    until = time.monotonic() + limit
    path, cookies = watch.health.path, dict[str, str]()
    seen: set[tuple[str, tuple[tuple[str, str], ...]]] = {(redirects.normal(*path.partition("?")[::2]), ())}
    hops: tuple[str, ...] = ()
    while True:
        answer = dataclasses.replace(_get(watch, path, cookies, until - time.monotonic()), hops=hops)
        accepted = watch.health.accepts(answer.status) or hops
        if not accepted or answer.status not in redirects.STATUS or not answer.location:
            return answer
        leads, target = redirects.follow(watch.public, path, answer.location)
        redirect = f"{path} redirects to {target} ({answer.status})"
        if leads is Leads.ELSEWHERE:
            note = f"{redirect}, which is not the app's own address, so it was not checked"
            return dataclasses.replace(answer, note=note)
        if leads is not Leads.HERE:
            return dataclasses.replace(answer, wrong=_astray(leads, redirect))
        cookies |= {name: value for name, _, value in (cookie.partition("=") for cookie in answer.cookies)}
        place = (target, tuple(sorted(cookies.items())))
        if place in seen or len(hops) == MOST_HOPS:
            return dataclasses.replace(answer, wrong=_circle(watch, redirect))
        seen.add(place)
        hops, path = (*hops, f"status {answer.status} to {target}"), target


def _astray(leads: Leads, redirect: str) -> str:
    """What is wrong with a redirect that no visitor can follow."""
    if leads is Leads.HTTPS:
        return (
            f"{redirect}, but no domain is set, so nothing answers there: "
            "set launchpad:domain, or turn off the redirect (Django: SECURE_SSL_REDIRECT)"
        )
    return f"{redirect}, which is not a URL"


def _circle(watch: Watch, redirect: str) -> str:
    """What is wrong with a redirect that leads back to where a visitor has been."""
    hint = (
        ". HTTPS ends at the proxy: have the app trust X-Forwarded-Proto "
        "(Django: SECURE_PROXY_SSL_HEADER, Flask: ProxyFix, waitress: --trusted-proxy=127.0.0.1)"
    )
    return f"{redirect}: a redirect loop{hint if watch.public.https else ''}"


def _get(watch: Watch, path: str, cookies: dict[str, str], limit: float) -> Answer:
    timeout = max(0.1, min(watch.health.request_timeout, limit))
    connection = http.client.HTTPConnection("127.0.0.1", watch.port, timeout=timeout)
    host = watch.public.authority
    headers = {
        "Host": host,
        "User-Agent": "launchpad-health",
        "Accept": ACCEPT,
        "Connection": "close",
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Proto": watch.public.scheme,
        "X-Forwarded-Host": host,
        **({"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}),
    }
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        body = response.read(4096).decode("utf-8", errors="replace")
        location = (response.getheader("Location") or "").encode("latin-1", "replace").decode("utf-8", "replace")
        cookie = tuple(line.partition(";")[0].strip() for line in response.headers.get_all("Set-Cookie") or [])
        return Answer(response.status, body, location, cookies=cookie)
    except TimeoutError:
        return Answer(error=f"no answer within {timeout:.3g} s")
    except ConnectionRefusedError:
        return Answer(error=f"connection refused (nothing listens on 127.0.0.1:{watch.port})")
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Answer(error=f"the connection failed ({type(error).__name__}: {error})")
    finally:
        connection.close()


def log(watch: Watch, lines: int = 300) -> list[str]:
    """The last lines that this start of the unit wrote."""
    return journal.tail(watch.unit, systemd.state(watch.unit), lines=lines)


def question(watch: Watch) -> str:
    """What is asked and expected, as a person reads it."""
    return f"GET {watch.health.path} (Host: {watch.public.authority}), expected status {watch.health.expected()}"
