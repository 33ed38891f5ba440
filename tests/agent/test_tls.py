"""HTTPS: a certificate by ACME from Pebble, checked by a client that trusts Pebble's root; and one's own certificate."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import time
from pathlib import Path

import pytest

from infra.machines.embedded import client
from tests.agent.lab import Lab, Repo

VERSION = "v2.10.1"
DOMAIN = "app.example.test"
ALIAS = "www.app.example.test"
CONFIG = {
    "pebble": {
        "listenAddress": "127.0.0.1:14000",
        "managementListenAddress": "127.0.0.1:15000",
        "certificate": "/opt/pebble/localhost.pem",
        "privateKey": "/opt/pebble/localhost.key",
        "httpPort": 80,
        "tlsPort": 443,
        "ocspResponderURL": "",
        "externalAccountBindingRequired": False,
    }
}


def pebble() -> bytes:
    """The Pebble program, built once from the Go module proxy."""
    if shutil.which("go") is None:
        pytest.skip("building Pebble needs Go")
    folder = client.cache() / "tests" / f"pebble-{VERSION}"
    program = folder / "pebble"
    if not program.exists():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "go.mod").write_text("module launchpad.test/pebble\n\ngo 1.24\n")
        env = {**os.environ, "GOFLAGS": "-mod=mod", "CGO_ENABLED": "0"}
        package = "github.com/letsencrypt/pebble/v2"
        subprocess.run(["go", "get", f"{package}/cmd/pebble@{VERSION}"], cwd=folder, env=env, check=True)
        subprocess.run(["go", "build", "-o", "unfinished", f"{package}/cmd/pebble"], cwd=folder, env=env, check=True)
        (folder / "unfinished").replace(program)
    return program.read_bytes()


def authority(folder: Path, name: str, host: str) -> tuple[str, str, str]:
    """A new certificate authority and a certificate of it for a host, with www or without: root, certificate, key in PEM form."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl(
        *("req", "-x509", *curve, "-days", "30", "-subj", f"/CN={name}", "-keyout", f"{name}.ca.key"),
        *("-out", f"{name}.ca.pem", "-addext", "keyUsage=critical,keyCertSign,cRLSign"),
    )
    openssl("req", "-new", *curve, "-subj", f"/CN={host}", "-keyout", f"{name}.key", "-out", f"{name}.csr")
    (folder / "ext").write_text(f"subjectAltName=DNS:{host},DNS:www.{host}\n")
    openssl(
        *("x509", "-req", "-days", "20", "-in", f"{name}.csr", "-CA", f"{name}.ca.pem", "-CAkey", f"{name}.ca.key"),
        *("-CAcreateserial", "-extfile", "ext", "-out", f"{name}.pem"),
    )
    return tuple((folder / f"{name}.{end}").read_text() for end in ("ca.pem", "pem", "key"))  # type: ignore[return-value]


def https(lab: Lab, root: str) -> tuple[str, str]:
    """The body of / over HTTPS and the certificate's issuer, checked against a root and the domain."""
    context = ssl.create_default_context(cadata=root)
    with (
        socket.create_connection((lab.address, 443), 10) as plain,
        context.wrap_socket(plain, server_hostname=DOMAIN) as connection,
    ):
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {DOMAIN}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while data := connection.recv(4096):
            answer += data
        certificate = connection.getpeercert() or {}
    issuer = dict(pair for part in certificate["issuer"] for pair in part)  # type: ignore[misc]
    return answer.decode().split("\r\n\r\n", 1)[1], str(issuer["commonName"])


def redirect(lab: Lab) -> str:
    """Where plain HTTP sends a client: status line and location."""
    with socket.create_connection((lab.address, 80), 10) as connection:
        connection.sendall(f"GET /a?b=c HTTP/1.1\r\nHost: {DOMAIN}\r\nConnection: close\r\n\r\n".encode())
        lines = connection.recv(4096).decode().split("\r\n")
    location = next(line for line in lines if line.startswith("Location: "))
    return f"{lines[0]} {location}"


def other_name(lab: Lab, root: str) -> list[str]:
    """Where the other name leads over HTTP and over HTTPS, whose certificate is checked: the answers' Location."""
    context = ssl.create_default_context(cadata=root)
    plain = http.client.HTTPConnection(lab.address, timeout=10)
    secure = http.client.HTTPSConnection(ALIAS, timeout=10)
    secure.sock = context.wrap_socket(socket.create_connection((lab.address, 443), 10), server_hostname=ALIAS)
    found = []
    for connection in (plain, secure):
        connection.request("GET", "/a?b=c", headers={"Host": ALIAS})
        answer = connection.getresponse()
        found.append(f"{answer.status} {answer.headers['Location']}")
        connection.close()
    return found


def proxy_start(lab: Lab) -> str:
    """Which start of the proxy runs, and that it runs as systemd wants it."""
    return lab.sudo("systemctl show launchpad-proxy --property=MainPID,ActiveState,SubState")


def test_a_certificate_comes_by_acme(lab: Lab, flask: Repo, tmp_path: Path) -> None:
    root, certificate, key = authority(tmp_path, "pebble", "localhost")
    lab.put("pebble", pebble())
    lab.sudo("install -D -m 0755 pebble /opt/pebble/pebble")
    for name, text in {"localhost.pem": certificate, "localhost.key": key, "config": json.dumps(CONFIG)}.items():
        lab.sudo(f"tee /opt/pebble/{name} >/dev/null", text)
    lab.sudo(f"sh -c 'echo 127.0.0.1 {DOMAIN} {ALIAS} >> /etc/hosts'")
    lab.sudo(
        "systemd-run -q --unit=pebble --setenv=PEBBLE_VA_NOSLEEP=1 --setenv=PEBBLE_WFE_NONCEREJECT=0 "
        "/opt/pebble/pebble -config /opt/pebble/config"
    )
    lab.deploy(flask, "one").data()
    tls = {"acme_ca": "https://localhost:14000/dir", "acme_root": root}
    lab.prepare(domain=DOMAIN, aliases=[ALIAS], tls=tls, basic_auth={"ana": "correct horse"}).data()
    issued = lab.sudo("curl -sk https://localhost:15000/roots/0")
    until = time.monotonic() + 60
    while True:
        try:
            body, issuer = https(lab, issued)
            leads = other_name(lab, issued)
            break
        except OSError:
            assert time.monotonic() < until, lab.sudo("journalctl -u launchpad-proxy -n 20 -o cat")
            time.sleep(0.5)
    assert body == "401 Unauthorized", "ACME's questions pass the password, and nobody else's"
    assert issuer.startswith("Pebble Intermediate CA")
    lab.prepare(domain=DOMAIN, aliases=[ALIAS], tls=tls).data()
    assert https(lab, issued)[0] == "one \n"
    assert redirect(lab) == f"HTTP/1.1 308 Permanent Redirect Location: https://{DOMAIN}/a?b=c"
    assert leads == [f"308 https://{DOMAIN}/a?b=c"] * 2, "case 33: www by ACME, too, in one hop"
    again = lab.prepare(domain=DOMAIN, aliases=[ALIAS], tls=tls).data()
    assert again["changed"] == []
    lab.deploy(flask, "two").data()
    assert https(lab, issued)[0] == "two \n"


def test_ones_own_certificate(lab: Lab, flask: Repo, tmp_path: Path) -> None:
    lab.deploy(flask, "two").data()
    root, certificate, key = authority(tmp_path, "own", DOMAIN)
    lab.prepare(domain=DOMAIN, tls={"certificate": certificate, "key": key}).data()
    assert https(lab, root) == ("two \n", "own")
    lab.prepare(domain=DOMAIN, aliases=[ALIAS], tls={"certificate": certificate, "key": key}).data()
    assert https(lab, root) == ("two \n", "own")
    assert other_name(lab, root) == [f"308 https://{DOMAIN}/a?b=c"] * 2, "case 33"
    kept = lab.sudo("find /etc/launchpad/tls -type f -printf '%m %u:%g %f\\n'").splitlines()
    assert sorted(kept) == ["640 root:launchpad-proxy certificate.pem", "640 root:launchpad-proxy key.pem"]
    other = authority(tmp_path, "other", DOMAIN)[2]
    files = lab.sudo("sh -c 'cat /etc/launchpad/proxy/Caddyfile; find /etc/launchpad -type f -exec cat {} +'")
    wrong = lab.prepare(domain=DOMAIN, tls={"certificate": certificate, "key": other})
    assert wrong.code == 1
    assert "The proxy does not accept these settings:" in wrong.err
    assert "private key does not match public key" in wrong.err
    assert https(lab, root) == ("two \n", "own")
    assert lab.sudo("sh -c 'cat /etc/launchpad/proxy/Caddyfile; find /etc/launchpad -type f -exec cat {} +'") == files
    renewed_root, certificate, key = authority(tmp_path, "renewed", DOMAIN)
    lab.prepare(domain=DOMAIN, tls={"certificate": certificate, "key": key}).data()
    assert https(lab, renewed_root) == ("two \n", "renewed")


def test_a_key_that_never_was_validated_stops_nothing(lab: Lab, flask: Repo, tmp_path: Path) -> None:
    """What an earlier version left when it was killed between writing a wrong key and validating it."""
    root, certificate, key = authority(tmp_path, "before", DOMAIN)
    lab.prepare(domain=DOMAIN, tls={"certificate": certificate, "key": key}).data()
    lab.deploy(flask, "two").data()
    folder = "/etc/launchpad/tls/app"
    lab.sudo(
        f"sh -c 'mv {folder}/*/*.pem {folder}/; chown -R launchpad-proxy:launchpad-proxy {folder}; chmod 700 {folder}; chmod 600 {folder}/*.pem; "
        f'sed -i "s,\\"certificates\\": \\"[^\\"]*\\",\\"certificates\\": \\"\\"," /etc/launchpad/app/app.json; '
        f"sed -i s,{folder}/[0-9a-f]*/,{folder}/,g /etc/launchpad/proxy/Caddyfile; systemctl restart launchpad-proxy'"
    )
    assert https(lab, root)[0] == "two \n"
    lab.sudo(f"tee {folder}/key.pem >/dev/null", authority(tmp_path, "wrong", DOMAIN)[2])
    lab.sudo("rm -f /var/lib/launchpad/proxy.json")
    started = proxy_start(lab)
    deployed = lab.deploy(flask, "one")
    assert deployed.data()["changed"] is True
    assert "private key does not match public key" in deployed.err
    other = lab.prepare(app="shop", http_port=8080)
    assert other.code == 1
    assert "private key does not match public key" in other.err
    assert https(lab, root)[0] == "one \n"
    assert proxy_start(lab) == started
    lab.prepare(domain=DOMAIN, tls={"certificate": certificate, "key": key}).data()
    kept = lab.sudo("find /etc/launchpad/tls -printf '%y %m %u:%g %f\\n'").splitlines()
    assert sorted(line for line in kept if line.startswith("f")) == [
        "f 640 root:launchpad-proxy certificate.pem",
        "f 640 root:launchpad-proxy key.pem",
    ]
    assert {line.split()[1:3][1] for line in kept if line.startswith("d") and line.split()[3] != "tls"} == {
        "root:launchpad-proxy"
    }
    assert https(lab, root)[0] == "one \n"
    assert proxy_start(lab) == started


ONLY_HTTPS = """\
import http.server, os
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        secure = os.environ.get("TRUST") and self.headers["X-Forwarded-Proto"] == "https"
        self.send_response(200 if secure else 301)
        if not secure:
            self.send_header("Location", f"https://{self.headers['Host']}{self.path}")
        self.send_header("Content-Length", "8" if secure else "0")
        self.end_headers()
        self.wfile.write(b"secure \\n" if secure else b"")
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Page).serve_forever()
"""


def test_an_app_that_does_not_see_that_visitors_come_by_https_is_not_switched_to(
    lab: Lab, flask: Repo, tmp_path: Path
) -> None:
    root, certificate, key = authority(tmp_path, "loop", DOMAIN)
    lab.prepare(domain=DOMAIN, tls={"certificate": certificate, "key": key}).data()
    lab.deploy(flask, "two").data()
    flask.commit("https", {"server.py": ONLY_HTTPS, "Procfile": "web: python server.py\n"})
    loop = lab.deploy(flask, "https", health={"path": "/", "timeout": 60})
    assert loop.code == 1
    assert "/ redirects to / (301): a redirect loop. HTTPS ends at the proxy" in loop.err
    assert https(lab, root)[0] == "two \n"
    assert lab.deploy(flask, "https", health={"path": "/", "timeout": 60}, env={"TRUST": "1"}).code == 0
    assert https(lab, root)[0] == "secure \n"
