"""The controls over recorded registrations: each with a stack that passes and one that does not, and the waivers."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from policy.__main__ import main
from policy.controls import UNKNOWN
from policy.judging import CONTROLS, Finding, judge
from policy.resources import Resource
from policy.waivers import Waiver, load, unwaived
from tests.program.ec2.recorder import BASE, CONFIGURATIONS, SECRET, SNAPSHOTS, record
from tests.program.lightsail import recorder as lightsail

REQUIRED = {
    *(f"EC2.{number}" for number in (1, 2, 3, 8, 18, 19, 21)),
    *(f"RDS.{number}" for number in (1, 2, 3, 5, 6, 8, 9, 10, 11, 13, 17, 18, 23, 25, 36, 38, 46)),
    *(f"CKV_AWS_{number}" for number in (3, 8, 23, 24, 25, 46, 79, 126, 135, 260, 277, 341, 382)),
    *(f"CKV2_AWS_{number}" for number in (2, 5, 12, 41)),
}
INSTANCE = "aws:ec2/instance:Instance"
VOLUME = "aws:ebs/volume:Volume"
INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
EGRESS = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
GROUP = "aws:ec2/securityGroup:SecurityGroup"
VPC = Resource("aws:ec2/vpc:Vpc", "vpc", {})
DEFAULT_GROUP = "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup"
DEFAULT_ACL = "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl"
FLOW_LOG = Resource("aws:ec2/flowLog:FlowLog", "log", {}, frozenset({"vpc"}))


def instance(*after: str, **inputs: Any) -> list[Resource]:
    return [Resource(INSTANCE, "it", inputs, frozenset(after))]


def ingress(first: int, last: int, protocol: str = "tcp", **more: str) -> list[Resource]:
    inputs = {"cidrIpv4": "0.0.0.0/0", "fromPort": first, "toPort": last, "ipProtocol": protocol, **more}
    return [Resource(INGRESS, "it", inputs)]


def ports(first: int, last: int, protocol: str = "tcp", **more: Any) -> list[Resource]:
    info = {"protocol": protocol, "fromPort": first, "toPort": last, **more}
    return [Resource("aws:lightsail/instancePublicPorts:InstancePublicPorts", "it", {"portInfos": [info]})]


def own(kind: str, **inputs: Any) -> list[Resource]:
    return [VPC, Resource(kind, "it", inputs, frozenset({"vpc"}))]


def acl(first: int, last: int, cidr: str = "0.0.0.0/0") -> list[Resource]:
    entry = {"action": "allow", "protocol": "tcp", "fromPort": first, "toPort": last, "cidrBlock": cidr, "ruleNo": 100}
    return own(DEFAULT_ACL, ingress=[entry])


def provider(*tags: str) -> list[Resource]:
    return [Resource("pulumi:providers:aws", "it", {"defaultTags": json.dumps({"tags": dict.fromkeys(tags, "x")})})]


def attachment(arn: str) -> list[Resource]:
    return [Resource("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "it", {"policyArn": arn})]


def permission(account: str) -> list[Resource]:
    kind = "aws:ec2/snapshotCreateVolumePermission:SnapshotCreateVolumePermission"
    return [Resource(kind, "it", {"accountId": account})]


def block(state: str) -> list[Resource]:
    return [Resource("aws:ebs/snapshotBlockPublicAccess:SnapshotBlockPublicAccess", "it", {"state": state})]


def use(**inputs: bool) -> list[Resource]:
    return [Resource("aws:ec2/volumeAttachment:VolumeAttachment", "it", inputs)]


def may(action: str | list[str], what: str | list[str]) -> list[Resource]:
    policy = json.dumps({"Statement": [{"Effect": "Allow", "Action": action, "Resource": what}]})
    return [Resource("aws:iam/rolePolicy:RolePolicy", "it", {"policy": policy})]


def of_snapshots(policy: str) -> list[Resource]:
    role = Resource("aws:iam/role:Role", "snapshots", {"assumeRolePolicy": '{"Service": "dlm.amazonaws.com"}'})
    inputs = {"policyArn": f"arn:aws:iam::aws:policy/{policy}"}
    return [role, Resource("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "it", inputs, frozenset({"snapshots"}))]


def rds(*after: str, **inputs: Any) -> list[Resource]:
    return [Resource("aws:rds/instance:Instance", "it", {"engine": "postgres", **inputs}, frozenset(after))]


def parameters(**parameter: str) -> list[Resource]:
    return [Resource("aws:rds/parameterGroup:ParameterGroup", "group", {"parameters": [parameter]})]


def database_in(*subnets: str) -> list[Resource]:
    """A database in subnets of which the one called public has a route to the internet."""
    table, use = "aws:ec2/routeTable:RouteTable", "aws:ec2/routeTableAssociation:RouteTableAssociation"
    return [
        Resource(table, "out", {"routes": [{"cidrBlock": "0.0.0.0/0", "gatewayId": "igw-1"}]}),
        Resource(table, "in", {"routes": []}),
        Resource(use, "a", {}, frozenset({"out", "public"})),
        Resource(use, "b", {}, frozenset({"in", "private"})),
        Resource("aws:rds/subnetGroup:SubnetGroup", "it", {}, frozenset(subnets)),
    ]


PASSING_AND_VIOLATING: dict[str, tuple[Sequence[Resource], Sequence[Sequence[Resource]]]] = {
    "EC2.2": (
        own(DEFAULT_GROUP, ingress=[], egress=[]),
        [[VPC], own(DEFAULT_GROUP, ingress=[{"protocol": "-1"}]), own(DEFAULT_GROUP, egress=[{"protocol": "-1"}])],
    ),
    "EC2.1": (
        [*permission("123456789012"), *block("block-all-sharing")],
        [permission("all"), block("unblocked")],
    ),
    "EC2.3": (
        [
            *instance(rootBlockDevice={"encrypted": True}, ebsBlockDevices=[{"encrypted": True}]),
            Resource(VOLUME, "it", {"encrypted": True}),
        ],
        [
            [Resource(VOLUME, "it", {})],
            [Resource(VOLUME, "it", {"encrypted": False})],
            instance(),
            instance(rootBlockDevice={"encrypted": False}),
            instance(rootBlockDevice={"encrypted": True}, ebsBlockDevices=[{}]),
        ],
    ),
    "EC2.6": ([VPC, FLOW_LOG], [[VPC]]),
    "EC2.8": (
        instance(metadataOptions={"httpTokens": "required"}),
        [instance(), instance(metadataOptions={"httpTokens": "optional"})],
    ),
    "CKV_AWS_341": (
        instance(metadataOptions={"httpPutResponseHopLimit": 1}),
        [instance(metadataOptions={"httpPutResponseHopLimit": 2})],
    ),
    "EC2.9": (
        instance(associatePublicIpAddress=False),
        [
            instance(associatePublicIpAddress=True),
            [Resource("aws:ec2/eipAssociation:EipAssociation", "it", {})],
            [Resource("aws:lightsail/staticIpAttachment:StaticIpAttachment", "it", {})],
        ],
    ),
    "EC2.15": (
        [Resource("aws:ec2/subnet:Subnet", "it", {"mapPublicIpOnLaunch": False})],
        [[Resource("aws:ec2/subnet:Subnet", "it", {"mapPublicIpOnLaunch": True})]],
    ),
    "EC2.18": (ingress(443, 443), [ingress(8000, 8000), ingress(80, 443), ingress(53, 53, "udp"), ports(8000, 8000)]),
    "EC2.19": (
        ingress(3389, 3389, cidrIpv4="10.0.0.0/8"),
        [
            ingress(3306, 3306),
            ingress(9000, 9400),
            ingress(5432, 5432, cidrIpv4="", cidrIpv6="::/0"),
            ports(3306, 3306),
        ],
    ),
    "EC2.21": (acl(23, 3388), [[VPC], acl(0, 65535), acl(22, 22), acl(3389, 3389)]),
    "CKV_AWS_23": (
        [Resource(GROUP, "it", {"description": "web"})],
        [
            [Resource(GROUP, "it", {})],
            [Resource(GROUP, "it", {"description": "Managed by Pulumi"})],
            [Resource(INGRESS, "it", {"description": " ", "cidrIpv4": "10.0.0.0/8"})],
            [Resource(EGRESS, "it", {"cidrIpv4": "10.0.0.0/8"})],
        ],
    ),
    "CKV_AWS_24": (
        [
            *ingress(22, 22, cidrIpv4="203.0.113.0/24"),
            *ports(22, 22, cidrs=["203.0.113.0/24"], ipv6Cidrs=["2001:db8::/32"]),
        ],
        [
            ingress(22, 22),
            ingress(0, 1024),
            ingress(22, 22, cidrIpv4="", cidrIpv6="::/0"),
            ingress(-1, -1, "-1"),
            ports(22, 22),
            ports(22, 22, cidrs=["10.0.0.0/8"], ipv6Cidrs=["::/0"]),
            ports(0, 65535, "all"),
        ],
    ),
    "CKV_AWS_25": (ingress(22, 22), [ingress(3389, 3389), ingress(3000, 4000), ports(3389, 3389)]),
    "CKV_AWS_260": (ingress(443, 443), [ingress(80, 80), ingress(79, 81), ports(80, 80)]),
    "CKV_AWS_277": (ingress(0, 65535), [ingress(-1, -1, "-1"), ports(0, 65535, "all")]),
    "CKV_AWS_382": (
        [Resource(EGRESS, "it", {"ipProtocol": "tcp", "fromPort": 443, "toPort": 443, "cidrIpv4": "0.0.0.0/0"})],
        [
            [Resource(EGRESS, "it", {"ipProtocol": "-1", cidr: where})]
            for cidr, where in (("cidrIpv4", "0.0.0.0/0"), ("cidrIpv6", "::/0"))
        ],
    ),
    "CKV_AWS_46": (
        instance(userData='#cloud-config\n{"ssh_pwauth": false, "lock_passwd": true}'),
        [
            instance(userData="export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE"),
            instance(userData="-----BEGIN OPENSSH PRIVATE KEY-----"),
            instance(userData="password: correct-horse"),
            instance(userDataBase64='"token": "0123456789abcdef"'),
            [Resource("aws:lightsail/instance:Instance", "it", {"userData": "-----BEGIN OPENSSH PRIVATE KEY-----"})],
        ],
    ),
    "CKV_AWS_126": (instance(monitoring=True), [instance(), instance(monitoring=False)]),
    "CKV_AWS_135": (instance(ebsOptimized=True), [instance(), instance(ebsOptimized=False)]),
    "CKV2_AWS_5": (
        [Resource(GROUP, "it", {}), *instance("it"), Resource(GROUP, "group", {}), *rds("group")],
        [[Resource(GROUP, "it", {})], [Resource(GROUP, "it", {}), *instance("other")]],
    ),
    "RDS.1": (
        [Resource("aws:rds/snapshot:Snapshot", "it", {"sharedAccounts": ["123456789012"]})],
        [[Resource("aws:rds/snapshot:Snapshot", "it", {"sharedAccounts": ["all"]})]],
    ),
    "RDS.2": (rds(publiclyAccessible=False), [rds(publiclyAccessible=True)]),
    "RDS.3": (rds(storageEncrypted=True), [rds(), rds(storageEncrypted=False)]),
    "RDS.5": (rds(multiAz=True), [rds(), rds(multiAz=False)]),
    "RDS.6": (rds(monitoringInterval=60), [rds(), rds(monitoringInterval=0)]),
    "RDS.8": (rds(deletionProtection=True), [rds(), rds(deletionProtection=False)]),
    "RDS.9": (
        rds(enabledCloudwatchLogsExports=["postgresql"]),
        [rds(), rds(enabledCloudwatchLogsExports=["upgrade"])],
    ),
    "RDS.10": (rds(iamDatabaseAuthenticationEnabled=True), [rds()]),
    "RDS.11": (rds(backupRetentionPeriod=7), [rds(), rds(backupRetentionPeriod=6)]),
    "RDS.13": (rds(autoMinorVersionUpgrade=True), [rds(autoMinorVersionUpgrade=False)]),
    "RDS.17": (rds(copyTagsToSnapshot=True), [rds(), rds(copyTagsToSnapshot=False)]),
    "RDS.18": (rds(dbSubnetGroupName="private"), [rds()]),
    "RDS.23": (rds(port=5433), [rds(), rds(port=5432), rds(engine="mysql", port=3306)]),
    "RDS.25": (
        [*rds(username="launchpad"), *rds(snapshotIdentifier="last")],
        [rds(), rds(username="postgres"), rds(username="admin")],
    ),
    "RDS.38": (
        [*rds("group"), *parameters(name="rds.force_ssl", value="1")],
        [rds(), [*rds("group"), *parameters(name="rds.force_ssl", value="0")], rds("group")],
    ),
    "RDS.46": (database_in("private"), [database_in("private", "public")]),
    "LAUNCHPAD.4": (
        rds(manageMasterUserPassword=True),
        [rds(), rds(password="x"), rds(manageMasterUserPassword=True, passwordWo="x")],
    ),
    "CKV2_AWS_41": (instance(iamInstanceProfile="profile"), [instance()]),
    "LAUNCHPAD.1": (
        [
            *attachment("arn:aws-cn:iam::aws:policy/AmazonSSMManagedInstanceCore"),
            *may("secretsmanager:GetSecretValue", SECRET),
            Resource("aws:iam/rolePolicy:RolePolicy", "it", {"policy": UNKNOWN}),
            *of_snapshots("service-role/AWSDataLifecycleManagerServiceRole"),
        ],
        [
            of_snapshots("AdministratorAccess"),
            attachment("arn:aws:iam::aws:policy/service-role/AWSDataLifecycleManagerServiceRole"),
            attachment("arn:aws:iam::aws:policy/AdministratorAccess"),
            attachment("arn:aws:iam::123456789012:policy/AmazonSSMManagedInstanceCore"),
            [Resource("aws:iam/rolePolicy:RolePolicy", "it", {})],
            may("s3:GetObject", SECRET),
            may("secretsmanager:GetSecretValue", SECRET.rpartition("-")[0] + "-*"),
            may(["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"], SECRET),
            may("secretsmanager:GetSecretValue", [SECRET, "*"]),
            [Resource("aws:iam/rolePolicy:RolePolicy", "it", {"policy": '{"Statement": []}'})],
        ],
    ),
    "LAUNCHPAD.3": (
        use(stopInstanceBeforeDetaching=True),
        [use(), use(stopInstanceBeforeDetaching=False), use(stopInstanceBeforeDetaching=True, forceDetach=True)],
    ),
    "LAUNCHPAD.2": (provider("ManagedBy", "Project", "Stack", "Other"), [provider("Project", "Stack"), provider()]),
}


def found(control: str, resources: Sequence[Resource]) -> list[Finding]:
    return [finding for finding in judge(resources) if finding.control == control]


STACKS = [*(SNAPSHOTS / f"{name}.json" for name in CONFIGURATIONS), *sorted(lightsail.SNAPSHOTS.glob("*.json"))]


def stack(snapshot: Path) -> list[Resource]:
    return [as_resource(each) for each in json.loads(snapshot.read_text())]


def as_resource(each: dict[str, Any]) -> Resource:
    return Resource(each["type"], each["name"], each["inputs"], frozenset(each["options"].get("depends_on", [])))


def test_every_control_has_fixtures_and_every_required_id_a_control() -> None:
    assert set(PASSING_AND_VIOLATING) == {control.id for control in CONTROLS}
    assert {id_ for control in CONTROLS for id_ in control.ids} >= REQUIRED
    assert all(control.title for control in CONTROLS)


@pytest.mark.parametrize("control", sorted(PASSING_AND_VIOLATING))
def test_a_good_stack_passes(control: str) -> None:
    assert found(control, PASSING_AND_VIOLATING[control][0]) == []


@pytest.mark.parametrize(
    ("control", "resources"),
    [(control, bad) for control, (_, violating) in sorted(PASSING_AND_VIOLATING.items()) for bad in violating],
)
def test_a_bad_stack_is_found(control: str, resources: Sequence[Resource]) -> None:
    (finding,) = found(control, resources)
    assert finding.resource == ("vpc" if resources == [VPC] else "it")
    assert finding.message


@pytest.mark.parametrize("snapshot", STACKS, ids=lambda file: f"{file.parent.parent.name}-{file.stem}")
def test_our_own_stacks_pass_but_for_the_waivers(snapshot: Path) -> None:
    assert unwaived(judge(stack(snapshot)), load()) == []


def test_no_waiver_is_idle_and_each_says_why() -> None:
    findings = [finding for snapshot in STACKS for finding in judge(stack(snapshot))]
    idle = [waiver for waiver in load() if not any(waiver.covers(finding) for finding in findings)]
    assert idle == []
    assert all(len(waiver.reason) > 40 for waiver in load())
    assert {waiver.control for waiver in load()} <= {control.id for control in CONTROLS}


def test_a_waiver_covers_its_own_control_and_resource_only() -> None:
    waiver = Waiver("CKV_AWS_260", "*-in-tcp-80-anywhere*", "the app's public door")
    assert waiver.covers(Finding("CKV_AWS_260", "machine-in-tcp-80-anywhere-ipv6", ""))
    assert not waiver.covers(Finding("CKV_AWS_24", "machine-in-tcp-80-anywhere", ""))
    assert not waiver.covers(Finding("CKV_AWS_260", "machine-in-tcp-22-anywhere", ""))


def test_the_data_disk_is_judged_as_the_program_declares_it() -> None:
    kinds = {each["type"] for each in json.loads((SNAPSHOTS / "default.json").read_text())}
    assert {VOLUME, "aws:ec2/volumeAttachment:VolumeAttachment"} <= kinds


def test_ssh_for_everybody_is_found_in_the_real_program() -> None:
    values = {**BASE, "ssh_cidrs": '["0.0.0.0/0"]', "ssh_from_anywhere": "true"}
    findings = unwaived(judge([as_resource(each) for each in record(values)]), load())
    assert {(finding.control, finding.resource) for finding in findings} == {
        ("CKV_AWS_24", "machine-in-tcp-22-anywhere"),
        ("EC2.18", "machine-in-tcp-22-anywhere"),
        ("EC2.19", "machine-in-tcp-22-anywhere"),
        ("EC2.21", "machine-acl"),
    }


def test_ssh_for_everybody_is_found_on_lightsail_although_its_ports_are_one_resource() -> None:
    values = {**lightsail.BASE, "ssh_cidrs": '["0.0.0.0/0"]', "ssh_from_anywhere": "true"}
    findings = unwaived(judge([as_resource(each) for each in lightsail.record(values)]), load())
    assert {(finding.control, finding.resource) for finding in findings} == {
        (control, "machine-ports") for control in ("CKV_AWS_24", "EC2.18", "EC2.19")
    }


def judged(document: object, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str]:
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(document)))
    return main(), capsys.readouterr().out


def state(name: str, **inputs: object) -> dict[str, Any]:
    kind = INSTANCE if name == "it" else INGRESS
    return {"urn": f"urn:pulumi:ec2::launchpad::{kind}::{name}", "type": kind, "inputs": inputs}


def test_a_preview_and_a_stack_can_be_judged(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = state("rule", cidrIpv4="0.0.0.0/0", fromPort=443, toPort=443, ipProtocol="tcp")
    for document in ({"steps": [{"newState": bad}, {"op": "delete"}]}, {"deployment": {"resources": [bad]}}):
        assert judged(document, capsys, monkeypatch) == (
            1,
            "rule: it has no description [CKV_AWS_23: Every security group and every rule has a description.]\n"
            f"1 resources, {len(CONTROLS)} controls, 1 findings without a waiver\n",
        )
    good = {**bad, "inputs": {**bad["inputs"], "description": "web"}}
    assert judged({"steps": [{"newState": good}]}, capsys, monkeypatch)[0] == 0
    assert judged({"anything": "else"}, capsys, monkeypatch)[0] == 2
