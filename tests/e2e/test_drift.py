"""What somebody changes on the machine by hand: named, shown by a refresh, put back by the next up, while it serves."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from infra.machines.embedded import client
from infra.machines.embedded.requests import Inspect
from tests.agent.load import Load
from tests.e2e.stack import Stack, changed, commit
from tests.e2e.test_flight import app

UNIT = "/etc/systemd/system/app@.service"
RULE = "/etc/tmpfiles.d/launchpad-app.conf"
LINES = (f"{UNIT}: changed by hand (sha256 ", f"{RULE}: gone")


@pytest.fixture(scope="module")
def deployed(stack: Stack) -> Iterator[Stack]:
    """A stack that is as it was deployed."""
    commit(stack.clone.parent / "shop", app("first"), "first")
    stack.config(repository=stack.clone.parent / "shop")
    stack.up()
    yield stack


def edit(stack: Stack) -> None:
    """Change two files by hand."""
    stack.on_machine(f"sudo sed -i s/UMask=0027/UMask=0022/ {UNIT} && sudo rm {RULE}")


def test_without_changes_there_is_nothing_to_see(deployed: Stack) -> None:
    done = deployed.run("launchpad verify", check=True)
    assert done.stdout.splitlines()[-1] == "as deployed"
    # Of a machine that was just made, the first refresh notes what Pulumi did not ask for at its creation.
    refreshed = changed(deployed.run("pulumi refresh --yes --skip-preview", check=True).stdout)
    assert set(refreshed) <= {"machine"}
    assert changed(deployed.up()) == {}


def test_a_change_by_hand_is_shown_and_put_back_while_the_app_serves(deployed: Stack) -> None:
    with Load(deployed.outputs()["address"], keep_alive=2, fresh=2, browser=True) as load:
        edit(deployed)
        said = deployed.run("launchpad verify")
        assert said.returncode == 1
        assert [line.startswith(start) for line, start in zip(said.stdout.splitlines(), LINES, strict=False)] == [
            True
        ] * 2
        (found,) = json.loads(deployed.run("launchpad verify --json").stdout)
        assert [each["what"] for each in found["differences"]] == [UNIT, RULE]
        refreshed = deployed.run("pulumi refresh --yes --skip-preview", check=True).stdout
        assert changed(refreshed) == {"app-machine-state": "updated"}
        planned = deployed.run("pulumi preview --diff", check=True).stdout
        assert all(line in planned for line in ("Changed on the machine by hand, which an up puts back:", *LINES))
        assert changed(deployed.up()) == {"app-machine-state": "updated"}
        assert deployed.run("launchpad verify").returncode == 0
    assert load.failures == []
    assert {answer.marker for answer in load.answers} == {"first"}
    assert changed(deployed.up()) == {}


def test_an_up_that_refreshes_puts_it_back_at_once(deployed: Stack) -> None:
    edit(deployed)
    assert "app-machine-state" in changed(deployed.run("pulumi up --refresh --yes --skip-preview", check=True).stdout)
    assert deployed.run("launchpad verify").returncode == 0


def test_a_machine_that_does_not_answer_is_one_line_and_changes_nothing(deployed: Stack) -> None:
    (machine,) = deployed.machines()
    deployed.run(f"{deployed.outputs()['ssh']} sudo systemctl poweroff")
    until = time.monotonic() + 120
    while client.ask(Inspect(machine)).state != "stopped":
        assert time.monotonic() < until, "the machine does not shut down"
        time.sleep(0.3)
    said = deployed.run("pulumi refresh --yes --skip-preview", check=True).stdout
    assert "app: the machine was not compared: it does not answer over SSH (" in said
    assert "Traceback" not in said
    assert "app-machine-state" not in changed(said)
    assert "::app-machine-state" in deployed.state()
