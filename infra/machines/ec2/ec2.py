"""The EC2 machine as resources: makes what the planner planned, and nothing else is decided here."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
from pulumi_aws import Provider, ProviderDefaultTagsArgs, ec2, iam, vpc

from infra.machines.contract import SSH_USER, Machine
from infra.machines.ec2 import plan, tunnel
from infra.machines.ec2.firstboot import first_boot
from infra.machines.ec2.hostkey import HostKey
from infra.machines.ec2.network import network
from infra.machines.ec2.plan import Ec2Args
from infra.machines.ec2.scope import Scope
from infra.machines.keys import KeyPair

ASSUMED_BY_EC2 = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}},
        ],
    }
)


class Ec2Machine(pulumi.ComponentResource):
    """An EC2 instance with an address, a security group and, unless one is given, a network of its own."""

    machine: Machine

    def __init__(self, name: str, args: Ec2Args, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("launchpad:infra:Ec2Machine", name, {}, opts)
        self._args = args
        self._plan = plan.make(args, pulumi.get_project(), pulumi.get_stack())
        provider = Provider(
            f"{name}-aws",
            region=args.region,
            default_tags=ProviderDefaultTagsArgs(tags=self._plan.tags),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._scope = Scope(name, self, provider)
        place = network(self._scope, self._plan.network, args.instance_type)
        group = self._group(place.vpc_id)
        key = KeyPair(f"{name}-client-key", pulumi.ResourceOptions(parent=self))
        instance = self._instance(place.subnet_id, group, key)
        association = self._address(instance, place.ways)
        host_key = HostKey(f"{name}-host-key", instance.id, args.region, pulumi.ResourceOptions(parent=self))
        self.machine = Machine(
            kind="ec2",
            # of the association: whoever uses the address waits until it leads to the instance
            address=association.public_ip,
            ssh_user=SSH_USER,
            ssh_port=tunnel.port(pulumi.get_project(), pulumi.get_stack()) if args.via_ssm else 22,
            host_key=host_key.public_key,
            private_key=key.private_key,
            instance_id=instance.id,
            # another type is a stop and a start, of which EC2 tells nothing else that lasts
            boot_id=pulumi.Output.concat(instance.id, "/", instance.instance_type),
            resource=instance,
            firewall=args.firewall,
            ssh_host=instance.id.apply(self._tunnel) if args.via_ssm else None,
            ssh_proxy=instance.id.apply(partial(tunnel.proxy_command, args.region)) if args.via_ssm else None,
        )
        self.register_outputs({"address": association.public_ip, "instance_id": instance.id})

    def _tunnel(self, instance_id: str) -> str:
        """The host where the instance's SSH is found; a preview needs no tunnel to know it."""
        if pulumi.runtime.is_dry_run():
            return tunnel.HERE
        log = Path(".launchpad", pulumi.get_stack(), "tunnel.log")
        port = tunnel.port(pulumi.get_project(), pulumi.get_stack())
        return tunnel.start(self._args.region, instance_id, port, log)

    def _group(self, vpc_id: pulumi.Input[str]) -> ec2.SecurityGroup:
        """The firewall: a group without rules, and each rule a resource of its own."""
        group = ec2.SecurityGroup(
            self._scope.name("group"),
            description="The machine of the app; each rule says what it is for",
            vpc_id=vpc_id,
            revoke_rules_on_delete=True,
            tags=self._scope.called("machine"),
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

    def _profile(self) -> iam.InstanceProfile:
        """What the machine may do in the account: be reached by Session Manager, and nothing else."""
        role = iam.Role(
            self._scope.name("role"),
            description="Lets Session Manager reach the machine",
            assume_role_policy=ASSUMED_BY_EC2,
            opts=self._scope.options(),
        )
        attached = iam.RolePolicyAttachment(
            self._scope.name("ssm"), role=role.name, policy_arn=self._plan.policy_arn, opts=self._scope.options()
        )
        return iam.InstanceProfile(
            self._scope.name("profile"), role=role.name, opts=self._scope.options(depends_on=[attached])
        )

    def _image_id(self) -> pulumi.Input[str]:
        """The image: the pinned one, or the newest at the time of making, held in the state."""
        image = self._plan.image
        if image.pinned:
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
        held = pulumi.Stash(
            # by the architecture, for a machine of another one needs another image
            self._scope.name(f"image-{image.architecture}"),
            input=newest.id,
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["input"]),
        )
        pulumi.Output.all(newest.id, newest.name, held.output).apply(self._tell_of_newer)
        return held.output

    def _tell_of_newer(self, images: list[Any]) -> None:
        newest, called, held = images
        if held and newest != held:
            pulumi.log.info(
                f"{called} ({newest}) is newer than the image that this machine was made from ({held}). "
                f"To replace the machine by one made from it: pulumi config set launchpad:ami {newest}",
                self,
            )

    def _instance(self, subnet_id: pulumi.Input[str], group: ec2.SecurityGroup, key: KeyPair) -> ec2.Instance:
        args = self._args
        login = ec2.KeyPair(
            self._scope.name("key"),
            public_key=key.public_key,
            tags=self._scope.called("deployments"),
            opts=self._scope.options(),
        )
        held = pulumi.Stash(
            # User data matters at the first boot only. Held, a newer version of this program neither stops nor replaces
            # a machine that runs; another key does, for no other way leads it to the machine.
            self._scope.name("first-boot"),
            input=key.public_key.apply(
                lambda public: first_boot(
                    f"{pulumi.get_project()}-{pulumi.get_stack()}",
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
            iam_instance_profile=self._profile().name,
            user_data=held.output,
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
                volume_size=args.volume,
                delete_on_termination=True,
                tags=self._scope.called("root disk"),
            ),
            tags=self._scope.called(),
            opts=self._scope.options(custom_timeouts=pulumi.CustomTimeouts(create="15m", update="15m", delete="15m")),
        )

    def _address(self, instance: ec2.Instance, ways: list[pulumi.Resource]) -> ec2.EipAssociation:
        """An address that outlives the instance: a replaced machine is found where the old one was."""
        address = ec2.Eip(
            self._scope.name("address"), domain="vpc", tags=self._scope.called(), opts=self._scope.options()
        )
        return ec2.EipAssociation(
            self._scope.name("address-use"),
            allocation_id=address.id,
            instance_id=instance.id,
            # the new instance takes the address before the old one is gone
            allow_reassociation=True,
            opts=self._scope.options(depends_on=ways),
        )
