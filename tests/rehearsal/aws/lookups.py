"""The questions to AWS that the program asks through the plugin."""

from __future__ import annotations

from tests.rehearsal.aws.kind import Account, Values


def filters(args: Values) -> list[Values]:
    """Filters as boto3 takes them."""
    return [{"Name": each["name"], "Values": each["values"]} for each in args["filters"]]


def get_ami(account: Account, args: Values) -> Values:
    """The newest image."""
    found = account.ec2.describe_images(Owners=args["owners"], Filters=filters(args))["Images"]
    newest = max(found, key=lambda each: str(each["CreationDate"]))
    return {"id": newest["ImageId"], "name": newest["Name"]}


def get_instance_type_offerings(account: Account, args: Values) -> Values:
    """Where a type is offered."""
    found = account.ec2.describe_instance_type_offerings(LocationType=args["locationType"], Filters=filters(args))
    return {"locations": [each["Location"] for each in found["InstanceTypeOfferings"]]}


def get_subnet(account: Account, args: Values) -> Values:
    """A subnet by its id."""
    (found,) = account.ec2.describe_subnets(SubnetIds=[args["id"]])["Subnets"]
    return {"id": found["SubnetId"], "availabilityZone": found["AvailabilityZone"]}


LOOKUPS = {
    "aws:ec2/getAmi:getAmi": get_ami,
    "aws:ec2/getSubnet:getSubnet": get_subnet,
    "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings": get_instance_type_offerings,
}
