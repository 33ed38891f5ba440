"""SSH keys that live in the stack's state: the machine proves itself with one, deployments log in with the other."""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource

from infra.machines.providers import PlainError, PlainProvider


class KeyPairProvider(PlainProvider):
    """Makes a key once; it never changes after that."""

    def create(self, props: dict[str, Any]) -> CreateResult:  # noqa: ARG002
        """Make a key, in a directory that only we can read and that is gone afterwards."""
        if not shutil.which("ssh-keygen"):
            raise PlainError("ssh-keygen is not installed. Run: apt-get install openssh-client")
        with tempfile.TemporaryDirectory(prefix="launchpad-key-") as directory:
            file = Path(directory) / "key"
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(file)]
            done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
            if done.returncode != 0:
                raise PlainError(f"ssh-keygen could not make a key: {done.stderr.strip()}")
            private_key = file.read_text()
            public_key = " ".join(file.with_suffix(".pub").read_text().split()[:2])
        print_ = fingerprint(public_key)
        outs = {"private_key": private_key, "public_key": public_key, "fingerprint": print_}
        return CreateResult(print_, outs)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Nothing about a key can be asked for, so nothing about it differs."""
        return DiffResult(changes=False)


def fingerprint(public_key: str) -> str:
    """The fingerprint that ssh shows for a public key: ``SHA256:...``."""
    digest = hashlib.sha256(base64.b64decode(public_key.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


class KeyPair(Resource, module="launchpad", name="KeyPair"):
    """An ed25519 key pair in OpenSSH format; the private half is a secret."""

    private_key: pulumi.Output[str]
    public_key: pulumi.Output[str]
    fingerprint: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["private_key"])
        outputs = {"private_key": None, "public_key": None, "fingerprint": None}
        super().__init__(KeyPairProvider(), name, outputs, pulumi.ResourceOptions.merge(opts, secret))
