"""Versions that more than one file has to name are the same in all of them."""

import importlib.metadata
import re
import subprocess
import tomllib

import pytest

from infra.agent.build import uv
from plugins.command import schema
from tests.unit.toolchain.clone import ROOT


def pins() -> dict[str, str]:
    """What toolchain/versions pins."""
    text = (ROOT / "toolchain/versions").read_text()
    return dict(re.findall(r"^([A-Z_]+)=([\d.]+)$", text, re.MULTILINE))


def required(package: str) -> str:
    """The version that pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (version,) = (line.partition("==")[2] for line in project["dependencies"] if line.startswith(f"{package}=="))
    return str(version)


def parts(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


@pytest.mark.parametrize("package", ["pulumi", "pulumi-command", "pulumi-aws"])
def test_what_is_locked_and_installed_is_what_the_project_asks_for(package: str) -> None:
    assert f"\n{package}=={required(package)} " in "\n" + (ROOT / "toolchain/requirements.lock").read_text()
    assert importlib.metadata.version(package) == required(package)


def test_uv_here_and_on_the_machine_are_the_same() -> None:
    assert (ROOT / "toolchain/uv.txt").read_text().startswith(f"uv=={uv.VERSION} ")
    assert importlib.metadata.version("uv") == uv.VERSION  # which tests put on their machines


def test_the_plugin_command_its_sdk_and_the_stand_in_are_of_one_version() -> None:
    assert pins()["COMMAND_PLUGIN_VERSION"] == required("pulumi-command") == schema.VERSION


def test_the_cli_that_is_built_is_the_one_that_is_downloaded() -> None:
    module = (ROOT / "toolchain/offline/cli/go.mod").read_text()
    assert f"require github.com/pulumi/pulumi/pkg/v3 v{pins()['PULUMI_VERSION']}\n" in module


def test_the_cli_is_at_least_as_new_as_the_sdk() -> None:
    """They come from two places, and PyPI may lag behind; an older engine may not know what a newer SDK asks of it."""
    assert parts(pins()["PULUMI_VERSION"]) >= parts(required("pulumi"))


def test_whoever_reads_how_to_install_the_aws_plugin_gets_the_version_of_the_sdk() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    told = {
        version
        for name in listed.split("\0")
        if name.endswith((".md", ".py", ".yaml")) and (ROOT / name).is_file()
        for version in re.findall(r"plugin install resource aws v?([\d.]+\d)", (ROOT / name).read_text())
    }
    assert told == {required("pulumi-aws")}
