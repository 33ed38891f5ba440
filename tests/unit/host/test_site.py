"""The proxy's configuration, word for word."""

from infra.host.site import Site, caddyfile, conflicts
from infra.host.spec import Limits

BARE = """\
# Written by launchpad-host prepare; changes are overwritten by the next one.
{
	admin unix//run/caddy/admin.sock
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
	@too_large expression `header({'Content-Length': '*'}) && int({http.request.header.Content-Length}) > 10000000`
	@green file {
		root /var/lib/launchpad/app/serving
		try_files /green
	}
	@blue file {
		root /var/lib/launchpad/app/serving
		try_files /up
	}
	request_body {
		max_size 10000000
	}
	handle @too_large {
		respond "The request body is larger than 10000000 bytes." 413 {
			close
		}
	}
	handle @green {
		reverse_proxy 127.0.0.1:20002 {
			lb_try_duration 3s
			lb_try_interval 100ms
			flush_interval 1ms
			transport http {
				dial_timeout 3s
				keepalive 1s
				keepalive_idle_conns_per_host 64
				compression off
				response_header_timeout 60s
			}
		}
	}
	handle @blue {
		reverse_proxy 127.0.0.1:20001 {
			lb_try_duration 3s
			lb_try_interval 100ms
			flush_interval 1ms
			transport http {
				dial_timeout 3s
				keepalive 1s
				keepalive_idle_conns_per_host 64
				compression off
				response_header_timeout 60s
			}
		}
	}
	handle {
		respond "No release of app is serving." 503
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


def test_another_certificate_authority_and_another_port() -> None:
    site = Site("app", 1, 2, domain="a.org", https_port=8443, acme_ca="https://ca/dir", acme_root=True, email="a@b.org")
    text = lines(site)
    assert "redir https://a.org:8443{uri} 308" in text
    start = text.index("issuer acme {")
    assert text[start + 1 : start + 4] == [
        "dir https://ca/dir",
        "email a@b.org",
        "trusted_roots /etc/launchpad/tls/app/acme-root.pem",
    ]


def test_an_own_certificate() -> None:
    text = lines(Site("app", 1, 2, domain="a.org", own_certificate=True))
    assert "tls /etc/launchpad/tls/app/certificate.pem /etc/launchpad/tls/app/key.pem" in text


def test_certificates_in_a_folder_of_their_own() -> None:
    text = lines(Site("app", 1, 2, domain="a.org", own_certificate=True, certificates="0123456789ab"))
    folder = "/etc/launchpad/tls/app/0123456789ab"
    assert f"tls {folder}/certificate.pem {folder}/key.pem" in text


def test_the_most_generous_limits_are_the_servers() -> None:
    sites = [
        Site("one", 1, 2, limits=Limits(header=8000, read_body=30, idle=60, response=0)),
        Site("two", 3, 4, http_port=81, limits=Limits(header=9000, read_body=0, idle=90.5)),
    ]
    text = [line.strip() for line in caddyfile(sites).splitlines()]
    assert {"max_header_size 9000", "idle 90500ms"} <= set(text)
    assert not [line for line in text if line.startswith("read_body")]
    assert text.count("response_header_timeout 60s") == 2


def test_conflicts() -> None:
    assert conflicts([Site("one", 1, 2), Site("two", 3, 4, http_port=81), Site("three", 5, 6, domain="a.org")]) == []
    assert conflicts([Site("b", 1, 2), Site("a", 3, 4)]) == [
        "both a and b want port 80 without a domain; give one of them another http_port or a domain"
    ]
    assert conflicts([Site("b", 1, 2, domain="x.org"), Site("a", 3, 4, domain="x.org", http_port=81)]) == [
        "both a and b want the domain x.org; give one of them another http_port or a domain",
        "apps with domains have to share one http_port and one https_port",
    ]


def test_settings_survive_being_kept() -> None:
    site = Site("app", 1, 2, domain="a.org", limits=Limits(idle=3))
    assert Site.from_data({**site.as_data(), "of a newer program": 1}) == site
