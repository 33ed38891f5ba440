"""The launchpad command on a real machine: what a person types from the first day on."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import time

import pytest

from tests.e2e.stack import Stack, commit, fetch

APP = {
    "Procfile": "web: gunicorn app:app\n",
    "requirements.txt": "flask\ngunicorn\n",
    "app.py": "from flask import Flask\napp = Flask(__name__)\n@app.get('/')\ndef index():\n    return 'MARK'\n",
}


def write(stack: Stack, mark: str, more: str = "") -> str:
    """Commit the app so that it answers with the mark."""
    return commit(stack.clone.parent / "shop", {**APP, "app.py": APP["app.py"].replace("MARK", mark) + more}, mark)


@pytest.fixture(scope="module")
def first(stack: Stack) -> str:
    """What the first up printed."""
    write(stack, "first")
    stack.run("launchpad init --repository ../shop", check=True)
    return stack.run("cd infra && launchpad up", check=True).stdout


def test_a_first_up_shows_its_steps_and_ends_with_what_to_do_next(stack: Stack, first: str) -> None:
    url = stack.outputs()["url"]
    for step in ("wait for SSH", "copy the agent", "prepare the machine", "push the source", "release"):
        assert re.search(rf"^{step}: done \(\d+\.\d s\)$", first, re.MULTILINE), first
    assert re.search(r"^release: \[ *\d+\.\ds\] health: status 200", first, re.MULTILINE)
    assert first.splitlines()[-4:] == [
        f"App:     {url}",
        f"Release: {stack.outputs()['release']} (commit {stack.outputs()['revision']})",
        "Log in:  launchpad ssh",
        "Next:    launchpad logs -f, launchpad status",
    ]
    assert "\x1b" not in first
    assert fetch(url) == (200, "first")
    # By a name that this computer alone has, as an app that allows no host yet is reached, and by the address.
    assert re.fullmatch(r"http://app\.localhost:2[89]\d{3}/", url)
    assert stack.run('curl -fsS "$(launchpad url)"', check=True).stdout == "first"
    assert fetch(f"http://{stack.outputs()['address']}/") == (200, "first")


def test_a_second_up_has_nothing_to_show(stack: Stack, first: str) -> None:
    assert stack.run("launchpad preview", check=True).stdout.splitlines()[-1] == "nothing to change"
    said = stack.run("launchpad up", check=True).stdout
    assert "done (" not in said
    assert said.splitlines()[-4:] == first.splitlines()[-4:]


def test_a_terminal_gets_a_view_that_moves(stack: Stack) -> None:
    write(stack, "second")
    planned = stack.run("launchpad preview", check=True).stdout
    assert re.search(r"^release: update$", planned, re.MULTILINE), planned
    assert re.search(rf"^output revision: {stack.outputs()['revision']} -> ", planned, re.MULTILINE), planned
    assert "using pulumi-resource" not in planned
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["bash", "-c", "source toolchain/activate && launchpad up"],
        cwd=stack.clone,
        env={**os.environ, "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    drawn = b""
    try:
        while part := os.read(ours, 65536):
            drawn += part
    except OSError:  # the other end is closed
        pass
    assert process.wait() == 0
    text = drawn.decode()
    assert "\x1b[" in text
    assert re.search(r"[|/\\-] release \d+ s", text)
    assert re.search(r"\N{CHECK MARK} release: done", text)
    assert "launchpad status, launchpad rollback" in text
    assert stack.page() == (200, "second")


def test_data_is_json(stack: Stack) -> None:
    assert json.loads(stack.run("launchpad url --json", check=True).stdout) == {"url": stack.outputs()["url"]}
    assert json.loads(stack.run("launchpad status --json", check=True).stdout)["release"] == stack.outputs()["release"]
    releases = json.loads(stack.run("launchpad releases --json", check=True).stdout)
    assert [each["subject"] for each in releases if each["kind"] != "run"] == ["first", "second"]
    lines = stack.run("launchpad logs --json --since 1h --grep gunicorn -n 3", check=True).stdout.splitlines()
    assert lines
    assert all("gunicorn" in json.loads(line)["message"] for line in lines)
    printed = stack.run("launchpad up --json 2>/dev/null", check=True).stdout
    assert json.loads(printed) == stack.outputs()


def test_a_rollback_goes_back_and_says_how_to_come_forward(stack: Stack) -> None:
    said = stack.run("launchpad rollback", check=True).stdout
    assert "To follow the branch again: pulumi config rm --stack dev launchpad:revision, then launchpad up" in said
    assert stack.page() == (200, "first")
    stack.run("pulumi config rm launchpad:revision", check=True)
    stack.run("launchpad up", check=True)
    assert stack.page() == (200, "second")


def test_a_site_is_closed_and_behind_a_password_and_up_says_so(stack: Stack) -> None:
    said = stack.run("launchpad maintenance on -m 'Back soon' --retry-after 2m", check=True).stdout
    assert "Visitors get 503, and are asked to come again after 120 s.\nThey read: Back soon\n" in said
    (link,) = re.findall(rf"open ({stack.outputs()['url']}launchpad-maintenance/[0-9a-f]{{32}}) ", said)
    assert link in stack.run("launchpad maintenance", check=True).stdout
    assert stack.page() == (503, "Back soon\n")
    canary = "canary: correct horse"
    stack.run(f"pulumi config set --secret --path launchpad:basic_auth.ana '{canary}'", check=True)
    write(stack, "behind")
    said = stack.run("launchpad up", check=True).stdout
    assert re.search(r"warning: app is closed for maintenance since .* visitors get 503 \(Back soon\)", said), said
    assert "The site is closed for maintenance: visitors get 503 until launchpad maintenance off." in said
    assert stack.page()[0] == 401
    assert "closed for maintenance" in stack.run("launchpad status", check=True).stdout
    assert stack.run("launchpad maintenance off", check=True).stdout == "app is open again.\n"
    credentials = f'curl -sS --user "ana:{canary}" "$(launchpad url)"'
    assert stack.run(credentials, check=True).stdout == "behind"
    assert stack.page()[0] == 401
    write(stack, "second")
    said += stack.run("launchpad up", check=True).stdout
    assert stack.run(credentials, check=True).stdout == "second", "up has asked the app, password and all"
    assert canary not in said + stack.state()
    stack.run("pulumi config rm launchpad:basic_auth", check=True)
    stack.run("launchpad up", check=True)
    assert stack.page() == (200, "second")


def test_a_command_arrives_on_the_machine_as_it_was_typed(stack: Stack) -> None:
    assert stack.run("launchpad ssh -- 'echo $HOME | rev'", check=True).stdout == "yolped/emoh/\n"
    failed = stack.run("launchpad ssh -- exit 7")
    assert failed.returncode == 7


def test_a_command_runs_in_the_serving_release(stack: Stack) -> None:
    typed = "launchpad run -- python -c 'import flask, os, sys; print(os.environ[\"LAUNCHPAD_REVISION\"], sys.argv[1:])' 'a  b' '$X'"
    assert stack.run(typed, check=True).stdout == f"{stack.outputs()['revision']} ['a  b', '$X']\n"
    assert stack.run("launchpad run -- sh -c 'exit 3'").returncode == 3
    assert stack.run("echo piped | launchpad run -- cat", check=True).stdout == "piped\n"
    assert stack.run("echo 'print(6 * 7)' | launchpad console", check=True).stdout == "42\n"
    runs = [each for each in json.loads(stack.run("launchpad releases --json").stdout) if each["kind"] == "run"]
    assert len(runs) == 4


def test_an_app_that_fails_is_told_of_once(stack: Stack) -> None:
    write(stack, "broken", "raise RuntimeError('the cause')\n")
    done = stack.run("launchpad up")
    assert (done.returncode, done.stdout.count("The web process ended before it was healthy")) == (1, 1)
    assert "release: failed (" in done.stdout
    assert "Traceback" not in done.stdout.replace("Traceback (most recent call last):\n    ", "")
    assert stack.page() == (200, "second")


def test_an_interrupted_up_says_how_to_go_on_and_the_next_one_heals(stack: Stack) -> None:
    write(stack, "third")
    stack.config(command="sleep 60")
    process = stack.start("exec launchpad up")
    assert process.stdout
    said = ""
    while "release: [" not in said:
        said += process.stdout.readline()
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it
    rest, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert (
        "A deployment that has started on the machine continues there: launchpad status. To stop it: launchpad cancel"
        in rest
    )
    stack.run("launchpad cancel", check=True)
    stack.run("pulumi config rm launchpad:command", check=True)
    stack.run("launchpad up", check=True)
    assert stack.page() == (200, "third")


def test_following_a_log_ends_well_with_ctrl_c(stack: Stack) -> None:
    process = stack.start("exec launchpad logs -f -n 5")
    assert process.stdout
    assert process.stdout.readline()
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_a_branch_has_a_machine_of_its_own_for_a_while(stack: Stack) -> None:
    stack.run("git -C ../shop branch feature/cart 'HEAD^{/^first}'", check=True)
    stack.run("launchpad branch up feature/cart", check=True)
    url = stack.run("launchpad url -s preview-feature-cart", check=True).stdout.strip()
    assert fetch(url) == (200, "first")
    assert len(stack.machines()) == 2
    stack.run("launchpad branch down feature/cart", check=True)
    assert len(stack.machines()) == 1
    assert stack.run("pulumi stack --show-name", check=True).stdout == "dev\n"
    assert not (stack.clone / "Pulumi.preview-feature-cart.yaml").exists()


def test_a_destroy_shows_what_it_removes_and_leaves_the_clone_as_it_was(stack: Stack) -> None:
    stack.run("git checkout -q Pulumi.dev.yaml", check=True)
    said = stack.run("launchpad destroy", check=True).stdout
    assert re.search(r"^machine: removed \(\d+\.\d s\)$", said, re.MULTILINE), said
    assert stack.machines() == []
    assert stack.run("git status --porcelain").stdout == ""
