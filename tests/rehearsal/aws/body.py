"""The embedded machine that plays an instance: booted with its user data, behind its security group."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.machines.embedded import client
from infra.machines.embedded.requests import Destroy, Ensure
from infra.machines.embedded.state import MachineSpec, Owner, machine_id
from infra.protocol.firewall import Rule
from tests.rehearsal.aws.kind import Account


def folder() -> Path:
    """Where a file about each instance lies; shared with the account."""
    return Path(os.environ["LAUNCHPAD_REHEARSAL"])


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Rules are made side by side, and the last one has to have the last word."""
    with (folder() / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def give(account: Account, instance: str) -> None:
    """Boot a machine with what EC2 holds as the instance's user data."""
    held = account.ec2.describe_instance_attribute(InstanceId=instance, Attribute="userData")
    user_data = base64.b64decode(held["UserData"]["Value"]).decode()
    with one_at_a_time():
        ensure(account, instance, user_data)


def ensure(account: Account, instance: str, user_data: str) -> None:
    """Have the machine made so, behind the rules of its groups."""
    boot(instance, user_data, firewall(account, instance))


def boot(instance: str, user_data: str, rules: tuple[Rule, ...]) -> None:
    """Have the machine made so, and write down what the account and we need to know."""
    owner = Owner(str(folder()), "rehearsal", "aws", instance)
    spec = MachineSpec("trixie", host_key="", authorized_key="", memory=2**30, disk=4 * 2**30, firewall=rules)
    live = client.ask(Ensure(machine_id(owner), owner, instance, user_data, spec))
    if not (folder() / f"{instance}.json").exists():
        note(f"start {instance}")
    about = {"id": live.id, "user_data": user_data, "directory": live.directory, "address": live.address}
    (folder() / f"{instance}.json").write_text(json.dumps(about))


def about(instance: str) -> dict[str, Any]:
    """What was written down about an instance."""
    found: dict[str, Any] = json.loads((folder() / f"{instance}.json").read_text())
    return found


def address(instance: str) -> str:
    """Where the instance's body is."""
    return str(about(instance)["address"])


def take(instance: str) -> None:
    """Nothing of the body is left."""
    client.ask(Destroy(about(instance)["id"]))
    note(f"end {instance}")
    (folder() / f"{instance}.json").unlink()


def as_root(verb: str, instance: str, *more: Path) -> None:
    """Do something with a body's disks."""
    line = [
        sys.executable,
        "-B",
        "-m",
        "tests.rehearsal.aws.drive",
        verb,
        client.machines(),
        about(instance)["id"],
        *more,
    ]
    done = subprocess.run([*client.privilege(), *line], cwd=client.ROOT, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{verb} {instance}: {done.stderr}")


def note(what: str) -> None:
    """Write down what happened, for the tests to see in which order."""
    with (folder() / "happened").open("a") as file:
        file.write(f"{what}\n")


def attach(instance: str, volume: str) -> None:
    """Give the body a volume, with all that is on it."""
    as_root("attach", instance, folder() / f"{volume}.img")
    note(f"attach {volume} {instance}")


def stop(instance: str) -> None:
    """Shut the body down, which lets go of its volume."""
    as_root("stop", instance)
    note(f"stop {instance}")


def forget(volume: str) -> None:
    """Nothing of the volume is left."""
    (folder() / f"{volume}.img").unlink(missing_ok=True)


def fail_once(what: str) -> None:
    """Fail as AWS may, if the test has asked for it."""
    with contextlib.suppress(FileNotFoundError):
        (folder() / f"fail-{what}").unlink()
        raise ClientError({"Error": {"Code": "InternalError", "Message": f"an outage at {what}"}}, what)


def enforce(account: Account, group: str) -> None:
    """Put the group's rules into force on the bodies of its instances."""
    filters = [
        {"Name": "instance.group-id", "Values": [group]},
        {"Name": "instance-state-name", "Values": ["running"]},
    ]
    with one_at_a_time():
        for reservation in account.ec2.describe_instances(Filters=filters)["Reservations"]:
            for each in reservation["Instances"]:
                if (folder() / f"{each['InstanceId']}.json").exists():
                    ensure(account, each["InstanceId"], about(each["InstanceId"])["user_data"])


def firewall(account: Account, instance: str) -> tuple[Rule, ...]:
    """The rules of the instance's groups as the embedded machine takes them."""
    (reservation,) = account.ec2.describe_instances(InstanceIds=[instance])["Reservations"]
    groups = [each["GroupId"] for each in reservation["Instances"][0]["SecurityGroups"]]
    filters = [{"Name": "group-id", "Values": groups}]
    found = account.ec2.describe_security_group_rules(Filters=filters)["SecurityGroupRules"]
    return tuple(
        Rule(
            direction="egress" if rule["IsEgress"] else "ingress",
            protocol={"-1": "all", "icmpv6": "icmp"}.get(rule["IpProtocol"], rule["IpProtocol"]),
            from_port=max(0, rule["FromPort"]),
            to_port=max(0, rule["ToPort"]),
            cidr=rule.get("CidrIpv4") or rule["CidrIpv6"],
            description=rule.get("Description", ""),
        )
        for rule in found
    )
