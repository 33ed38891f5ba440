"""What answers a request to an app, in the words of the proxy's configuration. Pure."""

from __future__ import annotations

from infra.agent.proxy import access, closed, pages
from infra.agent.proxy.site import Site
from infra.agent.system.layout import App
from infra.protocol.maintenance import HEADER

PREFIXES = ("{path.0}", "{path.0}/{path.1}", "{path.0}/{path.1}/{path.2}")
"""The URLs that can have files of $DATA_DIR below them, as deep as the app model allows."""
IMMUTABLE = "public, max-age=31536000, immutable"
CHANGING = "public, max-age=60"
INSIDE = '`!{http.request.uri.path}.contains("/..")`'
"""Whether a request's path leads up nowhere: Caddy looks for ``/static/../../x`` in the folder above, too."""
ENCODE = """\
	encode {
		zstd
		gzip 5
		minimum_length 1024
		match {
			status 200
			header Content-Length *
			header Content-Type text/css*
			header Content-Type text/html*
			header Content-Type text/plain*
			header Content-Type text/csv*
			header Content-Type text/xml*
			header Content-Type text/javascript*
			header Content-Type application/javascript*
			header Content-Type application/json*
			header Content-Type application/xml*
			header Content-Type application/wasm*
			header Content-Type *+json*
			header Content-Type *+xml*
		}
	}"""
"""Compresses what the app answers. Not what it streams, whose length it does not know: Caddy 2.6 would hold it back
until there is enough to compress. Nor a part of a file, whose bytes are counted uncompressed."""
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


def handlers(site: Site) -> str:
    """What answers the requests of a site: a refusal, the files and the app of the slot that serves, or a page."""
    app = App(site.app)
    limit = site.limits.request_body
    first = "".join(f"{line}\n" for line in (*access.hsts(site), *access.passwords(site)))
    # The matcher rejects a declared length at once; max_size stops a body that declares none.
    return f"""\
{ACCESS_LOG}
{closed.matchers(site)}
	@too_large expression `header({{'Content-Length': '*'}}) && int({{http.request.header.Content-Length}}) > {limit}`
	@green file {{
		root {app.serving}
		try_files /green
	}}
	@blue file {{
		root {app.serving}
		try_files /up
	}}
	@suspended file {{
		root {app.suspended.parent}
		try_files /{app.suspended.name}
	}}
	vars @blue slot blue
	vars @green slot green
	@serves_green vars {{http.vars.slot}} green
	@serves_blue vars {{http.vars.slot}} blue
{first}	request_body {{
		max_size {limit}
	}}
{closed.handlers(site)}
	handle @too_large {{
		header Connection close
		error "The request body is larger than {limit} bytes." 413
	}}
	handle @suspended {{
		header Retry-After 5
		error "The next release of {site.app} is starting." 503
	}}
	handle @serves_green {{
{_slot(site, "green")}
	}}
	handle @serves_blue {{
{_slot(site, "blue")}
	}}
	handle {{
		error "No release of {site.app} is serving." 503
	}}
{pages.handlers(site)}"""


def _slot(site: Site, slot: str) -> str:
    """What answers while a slot serves: the files of its release, those of other kept releases, the app itself.

    Which files there are the proxy sees for itself at each request (see public_files.py), so a release changes nothing
    here. A request for what is no file is the app's to answer.
    """
    text = f"""\
route {{
	@in_data {{
		method GET HEAD
		file {{
			root {App(site.app).static}
			try_files {" ".join(f"/{slot}/data/{part}/=here" for part in PREFIXES)}
		}}
	}}
	reverse_proxy @in_data unix/{App(site.app).files_socket} {{
		header_up Launchpad-Slot {slot}
		transport http {{
			dial_timeout 3s
			keepalive off
			compression off
			response_header_timeout 30s
		}}
	}}
	@static {{
		method GET HEAD
		expression {INSIDE}
		file {{
			root {App(site.app).static}
			try_files /{slot}/urls/{{path.0}}/
		}}
	}}
	handle @static {{
{_files(site, slot, "immutable", IMMUTABLE)}
{_files(site, slot, "urls", CHANGING)}
	}}
{ENCODE}
{_upstream(site, site.port(slot))}
}}"""
    return "\n".join(f"\t\t{line}" for line in text.splitlines())


def _files(site: Site, slot: str, kind: str, caching: str) -> str:
    """Serves files of one kind: of the slot's release first, then of any kept one."""
    root = App(site.app).static
    text = f"""\
@{kind} file {{
	root {root}
	try_files /{slot}/{kind}{{path}} /kept/*/{kind}{{path}}
}}
handle @{kind} {{
	rewrite * {{file_match.relative}}
	header Cache-Control "{caching}"
	header X-Content-Type-Options nosniff
	header ?Vary Accept-Encoding
	file_server {{
		root {root}
		precompressed br zstd gzip
	}}
}}"""
    return "\n".join(f"\t\t{line}" for line in text.splitlines())


SPOOFED = ("Forwarded", "X-Real-Ip", "X-Scheme", "X-Forwarded-Ssl", "X-Forwarded-Protocol", "X-Forwarded-Port")
"""Headers that some servers believe before X-Forwarded-For and X-Forwarded-Proto, which Caddy sets, and which only a
client can have sent. Tornado believes X-Real-Ip and X-Scheme; gunicorn refuses a request whose headers contradict."""
NEAREST = '"^(?:.*,)? *([^, ]+), [^,]*$" "$1"'
"""Leaves of X-Forwarded-For the address that the trusted proxy added, without what a visitor may have sent before it
and without the proxy's own, which Caddy appends. Apps then get one address in any case, and need to count none."""


def _upstream(site: Site, port: int) -> str:
    # keepalive is shorter than what usual servers grant an idle connection (gunicorn: 2 s), so that no request goes
    # into a connection that the app is just closing. Dialling again for 3 s bridges a restart of the app, and a reboot.
    lines = [
        f"reverse_proxy 127.0.0.1:{port} {{",
        "\tlb_try_duration 3s",
        "\tlb_try_interval 100ms",
        # At once, even if the app declares the length. Not -1: a reload then ends the requests that wait for an answer,
        # and with them Debian's Caddy (2.6, built with a newer Go), which panics.
        "\tflush_interval 1ms",
        *(f"\theader_up -{name}" for name in SPOOFED),
        # Only the proxy says this, and the workstation's check believes it.
        f"\theader_down -{HEADER}",
        # Only the proxy's own password can be in it, and an app may refuse what it does not know.
        *(["\theader_up -Authorization"] if site.basic_auth else []),
        *_trusted(site),
        "\ttransport http {",
        "\t\tdial_timeout 3s",
        "\t\tkeepalive 1s",
        "\t\tkeepalive_idle_conns_per_host 64",
        "\t\tcompression off",
        f"\t\tresponse_header_timeout {_time(site.limits.response)}",
        "\t}",
        "}",
    ]
    return "\n".join(f"\t{line}" for line in lines)


def _trusted(site: Site) -> list[str]:
    """Believes the X-Forwarded headers of some networks; Caddy replaces those of any other address."""
    if not site.trusted_proxies:
        return []
    return [f"\ttrusted_proxies {' '.join(site.trusted_proxies)}", f"\theader_up X-Forwarded-For {NEAREST}"]


def _time(value: float) -> str:
    return f"{round(value * 1000)}ms" if value % 1 else f"{value:g}s"
