"""URLs of git repositories and the credentials in them."""

from __future__ import annotations

import re
import urllib.parse
from typing import NamedTuple

SSH_URL = re.compile(r"ssh://|git\+ssh://|(?!.*://)[^/]+:(?!//)")
"""A repository that git accesses over SSH: a URL, or scp syntax (git@host:path)."""
HTTP_CREDENTIALS = re.compile(r"(?P<scheme>https?://)(?P<credentials>[^/?#]*)@")
HELPER = (
    """!f() { test "$1" = get && printf 'username=%s\\npassword=%s\\n' "$LAUNCHPAD_USER" "$LAUNCHPAD_PASSWORD"; }; f"""
)
"""A credential helper that answers from the environment, which only the same user can read.

A URL with credentials would not be safe: git passes it to child processes as an argument, which every user can read.
"""


class Credentials(NamedTuple):
    """An http URL without its credentials, and the decoded user name and password (empty if it has none)."""

    url: str
    user: str
    password: str


def credentials(url: str) -> Credentials:
    """Split the credentials from a repository's URL; an SSH URL stays unchanged."""
    match = HTTP_CREDENTIALS.match(url)
    if not match:
        return Credentials(url, "", "")
    user, _, password = match["credentials"].partition(":")
    bare = match["scheme"] + url[match.end() :]
    return Credentials(bare, urllib.parse.unquote(user), urllib.parse.unquote(password))


def without_password(url: str) -> str:
    """A URL for messages, with its credentials replaced by ``[secret]``."""
    return HTTP_CREDENTIALS.sub(r"\g<scheme>[secret]@", url)


def helper(found: Credentials) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Configure git to use only our credential helper, and only for the URL's server.

    Args:
        found: The URL and its credentials.

    Returns:
        git settings, as pairs of key and value, and the environment variables that the helper reads.
    """
    server = "/".join(found.url.split("/")[:3])
    # The empty helper removes those configured before, which would store our credentials.
    settings = [(f"credential.{server}.helper", ""), (f"credential.{server}.helper", HELPER)]
    return settings, {"LAUNCHPAD_USER": found.user, "LAUNCHPAD_PASSWORD": found.password}


def settings_in_environment(settings: list[tuple[str, str]], first: int = 0) -> dict[str, str]:
    """Git settings as environment variables, numbered from ``first``; unlike ``git -c``, hidden from other users."""
    variables = {"GIT_CONFIG_COUNT": str(first + len(settings))}
    for number, (key, value) in enumerate(settings, first):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables
