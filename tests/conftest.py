"""What holds for every test."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The programs under test speak gRPC in this process, and gRPC starts its threads anew in every child that is forked here:
# in the child that reads an app's files, which closes what those threads use. On a machine the agent runs without gRPC.
os.environ["GRPC_ENABLE_FORK_SUPPORT"] = "0"

# How long an example takes is no property of what is tested: a busy computer makes any of them slow. bench/ measures times.
settings.register_profile("launchpad", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("launchpad")

LONGEST_FIRST = ("e2e", "rehearsal", "agent")
"""The folders whose files take minutes each."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take minutes come first: files of seconds then keep every worker busy to the end."""
    items.sort(key=_rank)


def _rank(item: pytest.Item) -> int:
    folders = [Path(__file__).parent / name for name in LONGEST_FIRST]
    return next((rank for rank, folder in enumerate(folders) if folder in item.path.parents), len(folders))
