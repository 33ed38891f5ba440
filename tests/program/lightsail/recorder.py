"""Runs the Lightsail machine under Pulumi's mocks and records what it registers, options included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from pulumi.runtime import mocks

from infra.config.parse import parse
from infra.machines.aws.data_disk import DataDisk
from infra.machines.lightsail import disks
from infra.machines.registry import KINDS, launch
from tests.program.registrations import as_text, registered

SNAPSHOTS = Path(__file__).parent / "snapshots"
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"

BASE = {"machine": "lightsail", "lightsail.region": "eu-central-1", "ssh_cidrs": '["203.0.113.7/32"]'}
CONFIGURATIONS: dict[str, dict[str, str]] = {
    "default": BASE,
    "full": {
        **BASE,
        "lightsail.zone": "eu-central-1b",
        "lightsail.bundle": "medium_3_0",
        "lightsail.blueprint": "debian_12",
        "lightsail.snapshots": "03:00",
        "lightsail.data_disk": "32G",
        "lightsail.tags": '{"CostCenter": 42}',
        "domain": "app.example.org",
        "rules": '[{"port": 9000, "protocol": "udp", "cidr": "2001:db8::/32"}]',
    },
    "no-disk": {**BASE, "lightsail.data_disk": "0"},
    "ipv4": {**BASE, "web_cidrs": '["198.51.100.0/24"]'},
}
"""The configurations whose registrations are kept as data files, by name."""


@dataclass
class Answers(mocks.Mocks):
    """AWS's answers."""

    chosen: str = "debian_13"
    disk: DataDisk | None = None
    """The data disk that is there before."""
    support_code: str = "123456789012/vol-0123456789abcdef0"

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """The inputs, and what the real resource would add."""
        inputs = {key: value for key, value in args.inputs.items() if key != "__provider"}
        added: dict[str, dict[str, Any]] = {
            "aws:lightsail/instance:Instance": {"name": f"{args.name}-1234567"},
            "aws:lightsail/staticIp:StaticIp": {"name": f"{args.name}-1234567", "ipAddress": "192.0.2.10"},
            "aws:lightsail/staticIpAttachment:StaticIpAttachment": {"ipAddress": "192.0.2.10"},
            "aws:lightsail/disk:Disk": {"name": f"{args.name}-1234567", "supportCode": self.support_code},
            "pulumi:index:Stash": {"output": inputs.get("input")},
            "pulumi-python:dynamic/launchpad:KeyPair": {"public_key": HOST_KEY, "private_key": "PRIVATE-canary"},
            "pulumi-python:dynamic/launchpad:LightsailHostKey": {"public_key": HOST_KEY},
            "pulumi-python:dynamic/launchpad:LightsailDebian": {"blueprint": self.chosen},
        }
        return f"{args.name}-1234567", {**inputs, **added.get(args.typ, {})}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        """The program asks nothing through the plugin: it has no lookups for Lightsail."""
        raise AssertionError(f"nobody expected the program to ask {args.token}")


def record(values: dict[str, str], answers: Answers | None = None, *, preview: bool = False) -> list[dict[str, Any]]:
    """The registrations of the machine that the given config asks for, in an order that is always the same."""
    program = lambda: launch("machine", parse(values, KINDS))  # noqa: E731
    return run(program, answers, preview=preview)


def run(
    program: Callable[[], object], answers: Answers | None = None, *, preview: bool = False
) -> list[dict[str, Any]]:
    """The registrations of any program."""
    answers = answers or Answers()
    with patch.object(disks, "find", lambda *_asked: answers.disk):
        return registered(program, answers, "lightsail", preview=preview)


def refresh() -> None:
    """Write every snapshot anew: ``python -m tests.program.lightsail.recorder``, then read ``git diff``."""
    for name, values in CONFIGURATIONS.items():
        (SNAPSHOTS / f"{name}.json").write_text(as_text(record(values)))


if __name__ == "__main__":
    refresh()
