"""The agent's tests on a real machine: one machine for each module."""

import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent import lab as lab_module
from tests.agent.lab import Lab, Repo


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test in this folder needs a real machine."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A machine with nothing on it; gone after the module's tests."""
    if os.geteuid() != 0 and shutil.which("sudo") is None:
        pytest.fail("the embedded machine needs root or sudo; run the tests as root, or without: pytest -m 'not e2e'")
    name = f"lp{secrets.token_hex(4)}"
    folder = tmp_path_factory.mktemp("machine")
    try:
        yield lab_module.make_machine(name, folder)
    finally:
        if not os.environ.get("KEEP_MACHINES"):
            lab_module.remove_machine(name)


@pytest.fixture(scope="module")
def lab(machine: Lab) -> Lab:
    """A machine that is prepared for the app."""
    machine.give_uv()
    machine.prepare().data()
    return machine


@pytest.fixture(scope="module")
def flask(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """The Flask app with the revisions one and two."""
    repo = Repo.of("flask", tmp_path_factory.mktemp("repo") / "flask")
    repo.commit("one")
    repo.commit("two")
    return repo
