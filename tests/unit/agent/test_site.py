"""The proxy's configuration, word for word."""

import base64
import json
import re

from hypothesis import given
from hypothesis import strategies as st

from infra.agent.proxy import access
from infra.agent.proxy.caddyfile import caddyfile
from infra.agent.proxy.site import Site, conflicts
from infra.protocol import visitors
from infra.protocol.specs import Limits

BARE = """\
# Written by launchpad-agent prepare; changes are overwritten by the next one.
{
	admin unix//run/launchpad-proxy/admin.sock
	grace_period 30s
	auto_https off
	servers {
		protocols h1 h2
		max_header_size 16000
		timeouts {
			read_header 10s
			idle 300s
		}
	}
}

http://:80 {
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
	}
	@key_in_cookie header_regexp maintenance Cookie "(?:^|; ?)launchpad_maintenance=([0-9a-f]{32})(?:;|$)"
	@key_in_url path_regexp maintenance ^/launchpad-maintenance/([0-9a-f]{32})$
	vars @key_in_cookie maintenance_key {re.maintenance.1}
	vars @key_in_url maintenance_key {re.maintenance.1}
	skip_log /launchpad-maintenance/*
	@enters {
		path /launchpad-maintenance/*
		file {
			root /var/lib/launchpad/app/maintenance
			try_files /on/keys/{http.vars.maintenance_key}.key
		}
	}
	@closed {
		file {
			root /var/lib/launchpad/app/maintenance
			try_files /on/visitors/*/page.html
		}
		not file {
			root /var/lib/launchpad/app/maintenance
			try_files /on/keys/{http.vars.maintenance_key}.key
		}
	}
	@too_large expression `header({'Content-Length': '*'}) && int({http.request.header.Content-Length}) > 10000000`
	@green file {
		root /var/lib/launchpad/app/serving
		try_files /green
	}
	@blue file {
		root /var/lib/launchpad/app/serving
		try_files /up
	}
	@suspended file {
		root /run/launchpad-suspended
		try_files /app
	}
	vars @blue slot blue
	vars @green slot green
	@serves_green vars {http.vars.slot} green
	@serves_blue vars {http.vars.slot} blue
	request_body {
		max_size 10000000
	}
	handle @enters {
		header Cache-Control no-store
		header Set-Cookie "launchpad_maintenance={http.vars.maintenance_key}; Path=/; HttpOnly; SameSite=Lax"
		redir * / 303
	}
	handle @closed {
		route {
			rewrite * {file_match.relative}
			request_header -Range
			request_header -If-None-Match
			request_header -If-Modified-Since
			header Retry-After {path.2}
			header Cache-Control no-store
			header Launchpad-Maintenance on
			@own {
				header Accept *text/html*
				file {
					root /srv/app/static
					try_files /{http.vars.slot}/pages/maintenance.html /{http.vars.slot}/pages/503.html
				}
			}
			handle @own {
				rewrite * {file_match.relative}
				file_server {
					root /srv/app/static
					status 503
				}
			}
			@html header Accept *text/html*
			handle @html {
				file_server {
					root /var/lib/launchpad/app/maintenance
					status 503
				}
			}
			handle {
				rewrite * /on/visitors/{path.2}/page.txt
				file_server {
					root /var/lib/launchpad/app/maintenance
					status 503
				}
			}
		}
	}
	handle @too_large {
		header Connection close
		error "The request body is larger than 10000000 bytes." 413
	}
	handle @suspended {
		header Retry-After 5
		error "The next release of app is starting." 503
	}
	handle @serves_green {
		route {
			@in_data {
				method GET HEAD
				file {
					root /srv/app/static
					try_files /green/data/{path.0}/=here /green/data/{path.0}/{path.1}/=here /green/data/{path.0}/{path.1}/{path.2}/=here
				}
			}
			reverse_proxy @in_data unix//run/launchpad-files/app.sock {
				header_up Launchpad-Slot green
				transport http {
					dial_timeout 3s
					keepalive off
					compression off
					response_header_timeout 30s
				}
			}
			@static {
				method GET HEAD
				expression `!{http.request.uri.path}.contains("/..")`
				file {
					root /srv/app/static
					try_files /green/urls/{path.0}/
				}
			}
			handle @static {
				@immutable file {
					root /srv/app/static
					try_files /green/immutable{path} /kept/*/immutable{path}
				}
				handle @immutable {
					rewrite * {file_match.relative}
					header Cache-Control "public, max-age=31536000, immutable"
					header X-Content-Type-Options nosniff
					header ?Vary Accept-Encoding
					file_server {
						root /srv/app/static
						precompressed br zstd gzip
					}
				}
				@urls file {
					root /srv/app/static
					try_files /green/urls{path} /kept/*/urls{path}
				}
				handle @urls {
					rewrite * {file_match.relative}
					header Cache-Control "public, max-age=60"
					header X-Content-Type-Options nosniff
					header ?Vary Accept-Encoding
					file_server {
						root /srv/app/static
						precompressed br zstd gzip
					}
				}
			}
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
			}
			reverse_proxy 127.0.0.1:20002 {
				lb_try_duration 3s
				lb_try_interval 100ms
				flush_interval 1ms
				header_up -Forwarded
				header_up -X-Real-Ip
				header_up -X-Scheme
				header_up -X-Forwarded-Ssl
				header_up -X-Forwarded-Protocol
				header_up -X-Forwarded-Port
				header_down -Launchpad-Maintenance
				transport http {
					dial_timeout 3s
					keepalive 1s
					keepalive_idle_conns_per_host 64
					compression off
					response_header_timeout 60s
				}
			}
		}
	}
	handle @serves_blue {
		route {
			@in_data {
				method GET HEAD
				file {
					root /srv/app/static
					try_files /blue/data/{path.0}/=here /blue/data/{path.0}/{path.1}/=here /blue/data/{path.0}/{path.1}/{path.2}/=here
				}
			}
			reverse_proxy @in_data unix//run/launchpad-files/app.sock {
				header_up Launchpad-Slot blue
				transport http {
					dial_timeout 3s
					keepalive off
					compression off
					response_header_timeout 30s
				}
			}
			@static {
				method GET HEAD
				expression `!{http.request.uri.path}.contains("/..")`
				file {
					root /srv/app/static
					try_files /blue/urls/{path.0}/
				}
			}
			handle @static {
				@immutable file {
					root /srv/app/static
					try_files /blue/immutable{path} /kept/*/immutable{path}
				}
				handle @immutable {
					rewrite * {file_match.relative}
					header Cache-Control "public, max-age=31536000, immutable"
					header X-Content-Type-Options nosniff
					header ?Vary Accept-Encoding
					file_server {
						root /srv/app/static
						precompressed br zstd gzip
					}
				}
				@urls file {
					root /srv/app/static
					try_files /blue/urls{path} /kept/*/urls{path}
				}
				handle @urls {
					rewrite * {file_match.relative}
					header Cache-Control "public, max-age=60"
					header X-Content-Type-Options nosniff
					header ?Vary Accept-Encoding
					file_server {
						root /srv/app/static
						precompressed br zstd gzip
					}
				}
			}
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
			}
			reverse_proxy 127.0.0.1:20001 {
				lb_try_duration 3s
				lb_try_interval 100ms
				flush_interval 1ms
				header_up -Forwarded
				header_up -X-Real-Ip
				header_up -X-Scheme
				header_up -X-Forwarded-Ssl
				header_up -X-Forwarded-Protocol
				header_up -X-Forwarded-Port
				header_down -Launchpad-Maintenance
				transport http {
					dial_timeout 3s
					keepalive 1s
					keepalive_idle_conns_per_host 64
					compression off
					response_header_timeout 60s
				}
			}
		}
	}
	handle {
		error "No release of app is serving." 503
	}
	handle_errors {
		header Cache-Control no-store
		map {http.error.status_code} {page_class} {
			~^5 5xx
			default 4xx
		}
		request_header -Range
		request_header -If-None-Match
		request_header -If-Modified-Since
		@own {
			header Accept *text/html*
			file {
				root /srv/app/static
				try_files /{http.vars.slot}/pages/{http.error.status_code}.html /{http.vars.slot}/pages/{page_class}.html
			}
		}
		handle @own {
			rewrite * {file_match.relative}
			file_server {
				root /srv/app/static
			}
		}
		@html_5xx {
			header Accept *text/html*
			expression {http.error.status_code} >= 500
		}
		handle @html_5xx {
			header Content-Type "text/html; charset=utf-8"
			respond `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex"><meta name="color-scheme" content="light dark"><title>This site is not available right now</title></head><body style="max-width:34rem;margin:20vh auto;padding:0 1.5rem;font:1.1rem/1.6 system-ui,sans-serif"><h1 style="font-size:1.5rem">This site is not available right now</h1><p>Please try again in a few minutes.</p><p style="opacity:.6">{http.error.status_code} {http.error.status_text}</p></body></html>` {http.error.status_code}
		}
		@html_4xx header Accept *text/html*
		handle @html_4xx {
			header Content-Type "text/html; charset=utf-8"
			respond `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex"><meta name="color-scheme" content="light dark"><title>{http.error.status_text}</title></head><body style="max-width:34rem;margin:20vh auto;padding:0 1.5rem;font:1.1rem/1.6 system-ui,sans-serif"><h1 style="font-size:1.5rem">{http.error.status_text}</h1><p>This request was not answered.</p><p style="opacity:.6">{http.error.status_code}</p></body></html>` {http.error.status_code}
		}
		@said expression {http.error.status_code} in [413, 503]
		handle @said {
			respond "{http.error.message}" {http.error.status_code}
		}
		handle {
			respond "{http.error.status_code} {http.error.status_text}" {http.error.status_code}
		}
	}
}
"""


def lines(site: Site) -> list[str]:
    return [line.strip() for line in caddyfile([site]).splitlines()]


def test_one_app_without_a_domain() -> None:
    assert caddyfile([Site("app", 20001, 20002)]) == BARE


def test_a_domain_redirects_and_gets_certificates() -> None:
    text = lines(Site("app", 1, 2, domain="example.org"))
    assert "auto_https disable_redirects" in text
    assert text[text.index("http://example.org:80 {") + 1] == "redir https://example.org{uri} 308"
    assert "https://example.org:443 {" in text
    assert "# Certificates for example.org come by ACME from Caddy's default authorities." in text


def test_more_host_names_redirect_to_the_domain_in_one_hop_with_certificates_of_their_own() -> None:
    text = lines(Site("app", 1, 2, domain="a.org", aliases=("www.a.org", "a.net"), own_certificate=True))
    start = text.index("http://a.org:80, http://www.a.org:80, http://a.net:80 {")
    certificate = "tls /etc/launchpad/tls/app/certificate.pem /etc/launchpad/tls/app/key.pem"
    assert text[start : start + 10] == [
        *("http://a.org:80, http://www.a.org:80, http://a.net:80 {", "redir https://a.org{uri} 308", "}", ""),
        *("https://www.a.org:443, https://a.net:443 {", certificate, "redir https://a.org{uri} 308", "}", ""),
        "https://a.org:443 {",
    ]


def test_only_trusted_proxies_say_who_the_visitor_is() -> None:
    text = lines(Site("app", 1, 2, trusted_proxies=("198.51.100.0/24", "2001:db8::/64")))
    start = text.index("trusted_proxies 198.51.100.0/24 2001:db8::/64")
    assert text[start + 1] == 'header_up X-Forwarded-For "^(?:.*,)? *([^, ]+), [^,]*$" "$1"'
    assert text[start - 2] == "header_up -X-Forwarded-Port", "headers that contradict them are dropped as ever"
    assert text.count(text[start]) == 2, "in both slots"


def test_browsers_insist_on_https_where_there_is_a_domain_and_the_app_says_nothing_else() -> None:
    text = lines(Site("app", 1, 2, domain="a.org", aliases=("www.a.org",), hsts=2592000))
    header = "header ?Strict-Transport-Security max-age=2592000"
    starts = [text.index(f"https://{name}:443 {{") for name in ("www.a.org", "a.org")]
    assert header in text[starts[0] : starts[0] + 4], "on each name by itself"
    assert header in text[starts[1] :]
    assert header not in text[: starts[0]], "not over plain HTTP, where browsers ignore it"
    assert "header ?Strict-Transport-Security max-age=0" in lines(Site("app", 1, 2, domain="a.org", hsts=0))
    for site in (Site("app", 1, 2, hsts=2592000), Site("app", 1, 2, domain="a.org")):
        assert not [line for line in lines(site) if "Strict-Transport" in line]


def test_a_site_with_passwords() -> None:
    site = Site("app", 1, 2, basic_auth=(("ana", "$2b$10$x"), ("bob", "$2b$10$y")))
    text = lines(site)
    test = (
        '{http.request.header.Authorization}.matches("^(?i:basic) '
        '(?:YW5hO[ghijklmnopqrstuv]|Ym9iO[ghijklmnopqrstuv])[A-Za-z0-9+/]*={0,2}$")'
    )
    start = text.index(f"@user expression `{test}`")
    assert text[start + 1 : start + 10] == [
        *(f"@stranger expression `!{test}`", 'basicauth @user bcrypt "app" {', "ana $2b$10$x", "bob $2b$10$y", "}"),
        *("handle @stranger {", 'header WWW-Authenticate `Basic realm="app"`', "error 401", "}"),
    ]
    assert start < text.index("handle @enters {"), "a stranger meets nothing else"
    assert text.count("header_up -Authorization") == 2, "both slots: it is the proxy's password, not one of the app's"
    assert "$2b" not in repr(site)
    assert not [line for line in lines(Site("app", 1, 2)) if "basicauth" in line or "Authorization" in line]
    assert Site.from_data(json.loads(json.dumps(site.as_data()))) == site


NAMES = st.from_regex(visitors.NAME, fullmatch=True)


@given(NAMES, NAMES, st.text(max_size=20), st.sampled_from(["Basic ", "basic ", "BASIC "]))
def test_only_a_header_that_names_a_user_costs_a_hash(user: str, other: str, password: str, scheme: str) -> None:
    """Whatever the password: base64 has bits of both in one letter."""
    expression = access.header([user, "ops@example.org"])

    def sent(name: str) -> str:
        return scheme + base64.b64encode(f"{name}:{password}".encode(errors="replace")).decode()

    assert re.search(expression, sent(user))
    assert re.search(expression, sent("ops@example.org"))
    assert bool(re.search(expression, sent(other))) is (other in (user, "ops@example.org"))
    assert not re.search(expression, f"{sent(user)},{sent(user)}"), "two headers"
    assert not re.search(expression, "")


def test_another_certificate_authority() -> None:
    site = Site("app", 1, 2, domain="a.org", acme_ca="https://ca/dir", acme_root=True)
    text = lines(site)
    start = text.index("issuer acme {")
    assert text[start + 1 : start + 3] == [
        "dir https://ca/dir",
        "trusted_roots /etc/launchpad/tls/app/acme-root.pem",
    ]


def test_an_own_certificate() -> None:
    text = lines(Site("app", 1, 2, domain="a.org", own_certificate=True))
    assert "tls /etc/launchpad/tls/app/certificate.pem /etc/launchpad/tls/app/key.pem" in text


def test_certificates_in_a_folder_of_their_own() -> None:
    text = lines(Site("app", 1, 2, domain="a.org", own_certificate=True, certificates="0123456789ab"))
    folder = "/etc/launchpad/tls/app/0123456789ab"
    assert f"tls {folder}/certificate.pem {folder}/key.pem" in text


def test_the_most_generous_header_limit_is_the_servers() -> None:
    sites = [
        Site("one", 1, 2, limits=Limits(request_header=8000, response=90.5)),
        Site("two", 3, 4, http_port=81, limits=Limits(request_header=9000)),
    ]
    text = [line.strip() for line in caddyfile(sites).splitlines()]
    assert "max_header_size 9000" in text
    assert [text.count(f"response_header_timeout {time}") for time in ("90500ms", "60s")] == [2, 2]


RENAMED = "An app that was renamed keeps both until the end of the up that takes it off the machine"


def test_conflicts_name_the_remedy_for_an_app_that_was_renamed() -> None:
    assert conflicts([Site("one", 1, 2), Site("two", 3, 4, http_port=81), Site("three", 5, 6, domain="a.org")]) == []
    assert conflicts([Site("b", 1, 2), Site("a", 3, 4)]) == [
        f"both a and b want port 80 without a domain; give one of them another http_port or a domain. {RENAMED}"
    ]
    assert conflicts([Site("b", 1, 2, domain="x.org"), Site("a", 3, 4, domain="x.org", http_port=81)]) == [
        f"both a and b want the domain x.org; give one of them another http_port or a domain. {RENAMED}",
        "apps with domains have to share one http_port",
    ]
    aliases = [Site("a", 1, 2, domain="a.org", aliases=("x.org",)), Site("b", 3, 4, domain="b.org", aliases=("x.org",))]
    assert conflicts(aliases) == [
        f"both a and b want the domain x.org; give one of them another http_port or a domain. {RENAMED}"
    ]


def test_settings_survive_being_kept() -> None:
    site = Site("app", 1, 2, domain="a.org", limits=Limits(response=3))
    assert Site.from_data({**site.as_data(), "of a newer program": 1}) == site
    named = Site("app", 1, 2, domain="a.org", aliases=("b.org",), trusted_proxies=("10.0.0.0/8",))
    assert Site.from_data(json.loads(json.dumps(named.as_data()))) == named
