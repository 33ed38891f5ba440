"""No test of the program asks a real resolver for a host name."""

import pytest

from infra.deployment import host_names


@pytest.fixture(autouse=True)
def _no_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_names, "lookup", lambda _name: None)
