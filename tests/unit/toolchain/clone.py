"""A clone in miniature: the toolchain's scripts in a directory of their own, with a PATH that each test fills."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]

SETUP = """
set -euo pipefail
root=$PWD bin=$PWD/.launchpad/bin plugins=$PWD/.launchpad/plugins
for part in common progress cache certificates packages python vendor pulumi git; do . toolchain/lib/$part.sh; done
for part in toolchain/offline/*.sh; do [ ! -e $part ] || . $part; done
. toolchain/versions
python=python3
"""


@dataclass
class Clone:
    """The miniature clone; commands in ``tools`` come before the system's."""

    root: Path
    tools: Path
    environment: dict[str, str]
    words: tuple[str, ...] = ()
    """What stands before every command, such as one that makes it another user's."""

    def tool(self, name: str, script: str) -> Path:
        """Put a command on PATH: a shell script."""
        return executable(self.tools / name, script)

    def run(self, *command: str | Path, cwd: Path | str | None = None, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the clone, with nobody to answer."""
        return subprocess.run(
            list(map(str, (*self.words, *command))),
            cwd=cwd or self.root,
            env={**self.environment, **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def bash(self, script: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run lines of bash."""
        return self.run("bash", "-c", script, **more)

    def setup(self, script: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run lines of bash that have what toolchain/setup has."""
        return self.bash(SETUP + script, **more)


def executable(path: Path, script: str) -> Path:
    """Write a shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path
