"""Where files are kept on the workstation."""

from pathlib import Path

import pytest

from infra import local


@pytest.mark.parametrize("inside", [".", "program", "program/deep"])
def test_the_project_is_found_from_below(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str) -> None:
    (tmp_path / "Pulumi.yaml").touch()
    (tmp_path / inside).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(tmp_path / inside)
    assert local.project() == tmp_path
    assert local.build_folder() == tmp_path / ".launchpad/build"
    assert local.tunnel_log("dev", "machine") == tmp_path / ".launchpad/dev/machine-tunnel.log"


def test_without_a_project_it_is_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert local.project() == tmp_path


def test_each_deployment_has_its_own_files_for_ssh() -> None:
    assert local.ssh_folder("dev", "shop") == Path(".launchpad/dev/shop")
