"""One app at the proxy, and the Caddyfile of all of them, as text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from .layout import CADDY_SOCKET, App
from .spec import Limits

HEADER = "# Written by launchpad-host prepare"
"""The beginning of every configuration of ours."""

ACCESS_LOG = """\
	log {
		output stderr
		format filter {
			wrap json
			fields {
				request>headers delete
				request>tls delete
				resp_headers delete
			}
		}
	}"""


@dataclass(frozen=True)
class Site:
    """How the proxy serves one app. Kept on the machine by ``prepare``, because the Caddyfile is that of all apps."""

    app: str
    blue: int
    green: int
    http_port: int = 80
    https_port: int = 443
    domain: str | None = None
    own_certificate: bool = False
    acme_ca: str = ""
    acme_root: bool = False
    email: str = ""
    certificates: str = ""
    limits: Limits = field(default_factory=Limits)

    def port(self, slot: str) -> int:
        """The loopback port of a slot."""
        return self.green if slot == "green" else self.blue

    def as_data(self) -> dict[str, Any]:
        """Plain values for app.json."""
        return asdict(self)

    @classmethod
    def from_data(cls, value: dict[str, Any]) -> Site:
        """The opposite of as_data; keys of a newer program are passed over."""
        known = {one.name for one in fields(cls)}
        limits = Limits(**{k: v for k, v in value.get("limits", {}).items() if k in {f.name for f in fields(Limits)}})
        return cls(**{**{key: item for key, item in value.items() if key in known}, "limits": limits})


def caddyfile(sites: Sequence[Site]) -> str:
    """The whole configuration of the proxy. Sizes and timeouts of the server are the most generous of its apps'."""
    ordered = sorted(sites, key=lambda site: site.app)
    parts = [_global(ordered), *(_site(site) for site in ordered)]
    return f"{HEADER}; changes are overwritten by the next one.\n" + "\n".join(parts)


def conflicts(sites: Sequence[Site]) -> list[str]:
    """Why these sites cannot be served by one proxy."""
    found = []
    bare: dict[int, str] = {}
    domains: dict[str, str] = {}
    for site in sorted(sites, key=lambda site: site.app):
        taken = domains if site.domain else bare
        key: Any = site.domain or site.http_port
        if key in taken:
            what = f"the domain {key}" if site.domain else f"port {key} without a domain"
            found.append(
                f"both {taken[key]} and {site.app} want {what}; give one of them another http_port or a domain"
            )
        taken[key] = site.app
    ports = {(site.http_port, site.https_port) for site in sites if site.domain}
    if len(ports) > 1:
        found.append("apps with domains have to share one http_port and one https_port")
    return found


def _global(sites: Sequence[Site]) -> str:
    limits = [site.limits for site in sites] or [Limits()]
    times = {
        "read_header": _most(limit.read_header for limit in limits),
        "read_body": _most(limit.read_body for limit in limits),
        "write": _most(limit.write for limit in limits),
        "idle": _most(limit.idle for limit in limits),
    }
    named = [site for site in sites if site.domain]
    ports = [f"\thttp_port {named[0].http_port}", f"\thttps_port {named[0].https_port}"] if named else []
    return "\n".join(
        [
            "{",
            # Nobody but root and the proxy can enter the socket's directory.
            f"\tadmin unix/{CADDY_SOCKET}",
            "\tgrace_period 30s",
            f"\tauto_https {'disable_redirects' if named else 'off'}",
            *ports,
            "\tservers {",
            # HTTP/3 would need an open UDP port.
            "\t\tprotocols h1 h2",
            f"\t\tmax_header_size {max(limit.header for limit in limits)}",
            "\t\ttimeouts {",
            *(f"\t\t\t{name} {_time(value)}" for name, value in times.items() if value),
            "\t\t}",
            "\t}",
            "}",
            "",
        ]
    )


def _site(site: Site) -> str:
    if not site.domain:
        return "\n".join([f"http://:{site.http_port} {{", _body(site), "}", ""])
    port = "" if site.https_port == 443 else f":{site.https_port}"
    return "\n".join(
        [
            f"http://{site.domain}:{site.http_port} {{",
            f"\tredir https://{site.domain}{port}{{uri}} 308",
            "}",
            "",
            f"https://{site.domain}:{site.https_port} {{",
            _tls(site),
            _body(site),
            "}",
            "",
        ]
    )


def _tls(site: Site) -> str:
    # Files of an earlier version lie in the app's folder itself, where the next prepare finds no name for them.
    certificates = App(site.app).certificates / site.certificates
    if site.own_certificate:
        return f"\ttls {certificates}/certificate.pem {certificates}/key.pem"
    issuer = [f"\t\t\tdir {site.acme_ca}"] if site.acme_ca else []
    issuer += [f"\t\t\temail {site.email}"] if site.email else []
    issuer += [f"\t\t\ttrusted_roots {certificates}/acme-root.pem"] if site.acme_root else []
    if not issuer:
        return f"\t# Certificates for {site.domain} come by ACME from Caddy's default authorities."
    return "\n".join(["\ttls {", "\t\tissuer acme {", *issuer, "\t\t}", "\t}"])


def _body(site: Site) -> str:
    serving = App(site.app).serving
    limit = site.limits.request_body
    # The matcher answers a declared length at once; max_size stops a body that declares none.
    return f"""\
{ACCESS_LOG}
	@too_large expression `header({{'Content-Length': '*'}}) && int({{http.request.header.Content-Length}}) > {limit}`
	@green file {{
		root {serving}
		try_files /green
	}}
	@blue file {{
		root {serving}
		try_files /up
	}}
	request_body {{
		max_size {limit}
	}}
	handle @too_large {{
		respond "The request body is larger than {limit} bytes." 413 {{
			close
		}}
	}}
	handle @green {{
{_upstream(site, site.green)}
	}}
	handle @blue {{
{_upstream(site, site.blue)}
	}}
	handle {{
		respond "No release of {site.app} is serving." 503
	}}"""


def _upstream(site: Site, port: int) -> str:
    response = site.limits.response
    # keepalive is shorter than any usual server keeps an idle connection (gunicorn: 2 s), so that no request is sent
    # into a connection that the app is just closing. Dialling again for 3 s bridges a restart of the app, and a reboot.
    lines = [
        f"reverse_proxy 127.0.0.1:{port} {{",
        "\tlb_try_duration 3s",
        "\tlb_try_interval 100ms",
        # At once, also where the app says the length. Not -1: a reload then ends the requests that wait for an answer,
        # and Debian's Caddy (2.6, built with a newer Go) with them, in a panic.
        "\tflush_interval 1ms",
        "\ttransport http {",
        "\t\tdial_timeout 3s",
        "\t\tkeepalive 1s",
        "\t\tkeepalive_idle_conns_per_host 64",
        "\t\tcompression off",
        *([f"\t\tresponse_header_timeout {_time(response)}"] if response else []),
        "\t}",
        "}",
    ]
    return "\n".join(f"\t\t{line}" for line in lines)


def _most(values: Iterable[float]) -> float:
    """The most generous of some limits; 0 means none."""
    found = list(values)
    return 0 if 0 in found else max(found)


def _time(value: float) -> str:
    return f"{round(value * 1000)}ms" if value % 1 else f"{value:g}s"
