"""The instance's SSH host key, known before the first connection: read from the serial console, kept in the state.

We considered three options:

- *Generate the key on the workstation and pass it to the instance.* In user data, the private key would stay readable
  for every process on the instance and for everyone who may call ``DescribeInstanceAttribute``. In an SSM
  SecureString, the instance's role would need permission to read it, the image would need a client for that, and a
  private key would cross the network although it never has to leave the machine.
- *The instance publishes its public key in an SSM parameter.* Its role would need permission to write the parameter,
  so an attacker who controls the app could write it too.
- *The instance prints its public key on its serial console*, as cloud-init does at every first boot, and the
  workstation reads it with ``GetConsoleOutput``. We chose this option. It involves no secret, the instance needs no
  permission, and the deployer needs only ``ec2:GetConsoleOutput``. Only root and the kernel can write to the console,
  and the response comes over TLS from an API that identifies the instance, so an attacker on the network path cannot
  forge it. The cost is time: about a minute after the start on Nitro instances, which return the latest output
  immediately (``Latest``); some minutes on Xen instances, for which EC2 updates the output only now and then.

The console keeps only 64 KB and later boots overwrite it, so the key is read once, when the instance is created, and
kept in the state. Only a new instance has a new key.
"""

from __future__ import annotations

import base64
import re
import time
from collections.abc import Callable
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource

from infra.machines.aws import session
from infra.machines.providers import PlainError, PlainProvider
from infra.ssh import fingerprint

KEYS = re.compile(r"-----BEGIN SSH HOST KEY KEYS-----(.*?)-----END SSH HOST KEY KEYS-----", re.DOTALL)
FINGERPRINTS = re.compile(
    r"-----BEGIN SSH HOST KEY FINGERPRINTS-----(.*?)-----END SSH HOST KEY FINGERPRINTS-----", re.DOTALL
)
ED25519 = re.compile(r"ssh-ed25519 ([A-Za-z0-9+/]{68})(?![A-Za-z0-9+/=])")
HEADER = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"

TIMEOUT = 600.0
"""Seconds that an instance may take to boot and print its key."""

PAUSE = 3.0
"""Seconds between two reads of the console."""


class HostKeyError(PlainError):
    """The host key could not be read; the message says what to do."""


def find_key(console: str) -> str | None:
    """Find the ed25519 host key that cloud-init printed last.

    A kernel message in the middle of a line can corrupt a key, so the key's form is checked, and also its fingerprint
    if the console shows fingerprints.

    Args:
        console: The text of the serial console.

    Returns:
        The key as ``ssh-ed25519 AAAA...``, or None if the console shows no intact key yet.
    """
    key_blocks = KEYS.findall(console)
    match = ED25519.search(key_blocks[-1]) if key_blocks else None
    if not match or not base64.b64decode(match[1]).startswith(HEADER):
        return None
    key = f"ssh-ed25519 {match[1]}"
    fingerprints = FINGERPRINTS.findall(console)
    return None if fingerprints and fingerprint(key) not in fingerprints[-1] else key


def wait_for_key(
    read: Callable[[], str],
    timeout: float = TIMEOUT,
    pause: float = PAUSE,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Poll the console until it shows the host key.

    Args:
        read: Returns the console's current text.
        timeout: Seconds to wait.
        pause: Seconds between two reads.
        sleep: Waits for a number of seconds.

    Returns:
        The key as ``ssh-ed25519 AAAA...``.

    Raises:
        HostKeyError: After the timeout, with the console's last lines.
    """
    deadline = time.monotonic() + timeout
    while True:
        console = read()
        if key := find_key(console):
            return key
        if time.monotonic() > deadline:
            lines = [line.strip() for line in console.splitlines() if line.strip()][-8:]
            console_state = (
                "The last lines of its console:\n  " + "\n  ".join(lines) if lines else "Its console is empty."
            )
            raise HostKeyError(
                f"The instance printed no SSH host key on its serial console within {timeout:.0f} s. {console_state}\n"
                "Its image must run cloud-init with output to the serial console; see launchpad:ec2.ami."
            )
        sleep(pause)


def console_reader(region: str, instance_id: str) -> Callable[[], str]:
    """Return a function that reads the instance's console.

    The function raises ``HostKeyError`` if AWS refuses to show the console.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - half a second that few runs need

    client = session.client("ec2", region)
    latest = True

    def read() -> str:
        nonlocal latest
        try:
            answer = client.get_console_output(InstanceId=instance_id, Latest=latest)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if (
                latest and code == "UnsupportedOperation"
            ):  # not a Nitro instance: EC2 updates the output only now and then
                latest = False
                return ""
            if code == "InvalidInstanceID.NotFound":  # not yet known to every part of EC2
                return ""
            raise HostKeyError(
                f"Cannot read the console of {instance_id}, which shows the machine's SSH host key: "
                f"{error.response['Error']['Message']} ({code}). This requires the permission ec2:GetConsoleOutput"
            ) from None
        except BotoCoreError as error:
            raise HostKeyError(f"Cannot read the console of {instance_id}: {error}") from None
        return str(answer.get("Output", ""))

    return read


class HostKeyProvider(PlainProvider):
    """Reads the key once, when the instance is created."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Wait for the key."""
        key = wait_for_key(console_reader(props["region"], props["instance_id"]))
        outs = {"instance_id": props["instance_id"], "region": props["region"], "public_key": key}
        return CreateResult(props["instance_id"], outs)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Only a new instance has a new key."""
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
