"""What Lightsail offers a machine as: bundles of memory, processors, disk and traffic at a price a month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Bundle:
    """A bundle, or why it cannot be had."""

    problem: str = ""
    note: str = ""
    """Its price and what is in it."""

    power: int = 0
    """Lightsail's measure of strength; an image says how much of it it needs."""


def offered(lightsail: Any) -> dict[str, dict[str, Any]]:
    """Every bundle that Lightsail offers, by its id."""
    pages = lightsail.get_paginator("get_bundles").paginate()
    return {str(each["bundleId"]): each for page in pages for each in page["bundles"]}


def find(name: str, region: str, bundles: Mapping[str, Mapping[str, Any]]) -> Bundle:
    """Find a bundle in what Lightsail offers; the problem lists all that Launchpad can use, the cheapest first."""
    there = bundles.get(name)
    why = unusable(there) if there else f"which {region} does not offer"
    if there is None or why:
        usable = sorted(
            (each for each in bundles.values() if not unusable(each)), key=lambda each: float(each["price"])
        )
        names = ", ".join(f"{each['bundleId']} ({dollars(each)})" for each in usable)
        return Bundle(problem=f"launchpad:lightsail.bundle is {name}, {why}; set one of these: {names}")
    note = (
        f"{name} costs {dollars(there)} a month (US dollars, before tax): {there['cpuCount']} vCPUs, "
        f"{float(there['ramSizeInGb']):g} GB of memory, {there['diskSizeInGb']} GB of disk, "
        f"{there['transferPerMonthInGb']} GB of traffic; snapshots cost extra"
    )
    return Bundle(note=note, power=int(there.get("power") or 0))


def unusable(each: Mapping[str, Any]) -> str:
    """Why Launchpad cannot use a bundle; empty if it can."""
    if not each.get("isActive", True) or each.get("supportedAppCategories"):
        return "which is not offered for new instances"
    if "LINUX_UNIX" not in each.get("supportedPlatforms", ["LINUX_UNIX"]):
        return "which is for Windows"
    if each.get("publicIpv4AddressCount", 1) == 0:
        return "which has no public IPv4 address"
    return ""


def dollars(each: Mapping[str, Any]) -> str:
    """A bundle's price."""
    price = float(each["price"])
    return f"${price:.0f}" if price.is_integer() else f"${price:.2f}"
