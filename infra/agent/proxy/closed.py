"""What visitors get in maintenance mode, in the words of the proxy's configuration. Pure.

As with the slots, the proxy looks at files on every request (see maintenance.py), so nothing is reloaded. Below ``on``,
``visitors/SECONDS/page.html`` is there as long as the site is closed, and ``keys/KEY.key`` for those who may see it.
A key reaches a file name only if it is what we made: Caddy would take ``*`` in a name for a pattern.
"""

from __future__ import annotations

from infra.agent.proxy.pages import FOLDER, WHEN_CLOSED, WHOLE
from infra.agent.proxy.site import Site
from infra.agent.system.layout import App
from infra.protocol.maintenance import COOKIE, HEADER, PATH

KEY = "([0-9a-f]{32})"
WITH_KEY = "try_files /on/keys/{http.vars.maintenance_key}.key"


def matchers(site: Site) -> str:
    """Finds out whether a request meets maintenance mode, or brings a key."""
    root = App(site.app).maintenance
    return f"""\
	@key_in_cookie header_regexp maintenance Cookie "(?:^|; ?){COOKIE}={KEY}(?:;|$)"
	@key_in_url path_regexp maintenance ^{PATH}/{KEY}$
	vars @key_in_cookie maintenance_key {{re.maintenance.1}}
	vars @key_in_url maintenance_key {{re.maintenance.1}}
	skip_log {PATH}/*
	@enters {{
		path {PATH}/*
		file {{
			root {root}
			{WITH_KEY}
		}}
	}}
	@closed {{
		file {{
			root {root}
			try_files /on/visitors/*/page.html
		}}
		not file {{
			root {root}
			{WITH_KEY}
		}}
	}}"""


def handlers(site: Site) -> str:
    """Answers those who bring a key by its cookie, and all others by a page: the release's own, or that of a file."""
    app = App(site.app)
    secure = "; Secure" if site.domain else ""
    own = " ".join(f"/{{http.vars.slot}}/{FOLDER}/{name}" for name in WHEN_CLOSED)
    cookie = f"{COOKIE}={{http.vars.maintenance_key}}; Path=/; HttpOnly; SameSite=Lax{secure}"
    whole = WHOLE.replace("\t\t", "\t\t\t")
    return f"""\
	handle @enters {{
		header Cache-Control no-store
		header Set-Cookie "{cookie}"
		redir * / 303
	}}
	handle @closed {{
		route {{
			rewrite * {{file_match.relative}}
{whole}\
			header Retry-After {{path.2}}
			header Cache-Control no-store
			header {HEADER} on
			@own {{
				header Accept *text/html*
				file {{
					root {app.static}
					try_files {own}
				}}
			}}
			handle @own {{
				rewrite * {{file_match.relative}}
				file_server {{
					root {app.static}
					status 503
				}}
			}}
			@html header Accept *text/html*
			handle @html {{
				file_server {{
					root {app.maintenance}
					status 503
				}}
			}}
			handle {{
				rewrite * /on/visitors/{{path.2}}/page.txt
				file_server {{
					root {app.maintenance}
					status 503
				}}
			}}
		}}
	}}"""
