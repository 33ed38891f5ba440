"""The configuration of the proxy for all apps, as text. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from infra.agent.proxy import access
from infra.agent.proxy.handlers import handlers
from infra.agent.proxy.site import Site
from infra.agent.system.layout import CADDY_SOCKET, App
from infra.protocol.specs import Limits

HEADER = "# Written by launchpad-agent prepare"
"""How every configuration of ours begins, by which it is recognized."""

READ_HEADER = 10
"""Seconds that a client may take to send its request's header; a slower one only holds a connection."""
IDLE = 300
"""Seconds that the proxy keeps an idle connection to a client."""


def caddyfile(sites: Sequence[Site]) -> str:
    """The whole configuration of the proxy.

    The limit on request headers is one for all apps: the most generous of theirs.
    """
    ordered = sorted(sites, key=lambda site: site.app)
    parts = [_global(ordered), *(_site(site) for site in ordered)]
    return f"{HEADER}; changes are overwritten by the next one.\n" + "\n".join(parts)


def _global(sites: Sequence[Site]) -> str:
    limits = [site.limits for site in sites] or [Limits()]
    named = [site for site in sites if site.domain]
    ports = [f"\thttp_port {named[0].http_port}", "\thttps_port 443"] if named else []
    return "\n".join(
        [
            "{",
            # Only root and the proxy can enter the directory of the socket.
            f"\tadmin unix/{CADDY_SOCKET}",
            "\tgrace_period 30s",
            f"\tauto_https {'disable_redirects' if named else 'off'}",
            *ports,
            "\tservers {",
            # HTTP/3 would need an open UDP port.
            "\t\tprotocols h1 h2",
            f"\t\tmax_header_size {max(limit.request_header for limit in limits)}",
            "\t\ttimeouts {",
            # None for the body or the response: uploads, downloads and streams take as long as they take.
            f"\t\t\tread_header {READ_HEADER}s",
            f"\t\t\tidle {IDLE}s",
            "\t\t}",
            "\t}",
            "}",
            "",
        ]
    )


def _site(site: Site) -> str:
    if not site.domain:
        return "\n".join([f"http://:{site.http_port} {{", handlers(site), "}", ""])
    redirect = f"\tredir https://{site.domain}{{uri}} 308"
    plain = ", ".join(f"http://{name}:{site.http_port}" for name in (site.domain, *site.aliases))
    others = ", ".join(f"https://{name}:443" for name in site.aliases)
    aliases = [f"{others} {{", _tls(site), *access.hsts(site), redirect, "}", ""] if others else []
    return "\n".join(
        [
            f"{plain} {{",
            redirect,
            "}",
            "",
            *aliases,
            f"https://{site.domain}:443 {{",
            _tls(site),
            handlers(site),
            "}",
            "",
        ]
    )


def _tls(site: Site) -> str:
    # Files of an earlier version are in the app's folder itself; the next prepare gives them a folder of their own.
    certificates = App(site.app).certificates / site.certificates
    if site.own_certificate:
        return f"\ttls {certificates}/certificate.pem {certificates}/key.pem"
    issuer = [f"\t\t\tdir {site.acme_ca}"] if site.acme_ca else []
    issuer += [f"\t\t\ttrusted_roots {certificates}/acme-root.pem"] if site.acme_root else []
    if not issuer:
        names = ", ".join([site.domain or "", *site.aliases])
        return f"\t# Certificates for {names} come by ACME from Caddy's default authorities."
    return "\n".join(["\ttls {", "\t\tissuer acme {", *issuer, "\t\t}", "\t}"])
