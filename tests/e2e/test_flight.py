"""From nothing to a running app, a new commit, and back to nothing."""

import socket
import subprocess

from infra import outputs
from tests.e2e.stack import Stack, changed, commit, fetch, git

APP = {
    "Procfile": "web: gunicorn --workers 2 app:app\n",
    "requirements.txt": "flask\ngunicorn\n",
    "app.py": "from flask import Flask\napp = Flask(__name__)\n@app.get('/')\ndef index():\n    return 'MARK'\n",
}


def app(mark: str) -> dict[str, str]:
    return {**APP, "app.py": APP["app.py"].replace("MARK", mark)}


def opens(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), timeout=2).close()
    except OSError:
        return False
    return True


def test_first_flight_answers_with_every_output(stack: Stack) -> None:
    repository = stack.clone.parent / "shop"
    sha = commit(repository, app("first"), "First")
    stack.config(repository=repository)
    stack.up()
    assert "encryptionsalt: v1" not in git(stack.clone, "diff")  # only what we have set ourselves
    found = stack.outputs()
    assert set(found) == set(outputs.MEANING)
    assert found["revision"] == sha
    assert found["release"].startswith(sha[:12])
    assert fetch(found["url"]) == (200, "first")
    assert fetch(found["health_url"])[0] == 200
    assert stack.run(f"{found['ssh']} id -un", check=True).stdout == "deploy\n"


def test_second_up_changes_nothing(stack: Stack) -> None:
    said = stack.up()
    assert "unchanged" in said
    assert not any(word in said for word in ("created", "updated", "replaced", "deleted")), said


def test_preview_shows_the_new_commit_and_changes_nothing(stack: Stack) -> None:
    before = stack.outputs()["revision"]
    sha = commit(stack.clone.parent / "shop", app("second"), "Say second")
    said = stack.run("pulumi preview", check=True).stdout
    assert sha[:12] in said
    assert "Say second" in said
    assert before in said
    assert stack.page() == (200, "first")


def test_up_deploys_just_that_and_leaves_the_machine(stack: Stack) -> None:
    boot = stack.on_machine("cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1")
    steps = ("push-source", "release", "release-notes", "check-public-url")
    assert changed(stack.up()) == {f"app-{step}": "updated" for step in steps}
    assert stack.page() == (200, "second")
    assert stack.on_machine("cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1") == boot


def test_a_changed_variable_restarts_the_app_and_nothing_else(stack: Stack) -> None:
    stack.config(env={"GREETING": "hello"})
    said = stack.up()
    assert changed(said) == {"app-release": "updated", "app-release-notes": "updated"}
    assert "is on this machine: nothing to build" in said


def test_secret_is_given_to_the_app_and_found_nowhere_else(stack: Stack) -> None:
    canary = "canary-5up3r-$ecret"
    repository = stack.clone.parent / "shop"
    lines = "import os\n@app.get('/secret')\ndef secret():\n    print('printed', os.environ['TOKEN'])\n    return os.environ['TOKEN']\n"
    commit(repository, {"app.py": app("third")["app.py"] + lines}, "Show the secret")
    stack.secret("TOKEN", canary)
    assert "encryptionsalt: v1" in git(stack.clone, "diff")  # of no use without each other
    previewed = stack.run("pulumi preview --diff", check=True).stdout
    said = stack.up()
    assert stack.page("/secret") == (200, canary)
    assert canary not in previewed + said + stack.state()
    assert canary not in stack.on_machine("ps axww -o args; sudo systemctl show 'app@*'")
    assert canary not in "".join(
        path.read_text(errors="replace") for path in stack.clone.glob(".launchpad/state/**/*.json")
    )


def test_firewall_follows_the_rules_while_the_machine_runs(stack: Stack) -> None:
    listener = "systemd-run --quiet --collect --unit probe python3 -m http.server 9000 --directory /usr/share/doc/git"
    stack.on_machine(f"sudo {listener}")
    address = stack.outputs()["address"]
    assert not opens(address, 9000)  # through the machine's interface: the address is up for as long as the machine
    stack.config(rules=[{"port": 9000, "cidr": "198.18.0.0/15"}])
    assert changed(stack.up()) == {"machine": "updated", "app-check-public-url": "updated"}
    assert opens(address, 9000)
    stack.run("pulumi config rm launchpad:rules", check=True)
    stack.up()
    assert not opens(address, 9000)


def test_memory_changes_in_place(stack: Stack) -> None:
    stack.config(**{"embedded.memory": "700M"})
    assert changed(stack.up()) == {"machine": "updated"}
    assert stack.page()[0] == 200


def test_unhealthy_release_never_gets_traffic_and_says_why(stack: Stack) -> None:
    repository = stack.clone.parent / "shop"
    broken = {"app.py": app("broken")["app.py"] + "raise RuntimeError('the cause')\n"}
    commit(repository, broken, "Break it")
    said = stack.fails()
    assert "the cause" in said
    assert stack.page() == (200, "third")
    commit(repository, {"app.py": app("fourth")["app.py"]}, "Mend it")
    stack.up()
    assert stack.page() == (200, "fourth")


def test_rollback_by_revision_does_not_build(stack: Stack) -> None:
    repository = stack.clone.parent / "shop"
    stack.config(revision=git(repository, "rev-parse", "HEAD~2"))
    said = stack.up()
    assert stack.page() == (200, "third")
    assert "is on this machine: nothing to build" in said


def test_a_clone_that_was_moved_is_the_same_to_pulumi(stack: Stack) -> None:
    here, moved = stack.clone, stack.clone.with_name("moved")
    here.rename(moved)
    stack.clone = moved
    try:
        stack.run("make setup", check=True)
        stack.run("pulumi stack select dev", check=True)
        stack.run("pulumi preview --expect-no-changes", check=True)
        assert changed(stack.up()) == {}
        assert "/moved/.launchpad/dev/app/key" in stack.outputs()["ssh"]
        assert stack.on_machine("id -un") == "deploy\n"
    finally:
        moved.rename(here)
        stack.clone = here
        stack.run("make setup", check=True)


def test_destroy_leaves_nothing(stack: Stack) -> None:
    (machine,) = stack.machines()
    stack.run("pulumi destroy --yes --skip-preview", check=True)
    assert stack.machines() == []
    left = subprocess.run(
        ["sh", "-c", "mount; ip -o link; ps axww -o args"], capture_output=True, text=True, check=True
    ).stdout
    assert machine not in left
    assert not (stack.clone / ".launchpad" / "dev").exists()
