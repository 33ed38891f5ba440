"""The EC2 machine as resources: it creates what plan.py decided, and decides nothing itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pulumi
from pulumi_aws import ebs, ec2, iam, vpc

from infra import local
from infra.machines.aws import data_disk, zone
from infra.machines.aws.scope import Scope, provider
from infra.machines.cloudinit import host_name
from infra.machines.contract import Machine, SshAccess, Tunnel
from infra.machines.ec2 import data_volume, plan, rds, snapshots, tunnel
from infra.machines.ec2.firstboot import first_boot
from infra.machines.ec2.hostkey import HostKey
from infra.machines.ec2.network import Ec2Network, Ec2NetworkArgs
from infra.machines.ec2.plan import Ec2Args, ExistingNetwork
from infra.machines.keys import KeyPair
from infra.protocol.database import Server

ASSUMED_BY_EC2 = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}},
        ],
    }
)


@dataclass(frozen=True)
class Place:
    """Where the machine is; ``key`` is the config key that decides its zone."""

    vpc_id: pulumi.Input[str]
    subnet_id: pulumi.Input[str]
    zone: pulumi.Input[str]
    key: str
    private_subnet_ids: Sequence[pulumi.Input[str]] = ()
    """Where a database server may be."""

    def beside(self, scope: Scope, volume: ebs.Volume | None) -> pulumi.Input[str]:
        """The subnet, once it is certain that the volume is in its zone."""
        if volume is None:
            return self.subnet_id
        return zone.beside(scope, self.subnet_id, key=self.key, zone=self.zone, placed=volume.availability_zone)


class Ec2Machine(pulumi.ComponentResource):
    """An EC2 instance with a data disk, an Elastic IP address, a security group and, unless you pass one, a VPC.

    Attributes:
        machine: The machine, for a ``Deployment``.
    """

    machine: Machine

    def __init__(self, name: str, args: Ec2Args, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("launchpad:infra:Ec2Machine", name, {}, opts)
        self._args = args
        self._port = tunnel.port(pulumi.get_project(), pulumi.get_stack(), name)
        self._plan = plan.make(args, pulumi.get_project(), pulumi.get_stack())
        self._scope = Scope(name, self, provider(name, args.region, self._plan.tags, self))
        place, routes = self._network()
        group = self._group(place.vpc_id)
        key = KeyPair(f"{name}-client-key", pulumi.ResourceOptions(parent=self))
        volume = data_volume.make(self._scope, args, place.zone) if args.data_disk else None
        snapshots.make(self._scope, args)
        role = self._role()
        instance = self._instance(place.beside(self._scope, volume), group, key, role)
        attachment = data_volume.attach(self._scope, volume, instance) if volume else None
        association = self._address(instance, [*routes, *([attachment] if attachment else [])])
        host_key = HostKey(f"{name}-host-key", instance.id, args.region, pulumi.ResourceOptions(parent=self))
        self.machine = Machine(
            kind="ec2",
            # from the association, so that users of the address wait until it is attached to the instance
            address=association.public_ip,
            ssh=SshAccess(
                association.public_ip,
                host_key.public_key,
                key.private_key,
                proxy_command=instance.id.apply(partial(tunnel.proxy_command, args.region)) if args.via_ssm else None,
                tunnel=Tunnel(instance.id.apply(self._tunnel), self._port) if args.via_ssm else None,
            ),
            instance_id=instance.id,
            # a new type means a stop and a start, and EC2 keeps no other lasting trace of that
            boot_id=pulumi.Output.concat(instance.id, "/", instance.instance_type),
            resource=instance,
            # from the attachment, so that nobody looks for the disk before it is there
            data_disk=attachment.volume_id.apply(data_disk.device) if attachment else None,
            data_disk_size=volume.size.apply(int) if volume else 0,
            firewall=args.firewall,
            database=self._database(place, group, role),
        )
        self.register_outputs({"address": association.public_ip, "instance_id": instance.id})

    def _network(self) -> tuple[Place, list[pulumi.Resource]]:
        """Where the machine is, and the routes that its address depends on."""
        args, planned = self._args, self._plan.network
        if isinstance(planned, ExistingNetwork):
            placed: pulumi.Input[str] = ""
            if args.data_disk:
                subnet = ec2.get_subnet_output(id=planned.subnet_id, opts=self._scope.lookup())
                placed = subnet.availability_zone
            private = args.rds.subnet_ids if args.rds else ()
            return Place(planned.vpc_id, planned.subnet_id, placed, "launchpad:ec2.subnet_id", private), []
        found = args.data_disk_found
        network_args = Ec2NetworkArgs(
            args.region,
            args.firewall,
            args.vpc_cidr,
            args.instance_type,
            args.tags,
            zone=found.zone if found else "",
            private=args.rds is not None,
        )
        opts = pulumi.ResourceOptions(parent=self, provider=self._scope.provider)
        own = Ec2Network(self._scope.prefix, network_args, opts)
        place = Place(own.vpc_id, own.subnet_ids[0], own.zone, "launchpad:ec2.region", own.private_subnet_ids)
        return place, own.routes

    def _database(self, place: Place, group: ec2.SecurityGroup, role: iam.Role) -> pulumi.Output[Server] | None:
        """The database server on RDS, if there is one."""
        if self._args.rds is None:
            return None
        network = rds.Network(place.vpc_id, place.private_subnet_ids, group)
        return rds.make(self._scope, self._args, self._args.rds, network, role)

    def _tunnel(self, instance_id: str) -> str:
        """Start the tunnel to the instance's SSH and return its host; a preview returns the host only."""
        if pulumi.runtime.is_dry_run():
            return tunnel.LOCALHOST
        log = local.tunnel_log(pulumi.get_stack(), self._scope.prefix)
        return tunnel.start(self._args.region, instance_id, self._port, log)

    def _group(self, vpc_id: pulumi.Input[str]) -> ec2.SecurityGroup:
        """The firewall: a security group, and each of its rules as a resource of its own."""
        group = ec2.SecurityGroup(
            self._scope.name("group"),
            description="Firewall of the app's machine",
            vpc_id=vpc_id,
            revoke_rules_on_delete=True,
            tags=self._scope.name_tag("machine"),
            opts=self._scope.options(),
        )
        for rule in self._plan.rules:
            make = vpc.SecurityGroupIngressRule if rule.direction == "ingress" else vpc.SecurityGroupEgressRule
            make(
                self._scope.name(rule.name),
                security_group_id=group.id,
                ip_protocol=rule.ip_protocol,
                from_port=rule.from_port,
                to_port=rule.to_port,
                cidr_ipv4=rule.cidr_ipv4,
                cidr_ipv6=rule.cidr_ipv6,
                description=rule.description,
                opts=self._scope.options(),
            )
        return group

    def _role(self) -> iam.Role:
        """Who the machine is in the account."""
        return iam.Role(
            self._scope.name("role"),
            description="Allows Session Manager to connect to the app's machine",
            assume_role_policy=ASSUMED_BY_EC2,
            opts=self._scope.options(),
        )

    def _profile(self, role: iam.Role) -> iam.InstanceProfile:
        """The machine's permissions: registering with Session Manager, and the password of its database (rds.py)."""
        attached = iam.RolePolicyAttachment(
            self._scope.name("ssm"), role=role.name, policy_arn=self._plan.policy_arn, opts=self._scope.options()
        )
        return iam.InstanceProfile(
            self._scope.name("profile"), role=role.name, opts=self._scope.options(depends_on=[attached])
        )

    def _image_id(self) -> pulumi.Input[str]:
        """The image: the pinned one, or the newest when the machine is created, kept in the stack's state."""
        image = self._plan.image
        # named after the architecture, because another architecture needs another image
        name = self._scope.name(f"image-{image.architecture}")
        if image.pinned:
            # kept, too, so that a machine stays as it is when its image is no longer named
            pulumi.Stash(name, input=image.pinned, opts=pulumi.ResourceOptions(parent=self))
            return image.pinned
        newest = ec2.get_ami_output(
            most_recent=True,
            owners=[image.owner],
            filters=[
                ec2.GetAmiFilterArgs(name="name", values=[image.name]),
                ec2.GetAmiFilterArgs(name="architecture", values=[image.architecture]),
                ec2.GetAmiFilterArgs(name="virtualization-type", values=["hvm"]),
                ec2.GetAmiFilterArgs(name="root-device-type", values=["ebs"]),
            ],
            opts=self._scope.lookup(),
        )
        kept_image = pulumi.Stash(
            name, input=newest.id, opts=pulumi.ResourceOptions(parent=self, ignore_changes=["input"])
        )
        pulumi.Output.all(newest.id, newest.name, kept_image.output).apply(self._report_newer_image)
        return kept_image.output

    def _report_newer_image(self, images: list[Any]) -> None:
        newest, name, kept = images
        if kept and newest != kept:
            pulumi.log.info(
                f"{name} ({newest}) is newer than this machine's image ({kept}). "
                f"To replace the machine with one created from it: pulumi config set launchpad:ec2.ami {newest}",
                self,
            )

    def _instance(
        self, subnet_id: pulumi.Input[str], group: ec2.SecurityGroup, key: KeyPair, role: iam.Role
    ) -> ec2.Instance:
        args = self._args
        login = ec2.KeyPair(
            self._scope.name("key"),
            public_key=key.public_key,
            tags=self._scope.name_tag("deployments"),
            opts=self._scope.options(),
        )
        kept_user_data = pulumi.Stash(
            # User data matters only at the first boot. Because it is kept in the state, a newer version of this
            # program neither stops nor replaces a running machine. A new key replaces it: no other way installs one.
            self._scope.name("first-boot"),
            input=key.public_key.apply(
                lambda public: first_boot(
                    host_name(pulumi.get_project(), pulumi.get_stack(), self._scope.prefix),
                    public,
                    args.region,
                    self._plan.image.architecture,
                    args.via_ssm,
                )
            ),
            opts=pulumi.ResourceOptions(parent=self, replacement_trigger=key.public_key),
        )
        return ec2.Instance(
            self._scope.name("instance"),
            ami=self._image_id(),
            instance_type=args.instance_type,
            subnet_id=subnet_id,
            vpc_security_group_ids=[group.id],
            key_name=login.key_name,
            iam_instance_profile=self._profile(role).name,
            user_data=kept_user_data.output,
            user_data_replace_on_change=True,
            monitoring=args.monitoring,
            ebs_optimized=True,
            disable_api_termination=args.termination_protection,
            instance_initiated_shutdown_behavior="stop",
            metadata_options=ec2.InstanceMetadataOptionsArgs(
                http_endpoint="enabled",
                http_tokens="required",
                http_put_response_hop_limit=1,
                http_protocol_ipv6="disabled",
                instance_metadata_tags="disabled",
            ),
            root_block_device=ec2.InstanceRootBlockDeviceArgs(
                encrypted=True,
                volume_type="gp3",
                volume_size=args.disk,
                delete_on_termination=True,
                tags=self._scope.name_tag("root disk"),
            ),
            tags=self._scope.name_tag(),
            opts=self._scope.options(custom_timeouts=pulumi.CustomTimeouts(create="15m", update="15m", delete="15m")),
        )

    def _address(self, instance: ec2.Instance, after: list[pulumi.Resource]) -> ec2.EipAssociation:
        """An address that outlives the instance, so that a replacement machine keeps the address.

        Args:
            instance: The instance.
            after: What has to be there first: the routes, and the data, without which an address led to an empty app.
        """
        address = ec2.Eip(
            self._scope.name("address"), domain="vpc", tags=self._scope.name_tag(), opts=self._scope.options()
        )
        return ec2.EipAssociation(
            self._scope.name("address-use"),
            allocation_id=address.id,
            instance_id=instance.id,
            # the new instance takes over the address before the old instance is deleted
            allow_reassociation=True,
            opts=self._scope.options(depends_on=after),
        )
