"""The embedded machine as a component: keys, user data and the container, behind the machine contract."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from infra import local
from infra.machines.cloudinit import HostKey, host_name, user_data
from infra.machines.contract import SSH_USER, Machine, SshAccess
from infra.machines.embedded.data_provider import DataResource
from infra.machines.embedded.provider import MachineResource
from infra.machines.embedded.settings import DEFAULTS
from infra.machines.embedded.state import Owner, machine_id
from infra.machines.firewall import Firewall
from infra.machines.keys import KeyPair
from infra.protocol import codec
from infra.protocol.data_disk import MOUNTED
from infra.protocol.on_destroy import OnDestroy


@dataclass(frozen=True)
class EmbeddedArgs:
    """The arguments of an embedded machine. Changing ``suite`` replaces the machine; all others change in place.

    The sizes may be outputs of other resources.
    """

    firewall: Firewall
    cpus: pulumi.Input[float] | None = None
    """Number of processors, which may be a fraction; None: all of this computer's."""

    memory: pulumi.Input[str] = DEFAULTS.memory
    disk: pulumi.Input[str] = DEFAULTS.disk
    """Size of the disk, such as 4G; it can grow but not shrink. The file starts with a few megabytes."""

    data_disk: pulumi.Input[str] = DEFAULTS.data_disk
    """Size of the disk for data, which outlives the machine; it can grow but not shrink. "0": it has none."""

    suite: str = "trixie"
    on_destroy: OnDestroy = ""
    """What becomes of the data when the machine is destroyed; empty: it is deleted."""


class EmbeddedMachine(pulumi.ComponentResource):
    """A system container on this computer, with its own address, firewall and disk.

    Attributes:
        machine: The machine, for a ``Deployment``.
    """

    machine: Machine

    def __init__(self, name: str, args: EmbeddedArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("launchpad:infra:EmbeddedMachine", name, None, opts)
        inside = pulumi.ResourceOptions(parent=self)
        host = KeyPair(f"{name}-host-key", inside)
        client = KeyPair(f"{name}-client-key", inside)
        owner = Owner(str(local.project()), pulumi.get_project(), pulumi.get_stack(), name)
        hostname = host_name(owner.project, owner.stack, name)
        disks = []
        if args.data_disk != "0":
            props = {"disk": machine_id(owner), "owner": codec.plain(owner), "on_destroy": args.on_destroy}
            disks = [DataResource(f"{name}-data", props, inside)]
        resource = MachineResource(
            name,
            {
                "machine": machine_id(owner),
                "owner": codec.plain(owner),
                "hostname": hostname,
                "suite": args.suite,
                "cpus": args.cpus,
                "memory": args.memory,
                "disk": args.disk,
                "data_disk": args.data_disk,
                "data_owner": disks[0].owner if disks else None,
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
            pulumi.ResourceOptions.merge(inside, pulumi.ResourceOptions(depends_on=disks)),
        )
        self.machine = Machine(
            kind="embedded",
            address=resource.address,
            ssh=SshAccess(resource.address, host.public_key, client.private_key),
            instance_id=resource.instance_id,
            boot_id=resource.boot_id,
            resource=resource,
            firewall=args.firewall,
            local_ports=resource.local_ports,
            data_disk=MOUNTED if disks else None,
        )
        self.register_outputs({"address": resource.address, "state": resource.state})
