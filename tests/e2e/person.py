"""An ordinary user with sudo on this computer, with a home, a clone and a cache of their own."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.machines.embedded import client
from infra.machines.embedded.recipe import SUITES
from infra.machines.embedded.requests import Destroy, ListMachines, ProvideBase
from tests.e2e.stack import ROOT, TIMEOUT

PASSED_ON = (
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "PIP_INDEX_URL",
    "UV_DEFAULT_INDEX",
    "GOPROXY",
    "LAUNCHPAD_MACHINES",
)
"""What a network may need, or tells where machines are; nothing else of this environment reaches the user."""

AS_ROOT = () if os.geteuid() == 0 else ("sudo", "-n")


def as_root(*words: str | Path) -> None:
    """Run a command as root."""
    subprocess.run([*AS_ROOT, *words], check=True)


@dataclass(frozen=True)
class Person:
    """The user, whose clone is ``home/launchpad``."""

    name: str
    home: Path

    @property
    def clone(self) -> Path:
        """The user's clone of this project."""
        return self.home / "launchpad"

    def shell(self, script: str) -> str:
        """Run lines in one bash in the clone, as after a login; gives what they print. They must succeed."""
        switch = [] if os.geteuid() else ["setpriv", f"--reuid={self.name}", f"--regid={self.name}", "--init-groups"]
        environment = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        environment |= {"HOME": str(self.home), "USER": self.name, "LOGNAME": self.name, "LANG": "C.UTF-8"}
        done = subprocess.run(
            [*switch, "bash", "-c", script],
            cwd=self.clone,
            env={**environment, "PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


@contextmanager
def ordinary() -> Iterator[Person]:
    """A user made for as long as it takes; whoever is ordinary already plays the part with another home."""
    home = Path(tempfile.mkdtemp(prefix="launchpad-home-"))
    made = os.geteuid() == 0
    name = f"lp{secrets.token_hex(3)}" if made else pwd.getpwuid(os.geteuid()).pw_name
    sudoers = Path("/etc/sudoers.d") / name
    try:
        if made:
            subprocess.run(
                ["useradd", "--no-create-home", "--home-dir", home, "--shell", "/bin/bash", name], check=True
            )
            sudoers.touch(mode=0o440)
            sudoers.write_text(f"{name} ALL=(ALL) NOPASSWD: ALL\n")
        subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", ROOT, home / "launchpad"], check=True)
        copy_toolchain(home / ".cache/launchpad")
        as_root("chown", "-R", f"{name}:", home)
        copy_base_image(home / ".cache/launchpad")
        yield Person(name, home)
    finally:
        try:
            for machine in client.ask(ListMachines()).machines:
                if str(home) in str(machine.owner):
                    client.ask(Destroy(machine.id))
        finally:
            if made:
                sudoers.unlink(missing_ok=True)
                subprocess.run(["userdel", "--force", name], check=False, capture_output=True)
            as_root("rm", "-rf", "--one-file-system", home)


def copy_toolchain(cache: Path) -> None:
    """Give a cache what setup has built: minutes of work where the official downloads are out of reach."""
    tools = client.cache() / "toolchain"
    (cache / "toolchain").mkdir(parents=True)
    for place in tools.glob("[!.]*"):
        if place.is_dir():
            shutil.copytree(place, cache / "toolchain" / place.name, symlinks=True)


def copy_base_image(cache: Path) -> None:
    """Give a cache the base image too: links to the same files, which nobody ever writes in, where that can be."""
    image = Path(client.ask(ProvideBase(SUITES[0])).directory)
    as_root("mkdir", cache / "base")
    copy = cache / "base" / image.name
    if subprocess.run([*AS_ROOT, "cp", "-al", image, copy], check=False, capture_output=True).returncode != 0:
        as_root("rm", "-rf", copy)
        as_root("cp", "-a", image, copy)
