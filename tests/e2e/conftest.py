"""What the tests on a real machine share."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.stack import Stack

needs_machine = os.geteuid() == 0 or shutil.which("sudo") is not None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test in this folder is an end-to-end test."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A fresh stack for the tests of one module, destroyed at the end whatever happened."""
    if not needs_machine:
        pytest.fail(
            "the embedded machine needs root or sudo; run the tests as root, or without these: pytest -m 'not e2e'"
        )
    made = Stack.cloned(tmp_path_factory.mktemp("clone") / "launchpad")
    yield made
    made.run("pulumi destroy --yes --skip-preview")
