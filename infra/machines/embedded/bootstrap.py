"""Building a Debian tree with mmdebstrap, with progress messages."""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from pathlib import Path

from infra.machines.embedded.recipe import CUSTOMIZE, PACKAGES, Recipe
from infra.machines.embedded.shell import ENVIRONMENT, INTERVAL, MachineError, progress

VERBS = {"Unpacking ": "unpacked", "Setting up ": "set up"}
"""The start of apt's output line for a package, and the verb in our progress message."""


def mmdebstrap(draft: Path, scratch: Path, recipe: Recipe, lock: int) -> None:
    """Run mmdebstrap and report its progress.

    Args:
        draft: The directory for the tree.
        scratch: A directory for temporary files.
        recipe: The recipe of the image.
        lock: The descriptor of the lock that mmdebstrap inherits.

    Raises:
        MachineError: It failed; the message ends with its last lines of output.
    """
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", "--components=main", "--format=directory", "--verbose"]
    # syncing each of about ten thousand files would take longer than everything else, and an incomplete image is unused
    command += ["--dpkgopt=force-unsafe-io"]
    command += [f"--include={','.join(PACKAGES)}"]
    if recipe.settings:
        (scratch / "settings").write_text(recipe.settings)
        command += [f"--aptopt={scratch / 'settings'}"]
    authorities = scratch / "certificates"
    authorities.mkdir()
    for name, text in recipe.certificates:
        (authorities / name).write_text(text)
    # before the packages are configured, because their scripts may already need the certificates
    local = '"$1/usr/local/share'
    command += [f'--essential-hook=mkdir -p {local}" && cp -r {shlex.quote(str(authorities))} {local}/ca-certificates"']
    customize = scratch / "customize"
    customize.write_text(CUSTOMIZE)
    command += [f'--customize-hook=sh {shlex.quote(str(customize))} "$1"', recipe.suite, str(draft)]
    if recipe.sources:
        (scratch / "image.sources").write_text(recipe.sources)
        command += [str(scratch / "image.sources")]
    # it ends with this driver, and holds the lock as long as any of its processes runs, so that no second build starts
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**ENVIRONMENT, **dict(recipe.proxies), "TMPDIR": str(scratch)},
        pass_fds=(lock,),
    )
    assert process.stdout is not None
    reporter = ProgressReporter()
    for line in process.stdout:
        reporter.handle(line.strip())
    if process.wait() != 0:
        raise MachineError(
            "Building the base image failed. mmdebstrap's last lines:\n  " + "\n  ".join(reporter.last_lines)
        )


STEPS = {
    "I: running apt-get update": "reading the package lists",
    "I: extracting archives": "unpacking the first packages",
    "I: installing essential packages": "installing the essential packages",
    "I: installing remaining packages": "installing the other packages",
    "I: cleaning package lists": "cleaning up",
}


class ProgressReporter:
    """Reports mmdebstrap's progress: its steps, the size of its downloads, and occasionally the current package."""

    def __init__(self) -> None:
        self.last_lines: list[str] = []
        self.packages = dict.fromkeys(VERBS.values(), 0)
        self.reported_at = time.monotonic()

    def handle(self, line: str) -> None:
        """Process one line of its output."""
        if not line:
            return
        if not line.startswith("I: main() received"):
            self.last_lines = [*self.last_lines, line][-10:]
        for start, step in STEPS.items():
            if line.startswith(start):
                self.report(step)
        if size := re.match(r"Need to get (\S+ \wB)(?:/\S+ \wB)? of archives", line):
            self.report(f"fetching {size[1]}")
        for start, verb in VERBS.items():
            if line.startswith(start):
                self.packages[verb] += 1
                if time.monotonic() - self.reported_at > INTERVAL - 0.5:  # before the driver repeats its last line
                    name = line.removeprefix(start).split()[0].partition(":")[0]
                    self.report(f"{self.packages[verb]} packages {verb}, now {name}")

    def report(self, text: str) -> None:
        """Print a progress message, and remember the time."""
        self.reported_at = time.monotonic()
        progress(f"base image: {text}")
