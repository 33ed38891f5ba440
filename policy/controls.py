"""The controls about machines: AWS Foundational Security Best Practices (EC2.*), Checkov (CKV*), and some of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from policy import resources as r
from policy.judging import control
from policy.resources import Resource, Resources, covers, from_anywhere, of

WEB_PORTS = (80, 443)
HIGH_RISK = (
    *(20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000, 5432, 5500, 5601),
    *(8080, 8088, 8888, 9200, 9300),
)
"""The ports that FSBP EC2.19 lists."""

SECRETS = re.compile(
    r"AKIA[0-9A-Z]{16}|ASIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY-----|"
    r"(?i:(password|passwd|secret_?(access_?)?key|token)[\"']?\s*[:=]\s*[\"']?[^\s\"',]{8,})"
)
NO_DESCRIPTION = ("", "Managed by Pulumi", "Managed by Terraform")
SSM_CORE = "AmazonSSMManagedInstanceCore"
SNAPSHOTS = ("dlm.amazonaws.com", "service-role/AWSDataLifecycleManagerServiceRole")
"""The service that makes snapshots, and the one policy of its role."""
ONE_SECRET = re.compile(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@!-]+")
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What a preview has in place of a text that is not known yet. Source: UnknownStringValue in Pulumi's sdk/go."""
OWNER_TAGS = {"ManagedBy", "Project", "Stack"}
"""What the program should have created. It is repeated here on purpose: a policy that imported it from the program
would accept whatever the program does."""


@control("EC2.2", "CKV2_AWS_12")
def default_group_closed(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """The default security group of a VPC allows nothing."""
    closed: set[str] = set()
    for group in of(resources, r.DEFAULT_GROUP):
        if group.inputs.get("ingress") or group.inputs.get("egress"):
            yield group, "the default security group has rules"
        closed |= group.depends_on
    for vpc in of(resources, r.VPC):
        if vpc.name not in closed:
            yield vpc, "the VPC's default security group is not emptied"


@control("EC2.1")
def snapshots_private(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """No snapshot of a disk can be restored by everybody."""
    for permission in of(resources, r.SNAPSHOT_PERMISSION):
        if permission.inputs.get("accountId") == "all":
            yield permission, "everybody may restore the snapshot"
    for block in of(resources, r.SNAPSHOT_BLOCK):
        if block.inputs.get("state") == "unblocked":
            yield block, "snapshots may be made public"


@control("EC2.3", "CKV_AWS_3", "CKV_AWS_8", "CKV2_AWS_2")
def disks_encrypted(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """The disks of an instance are encrypted, those that are attached later, too."""
    for instance in of(resources, r.INSTANCE):
        disks = [instance.inputs.get("rootBlockDevice") or {}, *(instance.inputs.get("ebsBlockDevices") or [])]
        if not all(disk.get("encrypted") is True for disk in disks):
            yield instance, "a disk is not encrypted"
    for volume in of(resources, r.VOLUME):
        if volume.inputs.get("encrypted") is not True:
            yield volume, "the disk is not encrypted"


@control("EC2.6", "CKV2_AWS_11")
def flow_logs(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """A VPC keeps flow logs."""
    logged = {name for log in of(resources, r.FLOW_LOG) for name in log.depends_on}
    for vpc in of(resources, r.VPC):
        if vpc.name not in logged:
            yield vpc, "the VPC keeps no flow logs"


@control("EC2.8", "CKV_AWS_79")
def metadata_tokens(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """The instance metadata service requires a session token (IMDSv2)."""
    for instance in of(resources, r.INSTANCE):
        options = instance.inputs.get("metadataOptions") or {}
        if options.get("httpEndpoint") != "disabled" and options.get("httpTokens") != "required":
            yield instance, "the metadata service answers without a token (IMDSv1)"


@control("CKV_AWS_341")
def metadata_hops(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """Metadata responses do not leave the instance."""
    for instance in of(resources, r.INSTANCE):
        options = instance.inputs.get("metadataOptions") or {}
        if options.get("httpEndpoint") != "disabled" and int(options.get("httpPutResponseHopLimit", 1)) > 1:
            yield instance, "metadata responses may travel more than one hop"


@control("EC2.9", "CKV_AWS_88")
def no_public_address(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """An instance has no public address."""
    for instance in of(resources, r.INSTANCE):
        if instance.inputs.get("associatePublicIpAddress"):
            yield instance, "the instance has a public address"
    for use in of(resources, r.ADDRESS_USE):
        yield use, "the instance has an Elastic address"
    for use in of(resources, r.LIGHTSAIL_ADDRESS_USE):
        yield use, "the instance has a static address"


@control("EC2.15", "CKV_AWS_130")
def no_automatic_addresses(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """A subnet does not assign public addresses automatically."""
    for subnet in of(resources, r.SUBNET):
        if subnet.inputs.get("mapPublicIpOnLaunch"):
            yield subnet, "the subnet assigns public addresses automatically"


@control("EC2.18")
def only_web_from_anywhere(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """Only the web ports are open to everybody."""
    for resource, rule in r.ingress(resources):
        ports = (int(rule.get("fromPort", -1)), int(rule.get("toPort", -1)))
        if from_anywhere(rule) and not (ports[0] == ports[1] and ports[0] in WEB_PORTS):
            yield resource, f"open to everybody: ports {ports[0]} to {ports[1]}"


@control("EC2.19")
def no_high_risk_port_from_anywhere(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """No high-risk port is open to everybody."""
    yield from _open(resources, *HIGH_RISK)


@control("EC2.21", "CKV_AWS_231", "CKV_AWS_232")
def acl_guards_logins(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """No network ACL, including a VPC's default one, allows SSH or RDP from everywhere."""
    kept: set[str] = set()
    for acl in of(resources, r.ACL, r.DEFAULT_ACL):
        for entry in acl.inputs.get("ingress") or []:
            if entry.get("action") == "allow" and from_anywhere(entry) and covers(entry, 22, 3389):
                yield acl, f"entry {int(entry['ruleNo'])} allows port 22 or 3389 from everywhere"
        if acl.type == r.DEFAULT_ACL:
            kept |= acl.depends_on
    for vpc in of(resources, r.VPC):
        if vpc.name not in kept:
            yield vpc, "the VPC's default network ACL, which allows all traffic, is not closed"


@control("CKV_AWS_23")
def described(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """Every security group and every rule has a description."""
    for each in of(resources, r.GROUP, r.INGRESS, r.EGRESS):
        if (each.inputs.get("description") or "").strip() in NO_DESCRIPTION:
            yield each, "it has no description"


@control("CKV_AWS_24", "EC2.13")
def no_ssh_from_anywhere(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """SSH is not open to everybody."""
    yield from _open(resources, 22)


@control("CKV_AWS_25", "EC2.14")
def no_rdp_from_anywhere(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """RDP is not open to everybody."""
    yield from _open(resources, 3389)


@control("CKV_AWS_260")
def no_http_from_anywhere(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """Port 80 is not open to everybody."""
    yield from _open(resources, 80)


@control("CKV_AWS_277")
def not_everything_from_anywhere(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """No rule opens every port to everybody."""
    for resource, rule in r.ingress(resources):
        if from_anywhere(rule) and str(rule.get("ipProtocol")) in ("-1", "all"):
            yield resource, "every port is open to everybody"


@control("CKV_AWS_382")
def not_everything_to_anywhere(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """No rule allows outgoing traffic to every address on every port."""
    for rule in of(resources, r.EGRESS):
        if from_anywhere(rule.inputs) and str(rule.inputs.get("ipProtocol")) in ("-1", "all"):
            yield rule, "outgoing traffic is allowed to every address on every port"


@control("CKV_AWS_46")
def no_secret_in_user_data(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """User data, which every process on the instance can read, contains no secret."""
    for instance in of(resources, r.INSTANCE, r.LIGHTSAIL):
        data = f"{instance.inputs.get('userData') or ''}\n{instance.inputs.get('userDataBase64') or ''}"
        if SECRETS.search(data):
            yield instance, "user data seems to contain a secret"


@control("CKV_AWS_126")
def detailed_monitoring(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """An instance is monitored in detail."""
    for instance in of(resources, r.INSTANCE):
        if instance.inputs.get("monitoring") is not True:
            yield instance, "detailed monitoring is off"


@control("CKV_AWS_135")
def optimized_disks(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """An instance has dedicated bandwidth for its disks."""
    for instance in of(resources, r.INSTANCE):
        if instance.inputs.get("ebsOptimized") is not True:
            yield instance, "it is not EBS-optimized"


@control("CKV2_AWS_5")
def groups_used(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """Every security group is used."""
    used = {name for instance in of(resources, r.INSTANCE, r.RDS) for name in instance.depends_on}
    for group in of(resources, r.GROUP):
        if group.name not in used:
            yield group, "nothing uses the security group"


@control("CKV2_AWS_41")
def has_role(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """An instance has a role, so that it needs no stored access keys."""
    for instance in of(resources, r.INSTANCE):
        if not instance.inputs.get("iamInstanceProfile"):
            yield instance, "it has no instance profile"


@control("LAUNCHPAD.1")
def least_privilege(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """The machine's role allows only Session Manager, and to read one secret each by its full name."""
    of_service = {
        role.name for role in of(resources, r.ROLE) if SNAPSHOTS[0] in str(role.inputs.get("assumeRolePolicy"))
    }
    for attachment in of(resources, r.POLICY_ATTACHMENT):
        if of_service & attachment.depends_on:
            if not str(attachment.inputs.get("policyArn")).endswith(f":iam::aws:policy/{SNAPSHOTS[1]}"):
                yield attachment, f"the role of snapshots may do more than {SNAPSHOTS[1]}"
        elif not str(attachment.inputs.get("policyArn")).endswith(f":iam::aws:policy/{SSM_CORE}"):
            yield attachment, f"the role may do more than {SSM_CORE}"
    for inline in of(resources, r.ROLE_POLICY):
        if not _reads_one_secret(str(inline.inputs.get("policy"))):
            yield inline, "the role has a policy of its own that does more than read one secret"


def _reads_one_secret(policy: str) -> bool:
    if policy == UNKNOWN:
        return True
    try:
        statements = json.loads(policy)["Statement"]
    except (ValueError, KeyError, TypeError):
        return False
    return bool(statements) and all(
        each.get("Action") == "secretsmanager:GetSecretValue" and ONE_SECRET.fullmatch(str(each.get("Resource")))
        for each in statements
    )


@control("LAUNCHPAD.2")
def owner_tagged(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """All AWS resources have the owner tags."""
    for provider in of(resources, r.PROVIDER):
        tags = provider.inputs.get("defaultTags") or {}
        tags = json.loads(tags) if isinstance(tags, str) else tags
        if not set(tags.get("tags") or {}) >= OWNER_TAGS:
            yield provider, f"its default tags lack one of {', '.join(sorted(OWNER_TAGS))}"


@control("LAUNCHPAD.3")
def detached_at_rest(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """A disk is detached only from a machine that has stopped."""
    for use in of(resources, r.VOLUME_USE):
        if use.inputs.get("stopInstanceBeforeDetaching") is not True or use.inputs.get("forceDetach"):
            yield use, "the disk is detached while the machine may still write to it"


def _open(resources: Resources, *ports: int) -> Iterator[tuple[Resource, str]]:
    for resource, rule in r.ingress(resources):
        open_ports = [port for port in ports if from_anywhere(rule) and covers(rule, port)]
        if open_ports:
            yield resource, f"open to everybody: {', '.join(map(str, open_ports))}"
