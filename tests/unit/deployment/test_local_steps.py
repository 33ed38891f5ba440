"""The steps on the workstation: the push, the check of the public address, and the agent's package."""

import io
import shlex
import socket
import ssl
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from infra import ssh
from infra.deployment import bundle, connection, public_check, push, ticking
from infra.deployment.public_check import PublicUrl
from infra.machines.providers import PlainError
from tests.unit.agent.test_redirects import CHAINS, PLAIN, pages, serving


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
        f"--receive-pack=sudo launchpad-agent receive-pack --app shop --revision {'ab' * 20} --who ada@desk",
        "ssh://deploy@198.18.0.2/srv/shop/repo.git",
        f"+{'ab' * 20}:refs/launchpad/{'ab' * 20}",
    ]


def test_the_tag_that_names_the_version_goes_along(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        identity = ("-c", "user.name=T", "-c", "user.email=t@example.org")
        return subprocess.check_output(["git", "-C", str(tmp_path), *identity, *words], text=True).strip()

    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message", "One")
    git("tag", "latest")
    assert push.tag(tmp_path, git("rev-parse", "HEAD")) == []
    git("tag", "v1.2.0")
    git("commit", "--quiet", "--allow-empty", "--message", "Two")
    assert push.tag(tmp_path, git("rev-parse", "HEAD")) == ["+refs/tags/v1.2.0:refs/tags/v1.2.0"]


def test_who_cannot_carry_shell_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(push, "getuser", lambda: "a;rm -rf $(x)")
    monkeypatch.setattr(push, "gethostname", lambda: "desk`1")
    assert push.who() == "arm-rfx@desk1"


@pytest.mark.parametrize(("port", "host"), [(22, "198.18.0.2"), (2222, "[198.18.0.2]:2222")])
def test_push_knows_the_host_and_keeps_the_key_private(tmp_path: Path, port: int, host: str) -> None:
    delivery = push.Delivery("./app", "shop", "ab" * 20, "deploy", "198.18.0.2", port, "ssh-ed25519 AAAA", "KEY")
    command = connection.environment(tmp_path, delivery)["GIT_SSH_COMMAND"]
    assert (tmp_path / "known_hosts").read_text() == f"{host} ssh-ed25519 AAAA\n"
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert "StrictHostKeyChecking=yes" in command
    assert (f"-p {port}" in command) is (port != 22)
    assert "KEY" not in command


def test_push_through_a_jump_host_knows_both_hosts_and_keeps_both_keys_private(tmp_path: Path) -> None:
    jump = connection.Jump("ada", "bastion.example.org", 2200, "ssh-ed25519 BBBB", "JUMP-KEY")
    delivery = push.Delivery("./app", "shop", "ab" * 20, "root", "10.0.0.5", 22, "ssh-ed25519 AAAA", "KEY", jump=jump)
    command = shlex.split(connection.environment(tmp_path, delivery)["GIT_SSH_COMMAND"])
    assert command[command.index(f"ProxyCommand={ssh.jump_command(tmp_path, ENDPOINT)}") - 1] == "-o"
    assert (tmp_path / "jump_known_hosts").read_text() == "[bastion.example.org]:2200 ssh-ed25519 BBBB\n"
    for name, text in {"key": "KEY\n", "jump_key": "JUMP-KEY\n"}.items():
        assert ((tmp_path / name).read_text(), (tmp_path / name).stat().st_mode & 0o777) == (text, 0o600)
    assert not any("KEY" in word for word in command)
    assert "KEY" not in repr(delivery)


ENDPOINT = ssh.Endpoint("bastion.example.org", "ada", 2200)


def test_push_with_an_agents_keys_names_no_key(tmp_path: Path) -> None:
    jump = connection.Jump("ada", "bastion.example.org", 2200, "ssh-ed25519 BBBB", "")
    delivery = push.Delivery("./app", "shop", "ab" * 20, "root", "10.0.0.5", 22, "ssh-ed25519 AAAA", "", jump=jump)
    command = connection.environment(tmp_path, delivery)["GIT_SSH_COMMAND"]
    assert " -i " not in command
    assert "IdentitiesOnly" not in command
    assert sorted(path.name for path in tmp_path.iterdir()) == ["jump_known_hosts", "known_hosts"]


def test_root_receives_a_push_without_sudo() -> None:
    receive = next(word for word in push.arguments("./app", "shop", "ab" * 20, "root", "h") if "receive-pack=" in word)
    assert receive.startswith("--receive-pack=launchpad-agent receive-pack --app shop ")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        good = self.path == "/healthz" and self.headers["Host"].partition(":")[0] == "app.example.org"
        self.send_response(302 if self.path == "/again" else 200 if good else 503)
        if self.path == "/closed":
            self.send_header("Launchpad-Maintenance", "on")
        if self.path == "/again":
            self.send_header("Location", f"https://{self.headers['Host']}/again")
        self.end_headers()
        self.wfile.write(b"fine" if good else b"sorry")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
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
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield str(server.server_port), (tmp_path / "cert.pem").read_text()
    server.shutdown()


BASE = PublicUrl("127.0.0.1", "app.example.org", 80, 80, https=False, path="/healthz", status="200", ca="", timeout=0)


def ask(port: int | str, **given: Any) -> str:
    """What is wrong, as the step's error says it; empty if the answer is good."""
    http_port = 80 if given.get("https") else int(port)
    try:
        public_check.wait_until_healthy(replace(BASE, port=int(port), http_port=http_port, **given))
    except PlainError as error:
        return str(error)
    return ""


def test_public_check_of_an_app_that_answers(port: str) -> None:
    assert ask(port) == ""


def test_public_check_waits_for_an_answer_as_long_as_the_settings_say() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        assert "timed out" in ask(silent.getsockname()[1], request_timeout=0.3)
        assert 0.3 <= time.monotonic() - began < 9


def test_public_check_with_the_wrong_status_shows_it(port: str) -> None:
    assert "status 503 Service Unavailable, first bytes 'sorry'" in ask(port, path="/")


def test_public_check_of_a_site_in_maintenance_says_that_and_claims_no_more(
    port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(port, path="/closed") == ""
    assert capsys.readouterr().err == (
        "The site is closed for maintenance: visitors get 503 until launchpad maintenance off. The proxy answers; the "
        "release passed its health check on the machine, and was not asked from here.\n"
    )
    assert ask(port) == ""
    assert capsys.readouterr().err == ""


def test_public_check_brings_the_password_of_the_site(port: str) -> None:
    wanted = replace(BASE, port=int(port), http_port=int(port), path="/", credentials="ana:canary: é")
    assert "canary" not in repr(wanted)
    assert "canary" not in public_check.check(wanted)
    asked: list[str] = []
    handler = Handler.do_GET

    def note(self: Handler) -> None:
        asked.append(self.headers["Authorization"])
        handler(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Handler, "do_GET", note)
        public_check.check(wanted)
    assert asked == ["Basic YW5hOmNhbmFyeTogw6k="]


@pytest.mark.parametrize(
    "name", [name for name, chain in CHAINS.items() if chain[1] is PLAIN and ":80/" not in str(chain)]
)
def test_public_check_follows_redirects_as_the_health_check_does(name: str) -> None:
    found, _, healthy, _ = CHAINS[name]
    with serving(pages(found)) as port:
        answer = ask(port, path="/", status="200-399", host="198.18.0.5")
    assert (answer == "") is healthy, answer


def test_public_check_names_a_redirect_to_https_that_nobody_answers() -> None:
    with serving(pages({"/": (301, "https://198.18.0.5/")})) as port:
        answer = ask(port, path="/", status="200-399", host="198.18.0.5")
    assert answer.splitlines() == [
        f"/ on port {port} of 127.0.0.1 was not healthy within 0 s: status 301: / redirects to https://198.18.0.5/, "
        "but no domain is set, so nothing answers there: set launchpad:domain, or turn off the redirect (Django: SECURE_SSL_REDIRECT)",
        "The release passed its health check on the machine. Check the firewall (launchpad:web_cidrs), the proxy "
        "(launchpad:http_port), and whether the app is still healthy (launchpad status).",
    ]


def test_public_check_behind_a_domain_finds_a_redirect_to_itself(secure: tuple[str, str]) -> None:
    port, certificate = secure
    public_url = replace(BASE, port=int(port), path="/again", https=True, ca=certificate, status="200-399")
    wrong = public_check.check(public_url)
    assert wrong == "status 302: /again redirects to /again, which is a redirect loop"


def test_a_malformed_certificate_is_a_message(port: str) -> None:
    for broken in (
        "no PEM at all",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        "gr\u00fc\u00dfe",
    ):
        assert "was not healthy within 0 s" in ask(port, https=True, ca=broken)


def test_public_check_with_an_own_certificate(secure: tuple[str, str]) -> None:
    port, certificate = secure
    assert ask(port, https=True, ca=certificate) == ""


def test_public_check_with_a_certificate_that_nobody_vouches_for(secure: tuple[str, str]) -> None:
    assert "certificate verify failed" in ask(secure[0], https=True)


def test_public_check_with_another_domain_than_the_certificates(secure: tuple[str, str]) -> None:
    port, certificate = secure
    assert "other.example.org" in ask(port, https=True, ca=certificate, host="other.example.org")


def test_the_question_in_a_resources_properties_has_whole_ports() -> None:
    properties = {**asdict(BASE), "port": 8081.0, "http_port": 8081.0, "timeout": 15.0}
    assert PublicUrl.of(properties) == replace(BASE, port=8081, http_port=8081, timeout=15)


def test_a_closed_port_says_where_and_what_to_look_at() -> None:
    assert ask(1) == (
        "/healthz on port 1 of 127.0.0.1 was not healthy within 0 s: ConnectionRefusedError: [Errno 111] Connection refused\n"
        "The release passed its health check on the machine. Check the firewall (launchpad:web_cidrs), the proxy "
        "(launchpad:http_port), and whether the app is still healthy (launchpad status)."
    )


def test_where_the_firewall_is_somebody_elses_it_is_named_as_the_likely_cause() -> None:
    assert ask(1, unmanaged=True).splitlines()[1] == (
        "The release passed its health check on the server. Launchpad manages no firewall there: the likely cause is one "
        "that does not let port 1 through, on the server or at its provider. Otherwise check whether the app is still "
        "healthy (launchpad status). If this computer is not to reach the port: launchpad:server.public_check false"
    )


@pytest.mark.parametrize(
    ("status", "allowed", "good"),
    [(200, "200", True), (204, "200,204", True), (399, "200-399", True), (400, "200-399", False)],
)
def test_accepts(status: int, allowed: str, good: bool) -> None:
    assert public_check.accepts(status, allowed) is good


def test_bundle_is_the_same_bytes_from_the_same_source(tmp_path: Path) -> None:
    for name in ("agent/room/b", "agent/a", "protocol/c", "config/d", "common/e"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{name}.py").write_text(f"# {name}\n")
    first = bundle.contents(tmp_path)
    (tmp_path / "agent/a.py").touch()
    assert bundle.contents(tmp_path) == first
    assert zipfile.ZipFile(io.BytesIO(first)).namelist() == [
        "__main__.py",
        "infra/__init__.py",
        "infra/agent/a.py",
        "infra/agent/room/b.py",
        "infra/common/e.py",
        "infra/protocol/c.py",
    ]


def test_bundle_runs_with_nothing_but_python(tmp_path: Path) -> None:
    path, digest = bundle.write(tmp_path)
    assert path.name == f"launchpad-agent-{digest}.pyz"
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
