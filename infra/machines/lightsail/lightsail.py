"""The Lightsail machine as resources: it creates what plan.py decided, and decides nothing itself."""

from __future__ import annotations

import pulumi
from pulumi_aws import lightsail

from infra.machines.aws.scope import Scope, provider
from infra.machines.bootscript import boot_script
from infra.machines.cloudinit import host_name
from infra.machines.contract import SSH_USER, Machine, SshAccess
from infra.machines.keys import KeyPair
from infra.machines.lightsail import data, plan
from infra.machines.lightsail.blueprint import Debian
from infra.machines.lightsail.hostkey import HostKey
from infra.machines.lightsail.plan import LightsailArgs


class LightsailMachine(pulumi.ComponentResource):
    """A Lightsail instance with a static IP address, its firewall and a data disk.

    It has no key pair of Lightsail's own: ``ImportKeyPair`` takes RSA keys only, and the stack's is ed25519. The first
    boot installs that one and closes the account that Lightsail's default key opens.

    Attributes:
        machine: The machine, for a ``Deployment``.
    """

    machine: Machine

    def __init__(self, name: str, args: LightsailArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("launchpad:infra:LightsailMachine", name, {}, opts)
        self._args = args
        self._plan = plan.make(args, pulumi.get_project(), pulumi.get_stack())
        self._scope = Scope(name, self, provider(name, args.region, self._plan.tags, self))
        key = KeyPair(f"{name}-client-key", pulumi.ResourceOptions(parent=self))
        disk = data.make(self._scope, args, self._plan.zone) if args.data_disk else None
        instance = self._instance(key, data.beside(self._scope, disk, self._plan.zone) if disk else self._plan.zone)
        self._ports(instance)
        attachment = data.attach(self._scope, disk, instance, data.end(self._scope, args, disk)) if disk else None
        address = self._address(instance, [attachment] if attachment else [])
        host_key = HostKey(f"{name}-host-key", instance.id, args.region, pulumi.ResourceOptions(parent=self))
        self.machine = Machine(
            kind="lightsail",
            address=address,
            ssh=SshAccess(address, host_key.public_key, key.private_key),
            instance_id=instance.id,
            boot_id=instance.id,
            resource=instance,
            # from the attachment, too, so that nobody looks for the disk before it is there
            data_disk=data.places(disk, attachment) if disk and attachment else None,
            firewall=args.firewall,
        )
        self.register_outputs({"address": address, "instance_id": instance.id})

    def _blueprint(self) -> pulumi.Input[str]:
        """The image: the pinned one, or the one chosen when the machine is created."""
        if self._args.blueprint:
            return self._args.blueprint
        return Debian(self._scope.name("image"), self._args.region, pulumi.ResourceOptions(parent=self)).blueprint

    def _instance(self, key: KeyPair, zone: pulumi.Input[str]) -> lightsail.Instance:
        name = host_name(pulumi.get_project(), pulumi.get_stack(), self._scope.prefix)
        kept_user_data = pulumi.Stash(
            # User data matters only at the first boot. Because it is kept in the state, a newer version of this
            # program does not replace a running machine. A new key does: no other way installs one.
            self._scope.name("first-boot"),
            input=key.public_key.apply(lambda public: boot_script(name, SSH_USER, public)),
            opts=pulumi.ResourceOptions(parent=self, replacement_trigger=key.public_key),
        )
        snapshots = self._args.snapshots
        return lightsail.Instance(
            self._scope.name("instance"),
            availability_zone=zone,
            blueprint_id=self._blueprint(),
            bundle_id=self._args.bundle,
            ip_address_type=self._plan.ip_address_type,
            user_data=kept_user_data.output,
            add_on=lightsail.InstanceAddOnArgs(type="AutoSnapshot", snapshot_time=snapshots, status="Enabled")
            if snapshots
            else None,
            tags=self._scope.name_tag(),
            opts=self._scope.options(custom_timeouts=pulumi.CustomTimeouts(create="15m", update="15m", delete="15m")),
        )

    def _ports(self, instance: lightsail.Instance) -> None:
        """The firewall. One call sets all of it and closes what it does not name, such as Lightsail's defaults."""
        lightsail.InstancePublicPorts(
            self._scope.name("ports"),
            instance_name=instance.name,
            port_infos=[
                lightsail.InstancePublicPortsPortInfoArgs(
                    protocol=port.protocol,
                    from_port=port.from_port,
                    to_port=port.to_port,
                    cidrs=list(port.cidrs) or None,
                    ipv6_cidrs=list(port.ipv6_cidrs) or None,
                )
                for port in self._plan.ports
            ],
            # Any change replaces it, and deleting the old one would close ports that the new one has just opened.
            opts=self._scope.options(retain_on_delete=True),
        )

    def _address(self, instance: lightsail.Instance, after: list[pulumi.Resource]) -> pulumi.Output[str]:
        """An address that outlives the instance, known when it leads there.

        Args:
            instance: The instance.
            after: What has to be there first: the data, without which an address led to an empty app.
        """
        address = lightsail.StaticIp(self._scope.name("address"), opts=self._scope.options())
        use = lightsail.StaticIpAttachment(
            self._scope.name("address-use"),
            static_ip_name=address.name,
            instance_name=instance.name,
            # deleting it detaches the address from whichever instance has it, so the new one must come afterwards
            opts=self._scope.options(delete_before_replace=True, depends_on=after),
        )
        ip_address: pulumi.Output[str] = use.ip_address
        return ip_address
