"""The pages that visitors see where the proxy has no answer of the app's. Pure.

A release brings its own (see build/error_pages.py); Caddy finds them by the slot that serves, as it finds static files,
so they are switched and rolled back with the release. Programs, which ask for no HTML, get a line of text.
"""

from __future__ import annotations

import html
import re

from infra.agent.proxy import access
from infra.agent.proxy.site import Site
from infra.agent.system.layout import App

FOLDER = "pages"
"""What the folder of a release's own pages is called, beside its static files."""
NAME = re.compile(r"([45][0-9][0-9]|[45]xx|maintenance)\.html")
"""The names of pages: those of a status, or of all from 400 or 500 on; and of maintenance mode."""
WHEN_CLOSED = ("maintenance.html", "503.html")
"""The pages of a release that visitors of a closed site get, the first that is there."""
TITLE, TEXT = "This site is not available right now", "Please try again in a few minutes."
WHOLE = """\
		request_header -Range
		request_header -If-None-Match
		request_header -If-Modified-Since
"""
"""Has the file server send a page whole: the status is not 200, so no browser may have it already."""


def page(title: str, text: str, note: str = "") -> str:
    """A small page of our own: one line, no braces, in which Caddy would look for placeholders."""
    last = f'<p style="opacity:.6">{note}</p>' if note else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f'<meta name="color-scheme" content="light dark"><title>{title}</title></head>'
        '<body style="max-width:34rem;margin:20vh auto;padding:0 1.5rem;font:1.1rem/1.6 system-ui,sans-serif">'
        f'<h1 style="font-size:1.5rem">{title}</h1><p>{text}</p>{last}</body></html>'
    )


def maintenance_page(message: str) -> str:
    """The page of maintenance mode; the message is text, and stays text."""
    return page("Closed for maintenance", html.escape(message).replace("\n", "<br>") or TEXT) + "\n"


def handlers(site: Site) -> str:
    """What answers in place of an error of the proxy's own, with the error's status."""
    static = App(site.app).static
    code, words = "{http.error.status_code}", "{http.error.status_text}"
    of_slot = f"/{{http.vars.slot}}/{FOLDER}"
    first = "".join(f"\t{line}\n" for line in access.hsts_of_errors(site))
    return f"""\
	handle_errors {{
{first}		header Cache-Control no-store
		map {code} {{page_class}} {{
			~^5 5xx
			default 4xx
		}}
{WHOLE}\
		@own {{
			header Accept *text/html*
			file {{
				root {static}
				try_files {of_slot}/{code}.html {of_slot}/{{page_class}}.html
			}}
		}}
		handle @own {{
			rewrite * {{file_match.relative}}
			file_server {{
				root {static}
			}}
		}}
		@html_5xx {{
			header Accept *text/html*
			expression {code} >= 500
		}}
		handle @html_5xx {{
			header Content-Type "text/html; charset=utf-8"
			respond `{page(TITLE, TEXT, f"{code} {words}")}` {code}
		}}
		@html_4xx header Accept *text/html*
		handle @html_4xx {{
			header Content-Type "text/html; charset=utf-8"
			respond `{page(words, "This request was not answered.", code)}` {code}
		}}
		@said expression {code} in [413, 503]
		handle @said {{
			respond "{{http.error.message}}" {code}
		}}
		handle {{
			respond "{code} {words}" {code}
		}}
	}}"""
