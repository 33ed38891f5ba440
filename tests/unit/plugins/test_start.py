"""The start of the stand-in for the plugin `command`, which every `pulumi up` waits for."""

import os
import subprocess
import sys
from pathlib import Path

from tests.unit.toolchain.clone import executable

ROOT = Path(__file__).parents[3]
START = """
import sys
from plugins.command import main
main._skip_package_code("pulumi", "pulumi.runtime", "pulumi.runtime.proto")
from plugins.command import server
server._preload()
print("asyncssh" in sys.modules)
"""


def test_it_runs_no_compiler_to_find_libraries_that_may_be_missing(tmp_path: Path) -> None:
    for name in ("gcc", "cc", "ld"):
        executable(tmp_path / "bin" / name, f"echo {name} >>{tmp_path}/asked; exit 1")
    path = f"{tmp_path}/bin:{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-c", START],
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True\n"
    assert not (tmp_path / "asked").exists()
