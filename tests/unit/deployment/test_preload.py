"""What is begun while the process waits for git."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from infra.deployment import bundle, preload
from infra.machines.kind import Kind
from infra.machines.registry import KINDS

ROOT = Path(__file__).parents[3]
BEGIN = """
import sys
from infra.deployment import preload
preload.begin([sys.argv[1], "no.such.module", ""]).join()
print("infra.app_model.plan" in sys.modules, sys.argv[1] in sys.modules)
"""


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_launches_a_machine_is_there(kind: Kind) -> None:
    assert find_spec(kind.launched_by)


def test_modules_are_imported_and_one_that_is_missing_is_no_trouble_yet() -> None:
    module = KINDS["embedded"].launched_by
    done = subprocess.run(
        [sys.executable, "-c", BEGIN, module], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert (done.stdout, done.stderr) == ("True True\n", "")


def test_the_agent_is_packed_once_however_many_apps_there_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packed: list[bytes] = []

    def contents() -> bytes:
        packed.append(b"agent")
        return packed[-1]

    monkeypatch.setattr(bundle, "contents", contents)
    bundle.packed.cache_clear()
    try:
        preload.begin([]).join()
        assert bundle.write(tmp_path / "one")[1] == bundle.write(tmp_path / "two")[1]
    finally:
        bundle.packed.cache_clear()
    assert packed == [b"agent"]
