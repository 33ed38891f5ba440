"""A stack of its own in a clone of its own, driven with the commands that a person types."""

from __future__ import annotations

import copy
import json
import os
import re
import shlex
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from infra.machines.embedded import client
from infra.machines.embedded.requests import ListMachines

ROOT = Path(__file__).parents[2]
IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
TIMEOUT = 900
UNSET = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "VIRTUAL_ENV")


def git(folder: Path, *arguments: str) -> str:
    """Run git there and return what it prints."""
    done = subprocess.run(["git", *IDENTITY, "-C", str(folder), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, files: Mapping[str, str], subject: str) -> str:
    """Write the files, commit them (making the repository where there is none), and return the commit's SHA."""
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--initial-branch=main")
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", subject)
    return git(folder, "rev-parse", "HEAD")


def fetch(url: str, timeout: float = 10) -> tuple[int, str]:
    """One GET: status and body. A name below localhost is this computer, as browsers and curl know without asking."""
    parts = urlsplit(url)
    if (parts.hostname or "").endswith(".localhost"):
        here = parts._replace(netloc=f"127.0.0.1:{parts.port or 80}").geturl()
        request = urllib.request.Request(here, headers={"Host": parts.netloc})
    else:
        request = urllib.request.Request(url)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def changed(said: str) -> dict[str, str]:
    """What an ``up`` did, by resource name: updated, created, replaced, deleted."""
    found = re.findall(
        r"^ *[-+~]+ +\S+ (\S+) (created(?: replacement)?|updated|replaced|deleted)\b", said, re.MULTILINE
    )
    # Of a replacement Pulumi prints two lines, in any order.
    done = [(name, "replaced" if what == "created replacement" else what) for name, what in found]
    return {name: what for name, what in done if what != "deleted" or name not in dict(done)}


def leaves(path: str, value: object) -> Iterator[tuple[str, object]]:
    """Every scalar in a value, with its path as ``pulumi config set --path`` takes it."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from leaves(f"{path}.{name}", item)
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from leaves(f"{path}[{number}]", item)
    else:
        yield path, value


@dataclass
class Stack:
    """Stack ``dev`` of a fresh clone at ``clone``; nothing is shared with another but the caches."""

    clone: Path
    extra: dict[str, str] = field(default_factory=dict)
    _shown: tuple[object, dict[str, Any]] | None = None
    """The stack's outputs as they were shown last, and what the state's files were like then."""

    @classmethod
    def cloned(cls, folder: Path) -> Stack:
        """Clone this project, get its toolchain and make an empty stack."""
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)
        stack = cls(folder)
        stack.run("make setup", check=True)
        stack.run("pulumi stack init dev", check=True)
        return stack

    def run(self, line: str, check: bool = False, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a shell line in the clone after ``source toolchain/activate``; both streams come back as one."""
        process = self.start(line, **more)
        said, _ = process.communicate(timeout=TIMEOUT)
        if check and process.returncode != 0:
            raise AssertionError(f"{line}\nexit status {process.returncode}\n{said}")
        return subprocess.CompletedProcess(line, process.returncode, said, "")

    def start(self, line: str, **more: str) -> subprocess.Popen[str]:
        """Start a shell line as ``run`` does, in a session of its own, and return the process."""
        self._shown = None
        environment = {key: value for key, value in os.environ.items() if key not in UNSET}
        return subprocess.Popen(
            ["bash", "-c", f"source toolchain/activate && {line}"],
            cwd=self.clone,
            env={**environment, **self.extra, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def config(self, **values: object) -> None:
        """Set keys of namespace launchpad as a person does: scalars by name, items of lists and maps by path."""
        for key, value in values.items():
            if not isinstance(value, dict | list):
                self.run(f"pulumi config set launchpad:{key} -- {shlex.quote(str(value))}", check=True)
                continue
            self.run(f"pulumi config rm launchpad:{key}")
            for path, item in leaves(f"launchpad:{key}", value):
                self.run(f"pulumi config set --path {shlex.quote(path)} -- {shlex.quote(str(item))}", check=True)

    def secret(self, name: str, value: str) -> None:
        """Set a secret variable of the app as the README says."""
        self.run(f"pulumi config set --secret --path launchpad:secrets.{name} -- {shlex.quote(value)}", check=True)

    def up(self, check: bool = True) -> str:
        """``pulumi up`` without questions; what it printed."""
        return self.run("pulumi up --yes --skip-preview", check=check).stdout

    def fails(self, line: str = "pulumi up --yes --skip-preview") -> str:
        """Run a line that must fail with exit status 1 or more and without a traceback; what it printed."""
        done = self.run(line)
        assert done.returncode != 0, done.stdout
        assert "Traceback" not in done.stdout, done.stdout
        return done.stdout

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs; Pulumi is asked again only after another command, or where the state has changed."""
        state = sorted((self.clone / ".launchpad/state").rglob("stacks/*/*.json"))
        files = [(file, file.stat().st_mtime_ns, file.stat().st_size) for file in state]
        if self._shown is None or self._shown[0] != files:
            found = json.loads(self.run("pulumi stack output --json", check=True).stdout)
            self._shown = (files, found)
        return copy.deepcopy(self._shown[1])

    def on_machine(self, line: str) -> str:
        """What a command prints on the machine, by the stack's own ssh command."""
        ssh = self.outputs()["ssh"]
        shown = self._shown
        said = self.run(f"{ssh} {shlex.quote(line)}", check=True).stdout
        self._shown = shown  # what runs on the machine changes none of them
        return said

    def page(self, path: str = "/") -> tuple[int, str]:
        """A page of the app through the public door."""
        return fetch(str(self.outputs()["url"]).rstrip("/") + path)

    def machines(self, name: str = "") -> list[str]:
        """The embedded machines of this clone that are there; of one stack, if it is named."""
        machines = client.ask(ListMachines()).machines
        ours = [machine for machine in machines if str(self.clone) in str(machine.owner)]
        return [machine.id for machine in ours if not name or machine.owner.stack == name]

    def state(self) -> str:
        """The stack's state as it lies on disk, everything readable in it readable here."""
        return self.run("pulumi stack export", check=True).stdout
