"""A kind of machine that somebody adds: all of it is here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from infra.config import readers
from infra.config.key import Keys, key
from infra.config.settings import Settings
from infra.machines.contract import Machine, SshAccess
from infra.machines.firewall import Firewall
from infra.machines.kind import Kind


@dataclass(frozen=True, kw_only=True)
class NullKeys(Keys):
    """A machine that is there already."""

    host: str = key(
        readers.text,
        description="Address of the machine.",
        example="192.0.2.7",
        also=("address",),
    )
    port: int = key(readers.whole_number(1, 65535), default="22", description="Port of its SSH.")


def host_given(settings: Settings) -> Iterator[str]:
    """A host is named."""
    if not settings.of(NullKeys).host:
        yield "launchpad:null.host is empty; it must be the address of the machine"


def launch(name: str, settings: Settings, firewall: Firewall) -> Machine:
    """Nothing is made."""
    wanted = settings.of(NullKeys)
    access = SshAccess(host=wanted.host, host_key="ssh-ed25519 AAAA", private_key="KEY", port=wanted.port)
    return Machine("null", wanted.host, access, instance_id=name, boot_id="", firewall=firewall)


KIND = Kind("null", "a machine that is there already", NullKeys, (host_given,), launch, ssh_cidrs=("192.0.2.0/24",))
