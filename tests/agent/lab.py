"""A real machine for the agent's tests: made by the embedded machine's driver, reached over SSH as the workstation does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from infra.agent.build import uv
from infra.agent.system.layout import UV
from infra.deployment import bundle, push
from infra.machines import cloudinit, firewall
from infra.machines.embedded import client
from infra.machines.embedded.requests import Destroy, Ensure, Inspect, ReleaseData
from infra.machines.embedded.state import MachineSpec, Owner
from infra.protocol.codec import SCHEMA

APPS = Path(__file__).parent.parent / "apps"
USER = "deploy"
APP = "app"


@dataclass(frozen=True)
class Done:
    """What a command on the machine printed and how it ended."""

    code: int
    out: str
    err: str

    def data(self) -> dict[str, Any]:
        """The JSON object that the command printed; fails with its errors where it failed."""
        assert self.code == 0, self.err
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value


@dataclass
class Repo:
    """A git repository of a test app; every commit has its own ``marker``."""

    path: Path
    revisions: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, kind: str, path: Path) -> Repo:
        """A repository with the files of a test app and no commit yet."""
        shutil.copytree(APPS / kind, path)
        repo = cls(path)
        repo.git("init", "--quiet", "--initial-branch=main")
        repo.git("config", "user.name", "Test")
        repo.git("config", "user.email", "test@example.org")
        return repo

    def git(self, *words: str) -> str:
        """Run git here."""
        return subprocess.run(
            ["git", "-C", str(self.path), *words], check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, marker: str, files: dict[str, str | None] | None = None, executable: tuple[str, ...] = ()) -> str:
        """Commit a revision that answers with ``marker``; ``files`` are written (or removed: None) on top."""
        for name, text in {"marker": f"{marker}\n", **(files or {})}.items():
            path = self.path / name
            if text is None:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755 if name in executable else 0o644)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", f"Say {marker}")
        self.revisions[marker] = self.git("rev-parse", "HEAD")
        return self.revisions[marker]


class Lab:
    """A prepared machine and the ways to it."""

    def __init__(self, name: str, folder: Path, request: Ensure) -> None:
        self.name = name
        self.folder = folder
        self.request = request
        self.address = ""
        self.local_ports: dict[str, str] = {}
        self.ssh_words = [
            *("ssh", "-F", "none", "-i", str(folder / "key"), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"),
            *("-o", f"UserKnownHostsFile={folder / 'known_hosts'}", "-o", "StrictHostKeyChecking=yes"),
            *("-o", "ControlMaster=auto", "-o", f"ControlPath={folder}/mux", "-o", "ControlPersist=300"),
            *("-o", "ConnectTimeout=10", "-o", "LogLevel=ERROR"),
        ]

    def power_on(self) -> None:
        """Have the machine made and running, and answering over SSH."""
        live = client.ask(self.request)
        self.address = live.address
        self.local_ports = dict(live.local_ports)
        (self.folder / "known_hosts").write_text(f"{self.address} {live.host_key}\n")
        until = time.monotonic() + 60
        while self.run("cloud-init status --wait >/dev/null").code == 255:
            assert time.monotonic() < until, "the machine does not answer over SSH"
            time.sleep(0.3)

    def power_off(self) -> None:
        """Shut the machine down; its disk stays."""
        self.run("sudo systemctl poweroff")
        subprocess.run([*self.ssh_words, "-O", "exit", self.address], capture_output=True, check=False)
        until = time.monotonic() + 60
        while client.ask(Inspect(self.name)).state != "stopped":
            assert time.monotonic() < until, "the machine does not shut down"
            time.sleep(0.3)

    def run(self, command: str, feed: str = "", timeout: float = 300) -> Done:
        """Run a shell command on the machine."""
        done = subprocess.run(
            [*self.ssh_words, f"{USER}@{self.address}", command],
            input=feed,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def sudo(self, command: str, feed: str = "") -> str:
        """Run a shell command on the machine as root; it must succeed."""
        done = self.run(f"sudo {command}", feed)
        assert done.code == 0, f"{command}: {done.err}"
        return done.out

    def put(self, name: str, content: bytes) -> None:
        """Write a file in the SSH user's home."""
        subprocess.run([*self.ssh_words, f"{USER}@{self.address}", f"cat > {name}"], input=content, check=True)

    def prepare(self, **spec: Any) -> Done:
        """Bring the agent as it is now and prepare the machine."""
        self.put("launchpad-agent.pyz", bundle.contents())
        spec = {"schema": SCHEMA, "app": APP, **spec}
        return self.run("sudo python3 launchpad-agent.pyz prepare", json.dumps(spec))

    def give_uv(self) -> None:
        """Put the uv of these tests, which is of the same version, where ``prepare`` would install it from the registry."""
        assert metadata.version("uv") == uv.VERSION
        self.put("uv", Path(sys.executable).with_name("uv").read_bytes())
        self.sudo(f"install -D --mode=755 uv {UV}")
        self.sudo(f"touch {uv.MARKER}")

    def push(self, repo: Repo, revision: str, app: str = APP) -> None:
        """Push a commit into the machine's clone, as the workstation does."""
        receive = f"sudo launchpad-agent receive-pack --app {app} --revision {revision} --who tester@desk"
        subprocess.run(
            [
                *("git", "-C", str(repo.path), "push", "--quiet", f"--receive-pack={receive}"),
                *(f"ssh://{USER}@{self.address}/{app}", f"+{revision}:refs/launchpad/{revision}"),
                *push.tag(repo.path, revision),
            ],
            env={**os.environ, "GIT_SSH_COMMAND": " ".join(self.ssh_words)},
            check=True,
        )

    def deploy(self, repo: Repo, marker: str, app: str = APP, **spec: Any) -> Done:
        """Push and deploy the revision with this marker."""
        revision = repo.revisions[marker]
        self.push(repo, revision, app)
        return self.run(f"sudo launchpad-agent deploy --app {app} --revision {revision}", deploy_spec(app, **spec))

    def get(self, path: str = "/", headers: dict[str, str] | None = None, data: bytes | None = None) -> tuple[int, str]:
        """Request a page from the machine's public address."""
        request = urllib.request.Request(f"http://{self.address}{path}", data=data, headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def marker(self) -> str:
        """The marker of the revision that serves."""
        status, body = self.get()
        assert status == 200, body
        return body.split()[0]

    def serving(self) -> dict[str, Any]:
        """What ``status`` says."""
        return self.run(f"sudo launchpad-agent status --app {APP} --json").data()

    def history(self) -> list[dict[str, Any]]:
        """What ``releases`` says."""
        value = json.loads(self.sudo(f"launchpad-agent releases --app {APP} --json"))
        assert isinstance(value, list)
        return value


def deploy_spec(app: str = APP, **spec: Any) -> str:
    """A deploy specification with what the tests usually want."""
    usual = {"source": {"kind": "pushed"}, "ref": "main", "health": {"path": "/healthz", "timeout": 20}}
    return json.dumps({"schema": SCHEMA, "app": app, **usual, **spec})


def begin_deployment(lab: Lab, revision: str, spec: str, until: str) -> subprocess.Popen[str]:
    """Start a deployment over a connection of its own and wait until it says something."""
    words = [word.replace("ControlMaster=auto", "ControlMaster=no") for word in lab.ssh_words]
    words = [word if not word.startswith("ControlPath") else "ControlPath=none" for word in words]
    process = subprocess.Popen(
        [*words, f"{USER}@{lab.address}", f"sudo launchpad-agent deploy --app {APP} --revision {revision}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(spec)
    process.stdin.close()
    seen = []
    for line in process.stderr:
        seen.append(line)
        if until in line:
            return process
    raise AssertionError(f"ended without saying {until!r}: {seen}")


def keys(folder: Path, name: str) -> tuple[str, str]:
    """A fresh SSH key: public and private half."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(folder / name)], check=True)
    return (folder / f"{name}.pub").read_text().strip(), (folder / name).read_text()


def make_machine(
    name: str,
    folder: Path,
    ports: tuple[int, ...] = (80, 443),
    memory: int = 2**30,
    *,
    disk: int = 4 * 2**30,
    data_disk: int = 0,
) -> Lab:
    """A machine that answers over SSH; ``folder`` gets its keys."""
    authorized, _ = keys(folder, "key")
    public, private = keys(folder, "host")
    user_data = cloudinit.user_data(
        hostname=name, user=USER, authorized_key=authorized, host_key=cloudinit.HostKey(public, private)
    )
    rules = firewall.plan(ports, ("0.0.0.0/0",), ("0.0.0.0/0",)).rules
    spec = MachineSpec("trixie", public, authorized, memory=memory, disk=disk, data_disk=data_disk, firewall=rules)
    owner = Owner(str(folder), "tests", name, "machine")
    lab = Lab(name, folder, Ensure(name, owner, name, user_data, spec))
    lab.power_on()
    return lab


def remove_machine(name: str) -> None:
    """Nothing of the machine is left, and nothing of its data."""
    client.ask(Destroy(name))
    client.ask(ReleaseData(name, "delete"))
