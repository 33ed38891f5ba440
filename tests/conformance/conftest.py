"""Fixtures of the conformance tests: the plugin under test and SSH servers for it to talk to."""

from collections.abc import Iterator

import pytest

from tests.conformance.conformance_plugin import Plugin
from tests.conformance.conformance_servers import Servers


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Two SSH servers on loopback, for the whole session."""
    with Servers(tmp_path_factory.mktemp("ssh")) as running:
        yield running


@pytest.fixture(scope="session")
def shared_plugin() -> Iterator[Plugin]:
    """One plugin process for all cases that leave it as it was."""
    with Plugin() as plugin:
        yield plugin


@pytest.fixture
def fresh_plugin() -> Iterator[Plugin]:
    """A plugin process of its own, for a case that ends it."""
    with Plugin() as plugin:
        yield plugin
