"""What a visitor sees of a site with a domain: one hop to it, HTTPS that stays, passwords."""

from __future__ import annotations

import base64
import http.client
import json
import shlex
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.agent.lab import Lab, Repo
from tests.agent.test_tls import ALIAS, DOMAIN, authority

CADDYFILE = "/etc/launchpad/proxy/Caddyfile"
APP = """\
import os, time
from flask import Flask, Response, jsonify, request

app = Flask(__name__)
TEXT = "all work and no play " * 200


@app.get("/")
def index():
    return "MARK\\n"


@app.get("/healthz")
def healthz():
    return "ok\\n"


@app.get("/headers")
def headers():
    return jsonify(dict(request.headers))


@app.get("/own-hsts")
def own_hsts():
    return "own", 200, {"Strict-Transport-Security": "max-age=1; includeSubDomains"}


@app.get("/fails")
def fails():
    return "the app's own words", 500


@app.get("/dies")
def dies():
    os.kill(os.getpid(), 9)


@app.get("/late")
def late():
    time.sleep(3)
    return "late"
"""
HSTS = "max-age=2592000"


@dataclass
class Answer:
    """What a visitor got."""

    status: int
    headers: http.client.HTTPMessage
    body: str


@dataclass
class Site:
    """The site as visitors reach it, by a root certificate of its own."""

    lab: Lab
    root: str
    tls: dict[str, str] = field(repr=False)

    def get(
        self,
        path: str = "/",
        headers: Mapping[str, str] | None = None,
        *,
        host: str = DOMAIN,
        secure: bool = True,
        method: str = "GET",
    ) -> Answer:
        """One request."""
        connection = http.client.HTTPConnection(self.lab.address, timeout=30)
        if secure:
            connection = http.client.HTTPSConnection(host, timeout=30)
            context = ssl.create_default_context(cadata=self.root)
            connection.sock = context.wrap_socket(
                socket.create_connection((self.lab.address, 443), 30), server_hostname=host
            )
        try:
            connection.request(method, path, headers={"Host": host, **(headers or {})})
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read().decode())
        finally:
            connection.close()

    def prepare(self, **more: Any) -> dict[str, Any]:
        """Prepare the machine for the site; what that says."""
        given = {"domain": DOMAIN, "aliases": [ALIAS], "tls": self.tls, "hsts": 2592000, **more}
        return self.lab.prepare(**given).data()


@pytest.fixture(scope="module")
def site(lab: Lab, app: Repo, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """The app, served under a domain and another name."""
    root, certificate, key = authority(tmp_path_factory.mktemp("ca"), "own", DOMAIN)
    made = Site(lab, root, {"certificate": certificate, "key": key})
    made.prepare()
    lab.deploy(app, "one").data()
    return made


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """An app that can fail in several ways."""
    repo = Repo.of("flask", tmp_path_factory.mktemp("repo") / "flask")
    repo.commit(
        "one", {"app.py": APP.replace("MARK", "one"), "Procfile": "web: gunicorn --workers 1 --threads 8 app:app\n"}
    )
    return repo


def basic(user: str, password: str) -> Mapping[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def test_every_other_name_leads_to_the_domain_in_one_hop_and_https_stays(site: Site) -> None:
    for host, secure in ((ALIAS, False), (ALIAS, True), (DOMAIN, False)):
        answer = site.get("/a%20b/?c=d&e=%2F", host=host, secure=secure)
        assert (answer.status, answer.headers["Location"]) == (308, f"https://{DOMAIN}/a%20b/?c=d&e=%2F")
        assert answer.headers["Strict-Transport-Security"] == (HSTS if secure else None)
    assert site.get().body == "one\n"
    assert site.get().headers.get_all("Strict-Transport-Security") == [HSTS]
    own = site.get("/own-hsts").headers.get_all("Strict-Transport-Security")
    assert own == ["max-age=1; includeSubDomains"], "the app's own header wins"


def test_passwords_keep_strangers_out_and_are_kept_as_hashes(site: Site) -> None:
    passwords = {"ana": "canary: {horse} \"'`", "bob": "canary-é"}
    assert "proxy" in site.prepare(basic_auth=passwords)["changed"]
    for headers in (None, basic("ana", "wrong"), basic("eve", passwords["ana"]), {"Authorization": "Bearer x"}):
        answer = site.get("/headers", headers)
        assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="app"')
        assert "one" not in answer.body
    for user, password in passwords.items():
        answer = site.get("/headers", basic(user, password))
        assert answer.status == 200
        assert "Authorization" not in json.loads(answer.body), "the password is the proxy's and none of the app's"
    before = site.lab.sudo("systemctl show launchpad-proxy --property=InvocationID,MainPID")
    assert site.prepare(basic_auth=passwords)["changed"] == [], "the hashes stay as long as the passwords do"
    kept = site.lab.sudo(f"stat -c '%a %U:%G' {CADDYFILE} /etc/launchpad/app/app.json").splitlines()
    assert kept == ["640 root:launchpad-proxy", "600 root:root"]
    everywhere = "/etc/launchpad /var/lib/launchpad /var/lib/launchpad-proxy /var/log/journal /run/log/journal"
    assert site.lab.run(f"sudo grep -rlaE 'canary[:-]' {everywhere}").out == ""
    assert "proxy" in site.prepare()["changed"]
    assert site.get().body == "one\n"
    assert site.lab.sudo("systemctl show launchpad-proxy --property=InvocationID,MainPID") == before


HTML = {"Accept": "text/html,*/*;q=0.8"}
PAGES = ".launchpad/error_pages"


def test_error_pages_come_with_the_release_and_go_back_with_it(site: Site, app: Repo) -> None:
    bare = site.get("/dies", HTML)
    assert (bare.status, bare.headers["Content-Type"]) == (502, "text/html; charset=utf-8")
    assert "<h1 " in bare.body
    assert "502 Bad Gateway" in bare.body
    assert bare.headers["Strict-Transport-Security"] == HSTS
    assert (bare.headers["Cache-Control"], "127.0.0.1" in bare.body) == ("no-store", False)
    plain = site.get("/dies")
    assert (plain.status, plain.body) == (502, "502 Bad Gateway"), "what asks for no HTML gets a line"
    pages = {
        f"{PAGES}/502.html": "<h1>Our 502</h1>",
        f"{PAGES}/5xx.html": "<h1>Our 5xx</h1>",
        f"{PAGES}/style.css": "x",
    }
    app.commit("two", {**pages, "app.py": APP.replace("MARK", "two")})
    done = site.lab.deploy(app, "two")
    assert done.code == 0, done.err
    assert "static: error pages: 502.html, 5xx.html" in done.err
    assert f"{PAGES} holds style.css, which is left out" in done.err
    ours = site.get("/dies", {**HTML, "Range": "bytes=0-3", "If-None-Match": "*"})
    assert (ours.status, ours.body) == (502, "<h1>Our 502</h1>")
    assert site.get("/dies", HTML, method="POST").status == 405, "the app's own answers are never replaced"
    assert site.get("/fails", HTML).body == "the app's own words"
    assert "two" in site.get().body
    site.prepare(limits={"response": 1})
    late = site.get("/late", HTML)
    site.prepare()
    assert (late.status, late.body) == (504, "<h1>Our 5xx</h1>")
    assert site.get("/502.html", HTML).status == 404, "a page has no URL"
    back = site.lab.run(f"sudo launchpad-agent rollback --app app --revision {app.revisions['one']}")
    assert back.code == 0, back.err
    assert "Our" not in site.get("/dies", HTML).body
    assert site.lab.deploy(app, "two").code == 0
    assert site.get("/dies", HTML).body == "<h1>Our 502</h1>"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("ln -s /etc/shadow 502.html", "502.html is a link, or no file at all; commit the page itself"),
        ("ln -s 5xx.html 502.html", "502.html is a link, or no file at all; commit the page itself"),
        ("mkfifo 502.html", "502.html is a link, or no file at all; commit the page itself"),
        ("truncate -s 3G 502.html", "502.html is larger than 1000000 bytes"),
    ],
)
def test_a_hostile_error_page_is_not_read(site: Site, app: Repo, command: str, said: str) -> None:
    hook = f"#!/bin/sh\ncd {PAGES} && rm -f 502.html && {command}\n"
    name = f"hostile {command}"
    app.commit(name, {".launchpad/hooks/before_build": hook}, executable=(".launchpad/hooks/before_build",))
    done = site.lab.deploy(app, name)
    app.git("rm", "--quiet", ".launchpad/hooks/before_build")
    assert done.code == 1
    assert f"{PAGES}/{said}" in done.err
    assert site.get().body == "two\n"


MESSAGE = 'Back at <noon> & "sharp", ana\'s {http.request.host}'


def maintenance(site: Site, *words: str) -> dict[str, Any]:
    """What the agent's verb says."""
    quoted = " ".join(shlex.quote(word) for word in words)
    return site.lab.run(f"sudo launchpad-agent maintenance --app app --who ana@desk {quoted}").data()


def test_maintenance_closes_the_site_at_once_and_for_everybody_but_the_team(site: Site, app: Repo) -> None:
    app.commit("three", {"app.py": APP.replace("MARK", "three"), "public/a.css": "p {}", f"{PAGES}/5xx.html": None})
    static = [{"prefix": "/static/", "folder": "public"}]
    assert site.lab.deploy(app, "three", static=static).code == 0
    runs = site.lab.sudo("systemctl show launchpad-proxy --property=MainPID,ActiveEnterTimestamp,ReloadResult")
    closed = maintenance(site, "on", "--message", MESSAGE, "--retry-after", "90")
    for path, method in (
        ("/", "GET"),
        ("/static/a.css", "GET"),
        ("/headers", "POST"),
        ("/launchpad-maintenance/", "GET"),
    ):
        answer = site.get(path, HTML, method=method)
        assert (answer.status, answer.headers["Retry-After"], answer.headers["Cache-Control"]) == (
            503,
            "90",
            "no-store",
        )
        assert answer.headers["Strict-Transport-Security"] == HSTS
        assert "Back at &lt;noon&gt; &amp; &quot;sharp&quot;, ana&#x27;s {http.request.host}" in answer.body
    assert site.get("/").body == f"{MESSAGE}\n", "what asks for no HTML gets the text"
    upgrade = {
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "eA==",
    }
    assert site.get("/", upgrade).status == 503
    assert site.get("/", host=ALIAS).status == 308, "it says so where the visitor ends up"
    key = closed["path"].rpartition("/")[2]
    enters = site.get(closed["path"])
    assert (enters.status, enters.headers["Location"]) == (303, "/")
    assert enters.headers["Set-Cookie"] == f"launchpad_maintenance={key}; Path=/; HttpOnly; SameSite=Lax; Secure"
    assert site.get("/", {"Cookie": f"a=b; launchpad_maintenance={key}; c=d"}).body == "three\n"
    for wrong in ("*", "", "../keys/x", key[:-1], f"{key}0", "0" * 32, "?" * 32):
        assert site.get("/", {"Cookie": f"launchpad_maintenance={wrong}"}).status == 503
        assert site.get(f"/launchpad-maintenance/{wrong}").status == 503
    status = site.lab.sudo("launchpad-agent status --app app")
    assert f"by ana@desk: visitors get 503 ({MESSAGE}). To open it: launchpad maintenance off" in status
    assert key not in status
    assert key not in site.lab.sudo("journalctl --no-pager --boot")
    modes = site.lab.sudo("find /var/lib/launchpad/app/maintenance -type f -o -name keys -printf '%m %u:%g %f\\n'")
    assert "750 root:launchpad-proxy keys" in modes
    again = maintenance(site, "on")
    assert (again["path"], again["since"], again["message"]) == (closed["path"], closed["since"], "")
    own: dict[str, str | None] = {f"{PAGES}/maintenance.html": "<h1>Ours</h1>", "app.py": APP.replace("MARK", "four")}
    app.commit("four", own)
    done = site.lab.deploy(app, "four", static=static)
    assert done.data()["warnings"][-1].startswith("app is closed for maintenance since ")
    answer = site.get("/", {**HTML, "Range": "bytes=0-3"})
    assert (answer.status, answer.body, answer.headers["Retry-After"]) == (503, "<h1>Ours</h1>", "600")
    assert site.get("/", {"Cookie": f"launchpad_maintenance={key}"}).body == "four\n", "deployments go on"
    assert maintenance(site)["page"] == "maintenance.html"
    found = site.lab.run("sudo launchpad-agent verify --app app")
    assert found.code == 0, f"nothing of it is a change by hand: {found.out}{found.err}"
    assert site.lab.sudo("systemctl show launchpad-proxy --property=MainPID,ActiveEnterTimestamp,ReloadResult") == runs
    site.lab.power_off()
    site.lab.power_on()
    until = time.monotonic() + 60
    while True:
        try:
            assert site.get("/", HTML).status == 503, "closed over a reboot, from the first answer on"
            if site.get("/", {"Cookie": f"launchpad_maintenance={key}"}).status == 200:
                break
        except ConnectionError:
            pass
        assert time.monotonic() < until, "the app does not come back"
        time.sleep(0.2)
    opened = maintenance(site, "off")
    assert (opened["closed"], opened["changed"], maintenance(site, "off")["changed"]) == (False, True, False)
    assert site.get().body == "four\n"
    assert site.get(closed["path"]).status == 404
    recorded = [each for each in site.lab.history() if each["kind"] == "maintenance"]
    assert [(each["what"], each["who"], each["subject"]) for each in recorded] == [
        ("maintenance on", "ana@desk", MESSAGE),
        ("maintenance on", "ana@desk", ""),
        ("maintenance off", "ana@desk", ""),
    ]
    assert site.lab.sudo("ls -A /var/lib/launchpad/app/maintenance") == ""
