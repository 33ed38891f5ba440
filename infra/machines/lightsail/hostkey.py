"""The instance's SSH host key, known before the first connection: asked of Lightsail's API, kept in the state.

Lightsail records the host keys of an instance when it boots and hands them out with ``GetInstanceAccessDetails``. They
come over TLS from the API that made the instance, so nobody on the path to it can put in keys of their own. Generating
the key on the workstation is no option: it would be in the user data, which every process on the instance can read.

The answer holds a temporary private key, too, by which Lightsail's console logs in. Only the host keys are read.
"""

from __future__ import annotations

import base64
import binascii
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, Resource

from infra.machines.aws import session
from infra.machines.providers import PlainError, PlainProvider
from infra.ssh import fingerprint

ALGORITHM = "ssh-ed25519"
HEADER = b"\0\0\0\x0bssh-ed25519\0\0\0\x20"
LENGTH = len(HEADER) + 32

TIMEOUT = 600.0
"""Seconds that an instance may take to boot and show its keys."""

PAUSE = 5.0
"""Seconds between two questions."""

NOT_YET = ("NotFoundException", "OperationFailureException", "ServiceException", "ThrottlingException")
"""AWS's answers about an instance that does not run yet, or when it is busy."""

HostKeys = list[dict[str, Any]]


class HostKeyError(PlainError):
    """The host key could not be had; the message says what to do."""


def find_key(host_keys: Iterable[Mapping[str, Any]]) -> str | None:
    """Find the ed25519 key.

    Args:
        host_keys: The keys as ``GetInstanceAccessDetails`` returns them.

    Returns:
        The key as ``ssh-ed25519 AAAA...``; None if there is none.

    Raises:
        HostKeyError: It is not a key, or not the one of its fingerprint.
    """
    found = [each for each in host_keys if each.get("algorithm") == ALGORITHM]
    if not found:
        return None
    newest = max(found, key=lambda each: str(each.get("witnessedAt", "")))
    text = str(newest.get("publicKey", "")).split()
    body = next((word for word in text if word != ALGORITHM), "")
    try:
        data = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if not data.startswith(HEADER) or len(data) != LENGTH:
        raise HostKeyError(
            "What Lightsail returns as the machine's ed25519 host key is no such key; nothing was sent to it."
        )
    key = f"{ALGORITHM} {body}"
    stated = str(newest.get("fingerprintSHA256", "")).rstrip("=")
    if stated and stated != fingerprint(key).rstrip("="):
        raise HostKeyError(
            f"Lightsail returns a host key with the fingerprint {fingerprint(key)} and calls it {stated}; "
            "nothing was sent to the machine. Run pulumi up again; if it stays, make a new instance"
        )
    return key


def wait_for_key(
    read: Callable[[], HostKeys],
    timeout: float = TIMEOUT,
    pause: float = PAUSE,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Ask until Lightsail knows the key.

    Args:
        read: Returns the host keys that Lightsail knows now.
        timeout: Seconds to wait.
        pause: Seconds between two questions.
        sleep: Waits for a number of seconds.

    Returns:
        The key as ``ssh-ed25519 AAAA...``.

    Raises:
        HostKeyError: After the timeout, with what Lightsail knows instead; or the key is wrong.
    """
    deadline = time.monotonic() + timeout
    while True:
        keys = read()
        if key := find_key(keys):
            return key
        if time.monotonic() > deadline:
            others = ", ".join(sorted({str(each.get("algorithm")) for each in keys}))
            known = f"keys of other kinds only ({others})" if others else "no host key"
            raise HostKeyError(
                f"Within {timeout:.0f} s Lightsail knows {known} of the instance, and Launchpad needs one of the kind "
                f"{ALGORITHM}. Look at the instance in Lightsail's console and run pulumi up again; see "
                "launchpad:lightsail.blueprint"
            )
        sleep(pause)


def reader(region: str, instance: str) -> Callable[[], HostKeys]:
    """Return a function that asks for the instance's host keys.

    The function raises ``HostKeyError`` if AWS refuses to tell.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - half a second that few runs need

    client = session.client("lightsail", region)

    def read() -> HostKeys:
        try:
            answer = client.get_instance_access_details(instanceName=instance, protocol="ssh")
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in NOT_YET:
                return []
            raise HostKeyError(
                f"Cannot ask Lightsail for the SSH host key of {instance}: "
                f"{error.response['Error'].get('Message', '')} ({code}). "
                "This requires the permission lightsail:GetInstanceAccessDetails"
            ) from None
        except BotoCoreError as error:
            raise HostKeyError(f"Cannot ask Lightsail for the SSH host key of {instance}: {error}") from None
        return list(answer.get("accessDetails", {}).get("hostKeys") or [])

    return read


class HostKeyProvider(PlainProvider):
    """Asks once, when the instance is created."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Wait for the key."""
        key = wait_for_key(reader(props["region"], props["instance"]))
        outs = {"instance": props["instance"], "region": props["region"], "public_key": key}
        return CreateResult(props["instance"], outs)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Only a new instance has a new key."""
        replaces = ["instance"] if _olds.get("instance") != _news.get("instance") else []
        return DiffResult(changes=bool(replaces), replaces=replaces)


class HostKey(Resource, module="launchpad", name="LightsailHostKey"):
    """The public host key of an instance, ``ssh-ed25519 AAAA...``."""

    public_key: pulumi.Output[str]

    def __init__(
        self, name: str, instance: pulumi.Input[str], region: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        properties = {"instance": instance, "region": region, "public_key": None}
        super().__init__(HostKeyProvider(), name, properties, opts)
