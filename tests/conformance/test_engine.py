"""The real engine with a real program and our plugin: the only test here that needs Pulumi's CLI and language host."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance.conformance_plugin import EXECUTABLE

PROGRAM = """
import pulumi
from pulumi_command import local
step = pulumi.Config().require("step")
command = local.Command(
    "command",
    create="echo created $STEP",
    update="echo updated $STEP after $PULUMI_COMMAND_STDOUT",
    delete=f"echo $PULUMI_COMMAND_STDOUT >> {pulumi.Config().require('log')}",
    stdin=pulumi.Output.secret("CANARY"),
    environment={"STEP": step},
    triggers=[pulumi.Config().require("trigger")],
)
pulumi.export("stdout", command.stdout)
"""


@pytest.mark.e2e
def test_life_of_a_command(tmp_path: Path) -> None:
    """Up, unchanged, changed in place, replaced by a trigger, refreshed, destroyed."""
    assert shutil.which("pulumi"), "no pulumi on PATH: source toolchain/activate first, or run make test"
    stack = Stack(tmp_path)
    stack.pulumi("stack", "init", "test")
    assert stack.up(step="1", trigger="a") == ("created 1", {"create": 2})
    assert stack.up(step="1", trigger="a") == ("created 1", {"same": 2})
    assert stack.up(step="2", trigger="a") == ("updated 2 after created 1", {"same": 1, "update": 1})
    assert stack.up(step="2", trigger="b") == ("created 2", {"same": 1, "replace": 1})
    assert (tmp_path / "deleted").read_text() == "updated 2 after created 1\n"
    assert "2 unchanged" in stack.pulumi("refresh", "--yes", "--skip-preview")
    assert "CANARY" not in stack.pulumi("stack", "export")
    assert "2 deleted" in stack.pulumi("destroy", "--yes", "--skip-preview")
    assert (tmp_path / "deleted").read_text() == "updated 2 after created 1\ncreated 2\n"


class Stack:
    """A project of its own with its state beside it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        (directory / "Pulumi.yaml").write_text("name: conformance\nruntime: python\n")
        (directory / "__main__.py").write_text(PROGRAM)
        (directory / "state").mkdir()
        (directory / "plugin").mkdir()
        (directory / "plugin/pulumi-resource-command").symlink_to(EXECUTABLE)
        path = [str(directory / "plugin"), str(Path(sys.executable).parent), os.environ["PATH"]]
        self._environment = {
            **os.environ,
            "PATH": ":".join(path),
            "PULUMI_HOME": str(directory / "home"),
            "PULUMI_BACKEND_URL": f"file://{directory / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }

    def pulumi(self, *arguments: str) -> str:
        """Run pulumi and return what it printed; a failure shows it."""
        finished = subprocess.run(
            ["pulumi", *arguments, "--non-interactive"],
            cwd=self._directory,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert finished.returncode == 0, finished.stdout + finished.stderr
        return re.sub(r"\x1b\[[0-9;]*m", "", finished.stdout)

    def up(self, **config: str) -> tuple[str, dict[str, int]]:
        """Deploy with this configuration; the output `stdout` and the number of resources by what was done to them."""
        for name, value in {**config, "log": str(self._directory / "deleted")}.items():
            self.pulumi("config", "set", name, value)
        self.pulumi("up", "--yes", "--skip-preview")
        history = json.loads(self.pulumi("stack", "history", "--json", "--page-size", "1"))
        return self.pulumi("stack", "output", "stdout").strip(), history[0]["resourceChanges"]
