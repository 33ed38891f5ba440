"""What every request to a site meets first, in the words of the proxy's configuration: HTTPS only, passwords. Pure."""

from __future__ import annotations

from infra.agent.proxy.site import Site
from infra.protocol.visitors import NO_HSTS

HEADER = "Strict-Transport-Security"


def hsts(site: Site) -> list[str]:
    """Has browsers insist on HTTPS, unless the app says something of its own. Nothing over plain HTTP."""
    return [f"\theader ?{HEADER} max-age={site.hsts}"] if _has_hsts(site) else []


def hsts_of_errors(site: Site) -> list[str]:
    """The same for what the proxy itself answers: Caddy forgets what it would have added to the app's answer."""
    return [f"\theader {HEADER} max-age={site.hsts}"] if _has_hsts(site) else []


def passwords(site: Site) -> list[str]:
    """Lets nobody see the site without a password."""
    if not site.basic_auth:
        return []
    users = [f"\t\t{user} {hashed}" for user, hashed in site.basic_auth]
    return [f'\tbasicauth bcrypt "{site.app}" {{', *users, "\t}"]


def _has_hsts(site: Site) -> bool:
    return bool(site.domain) and site.hsts != NO_HSTS
