"""What a visitor sees of a site with a domain: one hop to it, HTTPS that stays, passwords."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
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
    time.sleep(5)
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
    repo.commit("one", {"app.py": APP.replace("MARK", "one"), "Procfile": "web: gunicorn --workers 1 app:app\n"})
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
