"""The keys that control access to the app: its port, HTTPS, the proxy's limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from infra.config import readers, visitors
from infra.config.key import Keys, key


@dataclass(frozen=True, kw_only=True)
class NetworkKeys(Keys):
    """The app's public address, HTTPS, and the proxy's limits."""

    title: ClassVar[str] = "Network"

    http_port: int = key(
        readers.whole_number(1, 65535),
        default="80",
        description="""Public port of the app (1 to 65535, except 22, 443 and 20001 to 29999, which are reserved).
            With a domain, it only redirects to HTTPS.""",
        example="8080",
        also=("port",),
    )
    domain: str = key(
        readers.domains,
        description="""Host name of the app. Turns on HTTPS with a certificate from ACME (the DNS name must point to the
            machine). Of several, comma-separated or as a list, the first is the app's own, and the others redirect to
            it.""",
        example="example.org, www.example.org",
        also=("domains", "host", "hostname", "server_name"),
    )
    acme_ca: str = key(
        readers.http_url,
        description="Directory URL of another ACME server; empty: the proxy's default.",
        example="https://acme-staging-v02.api.letsencrypt.org/directory",
        also=("acme", "acme_url"),
    )
    acme_root: str = key(
        readers.certificates,
        description="Root certificate (PEM) of the server in acme_ca, if that server is private.",
    )
    tls_certificate: str = key(
        readers.certificates,
        description="Your own certificate chain (PEM) for the domain, instead of ACME.",
        also=("certificate", "cert", "tls_cert", "ssl_certificate"),
    )
    tls_key: str = key(
        readers.tls_key,
        description="Private key (PEM, without a passphrase) of tls_certificate.",
        secret=True,
        also=("ssl_key", "certificate_key"),
    )
    hsts: int = key(
        visitors.hsts,
        default="30d",
        description="""How long browsers insist on HTTPS after a visit (Strict-Transport-Security), with a domain: 30d,
            2y. Longer protects more, and no browser opens the site without HTTPS until it is over. 0 has browsers
            forget it; false sends no such header. A header of the app's own wins.""",
        example="2y",
        also=("strict_transport_security", "sts"),
    )
    basic_auth: dict[str, str] = key(
        visitors.passwords,
        default="{}",
        description="""Passwords by user, without which nobody sees the site, such as a staging one. Set one: `pulumi
            config set --secret --path launchpad:basic_auth.ana ...`.""",
        secret=True,
        also=("auth", "http_auth", "htpasswd", "passwords", "password"),
    )
    request_body_limit: str = key(
        readers.body_limit,
        default="10MB",
        description="Largest request body that the proxy accepts, such as 512KB, 10MB or 1GB.",
        also=("body_limit", "max_body_size", "client_max_body_size"),
    )
    request_header_limit: str = key(
        readers.header_limit,
        default="16KB",
        description="""Largest request header that the proxy accepts, such as 16KB or 64KB; large cookies and long URLs
            need more. Apps on the same machine share the largest of their limits.""",
        also=("header_limit", "max_header_size", "large_client_header_buffers"),
    )
    request_timeout: float = key(
        readers.seconds(1, 86400),
        default="60",
        description="Time that the app may take to begin its response, in seconds or as 5m (1 second to 1 day).",
        also=("response_timeout", "timeout"),
    )
    trusted_proxies: tuple[str, ...] = key(
        readers.cidrs,
        default="[]",
        description="""Networks of a CDN or load balancer in front of the machine, whose X-Forwarded headers are
            believed: the app then sees the visitor's address and HTTPS. Set web_cidrs to the same
            networks and your own.""",
        example='["198.51.100.0/24"]',
        also=("trusted_proxy", "proxies", "forwarded_allow_ips", "set_real_ip_from"),
    )

    @property
    def domains(self) -> tuple[str, ...]:
        """All host names, the app's own first."""
        return tuple(self.domain.split(",")) if self.domain else ()

    @property
    def canonical(self) -> str:
        """The app's own host name; empty if it has none."""
        return self.domains[0] if self.domain else ""

    @property
    def aliases(self) -> tuple[str, ...]:
        """The host names that redirect to the app's own."""
        return self.domains[1:]

    @property
    def web_ports(self) -> tuple[int, ...]:
        """The public ports of the proxy: the HTTP port, and 443 with a domain."""
        return (self.http_port, 443) if self.domain else (self.http_port,)
