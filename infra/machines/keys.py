"""SSH key pairs stored in the stack's state: a machine's host key, and the key that deployments log in with."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource

from infra.machines.providers import PlainError, PlainProvider
from infra.ssh import fingerprint


class KeyPairProvider(PlainProvider):
    """Creates a key once; it never changes."""

    def create(self, props: dict[str, Any]) -> CreateResult:  # noqa: ARG002
        """Create a key in a temporary directory that only this user can read."""
        if not shutil.which("ssh-keygen"):
            raise PlainError("ssh-keygen is not installed. Run: apt-get install openssh-client")
        with tempfile.TemporaryDirectory(prefix="launchpad-key-") as directory:
            file = Path(directory) / "key"
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(file)]
            completed = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
            if completed.returncode != 0:
                raise PlainError(f"ssh-keygen could not create a key: {completed.stderr.strip()}")
            private_key = file.read_text()
            public_key = " ".join(file.with_suffix(".pub").read_text().split()[:2])
        digest = fingerprint(public_key)
        outs = {"private_key": private_key, "public_key": public_key, "fingerprint": digest}
        return CreateResult(digest, outs)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """A key has no inputs, so it never differs."""
        return DiffResult(changes=False)


class KeyPair(Resource, module="launchpad", name="KeyPair"):
    """An ed25519 key pair in OpenSSH format; the private half is a secret."""

    private_key: pulumi.Output[str]
    public_key: pulumi.Output[str]
    fingerprint: pulumi.Output[str]

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        secret = pulumi.ResourceOptions(additional_secret_outputs=["private_key"])
        outputs = {"private_key": None, "public_key": None, "fingerprint": None}
        super().__init__(KeyPairProvider(), name, outputs, pulumi.ResourceOptions.merge(opts, secret))
