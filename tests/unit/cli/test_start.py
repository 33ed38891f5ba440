"""The command's start, which every command pays."""

import subprocess
import sys

from tests.unit.toolchain.clone import ROOT

SLOW = ("rich", "pulumi", "pulumi_command", "yaml", "boto3", "pydantic", "asyncssh", "tomllib")


def test_the_start_imports_nothing_that_takes_long() -> None:
    script = "import sys, cli.main; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {*done.stdout.split()} & {*SLOW}
