"""What we lean on in Pulumi without its promise, tried against the real SDK and the real CLI.

It holds for SDK 3.272 and CLI 3.274. After an upgrade a test that fails here names what to look at, in
infra/pulumi_internals.py, plugins/command/main.py, toolchain/heal.py or toolchain/salt-filter; then raise the versions.
"""

import importlib.metadata
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime import config

from infra import pulumi_internals

ROOT = Path(__file__).parents[2]
CLI = ROOT / ".launchpad/bin/pulumi"
SDK_HELD = "3.272"
CLI_HELD = "3.274"


def test_these_tests_were_looked_at_for_the_versions_that_are_pinned() -> None:
    assert importlib.metadata.version("pulumi").rpartition(".")[0] == SDK_HELD
    assert f"\nPULUMI_VERSION={CLI_HELD}." in (ROOT / "toolchain/versions").read_text()


def test_config_holds_every_key_secret_ones_too_and_says_which_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    before = dict(config.CONFIG.get())
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"launchpad:app": "shop"}))
    try:
        config.set_all_config({"launchpad:no_such_key": "1", "launchpad:tls_key": "hush"}, ["launchpad:tls_key"])
        values = pulumi_internals.config_values()
        assert values == {"launchpad:app": "shop", "launchpad:no_such_key": "1", "launchpad:tls_key": "hush"}
        assert [key for key in values if pulumi_internals.is_secret(key)] == ["launchpad:tls_key"]
    finally:
        config.set_all_config(before, [])


HOST = """
import importlib.util, pathlib, sys, types
host = sys.modules["__main__"] = types.ModuleType("__main__")
source = pathlib.Path(importlib.util.find_spec("pulumi.dynamic.__main__").origin).read_text()
exec(source.removesuffix("main()\\n"), vars(host))
class Context:
    def abort(self, code, details):
        print(details)
from infra import pulumi_internals
pulumi_internals.explain_errors(lambda: "in plain words")
def fails(self, request, context):
    raise ValueError("a bug")
host._abort_with_traceback(fails)(None, None, Context())
"""


def test_the_host_of_python_providers_answers_with_our_explanation() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HOST], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "in plain words\n"


def test_in_any_other_process_errors_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    main = type(sys)("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    pulumi_internals.explain_errors(lambda: "")
    assert not hasattr(main, "traceback")


@pytest.mark.parametrize(("name", "status"), [(pulumi_internals.EXECUTOR, 32), ("another", -signal.SIGINT)])
def test_a_program_that_the_engine_interrupts_ends_without_a_traceback(tmp_path: Path, name: str, status: int) -> None:
    (tmp_path / name).write_text(INTERRUPTED)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, str(tmp_path / name), "--pwd", "."]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == status
    assert ("Traceback" in done.stderr) is (name == "another")


INTERRUPTED = """
import os, signal, time
from infra import pulumi_internals
pulumi_internals.end_when_told()
os.kill(os.getpid(), signal.SIGINT)
time.sleep(60)
"""


def test_the_plugin_starts_without_running_the_sdks_own_code() -> None:
    code = (
        "import sys\nfrom plugins.command import main\n"
        "main._skip_package_code('pulumi', 'pulumi.runtime', 'pulumi.runtime.proto')\n"
        "from pulumi.runtime.proto import provider_pb2_grpc\n"
        "print(hasattr(provider_pb2_grpc, 'ResourceProviderServicer'), 'pulumi.resource' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "True False\n"


def pulumi(folder: Path, *words: str, text: str = "") -> str:
    """What the real CLI prints, with its state in the folder."""
    environment = {"PULUMI_BACKEND_URL": f"file://{folder}/state", "PULUMI_CONFIG_PASSPHRASE": "x"}
    done = subprocess.run(
        [str(CLI), *words, "--non-interactive"],
        cwd=folder,
        env={**os.environ, **environment, "PULUMI_SKIP_UPDATE_CHECK": "true"},
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def interrupt(folder: Path) -> None:
    """Lay down a stack whose machine was being made when pulumi was killed, and have the real CLI read it."""
    (folder / "state").mkdir()
    (folder / "Pulumi.yaml").write_text("name: launchpad\nruntime: python\n")
    pulumi(folder, "stack", "init", "dev")
    exported: dict[str, Any] = json.loads(pulumi(folder, "stack", "export"))
    urn = "urn:pulumi:dev::launchpad::{}::{}"
    root = {"urn": urn.format("pulumi:pulumi:Stack", "launchpad-dev"), "type": "pulumi:pulumi:Stack", "custom": False}
    machine = "pulumi-python:dynamic/launchpad:EmbeddedMachine"
    begun = {
        "urn": urn.format(machine, "machine"),
        "type": machine,
        "custom": True,
        "inputs": {"machine": "lp12345678"},
        "parent": root["urn"],
    }
    exported["deployment"]["resources"] = [root]
    pulumi(folder, "stack", "import", text=json.dumps(exported))
    file = folder / "state/.pulumi/stacks/launchpad/dev.json"  # an import leaves operations out that are pending
    written = json.loads(file.read_text())
    written["checkpoint"]["latest"]["pending_operations"] = [{"resource": begun, "type": "creating"}]
    file.write_text(json.dumps(written))
    (pending,) = json.loads(pulumi(folder, "stack", "export"))["deployment"]["pending_operations"]
    assert pending["resource"]["urn"] == begun["urn"]


@pytest.mark.slow
def test_what_heal_reads_and_writes_is_what_the_cli_writes_and_reads(tmp_path: Path) -> None:
    interrupt(tmp_path)
    lock = tmp_path / "state/.pulumi/locks/organization/launchpad/dev/x.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(json.dumps({"pid": 2**22 + 1, "hostname": os.uname().nodename}))
    healed = subprocess.run(
        [sys.executable, "-I", ROOT / "toolchain/heal.py", tmp_path / "state"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "machine: creating was interrupted" in healed.stderr
    assert not lock.exists()
    deployment = json.loads(pulumi(tmp_path, "stack", "export"))["deployment"]
    assert deployment.get("pending_operations") is None
    assert [each.get("id") for each in deployment["resources"]] == [None, "lp12345678"]


@pytest.mark.slow
def test_the_cli_keeps_its_locks_where_heal_looks_for_them(tmp_path: Path) -> None:
    interrupt(tmp_path)
    lock = tmp_path / "state/.pulumi/locks/organization/launchpad/dev/held.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(json.dumps({"pid": 1, "username": "a", "hostname": "h", "timestamp": "2026-01-01T00:00:00Z"}))
    pulumi(tmp_path, "cancel", "--yes", "--stack", "dev")
    assert not lock.exists()


@pytest.mark.slow
def test_the_cli_notes_the_selected_stack_where_we_read_it(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "Pulumi.yaml").write_text("name: shop\nruntime: python\n")
    backend = f"file://{tmp_path}/state"
    assert pulumi_internals.selected_stack(tmp_path, "shop", backend) == ""
    pulumi(tmp_path, "stack", "init", "first")
    pulumi(tmp_path, "stack", "init", "second")
    assert pulumi_internals.selected_stack(tmp_path, "shop", backend) == "second"
    pulumi(tmp_path, "stack", "select", "first")
    assert pulumi_internals.selected_stack(tmp_path, "shop", backend) == "first"
    assert pulumi_internals.selected_stack(tmp_path, "shop", "file:///elsewhere") == ""
    pulumi(tmp_path, "stack", "rm", "--yes", "first")
    assert pulumi_internals.selected_stack(tmp_path, "shop", backend) == ""
