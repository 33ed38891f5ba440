"""The instance, its key, role and address."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from tests.rehearsal.aws import body
from tests.rehearsal.aws.kind import Account, Kind, Values


def create_key(account: Account, inputs: Values) -> tuple[str, Values]:
    account.ec2.import_key_pair(
        KeyName=inputs["keyName"],
        PublicKeyMaterial=inputs["publicKey"].encode(),
        TagSpecifications=account.tagged("key-pair", inputs),
    )
    return inputs["keyName"], {}


def create_role(account: Account, inputs: Values) -> tuple[str, Values]:
    account.iam.create_role(
        RoleName=inputs["name"],
        Description=inputs["description"],
        AssumeRolePolicyDocument=inputs["assumeRolePolicy"],
        Tags=account.tags(inputs),
    )
    return inputs["name"], {}


def create_attachment(account: Account, inputs: Values) -> tuple[str, Values]:
    account.iam.attach_role_policy(RoleName=inputs["role"], PolicyArn=inputs["policyArn"])
    return f"{inputs['role']}/{inputs['policyArn']}", {}


def delete_attachment(account: Account, _id: str, properties: Values) -> None:
    account.iam.detach_role_policy(RoleName=properties["role"], PolicyArn=properties["policyArn"])


def create_profile(account: Account, inputs: Values) -> tuple[str, Values]:
    account.iam.create_instance_profile(InstanceProfileName=inputs["name"], Tags=account.tags(inputs))
    account.iam.add_role_to_instance_profile(InstanceProfileName=inputs["name"], RoleName=inputs["role"])
    return inputs["name"], {}


def delete_profile(account: Account, identifier: str, properties: Values) -> None:
    account.iam.remove_role_from_instance_profile(InstanceProfileName=identifier, RoleName=properties["role"])
    account.iam.delete_instance_profile(InstanceProfileName=identifier)


def create_instance(account: Account, inputs: Values) -> tuple[str, Values]:
    """Runs the instance, and gives it a body."""
    (image,) = account.ec2.describe_images(ImageIds=[inputs["ami"]])["Images"]
    root, options = inputs["rootBlockDevice"], inputs["metadataOptions"]
    made = account.ec2.run_instances(
        MinCount=1,
        MaxCount=1,
        ImageId=inputs["ami"],
        InstanceType=inputs["instanceType"],
        SubnetId=inputs["subnetId"],
        SecurityGroupIds=inputs["vpcSecurityGroupIds"],
        KeyName=inputs["keyName"],
        IamInstanceProfile={"Name": inputs["iamInstanceProfile"]},
        UserData=inputs["userData"],
        Monitoring={"Enabled": inputs["monitoring"]},
        EbsOptimized=inputs["ebsOptimized"],
        DisableApiTermination=inputs["disableApiTermination"],
        InstanceInitiatedShutdownBehavior=inputs["instanceInitiatedShutdownBehavior"],
        MetadataOptions={
            "HttpEndpoint": options["httpEndpoint"],
            "HttpTokens": options["httpTokens"],
            "HttpPutResponseHopLimit": options["httpPutResponseHopLimit"],
        },
        BlockDeviceMappings=[
            {
                "DeviceName": image["RootDeviceName"],
                "Ebs": {
                    "Encrypted": root["encrypted"],
                    "VolumeType": root["volumeType"],
                    "VolumeSize": root["volumeSize"],
                    "DeleteOnTermination": root["deleteOnTermination"],
                },
            }
        ],
        TagSpecifications=[*account.tagged("instance", inputs), *account.tagged("volume", root)],
    )["Instances"][0]["InstanceId"]
    body.give(account, made)
    return made, {}


def update_instance(account: Account, identifier: str, olds: Values, news: Values) -> None:
    """In place: another type by a stop and a start, as AWS demands."""
    if olds["instanceType"] != news["instanceType"]:
        account.ec2.stop_instances(InstanceIds=[identifier])
        account.ec2.modify_instance_attribute(InstanceId=identifier, InstanceType={"Value": news["instanceType"]})
        account.ec2.start_instances(InstanceIds=[identifier])
    if olds["disableApiTermination"] != news["disableApiTermination"]:
        account.ec2.modify_instance_attribute(
            InstanceId=identifier, DisableApiTermination={"Value": news["disableApiTermination"]}
        )
    if olds["monitoring"] != news["monitoring"]:
        switch = account.ec2.monitor_instances if news["monitoring"] else account.ec2.unmonitor_instances
        switch(InstanceIds=[identifier])


def delete_instance(account: Account, identifier: str, _properties: Values) -> None:
    account.ec2.terminate_instances(InstanceIds=[identifier])
    body.take(identifier)


def exists_instance(account: Account, identifier: str) -> bool:
    try:
        found = account.ec2.describe_instances(InstanceIds=[identifier])["Reservations"]
    except ClientError:
        return False
    return any(each["State"]["Name"] != "terminated" for group in found for each in group["Instances"])


def create_address(account: Account, inputs: Values) -> tuple[str, Values]:
    made = account.ec2.allocate_address(Domain=inputs["domain"], TagSpecifications=account.tagged("elastic-ip", inputs))
    return made["AllocationId"], {"publicIp": made["PublicIp"]}


def create_use(account: Account, inputs: Values) -> tuple[str, Values]:
    """Associates the address. What leads to the instance in truth is its body's address."""
    made = account.ec2.associate_address(
        AllocationId=inputs["allocationId"],
        InstanceId=inputs["instanceId"],
        AllowReassociation=inputs["allowReassociation"],
    )
    body.note(f"address {inputs['instanceId']}")
    return made["AssociationId"], {"publicIp": body.address(inputs["instanceId"])}


def delete_use(account: Account, identifier: str, _properties: Values) -> None:
    try:
        account.ec2.disassociate_address(AssociationId=identifier)
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidAssociationID.NotFound":  # the new instance has taken it
            raise


def by(operation: str, argument: str, client: str = "ec2") -> Any:
    """A deletion by one call."""

    def delete(account: Account, identifier: str, _properties: Values) -> None:
        getattr(getattr(account, client), operation)(**{argument: identifier})

    return delete


KINDS = {
    "aws:ec2/keyPair:KeyPair": Kind(create_key, by("delete_key_pair", "KeyName"), named_by="keyName"),
    "aws:iam/role:Role": Kind(create_role, by("delete_role", "RoleName", "iam"), named_by="name"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Kind(create_attachment, delete_attachment),
    "aws:iam/instanceProfile:InstanceProfile": Kind(create_profile, delete_profile, named_by="name"),
    "aws:ec2/instance:Instance": Kind(
        create_instance,
        delete_instance,
        exists_instance,
        update_instance,
        # `userData` because of `userDataReplaceOnChange`
        replaces=frozenset({"ami", "subnetId", "keyName", "userData"}),
    ),
    "aws:ec2/eip:Eip": Kind(create_address, by("release_address", "AllocationId")),
    "aws:ec2/eipAssociation:EipAssociation": Kind(create_use, delete_use),
}
