"""The scripts that run at the desk: the push, the knock at the public door, and the host program's package."""

import io
import ssl
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from infra.deployment import bundle, door, push, ticking
from tests.unit.host.test_redirects import CHAINS, PLAIN, pages, serving

ROOT = Path(__file__).parents[3]


def test_push_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "who", lambda: "ada@desk")
    assert push.arguments("./app", "shop", "ab" * 20, "deploy", "198.18.0.2") == [
        "git",
        "-C",
        "./app",
        "push",
        "--quiet",
        "--no-verify",
        "--no-signed",
        "--no-follow-tags",
        "--recurse-submodules=no",
        f"--receive-pack=sudo launchpad-host receive-pack --app shop --revision {'ab' * 20} --who ada@desk",
        "ssh://deploy@198.18.0.2/srv/shop/repo.git",
        f"+{'ab' * 20}:refs/launchpad/{'ab' * 20}",
    ]


def test_who_cannot_carry_shell_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "getuser", lambda: "a;rm -rf $(x)")
    monkeypatch.setattr(push, "gethostname", lambda: "desk`1")
    assert push.who() == "arm-rfx@desk1"


@pytest.mark.parametrize(("port", "host"), [("22", "198.18.0.2"), ("2222", "[198.18.0.2]:2222")])
def test_push_knows_the_host_and_keeps_the_key_private(tmp_path: Path, port: str, host: str) -> None:
    command = push.ssh(tmp_path, port, "198.18.0.2", "ssh-ed25519 AAAA", "KEY")
    assert (tmp_path / "known_hosts").read_text() == f"{host} ssh-ed25519 AAAA\n"
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert "StrictHostKeyChecking=yes" in command
    assert "KEY" not in command


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        good = self.path == "/healthz" and self.headers["Host"].partition(":")[0] == "app.example.org"
        self.send_response(302 if self.path == "/again" else 200 if good else 503)
        if self.path == "/again":
            self.send_header("Location", f"https://{self.headers['Host']}/again")
        self.end_headers()
        self.wfile.write(b"fine" if good else b"sorry")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield str(server.server_port)
    server.shutdown()


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """An HTTPS server with a certificate of its own: its port, and the certificate."""
    made = ["-out", str(tmp_path / "cert.pem"), "-keyout", str(tmp_path / "key.pem"), "-days", "2", "-nodes"]
    names = ["-subj", "/CN=app.example.org", "-addext", "subjectAltName=DNS:app.example.org"]
    leaf = ["-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", *made, *names, *leaf],
        check=True,
        capture_output=True,
    )
    server = HTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield str(server.server_port), (tmp_path / "cert.pem").read_text()
    server.shutdown()


BASE = {
    "ADDRESS": "127.0.0.1",
    "PATH": "/healthz",
    "STATUS": "200",
    "HOST": "app.example.org",
    "TLS": "no",
    "CA": "",
    "PATIENCE": "0",
}


def knock(**given: str) -> subprocess.CompletedProcess[str]:
    environment = {f"LAUNCHPAD_{key}": value for key, value in {**BASE, **given}.items()}
    script = [sys.executable, "-m", "infra.deployment.door"]
    return subprocess.run(script, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_door_that_answers(port: str) -> None:
    answer = knock(PORT=port)
    assert (answer.returncode, answer.stdout) == (0, "answers\n")


def test_door_with_the_wrong_status_shows_it(port: str) -> None:
    answer = knock(PORT=port, PATH="/")
    assert answer.returncode == 1
    assert "status 503 Service Unavailable, first bytes 'sorry'" in answer.stderr


@pytest.mark.parametrize(
    "name", [name for name, chain in CHAINS.items() if chain[1] is PLAIN and ":80/" not in str(chain)]
)
def test_door_follows_redirects_as_the_health_check_does(name: str) -> None:
    found, _, healthy, _ = CHAINS[name]
    with serving(pages(found)) as port:
        answer = knock(PORT=str(port), PATH="/", STATUS="200-399", HOST="198.18.0.5")
    assert (answer.returncode == 0) is healthy, answer.stderr


def test_door_names_a_redirect_to_https_that_nobody_answers() -> None:
    with serving(pages({"/": (301, "https://198.18.0.5/")})) as port:
        answer = knock(PORT=str(port), PATH="/", STATUS="200-399", HOST="198.18.0.5")
    assert answer.stderr.splitlines() == [
        f"/ on port {port} of 127.0.0.1 gave for 0 s: status 301: / redirects to https://198.18.0.5/, but no domain is "
        "set, so nothing answers there: set launchpad:domain, or turn off the redirect (Django: SECURE_SSL_REDIRECT)",
        "The release passed its health check on the machine when it went out. Between that and here are the "
        "firewall (launchpad:web_cidrs), the proxy (launchpad:http_port), and the app since: make status.",
    ]


def test_door_behind_a_domain_finds_a_redirect_to_itself(secure: tuple[str, str]) -> None:
    port, certificate = secure
    wrong = door.knock({**BASE, "PORT": port, "PATH": "/again", "TLS": "yes", "CA": certificate, "STATUS": "200-399"})
    assert wrong == "status 302: /again redirects to /again, and so back to where it began"


def test_a_malformed_certificate_is_a_message(port: str) -> None:
    for broken in (
        "no PEM at all",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "gr\u00fc\u00dfe",
    ):
        answer = knock(PORT=port, TLS="yes", CA=broken)
        assert answer.returncode == 1
        assert "Traceback" not in answer.stderr
        assert "gave for 0 s" in answer.stderr


def test_door_with_an_own_certificate(secure: tuple[str, str]) -> None:
    port, certificate = secure
    assert knock(PORT=port, TLS="yes", CA=certificate).returncode == 0


def test_door_with_a_certificate_that_nobody_vouches_for(secure: tuple[str, str]) -> None:
    answer = knock(PORT=secure[0], TLS="yes")
    assert answer.returncode == 1
    assert "certificate verify failed" in answer.stderr


def test_door_with_another_domain_than_the_certificates(secure: tuple[str, str]) -> None:
    port, certificate = secure
    answer = knock(PORT=port, TLS="yes", CA=certificate, HOST="other.example.org")
    assert answer.returncode == 1
    assert "other.example.org" in answer.stderr


def test_closed_door_says_where_and_what_to_look_at() -> None:
    answer = knock(PORT="1")
    assert answer.returncode == 1
    assert answer.stderr == (
        "/healthz on port 1 of 127.0.0.1 gave for 0 s: ConnectionRefusedError: [Errno 111] Connection refused\n"
        "The release passed its health check on the machine when it went out. Between that and here are the "
        "firewall (launchpad:web_cidrs), the proxy (launchpad:http_port), and the app since: make status.\n"
    )


@pytest.mark.parametrize(
    ("status", "allowed", "good"),
    [(200, "200", True), (204, "200,204", True), (399, "200-399", True), (400, "200-399", False)],
)
def test_accepts(status: int, allowed: str, good: bool) -> None:
    assert door.accepts(status, allowed) is good


def test_bundle_is_the_same_bytes_from_the_same_source(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.py").write_text(f"# {name}\n")
    first = bundle.contents(tmp_path)
    (tmp_path / "a.py").touch()
    assert bundle.contents(tmp_path) == first
    assert zipfile.ZipFile(io.BytesIO(first)).namelist() == [
        "__main__.py",
        "infra/__init__.py",
        "infra/host/a.py",
        "infra/host/b.py",
    ]


def test_bundle_runs_with_nothing_but_python(tmp_path: Path) -> None:
    path, digest = bundle.write(tmp_path)
    assert path.name == f"launchpad-host-{digest}.pyz"
    run = subprocess.run([sys.executable, "-I", str(path), "--help"], capture_output=True, text=True, check=False)
    assert run.returncode == 0
    assert "deploy" in run.stdout


def test_what_takes_long_is_not_silent(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(ticking, "QUIET", 0.05)
    with ticking.ticking("delivering abc"):
        time.sleep(0.5)
    said = capsys.readouterr().err
    assert said.startswith("delivering abc (0 s)\n")
    assert 1 <= said.count("\n") <= 10
