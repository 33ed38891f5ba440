"""What tests of the program share: none of them asks a real resolver for a host name."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pulumi.runtime.settings import SETTINGS

from infra import host_keys
from infra.deployment import host_names
from tests.program import loops


@pytest.fixture(autouse=True)
def _no_resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_names, "lookup", lambda _name: None)


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server answers who it is; a test that needs one says so."""

    def silent(*_words: object) -> str:
        raise host_keys.NoHostKeyError("nobody answers", "")

    monkeypatch.setattr(host_keys, "fetch", silent)


@pytest.fixture
def ssh_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An ssh agent with a key, as far as ssh-add tells."""
    (tmp_path / "ssh-add").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "ssh-add").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/local/bin:/usr/bin:/bin")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/agent")


@pytest.fixture(autouse=True)
def _loop() -> Iterator[None]:
    """A current event loop for outputs that a test makes outside of a program, whatever ran in this worker before.

    A program that failed leaves tasks of its loop, for which a program of another test would wait.
    """
    loops.fresh()
    yield
    SETTINGS.outputs.clear()
    SETTINGS.rpc_manager.clear()
