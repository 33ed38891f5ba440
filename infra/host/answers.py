"""Asks a release how it is, as a visitor who comes by way of the proxy, and says what it answers."""

from __future__ import annotations

import dataclasses
import http.client
import math
import re
import time
from dataclasses import dataclass, field

from . import redirects, sockets, systemd
from .redirects import Leads, Public
from .spec import Health

MOST_HOPS = 10
"""Redirects that are followed."""

SHOWN_LINES = 3
SHOWN_WIDTH = 300
MARKUP = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """The answer to a health request: the last one, where redirects led to it, or what went wrong instead.

    ``hops`` says which redirects led here. ``wrong`` is why an answer is not healthy whatever its status, ``note`` what
    a person should know of one that is.
    """

    status: int = 0
    body: str = ""
    location: str = ""
    error: str = ""
    hops: tuple[str, ...] = ()
    wrong: str = ""
    note: str = ""
    cookies: tuple[str, ...] = ()

    def words(self) -> str:
        """The answer in words."""
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
        return self.words().split("\n", 1)[0]

    def healthy(self, health: Health) -> bool:
        """Whether this is what a healthy release answers."""
        if self.wrong or self.error:
            return False
        return health.accepts(self.status) or (bool(self.hops) and 200 <= self.status < 300)

    def same(self, other: Answer) -> bool:
        """Whether two answers differ in nothing but their bodies, which may hold a time or a number."""
        return dataclasses.replace(self, body="", cookies=()) == dataclasses.replace(other, body="", cookies=())


@dataclass
class Watch:
    """A started unit that is being watched: what to ask, whom, and what has been seen so far.

    ``port`` is the unit's own, ``public`` where visitors reach it by way of the proxy.
    """

    unit: str
    port: int
    health: Health
    public: Public
    command: str = ""
    last: Answer = field(default_factory=lambda: Answer(error="no answer yet"))
    main: tuple[int, str] = (0, "")
    servers: dict[int, str] = field(default_factory=dict)

    def alive(self) -> bool:
        """Whether the unit's main process still is the one that was started."""
        return bool(self.main[0]) and sockets.born(self.main[0]) == self.main[1]


def ask(watch: Watch, limit: float = math.inf) -> Answer:
    """Ask the slot's port for the health path, as the proxy would, and follow redirects as a visitor's browser would.

    Only redirects to the app itself are followed. ``limit`` shortens the time for an answer.
    """
    until = time.monotonic() + limit
    path, cookies = watch.health.path, dict[str, str]()
    seen: set[tuple[str, tuple[tuple[str, str], ...]]] = {(redirects.normal(*path.partition("?")[::2]), ())}
    hops: tuple[str, ...] = ()
    while True:
        found = dataclasses.replace(_get(watch, path, cookies, until - time.monotonic()), hops=hops)
        accepted = watch.health.accepts(found.status) or hops
        if not accepted or found.status not in redirects.STATUS or not found.location:
            return found
        leads, target = redirects.follow(watch.public, path, found.location)
        answers = f"{path} answers {found.status} to {target}"
        if leads is Leads.ELSEWHERE:
            note = f"{answers}, which is not the app's own address, so nobody has looked whether that answers"
            return dataclasses.replace(found, note=note)
        if leads is not Leads.HERE:
            return dataclasses.replace(found, wrong=_astray(leads, answers))
        cookies |= {name: value for name, _, value in (cookie.partition("=") for cookie in found.cookies)}
        place = (target, tuple(sorted(cookies.items())))
        if place in seen or len(hops) == MOST_HOPS:
            return dataclasses.replace(found, wrong=_circle(watch, answers))
        seen.add(place)
        hops, path = (*hops, f"status {found.status} to {target}"), target


def _astray(leads: Leads, answers: str) -> str:
    """What is wrong with a redirect that no visitor can follow."""
    if leads is Leads.HTTPS:
        return (
            f"{answers}, but no domain is set, so nothing answers there: "
            "set launchpad:domain, or turn off the redirect (Django: SECURE_SSL_REDIRECT)"
        )
    return f"{answers}, which is no URL"


def _circle(watch: Watch, answers: str) -> str:
    hint = (
        ". Visitors come by HTTPS, which ends at the proxy: have the app believe X-Forwarded-Proto "
        "(Django: SECURE_PROXY_SSL_HEADER, Flask: ProxyFix, waitress: --trusted-proxy=127.0.0.1)"
    )
    return f"{answers}: redirects that lead back to where they began{hint if watch.public.https else ''}"


def _get(watch: Watch, path: str, cookies: dict[str, str], limit: float) -> Answer:
    timeout = max(0.1, min(watch.health.request_timeout, limit))
    connection = http.client.HTTPConnection("127.0.0.1", watch.port, timeout=timeout)
    host = watch.public.authority
    headers = {
        "Host": host,
        "User-Agent": "launchpad-health",
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
        return Answer(error=f"the connection broke off ({type(error).__name__}: {error})")
    finally:
        connection.close()


def log(watch: Watch, lines: int = 300) -> list[str]:
    """The last lines that this start of the unit wrote."""
    return systemd.log(watch.unit, systemd.state(watch.unit)["InvocationID"], lines=lines)


def question(watch: Watch) -> str:
    """What is asked and expected, in words."""
    return f"GET {watch.health.path} (Host: {watch.public.authority}), expected status {watch.health.expected()}"
