"""Faults around ``launchpad up`` as a person meets them: what it says, and that the next one heals (docs/faults.md)."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.machines.embedded import client, container
from tests.e2e.stack import Stack, commit, fetch
from tests.network import RESET, fault, lose

HOOK = ".launchpad/hooks/before_switch"
APP = {
    "Procfile": "web: gunicorn app:app\n",
    "requirements.txt": "flask\ngunicorn\n",
    "app.py": (
        "import os\nfrom flask import Flask\napp = Flask(__name__)\napp.secret_key = os.environ['SECRET_KEY']\n"
        "@app.get('/')\ndef index():\n    return 'MARK'\n"
    ),
}


def write(stack: Stack, mark: str, hook: str = "true") -> None:
    """Commit a revision that answers with this mark, and waits for the hook before its switch."""
    shop = stack.clone.parent / "shop"
    (shop / HOOK).parent.mkdir(parents=True, exist_ok=True)
    (shop / HOOK).touch(mode=0o755)
    commit(shop, {**APP, "app.py": APP["app.py"].replace("MARK", mark), HOOK: f"#!/bin/sh\n{hook}\n"}, f"Say {mark}")


@contextmanager
def served(url: str) -> Iterator[None]:
    """The site answers all the while."""
    wrong: list[object] = []
    count = 0
    ended = threading.Event()

    def look() -> None:
        nonlocal count
        while not ended.wait(0.1):
            try:
                status, body = fetch(url, timeout=60)
                wrong.extend([body] if status != 200 else [])
            except OSError as error:
                wrong.append(error)
            count += 1

    visitor = threading.Thread(target=look)
    visitor.start()
    try:
        yield
    finally:
        ended.set()
        visitor.join()
    assert (wrong, count > 0) == ([], True)


@pytest.fixture(scope="module")
def url(stack: Stack) -> str:
    """Where the first revision serves."""
    write(stack, "first")
    stack.config(repository=stack.clone.parent / "shop")
    stack.run("launchpad up", check=True)
    assert stack.page() == (200, "first")
    return str(stack.outputs()["url"])


def test_an_up_over_a_network_that_loses_30_percent_of_the_packets_deploys(stack: Stack, url: str) -> None:
    write(stack, "lossy")
    with served(url), fault(stack.machines()[0], lose(30)):
        stack.run("launchpad up", check=True)
    assert fetch(url) == (200, "lossy")


def test_a_connection_lost_in_mid_deployment_is_told_and_the_machine_goes_on(stack: Stack, url: str) -> None:
    write(stack, "lost", "sleep 8")
    with served(url):
        process = stack.start("launchpad up")
        assert process.stdout
        said = ""
        while "hook: before_switch" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        with fault(stack.machines()[0], RESET):
            rest, _ = process.communicate(timeout=300)
        assert process.returncode == 1
        assert "the connection to the machine was lost. What the machine has begun, it finishes without it" in rest
        assert "Traceback" not in rest
        stack.run("launchpad up", check=True)
    assert fetch(url) == (200, "lost")


def test_a_host_key_that_was_rotated_is_refused_and_nothing_is_sent(stack: Stack, url: str) -> None:
    key = "/etc/ssh/ssh_host_ed25519_key"
    stack.on_machine(f"sudo sh -c 'cp -p {key} /root/key; rm {key}; ssh-keygen -q -t ed25519 -N \"\" -f {key}'")
    stack.on_machine("sudo systemctl restart ssh")
    write(stack, "rotated")
    with served(url):
        said = stack.fails("launchpad up")
    assert "Host key verification failed" in said or "host key mismatch" in said
    assert fetch(url) == (200, "lost")
    inside(stack, f"cp -p /root/key {key} && systemctl restart ssh")
    stack.run("launchpad up", check=True)
    assert fetch(url) == (200, "rotated")


def inside(stack: Stack, line: str) -> None:
    """Run a line as root in the machine, as on its console: without SSH."""
    (machine,) = stack.machines()
    record = json.loads(
        subprocess.check_output([*client.privilege(), "cat", str(client.machines() / machine / "machine.json")])
    )
    (leader,) = [pid for pid in container.children(record["pid"]) if container.listens(pid, "/run/systemd/private")]
    words = ["nsenter", f"--target={leader}", "--user", "--mount", "--pid", "--net", "--", "/bin/sh", "-c", line]
    subprocess.run([*client.privilege(), *words], check=True)


def test_two_operators_with_one_state_take_turns(stack: Stack, url: str) -> None:
    write(stack, "turns", "sleep 8")
    with served(url):
        first = stack.start("launchpad up")
        assert first.stdout
        while "hook: before_switch" not in (line := first.stdout.readline()):
            assert line
        said = stack.fails("launchpad up")
        first.communicate(timeout=300)
    assert first.returncode == 0
    assert "the stack is currently locked by 1 lock(s)" in said
    assert fetch(url) == (200, "turns")


def test_a_lost_state_is_told_of_and_the_machine_adopted_with_data_and_secrets(stack: Stack, url: str) -> None:
    stack.on_machine("echo photo | sudo tee /srv/app/data/photo")
    secret = stack.run("launchpad run -- printenv SECRET_KEY", check=True).stdout
    old = Path(shutil.copy(stack.clone / ".launchpad/dev/app/key", stack.clone.parent / "old-key"))
    address = stack.outputs()["address"]
    state = stack.clone / ".launchpad/state/.pulumi"
    with served(url):
        shutil.rmtree(state)
        for command in ("launchpad up", "launchpad preview"):
            said = stack.fails(command)
            assert "already exists, with keys that this stack's state does not have" in said
            assert "`launchpad adopt` takes it over with the app and its data" in said
        said = stack.run("launchpad adopt", check=True).stdout
    assert f"App:     {url}" in said
    assert stack.outputs()["address"] == address
    assert stack.on_machine("sudo cat /srv/app/data/photo") == "photo\n"
    assert len(secret) > 50
    assert stack.run("launchpad run -- printenv SECRET_KEY", check=True).stdout == secret
    login = ["ssh", "-F", "none", "-i", str(old), "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no"]
    login += ["-o", "UserKnownHostsFile=/dev/null", f"deploy@{address}", "true"]
    assert "Permission denied" in subprocess.run(login, capture_output=True, text=True, check=False).stderr
    write(stack, "adopted")
    stack.run("launchpad up", check=True)
    assert fetch(url) == (200, "adopted")
