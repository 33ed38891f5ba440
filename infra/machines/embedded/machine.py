"""The embedded machine, as the deployment sees it: keys, user data and the container, behind the machine contract."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import pulumi

from infra.firewall import Firewall
from infra.machines.cloudinit import HostKey, user_data
from infra.machines.contract import SSH_USER, Machine
from infra.machines.embedded.desk import ROOT
from infra.machines.embedded.provider import MachineResource
from infra.machines.keys import KeyPair


@dataclass(frozen=True)
class EmbeddedArgs:
    """What can be asked of an embedded machine. All but ``suite`` changes while it runs."""

    firewall: Firewall
    cpus: float | None = None
    """How many processors' worth of time it gets; None: all of them."""

    memory: str = "1G"
    disk: str = "4G"
    """The most that it may store; it starts with some megabytes. It can grow, and not shrink."""

    suite: str = "trixie"


class EmbeddedMachine(pulumi.ComponentResource):
    """A system container on this computer, with an address, a firewall and a disk of its own."""

    machine: Machine

    def __init__(self, name: str, args: EmbeddedArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("launchpad:infra:EmbeddedMachine", name, None, opts)
        inside = pulumi.ResourceOptions(parent=self)
        host = KeyPair(f"{name}-host-key", inside)
        client = KeyPair(f"{name}-client-key", inside)
        owner = {"clone": str(ROOT), "project": pulumi.get_project(), "stack": pulumi.get_stack(), "name": name}
        hostname = f"{owner['project']}-{owner['stack']}"
        resource = MachineResource(
            name,
            {
                "machine": machine_id(owner),
                "owner": owner,
                "hostname": hostname,
                "suite": args.suite,
                "cpus": args.cpus,
                "memory": args.memory,
                "disk": args.disk,
                "firewall": args.firewall.as_data(),
                "host_key": host.public_key,
                "authorized_key": client.public_key,
                "user_data": pulumi.Output.secret(
                    pulumi.Output.all(host.public_key, host.private_key, client.public_key).apply(
                        lambda keys: user_data(
                            hostname=hostname,
                            user=SSH_USER,
                            authorized_key=keys[2],
                            host_key=HostKey(public=keys[0], private=keys[1]),
                        )
                    )
                ),
            },
            inside,
        )
        self.machine = Machine(
            kind="embedded",
            address=resource.address,
            ssh_user=SSH_USER,
            ssh_port=22,
            host_key=host.public_key,
            private_key=client.private_key,
            instance_id=resource.instance_id,
            boot_id=resource.boot_id,
            resource=resource,
            firewall=args.firewall,
        )
        self.register_outputs({"address": resource.address, "state": resource.state})


def machine_id(owner: dict[str, str]) -> str:
    """The id of an owner's machine: always the same, so that one which an interrupted run left is found again.

    It is an interface name too, which may have 15 characters.
    """
    text = "\0".join(owner[key] for key in ("clone", "project", "stack", "name"))
    return f"lp{hashlib.sha256(text.encode()).hexdigest()[:8]}"
