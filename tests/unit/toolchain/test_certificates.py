"""Behind a company's certificate authority: what downloads believes the authorities that the computer believes."""

import hashlib
import http.server
import os
import shutil
import ssl
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.unit.toolchain.clone import Clone

STORE = Path("/etc/ssl/certs/ca-certificates.crt")
OTHERS = ("SSL_CERT", "PIP_", "UV_", "REQUESTS_CA", "CURL_CA")


def wheel(folder: Path) -> str:
    """Publish a package of nothing as an index does; gives its requirement with its hash."""
    name = "thing-1.0-py3-none-any.whl"
    about = "thing-1.0.dist-info"
    (folder / "simple/thing").mkdir(parents=True)
    with zipfile.ZipFile(folder / "simple/thing" / name, "w") as file:
        file.writestr("thing.py", "")
        file.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n")
        file.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: us\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{about}/RECORD", "thing.py,,\n")
    (folder / "simple/thing/index.html").write_text(f'<a href="{name}">{name}</a>')
    return f"thing==1.0 --hash=sha256:{hashlib.sha256((folder / 'simple/thing' / name).read_bytes()).hexdigest()}"


def certificates(folder: Path) -> tuple[Path, Path]:
    """A certificate authority, and a certificate of it (with its key) for 127.0.0.1."""
    new = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2"]
    authority = ["-subj", "/CN=The Company", "-addext", "keyUsage=critical,keyCertSign"]
    site = ["-subj", "/CN=Index", "-addext", "subjectAltName=IP:127.0.0.1"]
    site += ["-addext", "basicConstraints=critical,CA:FALSE", "-CA", "company.crt", "-CAkey", "company.key"]
    for name, words in (("company", authority), ("index", site)):
        files = ["-keyout", f"{name}.key", "-out", f"{name}.crt"]
        subprocess.run([*new, *words, *files], cwd=folder, check=True, capture_output=True)
    with (folder / "index.crt").open("a") as file:
        file.write((folder / "index.key").read_text())
    return folder / "company.crt", folder / "index.crt"


@pytest.fixture
def company(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A package index on loopback behind a certificate of an authority of its own; its URL and that authority."""
    authority, certificate = certificates(tmp_path)
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "index")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"https://127.0.0.1:{server.server_port}", authority
        server.shutdown()


@pytest.fixture
def behind(clone: Clone, company: tuple[str, Path], tmp_path: Path) -> Clone:
    """A clone on a computer that believes the company; nothing else of it knows of certificates."""
    clone.environment = {key: value for key, value in clone.environment.items() if not key.startswith(OTHERS)}
    (clone.tools / "uv").symlink_to(Path(sys.prefix) / "bin/uv")
    (clone.root / "toolchain/requirements.lock").write_text(wheel(tmp_path / "index") + "\n")
    clone.environment |= {"UV_DEFAULT_INDEX": f"{company[0]}/simple", "UV_NO_CACHE": "1"}
    return clone


def believing(certificate: Path) -> tuple[str, ...]:
    """The words that run a command on a computer whose store of authorities is this file."""
    mapped = () if os.geteuid() == 0 else ("--map-root-user",)
    script = f"mount --bind '{certificate}' {STORE} && exec \"$@\""
    return ("unshare", "--mount", *mapped, "sh", "-c", script, "sh")


INSTALL = (
    'ensure_uv python3; "$uv" pip install --target "$root/out" -r "$root/toolchain/requirements.lock"; ls "$root/out"'
)


@pytest.mark.slow
def test_uv_believes_what_the_computer_believes(behind: Clone, company: tuple[str, Path]) -> None:
    unknown = behind.setup(INSTALL)
    assert unknown.returncode != 0
    assert "UnknownIssuer" in unknown.stderr
    behind.words = believing(company[1])
    known = behind.setup(INSTALL)
    assert (known.returncode, "thing.py" in known.stdout) == (0, True), known.stderr


@pytest.mark.slow
def test_what_the_user_says_to_uv_stays(behind: Clone, company: tuple[str, Path]) -> None:
    behind.words = believing(company[1])
    done = behind.setup(INSTALL, UV_SYSTEM_CERTS="false")
    assert (done.returncode != 0, "UnknownIssuer" in done.stderr) == (True, True)


@pytest.mark.slow
def test_the_probe_and_the_downloads_believe_it_too(behind: Clone, company: tuple[str, Path]) -> None:
    probe = f"in_reach {company[0]}/simple/thing/ && echo reached"
    assert behind.setup(probe).stdout == ""
    behind.words = believing(company[1])
    assert behind.setup(probe).stdout == "reached\n"


@pytest.mark.parametrize(
    ("configured", "given", "chosen"),
    [
        ("", {}, str(STORE)),
        ("", {"SSL_CERT_FILE": "{file}"}, "{file}"),
        ("", {"REQUESTS_CA_BUNDLE": "{file}"}, ""),
        ("global.cert='/the/users'", {}, ""),
        (":env:.cert='/the/users'", {"PIP_CERT": "/the/users"}, "/the/users"),
        ("global.timeout='60'", {}, str(STORE)),
    ],
)
def test_pip_is_told_of_the_computers_store(
    behind: Clone, tmp_path: Path, configured: str, given: dict[str, str], chosen: str
) -> None:
    if not STORE.exists():
        pytest.skip("this computer keeps its authorities elsewhere")
    file = str(shutil.copy(STORE, tmp_path / "bundle"))
    behind.tool("python3", f'echo "{configured}"')
    more = {key: value.format(file=file) for key, value in given.items()}
    done = behind.setup('pip_trusts_the_system python3; printf "%s" "${PIP_CERT-}"', **more)
    assert (done.returncode, done.stdout) == (0, chosen.format(file=file)), done.stderr
