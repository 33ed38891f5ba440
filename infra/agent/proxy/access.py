"""What every request to a site meets first, in the words of the proxy's configuration: HTTPS only, passwords. Pure."""

from __future__ import annotations

import string
from collections.abc import Sequence

from infra.agent.proxy.site import Site
from infra.protocol.visitors import NO_HSTS

HEADER = "Strict-Transport-Security"
LETTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
"""The letters of base64, by the six bits that each stands for."""


def hsts(site: Site) -> list[str]:
    """Has browsers insist on HTTPS, unless the app says something of its own. Nothing over plain HTTP."""
    return [f"\theader ?{HEADER} max-age={site.hsts}"] if _has_hsts(site) else []


def hsts_of_errors(site: Site) -> list[str]:
    """The same for what the proxy itself answers: Caddy forgets what it would have added to the app's answer."""
    return [f"\theader {HEADER} max-age={site.hsts}"] if _has_hsts(site) else []


def passwords(site: Site) -> list[str]:
    """Lets nobody see the site without a password.

    Only requests that name one of the users reach Caddy's own check. For any other user it would hash, too, so that
    nobody learns who the users are, at a cost of 14 that cannot be set: seconds of processor for each request.
    """
    if not site.basic_auth:
        return []
    users = [f"\t\t{user} {hashed}" for user, hashed in site.basic_auth]
    test = f'{{http.request.header.Authorization}}.matches("{header([user for user, _ in site.basic_auth])}")'
    return [
        f"\t@user expression `{test}`",
        f"\t@stranger expression `!{test}`",
        f'\tbasicauth @user bcrypt "{site.app}" {{',
        *users,
        "\t}",
        "\thandle @stranger {",
        f'\t\theader WWW-Authenticate `Basic realm="{site.app}"`',
        "\t\terror 401",
        "\t}",
    ]


def header(users: Sequence[str]) -> str:
    """A regular expression of the Authorization headers that name one of these users.

    Of several headers Caddy makes one text with commas, which is none of them. Source: RFC 7617.
    """
    return f"^(?i:basic) (?:{'|'.join(_beginning(user) for user in users)})[A-Za-z0-9+/]*={{0,2}}$"


def _beginning(user: str) -> str:
    """How the base64 form of USER:PASSWORD begins, whatever the password is."""
    text = f"{user}:".encode()
    bits = "".join(f"{byte:08b}" for byte in text)
    whole, rest = bits[: len(bits) // 6 * 6], bits[len(bits) // 6 * 6 :]
    letters = [LETTERS[int(whole[at : at + 6], 2)] for at in range(0, len(whole), 6)]
    # The last letter also has bits of the password.
    last = [letter for number, letter in enumerate(LETTERS) if f"{number:06b}".startswith(rest)] if rest else []
    return "".join(letter.replace("+", "[+]") for letter in letters) + (f"[{''.join(last)}]" if last else "")


def _has_hsts(site: Site) -> bool:
    return bool(site.domain) and site.hsts != NO_HSTS
