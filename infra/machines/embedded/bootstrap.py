"""Building a Debian tree with mmdebstrap, and telling what it does meanwhile."""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from pathlib import Path

from infra.machines.embedded.recipe import CUSTOMIZE, PACKAGES, Recipe
from infra.machines.embedded.shell import ENVIRONMENT, INTERVAL, MachineError, progress

VERBS = {"Unpacking ": "unpacked", "Setting up ": "set up"}
"""What apt says of a package, and what we say of how many."""


def mmdebstrap(draft: Path, scratch: Path, one: Recipe, lock: int) -> None:
    """Run mmdebstrap, passing on what it says. Raises MachineError with its last words."""
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", "--components=main", "--format=directory", "--verbose"]
    # syncing each of some ten thousand files takes longer than all the rest, and an image that is half made is not used
    command += ["--dpkgopt=force-unsafe-io"]
    command += [f"--include={','.join(PACKAGES)}"]
    if one.settings:
        (scratch / "settings").write_text(one.settings)
        command += [f"--aptopt={scratch / 'settings'}"]
    authorities = scratch / "certificates"
    authorities.mkdir()
    for name, text in one.certificates:
        (authorities / name).write_text(text)
    # before the packages are configured, so that nothing in between misses them
    local = '"$1/usr/local/share'
    command += [f'--essential-hook=mkdir -p {local}" && cp -r {shlex.quote(str(authorities))} {local}/ca-certificates"']
    customize = scratch / "customize"
    customize.write_text(CUSTOMIZE)
    command += [f'--customize-hook=sh {shlex.quote(str(customize))} "$1"', one.suite, str(draft)]
    if one.sources:
        (scratch / "image.sources").write_text(one.sources)
        command += [str(scratch / "image.sources")]
    # ends with this driver; and while any part of it still runs, it holds the lock, so that no second build starts
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**ENVIRONMENT, **dict(one.proxies), "TMPDIR": str(scratch)},
        pass_fds=(lock,),
    )
    assert process.stdout is not None
    told = Narrator()
    for line in process.stdout:
        told.hear(line.strip())
    if process.wait() != 0:
        raise MachineError("Building the base image failed. mmdebstrap's last lines:\n  " + "\n  ".join(told.last))


STEPS = {
    "I: running apt-get update": "reading the package lists",
    "I: extracting archives": "unpacking the first packages",
    "I: installing essential packages": "installing the essential packages",
    "I: installing remaining packages": "installing the other packages",
    "I: cleaning package lists": "cleaning up",
}


class Narrator:
    """Tells what mmdebstrap does: its steps, the bytes it fetches, and now and then the packages."""

    def __init__(self) -> None:
        self.last: list[str] = []
        self.packages = dict.fromkeys(VERBS.values(), 0)
        self.told = time.monotonic()

    def hear(self, line: str) -> None:
        """Take one line of its output."""
        if not line:
            return
        if not line.startswith("I: main() received"):
            self.last = [*self.last, line][-10:]
        for start, step in STEPS.items():
            if line.startswith(start):
                self.tell(step)
        if size := re.match(r"Need to get (\S+ \wB)(?:/\S+ \wB)? of archives", line):
            self.tell(f"fetching {size[1]}")
        for start, what in VERBS.items():
            if line.startswith(start):
                self.packages[what] += 1
                if time.monotonic() - self.told > INTERVAL - 0.5:  # before the driver repeats itself
                    name = line.removeprefix(start).split()[0].partition(":")[0]
                    self.tell(f"{self.packages[what]} packages {what}, now {name}")

    def tell(self, text: str) -> None:
        """Say it, and note when."""
        self.told = time.monotonic()
        progress(f"base image: {text}")
