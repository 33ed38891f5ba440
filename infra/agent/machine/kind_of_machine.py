"""What a machine of this kind does not have: a container shares its host's kernel and clock."""

from __future__ import annotations

from pathlib import Path

CONTAINER = Path("/run/systemd/container")
"""There if the machine is a container. Source: https://systemd.io/CONTAINER_INTERFACE/"""
HOST = "this machine is a container, and has {} of its host"


def is_container() -> bool:
    """Whether the machine is a container."""
    return CONTAINER.exists()
