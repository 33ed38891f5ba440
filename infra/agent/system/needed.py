"""The Debian packages that each machine needs."""

from __future__ import annotations

import sys

NEEDED = ("python3-venv", "git", "caddy", "curl", "ca-certificates", "bash", "openssh-client")
TOMLI = "python3-tomli"
"""Reads TOML where Python is too old to do it (3.10)."""


def needed(version: tuple[int, int] = sys.version_info[:2]) -> tuple[str, ...]:
    """The packages that each machine needs.

    Args:
        version: The version of its Python, such as (3, 13).
    """
    return NEEDED if version >= (3, 11) else (*NEEDED, TOMLI)
