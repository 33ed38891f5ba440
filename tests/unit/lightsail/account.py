"""A Lightsail account in memory, which answers as boto3's clients do."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

OWNER = {"ManagedBy": "pulumi", "Project": "launchpad", "Stack": "lightsail"}
OURS = [{"key": key, "value": value} for key, value in OWNER.items()]


def error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "said AWS"}}, "Anything")


def bundle(name: str, price: float, power: int = 1000, **more: Any) -> dict[str, Any]:
    return {
        "bundleId": name,
        "price": price,
        "power": power,
        "cpuCount": 2,
        "ramSizeInGb": 2.0,
        "diskSizeInGb": 60,
        "transferPerMonthInGb": 3072,
        "isActive": True,
        "supportedPlatforms": ["LINUX_UNIX"],
        "publicIpv4AddressCount": 1,
        **more,
    }


def image(name: str, **more: Any) -> dict[str, Any]:
    return {"blueprintId": name, "type": "os", "isActive": True, "minPower": 0, **more}


def instance(**more: Any) -> dict[str, Any]:
    return {
        "name": "web-1",
        "tags": OURS,
        "bundleId": "small_3_0",
        "blueprintId": "debian_13",
        "location": {"availabilityZone": "eu-central-1a"},
        "hardware": {"disks": [{"name": "root", "isSystemDisk": True, "sizeInGb": 60}]},
        **more,
    }


class Account:
    """What the account offers and has, and the errors that some questions meet."""

    def __init__(self, **answers: Any) -> None:
        zones = [{"zoneName": f"eu-central-1{letter}", "state": "available"} for letter in "abc"]
        self.answers: dict[str, Any] = {
            "describe_regions": {"Regions": [{"RegionName": "eu-central-1", "OptInStatus": "opt-in-not-required"}]},
            "get_regions": {"regions": [{"name": "us-east-1"}, {"name": "eu-central-1", "availabilityZones": zones}]},
            "get_bundles": {
                "bundles": [
                    bundle("small_3_0", 12.0),
                    bundle("nano_3_0", 5.0, 100),
                    bundle("small_ipv6_3_0", 10.0, publicIpv4AddressCount=0),
                    bundle("small_win_3_0", 16.5, supportedPlatforms=["WINDOWS"]),
                    bundle("small_1_0", 10.0, isActive=False),
                ]
            },
            "get_blueprints": {
                "blueprints": [
                    image("ubuntu_24_04"),
                    image("debian_12"),
                    image("wordpress", type="app"),
                    image("debian_13"),
                ]
            },
            "get_instances": {"instances": []},
            "get_instance_access_details": error("NotFoundException"),
            **answers,
        }
        self.regions: list[str] = []

    def __call__(self, _service: str, region: str) -> Account:
        self.regions.append(region)
        return self

    def __getattr__(self, name: str) -> Any:
        def answer(**_question: Any) -> Any:
            found = self.answers[name]
            if isinstance(found, Exception):
                raise found
            return found

        return answer

    def get_paginator(self, name: str) -> Any:
        """One page."""
        account = self

        class Pages:
            def paginate(self) -> list[Any]:
                return [getattr(account, name)()]

        return Pages()
