"""Removing an app: what Launchpad put on the machine is gone, all else is as it was, and the other apps serve on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.agent.lab import Done, Lab, Repo, begin_deployment, deploy_spec
from tests.agent.listing import differences, listing
from tests.agent.load import Load

FILES: dict[str, str | None] = {
    "Procfile": "web: gunicorn app:app\nworker: python -u worker.py\ncron: 0 3 * * * python cleanup.py\n",
    "worker.py": "import time\nprint('working', flush=True)\ntime.sleep(1e6)\n",
    "cleanup.py": "print('clean')\n",
    "public/site.css": "p { color: #123456 }\n" * 100,
    "kept/notes.txt": "one\n",
}
SPEC: dict[str, Any] = {
    "persist": ["kept/"],
    "static": [{"prefix": "/static/", "folder": "public"}, {"prefix": "/media/", "folder": "$DATA_DIR/media"}],
}
BROUGHT = "caddy git python3-venv"
"""Packages that this machine lacks at first, as somebody else's server may."""


def remove(lab: Lab, app: str, options: str = "") -> Done:
    """Run the program that the workstation brought: the installed one may be gone already."""
    return lab.run(f"sudo python3 launchpad-agent.pyz remove --app {app} {options}")


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """An app with all kinds of processes and files."""
    repo = Repo.of("flask", tmp_path_factory.mktemp("everything") / "flask")
    repo.commit("full", FILES)
    return repo


def test_what_is_removed_leaves_nothing_and_the_other_app_loses_no_request(
    machine: Lab, flask: Repo, everything: Repo
) -> None:
    machine.sudo(f"apt-get -qq purge -y --autoremove {BROUGHT}")
    bare = listing(machine)
    machine.prepare(app="shop", packages=["tree", "redis-tools"]).data()
    machine.deploy(flask, "one", app="shop").data()
    alone = listing(machine)
    machine.prepare(http_port=8080, packages=["tree"], cache={"kind": "redis"}).data()
    done = machine.deploy(everything, "full", **SPEC)
    assert done.data()["changed"] is True
    units = machine.sudo("systemctl list-units --plain --no-legend 'app@*' 'launchpad-app*'").split()
    assert {name for name in units if name.startswith(("app@", "launchpad-app"))} >= {
        *(
            "app@worker.service",
            "launchpad-app.cron@cron.timer",
            "launchpad-app-files.socket",
            "launchpad-app.cache.service",
        ),
    }
    machine.sudo(
        "systemd-run -q --uid=app --gid=app sh -c 'mkdir /srv/app/data/media; ln -s / /srv/app/data/media/root'"
    )
    with Load(machine.address, keep_alive=4, fresh=4, browser=True) as load:
        found = remove(machine, "app").data()
    assert load.failures == []
    assert {answer.marker for answer in load.answers} == {"one"}
    assert (found["last"], found["left"], found["kept"], found["packages"]) == (False, [], [], [])
    # Caddy's own note of its last configuration
    assert [line for line in differences(alone, listing(machine)) if "/caddy/autosave.json: " not in line] == []
    assert machine.run("curl -s localhost:8080").code != 0
    assert remove(machine, "app").data()["left"] == [], "it can be run again"
    for seconds in ("0.5", "1.5", "3"):
        machine.run(f"sudo timeout --signal=KILL {seconds} python3 launchpad-agent.pyz remove --app shop")
    last = remove(machine, "shop").data()
    assert (last["last"], last["left"]) == (True, [])
    assert differences(bare, listing(machine)) == []


def test_data_stays_where_that_is_asked_for_and_a_deployment_under_way_is_let_end(machine: Lab, flask: Repo) -> None:
    machine.prepare().data()
    machine.deploy(flask, "one").data()
    machine.sudo("sh -c 'echo mine >/srv/app/data/note; chown app:app /srv/app/data/note'")
    found = remove(machine, "app", "--keep-data").data()
    assert (found["kept"], found["left"]) == (["/srv/app/data"], [])
    assert machine.sudo("find /srv/app -maxdepth 1 -printf '%P %u\\n'").split() == ["root", "data", "app"]
    machine.prepare().data()
    machine.push(flask, flask.revisions["two"])
    deployment = begin_deployment(machine, flask.revisions["two"], deploy_spec(), until="build:")
    early = remove(machine, "app", "--lock-timeout 0")
    assert early.code == 1
    assert "is under way: the lock is held by" in early.err
    assert deployment.wait() == 0
    assert machine.marker() == "two"
    assert machine.sudo("cat /srv/app/data/note") == "mine\n"
    assert remove(machine, "app").data()["left"] == []
    assert machine.run("test -e /srv/app || id app").code != 0


def test_what_is_not_launchpads_is_left_and_named(machine: Lab) -> None:
    machine.sudo("useradd --system --shell /usr/sbin/nologin ledger")
    machine.sudo("mkdir /srv/ledger")
    assert remove(machine, "ledger").data()["left"] == []
    assert machine.run("id ledger && test -d /srv/ledger").code == 0
    machine.prepare().data()
    machine.sudo("sh -c 'touch /srv/app/mine; mkdir /var/lib/launchpad/machines'")
    done = remove(machine, "app")
    assert done.code == 1
    assert "/var/lib/launchpad stays, with machines" in done.err
    assert "not removed: /srv/app/mine: Launchpad did not put it there" in done.err
    machine.sudo("sh -c 'rm /srv/app/mine; rmdir /var/lib/launchpad/machines'")
    assert remove(machine, "app").data()["left"] == []


def test_a_prepare_that_never_finished_is_cleared_away(machine: Lab) -> None:
    before = listing(machine)
    failed = machine.prepare(packages=["no-such-package-at-all"])
    assert failed.code == 1
    assert remove(machine, "app").data()["left"] == []
    assert differences(before, listing(machine)) == []
