"""Daily snapshots of the data disk, which AWS's Data Lifecycle Manager makes and removes."""

from __future__ import annotations

import json

import pulumi
from pulumi_aws import dlm, iam

from infra.machines.aws.scope import Scope
from infra.machines.ec2.plan import Ec2Args, partition

TAG = "Snapshots"
"""The tag by which the service finds the disk: one tag suffices for it, so its value is of this machine alone."""
PERMISSIONS = "service-role/AWSDataLifecycleManagerServiceRole"
"""AWS's own policy for the service: it makes and removes snapshots, and tags them."""
AT = "03:00"
"""When it begins, in UTC; it may take an hour."""
ASSUMED_BY_DLM = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "dlm.amazonaws.com"}},
        ],
    }
)


def tag(scope: Scope, args: Ec2Args) -> dict[str, str]:
    """The tag of the disk; none without snapshots.

    Args:
        scope: Names and options.
        args: The planned machine.
    """
    return {TAG: f"{pulumi.get_project()}/{pulumi.get_stack()}/{scope.prefix}"} if args.snapshots else {}


def make(scope: Scope, args: Ec2Args) -> None:
    """Create the schedule and the role of the service, if there are to be snapshots."""
    if not args.snapshots:
        return
    role = iam.Role(
        scope.name("snapshots-role"),
        description="Allows Data Lifecycle Manager to snapshot the app's data",
        assume_role_policy=ASSUMED_BY_DLM,
        opts=scope.options(),
    )
    permitted = iam.RolePolicyAttachment(
        scope.name("snapshots-role-policy"),
        role=role.name,
        policy_arn=f"arn:{partition(args.region)}:iam::aws:policy/{PERMISSIONS}",
        opts=scope.options(),
    )
    dlm.LifecyclePolicy(
        scope.name("snapshots"),
        description="Daily snapshots of the data disk",
        execution_role_arn=role.arn,
        state="ENABLED",
        policy_details=dlm.LifecyclePolicyPolicyDetailsArgs(
            resource_types=["VOLUME"],
            target_tags=tag(scope, args),
            schedules=[
                dlm.LifecyclePolicyPolicyDetailsScheduleArgs(
                    name="daily",
                    copy_tags=True,
                    create_rule=dlm.LifecyclePolicyPolicyDetailsScheduleCreateRuleArgs(
                        interval=24, interval_unit="HOURS", times=AT
                    ),
                    retain_rule=dlm.LifecyclePolicyPolicyDetailsScheduleRetainRuleArgs(count=args.snapshots),
                )
            ],
        ),
        tags=scope.name_tag("data"),
        opts=scope.options(depends_on=[permitted]),
    )
