"""Names of packages: how they are compared, and what a requirement names."""

from __future__ import annotations

import re

NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
REQUIREMENT = re.compile(
    rf"(?P<name>{NAME})[ \t]*(?:\[[^\]]*\])?[ \t]*(?P<rest>.*)",
    re.DOTALL,
)
EXACT = re.compile(r"===?[ \t]*(?P<version>[^\s,;*]+)[ \t]*(?:[;\s].*)?", re.DOTALL)
EGG = re.compile(rf"[#&]egg=(?P<name>{NAME})")


def normal(name: str) -> str:
    """A package's name as the registries compare it. Source: the Packaging User Guide, name normalization (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def named(requirement: str) -> tuple[str, str]:
    """The normalised name of the package that a requirement asks for, and its version.

    Args:
        requirement: A requirement such as ``Flask[async]==3.1 ; python_version > "3.9"``, or a line of a requirements
            file.

    Returns:
        The name, empty if the requirement is an option or a path; and the version, empty if it leaves that open.
    """
    line = requirement.strip()
    if egg := EGG.search(line):
        return normal(egg["name"]), ""
    match = REQUIREMENT.fullmatch(line)
    if not match or not re.match(r"$|[<>=!~;@(]|--", match["rest"]):
        return "", ""
    exact = EXACT.fullmatch(match["rest"].split(" --hash", 1)[0])
    return normal(match["name"]), exact["version"] if exact else ""
