"""Certificates and keys for tests, made anew: none lies in the repository."""

import functools
import subprocess
import tempfile
from pathlib import Path


@functools.cache
def pair(name: str = "one", kind: str = "ec", hosts: tuple[str, ...] = ("a.example.org",)) -> tuple[str, str]:
    """A self-signed certificate for some hosts and its key; the same pair for the same name."""
    new = ("rsa:2048",) if kind == "rsa" else ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", *new, "-nodes", "-days", "30", "-subj", f"/CN={name}"),
                *("-addext", "subjectAltName=" + ",".join(f"DNS:{host}" for host in hosts)),
                *("-keyout", "key", "-out", "certificate"),
            ],
            cwd=folder,
            check=True,
            capture_output=True,
        )
        return Path(folder, "certificate").read_text(), Path(folder, "key").read_text()


@functools.cache
def locked(key: str) -> str:
    """A key with a passphrase."""
    return subprocess.run(
        ["openssl", "pkcs8", "-topk8", "-passout", "pass:x"], input=key, check=True, capture_output=True, text=True
    ).stdout


@functools.cache
def ssh(passphrase: str = "") -> str:
    """A private key for SSH."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "key")
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path)], check=True)
        return path.read_text()
