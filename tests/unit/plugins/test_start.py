"""The start of the stand-in for the plugin `command`, which every `pulumi up` waits for."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from plugins.command import server
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


def test_the_ssh_modules_wait_until_the_engine_has_asked_nothing_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as it asks about what has not changed, their import would only be in the way."""
    clock, slept = [100.0], []

    async def scenario() -> None:
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock[0])
        requests = server._Requests()

        async def request(_details: Any) -> None:
            return None

        async def sleep(seconds: float) -> None:
            slept.append(seconds)
            clock[0] += seconds
            if len(slept) < 3:
                clock[0] -= 0.25 * seconds
                await requests.intercept_service(request, None)

        monkeypatch.setattr(asyncio, "sleep", sleep)
        await requests.quiet(1.0)

    asyncio.run(scenario())
    assert slept == [1.0, 1.0, 1.0]
    assert clock == [102.5]
