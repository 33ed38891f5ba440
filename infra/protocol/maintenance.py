"""Maintenance mode, as far as both sides know it."""

from __future__ import annotations

from typing import TypedDict

HEADER = "Launchpad-Maintenance"
"""Is in what visitors of a closed site get, so that the check of the public URL knows whose 503 it is."""
PATH = "/launchpad-maintenance"
"""The URL that lets a browser see the closed site; the key follows."""
COOKIE = "launchpad_maintenance"
"""The cookie that does so, with the key."""
RETRY_AFTER, LONGEST = 600, 604_800
"""Seconds after which visitors are asked to come again, and at most."""
LONGEST_MESSAGE = 2000
"""Characters of the message."""


class Closing(TypedDict):
    """Whether the site is closed, since when (seconds since the epoch) and by whom, and whether this request did it.

    ``path`` is the URL path that lets a browser see the closed site, ``page`` the release's own page that visitors get;
    each is empty if there is none.
    """

    closed: bool
    changed: bool
    since: float | None
    who: str
    message: str
    retry_after: int
    path: str
    page: str
