"""The instance's SSH host key, known before the first connection: read from its serial console, pinned in the state.

Three ways were weighed:

- *Make the key here and hand it to the instance.* Put into user data, the private half lies in the clear where every
  process on the instance and everybody who may ``DescribeInstanceAttribute`` reads it, for good. Put into an SSM
  SecureString, the instance's role has to be allowed to read it (no longer Session Manager only), the image has to
  carry a client for that, and a private key crosses the network that never had to leave the machine.
- *The instance publishes its public key in an SSM parameter.* Its role has to be allowed to write one, so whoever
  takes over the app could write there too.
- *The instance prints its public key on its serial console*, which cloud-init does on every first boot without being
  asked, and we read it by ``GetConsoleOutput``: chosen. No secret is involved, the instance needs no permission at
  all, and the one who deploys needs ``ec2:GetConsoleOutput``. Only root and the kernel can write on that console, and
  the answer comes over TLS from an API that knows which instance it is: an attacker on the way to the machine's
  address can forge none of it. Its price is time: about a minute after the start on Nitro instances, which serve the
  latest output at once (``Latest``); some minutes on Xen ones, where EC2 posts the buffer in its own time.

The console keeps 64 KB only and later boots write over it, so the key is read once, when the instance is made, and
pinned: another instance is another key, and nothing else is.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource

from infra.machines.ec2 import session
from infra.machines.keys import fingerprint
from infra.machines.providers import PlainError, PlainProvider

KEYS = re.compile(r"-----BEGIN SSH HOST KEY KEYS-----(.*?)-----END SSH HOST KEY KEYS-----", re.DOTALL)
FINGERPRINTS = re.compile(
    r"-----BEGIN SSH HOST KEY FINGERPRINTS-----(.*?)-----END SSH HOST KEY FINGERPRINTS-----", re.DOTALL
)
ED25519 = re.compile(r"ssh-ed25519 ([A-Za-z0-9+/]{68})(?![A-Za-z0-9+/=])")
HEADER = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"

PATIENCE = 600.0
"""Seconds that an instance gets to boot and print its key."""

PAUSE = 3.0


class HostKeyError(PlainError):
    """The key could not be learned; says what to do."""


def find_key(console: str) -> str | None:
    """The ed25519 host key that cloud-init printed last, whole and sound; None where there is none (yet).

    A kernel message in the midst of a line would spoil a key, so its form is checked, and its fingerprint too where the
    console has fingerprints.
    """
    printed = KEYS.findall(console)
    found = ED25519.search(printed[-1]) if printed else None
    if not found or not base64.b64decode(found[1]).startswith(HEADER):
        return None
    key = f"ssh-ed25519 {found[1]}"
    sums = FINGERPRINTS.findall(console)
    return None if sums and fingerprint(key) not in sums[-1] else key


def wait_for_key(
    read: Callable[[], str],
    patience: float = PATIENCE,
    pause: float = PAUSE,
    rest: Callable[[float], None] = time.sleep,
) -> str:
    """The host key, as soon as the console shows it. Raises ``HostKeyError`` with the console's last lines."""
    end = time.monotonic() + patience
    while True:
        console = read()
        if key := find_key(console):
            return key
        if time.monotonic() > end:
            lines = [line.strip() for line in console.splitlines() if line.strip()][-8:]
            said = "The last lines of its console:\n  " + "\n  ".join(lines) if lines else "Its console is empty."
            raise HostKeyError(
                f"The instance printed no SSH host key on its serial console within {patience:.0f} s. {said}\n"
                "Its image has to run cloud-init, with its messages on the serial console; see launchpad:ami."
            )
        rest(pause)


def console_reader(region: str, instance_id: str) -> Callable[[], str]:
    """A function that reads the instance's console as it is now."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - half a second that few runs need

    client = session.client("ec2", region)
    latest = True

    def read() -> str:
        nonlocal latest
        try:
            answer = client.get_console_output(InstanceId=instance_id, Latest=latest)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if latest and code == "UnsupportedOperation":  # not a Nitro instance: only what EC2 posts in its own time
                latest = False
                return ""
            if code == "InvalidInstanceID.NotFound":  # EC2 has not spread the word of the new instance yet
                return ""
            raise HostKeyError(
                f"The console of {instance_id} cannot be read, which shows the machine's SSH host key: "
                f"{error.response['Error']['Message']} ({code}). It needs the permission ec2:GetConsoleOutput"
            ) from None
        except BotoCoreError as error:
            raise HostKeyError(f"The console of {instance_id} cannot be read: {error}") from None
        return str(answer.get("Output", ""))

    return read


class HostKeyProvider(PlainProvider):
    """Reads the key when the instance is new; it never changes after that."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Wait for the key."""
        key = wait_for_key(console_reader(props["region"], props["instance_id"]))
        outs = {"instance_id": props["instance_id"], "region": props["region"], "public_key": key}
        return CreateResult(props["instance_id"], outs)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Another instance has another key."""
        replaces = ["instance_id"] if _olds.get("instance_id") != _news.get("instance_id") else []
        return DiffResult(changes=bool(replaces), replaces=replaces)


class HostKey(Resource, module="launchpad", name="Ec2HostKey"):
    """The public host key of an instance, ``ssh-ed25519 AAAA...``."""

    public_key: pulumi.Output[str]

    def __init__(
        self, name: str, instance_id: pulumi.Input[str], region: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        properties = {"instance_id": instance_id, "region": region, "public_key": None}
        super().__init__(HostKeyProvider(), name, properties, opts)
