"""An older copy of the program stays as long as somebody runs it."""

import subprocess
import sys
from pathlib import Path

import pytest

from infra.agent.system import copies, install

HOLD = """
import sys
from pathlib import Path
from infra.agent.system import copies
copies.hold(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_newer_program_leaves_the_copy_that_a_waiting_deployment_still_imports_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(install, "LIB", tmp_path)
    old, new = tmp_path / "agent-old", tmp_path / "agent-new"
    for copy in (old, new):
        copy.mkdir()
        (copy / copies.COMPLETE).touch()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(old)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdin and holder.stdout
    assert holder.stdout.readline() == "held\n"
    install._remove_others(new)
    assert old.exists()
    holder.communicate("")
    install._remove_others(new)
    assert sorted(tmp_path.iterdir()) == [new]


def test_what_is_not_installed_is_not_held_and_not_in_use(tmp_path: Path) -> None:
    copies.hold(tmp_path / "agent")
    assert not copies.in_use(tmp_path / "agent")
