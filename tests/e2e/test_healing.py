"""Killed in the middle, gone overnight: the next command puts it right."""

import os
import signal
import subprocess
import time

import pytest

from infra.machines.embedded import client
from tests.e2e.stack import Stack, changed, commit, fetch

APP = {
    "Procfile": "web: gunicorn app:app\n",
    "requirements.txt": "flask\ngunicorn\n",
    "app.py": "from flask import Flask\napp = Flask(__name__)\n@app.get('/')\ndef index():\n    return 'MARK'\n",
}


def write(stack: Stack, mark: str) -> None:
    commit(stack.clone.parent / "shop", {**APP, "app.py": APP["app.py"].replace("MARK", mark)}, f"Say {mark}")


def kill_machine(stack: Stack, name: str = "") -> None:
    (machine,) = stack.machines(name)
    pattern = f"[s]ystemd-nspawn.*--machine={machine}"  # the brackets: not the sudo that has this among its words
    subprocess.run([*client.privilege(), "pkill", "-KILL", "-f", pattern], check=True)


def kill_at(stack: Stack, word: str) -> None:
    """Start ``pulumi up`` and kill every process of it, -9, as soon as it says ``word``."""
    process = stack.start("pulumi up --yes --skip-preview")
    assert process.stdout is not None
    for line in process.stdout:
        if word in line:
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@pytest.mark.parametrize(
    "word", ["creating machine", "wait-for-ssh creating", "prepare creating", "push-source creating", "build:"]
)
def test_first_flight_killed_anywhere_heals(stack: Stack, word: str) -> None:
    if not (stack.clone.parent / "shop").exists():
        write(stack, "first")
        stack.config(repository=stack.clone.parent / "shop")
    kill_at(stack, word)


def test_after_all_these_kills_up_brings_the_app(stack: Stack) -> None:
    stack.up()
    assert stack.page() == (200, "first")


@pytest.mark.parametrize("word", ["fetch:", "build:", "start:", "health:", "switch:"])
def test_deployment_killed_anywhere_serves_on_and_heals(stack: Stack, word: str) -> None:
    url = stack.outputs()["url"]
    mark = f"killed-at-{word.rstrip(':')}"
    write(stack, mark)
    kill_at(stack, word)
    assert fetch(url)[0] == 200
    stack.up()
    assert stack.page() == (200, mark)


def test_interrupted_by_hand_heals(stack: Stack) -> None:
    write(stack, "interrupted")
    process = stack.start("pulumi up --yes --skip-preview")
    time.sleep(3)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=120)
    stack.up()
    assert stack.page() == (200, "interrupted")


def test_killed_machine_comes_back_with_its_disk(stack: Stack) -> None:
    stack.on_machine("echo kept | sudo tee /srv/kept")
    kill_machine(stack)
    stack.up()
    assert stack.on_machine("cat /srv/kept") == "kept\n"
    assert stack.page() == (200, "interrupted")


def test_refresh_notices_a_killed_machine(stack: Stack) -> None:
    kill_machine(stack)
    said = stack.run("pulumi refresh --yes --skip-preview", check=True).stdout
    assert "machine" in changed(said) or "stopped" in stack.state()
    stack.up()
    assert stack.page() == (200, "interrupted")


def test_lost_ssh_files_are_written_again(stack: Stack) -> None:
    (stack.clone / ".launchpad" / "dev" / "app" / "key").unlink()
    assert changed(stack.up()) == {"app-ssh-files": "updated"}
    assert stack.on_machine("id -un") == "deploy\n"


def test_destroy_of_a_dead_machine_ends(stack: Stack) -> None:
    kill_machine(stack)
    stack.run("pulumi destroy --yes --skip-preview", check=True)
    assert stack.machines() == []
