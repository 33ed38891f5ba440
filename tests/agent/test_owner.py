"""Whose an app is: another stack neither deploys nor removes it, and the machine forgets it only when told to."""

from __future__ import annotations

from typing import Any

from tests.agent.lab import Done, Lab
from tests.agent.listing import differences, listing

OURS, OTHERS = "launchpad/prod", "launchpad/dev"


def remove(lab: Lab, owner: str) -> Done:
    return lab.run(f"sudo python3 launchpad-agent.pyz remove --app app --owner {owner}")


def recorded(lab: Lab) -> Any:
    return lab.run("sudo cat /etc/launchpad/app/app.json").data()["owner"]


def test_an_app_of_another_stack_is_neither_prepared_nor_removed(lab: Lab) -> None:
    assert recorded(lab) == ""  # as of a Launchpad that knew no owners
    lab.prepare(owner=OURS).data()
    assert recorded(lab) == OURS
    before = listing(lab)
    refused = lab.prepare(owner=OTHERS, http_port=8080)
    assert refused.code == 1
    assert refused.err.splitlines()[-1] == (
        "error: The app app on this machine is of the stack launchpad/prod, and this is launchpad/dev. Choose another "
        "name: pulumi config set launchpad:app NAME. If that stack is gone or has become this one, have the machine "
        "forget it, and run this again: launchpad ssh -- sudo launchpad-agent disown --app app"
    )
    done = remove(lab, OTHERS)
    assert done.data()["kept"] == ["/srv/app"]
    assert "app is of the stack launchpad/prod, so it stays; nothing here is of launchpad/dev" in done.err
    assert differences(before, listing(lab)) == []
    lab.prepare().data()  # by hand, by nobody's name
    assert recorded(lab) == OURS


def test_a_stack_that_was_renamed_takes_its_app_over_and_removes_it(lab: Lab) -> None:
    lab.prepare(owner=OURS).data()
    assert "app was of the stack launchpad/prod" in lab.run("sudo launchpad-agent disown --app app").err
    lab.prepare(owner=OTHERS).data()
    assert recorded(lab) == OTHERS
    assert remove(lab, OURS).data()["kept"] == ["/srv/app"]
    assert remove(lab, OTHERS).data()["left"] == []
    assert lab.run("id app").code != 0
