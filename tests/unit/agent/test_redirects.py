"""Where a redirect leads, and what an app is asked: against a real server on loopback."""

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.agent.release import answers
from infra.agent.release.answers import Answer, Watch
from infra.common import redirects
from infra.common.redirects import Leads, Public
from infra.protocol.specs import Health

PLAIN = Public("198.18.0.5")
ODD = Public("198.18.0.5", http_port=8080)
DOMAIN = Public("Shop.example.org", https=True)


@pytest.mark.parametrize(
    ("public", "location", "leads", "target"),
    [
        (PLAIN, "/login", Leads.HERE, "/login"),
        (PLAIN, "login?next=/a b", Leads.HERE, "/a/login?next=/a%20b"),
        (PLAIN, "../%7eme/./x#part", Leads.HERE, "/~me/x"),
        (PLAIN, "http://198.18.0.5", Leads.HERE, "/"),
        (PLAIN, "http://198.18.0.5:80/x", Leads.HERE, "/x"),
        (PLAIN, "//198.18.0.5/x", Leads.HERE, "/x"),
        (PLAIN, "https://198.18.0.5/", Leads.HTTPS, "https://198.18.0.5/"),
        (dataclasses.replace(PLAIN, fronted=True), "https://198.18.0.5/", Leads.ELSEWHERE, "https://198.18.0.5/"),
        (PLAIN, "https://198.18.0.5:443/x", Leads.HTTPS, "https://198.18.0.5:443/x"),
        (PLAIN, "https://198.18.0.5:8443/", Leads.ELSEWHERE, "https://198.18.0.5:8443/"),
        (PLAIN, "http://198.18.0.5:20001/", Leads.ELSEWHERE, "http://198.18.0.5:20001/"),
        (PLAIN, "https://sso.example.org/", Leads.ELSEWHERE, "https://sso.example.org/"),
        (PLAIN, "shop://open", Leads.ELSEWHERE, "shop://open"),
        (PLAIN, "http://[::1", Leads.NOWHERE, "http://[::1"),
        (PLAIN, "http://198.18.0.5:no/", Leads.NOWHERE, "http://198.18.0.5:no/"),
        (ODD, "/x", Leads.HERE, "/x"),
        (ODD, "http://198.18.0.5:8080/x", Leads.HERE, "/x"),
        (ODD, "http://198.18.0.5/x", Leads.ELSEWHERE, "http://198.18.0.5/x"),
        (ODD, "https://198.18.0.5/x", Leads.HTTPS, "https://198.18.0.5/x"),
        (ODD, "https://198.18.0.5:8080/x", Leads.HTTPS, "https://198.18.0.5:8080/x"),
        (
            dataclasses.replace(ODD, fronted=True),
            "https://198.18.0.5:8080/",
            Leads.ELSEWHERE,
            "https://198.18.0.5:8080/",
        ),
        (DOMAIN, "https://shop.example.org./x", Leads.HERE, "/x"),
        (DOMAIN, "http://SHOP.example.org/x", Leads.HERE, "/x"),
        (DOMAIN, "https://www.shop.example.org/", Leads.ELSEWHERE, "https://www.shop.example.org/"),
    ],
)
def test_where_a_redirect_leads(public: Public, location: str, leads: Leads, target: str) -> None:
    assert redirects.follow(public, "/a/b", location) == (leads, target)


@pytest.mark.parametrize(
    ("public", "authority"), [(PLAIN, "198.18.0.5"), (ODD, "198.18.0.5:8080"), (DOMAIN, "Shop.example.org")]
)
def test_the_host_that_visitors_name(public: Public, authority: str) -> None:
    assert public.authority == authority


ANY = st.text(alphabet=st.characters(codec="utf-8"))
ODD_PARTS = st.lists(st.sampled_from(["/", ".", "..", "%2e", "%2", "%", "?", "%3F", "#", "//", "a", "é", "%25"])).map(
    "".join
)


@given(ANY | ODD_PARTS, ANY | ODD_PARTS)
def test_a_normal_path_is_ascii_and_stays_as_it_is(path: str, query: str) -> None:
    once = redirects.normal(path, query)
    assert once.startswith("/")
    assert once.isascii()
    assert not any(letter.isspace() for letter in once)
    assert redirects.normal(*once.partition("?")[::2]) == once


@given(st.lists(st.text(alphabet="abc.~%é /", max_size=5), max_size=5))
def test_a_path_leads_to_itself_however_it_is_written(parts: list[str]) -> None:
    path = redirects.normal("/".join(parts))
    for written in (f"http://198.18.0.5{path}", f"http://198.18.0.5:80{path}"):
        assert redirects.follow(PLAIN, "/somewhere/else", written) == (Leads.HERE, path)


Pages = Mapping[str, tuple[int, str]]


@contextmanager
def serving(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def pages(found: Pages) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answers with a status and either a location or a body."""

    def answer(request: BaseHTTPRequestHandler) -> None:
        status, text = found.get(request.path, (404, "nothing here"))
        request.send_response(status)
        if 300 <= status < 400 and text:
            request.send_header("Location", text)
        request.end_headers()
        request.wfile.write(b"" if 300 <= status < 400 else text.encode())

    return answer


def ask(found: Pages, public: Public = PLAIN, path: str = "/", accepted: tuple[int, int] = (200, 399)) -> Answer:
    with serving(pages(found)) as port:
        return answers.ask(Watch("app@blue.service", port, Health(path, (accepted,)), public))


CHAINS: dict[str, tuple[Pages, Public, bool, str]] = {
    "plain": ({"/": (200, "fine")}, PLAIN, True, "status 200"),
    "a login": (
        {"/": (302, "/login/"), "/login/": (200, "who are you?")},
        PLAIN,
        True,
        "status 302 to /login/, then status 200",
    ),
    "a login that fails": (
        {"/": (302, "/login/"), "/login/": (500, "oops")},
        PLAIN,
        False,
        "status 302 to /login/, then status 500",
    ),
    "to HTTPS where there is none": (
        {"/": (301, "https://198.18.0.5/")},
        PLAIN,
        False,
        "/ redirects to https://198.18.0.5/ (301), but no domain is set, so nothing answers there: "
        "set launchpad:domain, or turn off the redirect (Django: SECURE_SSL_REDIRECT)",
    ),
    "to HTTPS by way of a path": (
        {"/": (302, "/a"), "/a": (301, "https://198.18.0.5/a")},
        PLAIN,
        False,
        "/a redirects to https://198.18.0.5/a (301), but no domain is set, so nothing answers there: "
        "set launchpad:domain, or turn off the redirect (Django: SECURE_SSL_REDIRECT)",
    ),
    "to itself": (
        {"/": (302, "/")},
        PLAIN,
        False,
        "/ redirects to / (302): a redirect loop",
    ),
    "to itself, written otherwise": (
        {"/": (302, "http://198.18.0.5:80/x/..#top")},
        PLAIN,
        False,
        "/ redirects to / (302): a redirect loop",
    ),
    "in a circle": (
        {"/": (302, "/a"), "/a": (302, "/b"), "/b": (302, "/a")},
        PLAIN,
        False,
        "/b redirects to /a (302): a redirect loop",
    ),
    "without end": (
        {"/": (302, "/0"), **{f"/{number}": (302, f"/{number + 1}") for number in range(20)}},
        PLAIN,
        False,
        "/9 redirects to /10 (302): a redirect loop",
    ),
    "to HTTPS behind a domain": (
        {"/": (301, "https://shop.example.org/")},
        DOMAIN,
        False,
        "/ redirects to / (301): a redirect loop. HTTPS ends at the "
        "proxy: have the app trust X-Forwarded-Proto (Django: SECURE_PROXY_SSL_HEADER, Flask: ProxyFix, "
        "waitress: --trusted-proxy=127.0.0.1)",
    ),
    "to plain HTTP behind a domain": (
        {"/": (302, "http://shop.example.org/login"), "/login": (200, "hello")},
        DOMAIN,
        True,
        "status 302 to /login, then status 200",
    ),
    "to another host": (
        {"/": (302, "https://sso.example.org/")},
        PLAIN,
        True,
        "status 302 to https://sso.example.org/",
    ),
    "nowhere": ({"/": (302, "http://[bad")}, PLAIN, False, "/ redirects to http://[bad (302), which is not a URL"),
    "no location": ({"/": (304, "")}, PLAIN, True, "status 304"),
}


@pytest.mark.parametrize("name", CHAINS)
def test_redirects_are_followed_as_a_browser_would(name: str) -> None:
    found, public, healthy, words = CHAINS[name]
    answer = ask(found, public)
    assert (answer.healthy(Health(status=((200, 399),))), answer.brief()) == (healthy, words)


def test_a_redirect_away_from_the_app_is_healthy_and_mentioned() -> None:
    answer = ask({"/": (302, "https://sso.example.org/")})
    assert answer.note == (
        "/ redirects to https://sso.example.org/ (302), which is not the app's own address, so it was not checked"
    )


def test_only_an_expected_redirect_is_followed() -> None:
    answer = ask({"/": (302, "/a"), "/a": (200, "")}, accepted=(200, 299))
    assert (answer.healthy(Health(status=((200, 299),))), answer.describe()) == (False, "status 302 to /a")
    answer = ask({"/": (302, "/a"), "/a": (200, "")}, accepted=(302, 302))
    assert answer.healthy(Health(status=((302, 302),)))


def test_a_cookie_that_lets_one_through_is_no_circle() -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200 if request.headers["Cookie"] == "seen=1; b=2" else 302)
        for cookie in ("seen=1; Path=/", "b=2"):
            request.send_header("Set-Cookie", cookie)
        request.send_header("Location", "/")
        request.end_headers()

    with serving(answer) as port:
        found = answers.ask(Watch("app@blue.service", port, Health(), PLAIN))
    assert found.healthy(Health())


@pytest.mark.parametrize(
    ("public", "host", "proto"),
    [(PLAIN, "198.18.0.5", "http"), (ODD, "198.18.0.5:8080", "http"), (DOMAIN, "Shop.example.org", "https")],
)
def test_the_question_looks_like_one_of_the_proxy(public: Public, host: str, proto: str) -> None:
    seen: dict[str, str] = {}

    def answer(request: BaseHTTPRequestHandler) -> None:
        seen.update(request.headers)
        request.send_response(200)
        request.end_headers()

    with serving(answer) as port:
        answers.ask(Watch("app@blue.service", port, Health(), public))
    assert {key: text for key, text in seen.items() if key not in ("User-Agent", "Connection", "Accept-Encoding")} == {
        "Accept": "text/html,*/*;q=0.8",
        "Host": host,
        "X-Forwarded-For": "127.0.0.1",
        "X-Forwarded-Host": host,
        "X-Forwarded-Proto": proto,
    }


def test_a_location_may_hold_any_bytes() -> None:
    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(302 if request.path == "/" else 200)
        request.wfile.write(b"")
        request._headers_buffer.append("Location: /grüße\r\n".encode())  # type: ignore[attr-defined]
        request.end_headers()

    with serving(answer) as port:
        found = answers.ask(Watch("app@blue.service", port, Health(), PLAIN))
    assert found.describe() == "status 302 to /gr%C3%BC%C3%9Fe, then status 200 to /grüße"


def test_the_time_for_an_answer_holds_for_all_redirects_together() -> None:
    asked = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.path)
        time.sleep(0.2)
        request.send_response(302)
        request.send_header("Location", f"{request.path}x")
        request.end_headers()

    with serving(answer) as port:
        found = answers.ask(Watch("app@blue.service", port, Health(), PLAIN), limit=0.5)
    assert found.error.startswith("no answer within 0.")
    assert len(asked) <= 3
