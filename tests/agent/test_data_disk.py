"""The disk for data: what an app keeps is there whatever becomes of the machine, and never begins anew without a word."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from infra.machines.embedded import client, data, record
from infra.machines.embedded.requests import Destroy
from tests import notes
from tests.agent.lab import Lab, Repo
from tests.agent.test_backups import FOLDER, OWNER, as_app, now, restore, set_up

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="changes the machine's record on this computer")

DISK = 768 * 2**20
SPEC: dict[str, Any] = {"secrets": {"SECRET_KEY": "first"}, "generated": ["SECRET_KEY"]}
LISTED = (
    "cd /srv/app/data && find . -name .gunicorn -prune -o -printf '%p %y %m %U:%G %l\\n' | sort && "
    "find . -name .gunicorn -prune -o -type f -exec sha256sum {} + | sort"
)
"""Everything in the app's data: kinds, permissions, owners, contents; without what gunicorn makes whenever it starts."""
HOSTILE = (
    "mkdir -p /srv/app/data/h && cd /srv/app/data/h && ln -s /etc/shadow shadow && ln -s / root && mkfifo pipe && "
    "truncate -s 100M ../sparse && chmod 0 ."
)


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """An app that keeps rows and files, in two revisions."""
    repo = Repo.of("flask", tmp_path_factory.mktemp("repo") / "notes")
    for marker in ("one", "two"):
        repo.commit(marker, {"app.py": notes.APP})
    return repo


@pytest.fixture(scope="module")
def used(machine: Lab, repo: Repo) -> Iterator[Lab]:
    """A machine without a disk for data, whose app has rows, files, and what a hostile app leaves."""
    machine.give_uv()
    machine.prepare().data()
    machine.deploy(repo, "one", **SPEC).data()
    machine.get("/notes", data=b"the first")
    machine.get("/files/a.bin", data=os.urandom(200_000))
    machine.sudo(f"systemd-run -q --wait --uid=app --gid=app sh -c '{HOSTILE}'")
    yield machine


def with_disk(lab: Lab, size: int = DISK) -> Lab:
    """The machine with a disk for data."""
    lab.request = dataclasses.replace(lab.request, spec=dataclasses.replace(lab.request.spec, data_disk=size))
    lab.power_on()
    return lab


def kept(lab: Lab) -> dict[str, Any]:
    """The rows and the hashes of the files, as the app has them."""
    status, text = lab.get("/kept")
    assert status == 200, text
    found: dict[str, Any] = json.loads(text)
    return found


def deployments(lab: Lab) -> list[int]:
    """The numbers of the deployments, as the history has them."""
    return [entry["number"] for entry in lab.history() if entry["kind"] == "deployment"]


def listed(lab: Lab) -> str:
    """Everything in the app's data."""
    return lab.sudo(f"sh -c {shlex.quote(LISTED)}")


def begin_anew(lab: Lab) -> None:
    """Remove the machine, as somebody does by hand, and have a new one made in its place."""
    subprocess.run([*lab.ssh_words, "-O", "exit", lab.address], capture_output=True, check=False)
    client.ask(Destroy(lab.name))
    lab.power_on()
    lab.give_uv()


def test_a_machine_that_gets_a_disk_for_data_has_everything_on_it(used: Lab, repo: Repo) -> None:
    before, files, secret = kept(used), listed(used), used.get("/secret")
    with_disk(used)
    assert used.run("mountpoint -q /mnt/launchpad").code == 0
    prepared = used.prepare(data_disk="mounted").data()
    assert {"data disk", "data"} <= set(prepared["changed"])
    assert listed(used) == files
    assert kept(used) == before
    assert used.get("/secret") == secret
    assert used.sudo("ls /mnt/launchpad").split() == ["apps", "ids.json", "lost+found", "proxy"]
    assert used.sudo("ls /srv/app").split() == ["data", "python", "releases", "repo.git", "static", "tmp"]
    assert used.prepare(data_disk="mounted").data()["changed"] == []
    assert [entry["result"] for entry in used.history()] == ["ok"]
    used.deploy(repo, "two", **SPEC).data()
    used.run(f"sudo launchpad-agent rollback --app app --revision {repo.revisions['one']}").data()
    assert kept(used) == before
    assert used.marker() == "one"
    assert used.run("sudo launchpad-agent verify --app app").code == 0


def test_a_backup_takes_the_datas_place_on_the_disk(used: Lab) -> None:
    as_app(used, "rm sparse; echo then >note")
    then = kept(used)
    assert set_up(used).data()["warnings"] == []
    assert now(used).data()["state"] == "green"
    as_app(used, "echo later >note")
    used.get("/notes", data=b"later")
    assert restore(used).code == 0
    assert (kept(used), as_app(used, "cat note")) == (then, "then\n")
    assert used.sudo("ls /mnt/launchpad/apps/app /mnt/launchpad/backups").split() == [
        *("/mnt/launchpad/apps/app:", "data", "kept", "/mnt/launchpad/backups:", "shop:prod.json"),
    ]
    assert used.run("sudo launchpad-agent verify --app app").code == 0


def test_a_machine_that_is_killed_has_its_data_again(used: Lab) -> None:
    used.get("/notes", data=b"before the kill")
    before = kept(used)
    found = record.load(client.machines(), used.name)
    assert found
    os.kill(found.pid, signal.SIGKILL)
    subprocess.run([*used.ssh_words, "-O", "exit", used.address], capture_output=True, check=False)
    used.power_on()
    until_it_serves(used)
    assert kept(used) == before


def until_it_serves(lab: Lab) -> None:
    lab.run("for i in $(seq 150); do curl -fs localhost/healthz && exit 0; sleep 0.2; done; exit 1")


def test_mounts_that_somebody_takes_away_are_told_and_put_back(used: Lab) -> None:
    before = kept(used)
    used.sudo("systemctl stop srv-app-data.mount")
    assert used.run("systemctl is-active app@blue app@green").out.split().count("active") == 0
    told = used.run("sudo launchpad-agent verify --app app")
    assert told.code == 1
    assert "srv-app-data.mount: inactive" in told.out
    assert "is not mounted at /srv/app/data, so app does not start" in used.sudo("launchpad-agent status --app app")
    used.run("sudo launchpad-agent repair --app app").data()
    assert kept(used) == before
    assert used.run("sudo launchpad-agent verify --app app").code == 0


def test_without_its_disk_the_app_does_not_start_and_says_why(used: Lab, repo: Repo) -> None:
    before, place = kept(used), data.place(client.machines(), used.name)
    away = place.with_name(f"{place.name}-away")
    used.power_off()
    forgotten = record.load(client.machines(), used.name)
    assert forgotten
    forgotten.data_disk = 0
    record.save(client.machines(), forgotten)
    place.rename(away)
    request = used.request
    try:
        with_disk(used, 0)
        used.run("systemctl is-system-running --wait")
        assert used.run("systemctl is-active app@blue app@green launchpad-proxy").out.split().count("active") == 0
        why = "The data of app is on the disk for data, which is not mounted at /srv/app/data, so app does not start"
        assert why in used.sudo("launchpad-agent status --app app")
        done = used.run(f"sudo launchpad-agent deploy --app app --revision {repo.revisions['two']}", "{}")
        assert done.code == 1
        done = used.prepare(data_disk="mounted")
        assert "error: The disk for data is not mounted at /mnt/launchpad. Attach the disk again" in done.err
        done = used.prepare()
        assert (
            "error: This machine's data is on a disk of its own at /mnt/launchpad, and this deployment says" in done.err
        )
        assert used.sudo("ls -A /srv/app/data /mnt/launchpad").split() == ["/mnt/launchpad:", "/srv/app/data:"]
    finally:
        used.power_off()
        if place.exists():
            shutil.rmtree(place)
        away.rename(place)
    used.request = request
    used.power_on()
    until_it_serves(used)
    assert kept(used) == before


def test_another_disk_is_not_taken_for_the_one_with_the_data(used: Lab) -> None:
    before, image = kept(used), data.image(client.machines(), used.name)
    used.power_off()
    image.rename(image.with_suffix(".away"))
    data.provide(client.machines(), record.load(client.machines(), used.name), DISK, 0x4C500000)  # type: ignore[arg-type]
    used.power_on()
    done = used.prepare(data_disk="mounted")
    assert "error: The disk at /mnt/launchpad is not the one with this machine's data (it is new, and not " in done.err
    assert used.sudo("ls /mnt/launchpad").split() == ["lost+found"]
    assert used.run("systemctl is-active app@blue app@green").out.split().count("active") == 0
    used.power_off()
    image.with_suffix(".away").replace(image)
    used.power_on()
    until_it_serves(used)
    assert kept(used) == before


def test_a_new_machine_has_everything_even_if_somebody_else_has_the_apps_ids(used: Lab, repo: Repo) -> None:
    before, secret, shadow = kept(used), used.get("/secret"), used.sudo("stat -c '%U %a' /etc/shadow")
    history = deployments(used)
    used.sudo("sh -c 'touch /var/lib/launchpad-proxy/certificate && chown launchpad-proxy: /var/lib/launchpad-proxy/*'")
    uid, gid = used.sudo("sh -c 'id -u app; id -g app'").split()
    backup = used.serving()["backup"]
    begin_anew(used)
    used.sudo(f"groupadd --gid {gid} other")
    used.sudo(f"useradd --uid {uid} --gid {gid} --no-create-home other")
    used.prepare(data_disk="mounted").data()
    used.deploy(repo, "two", secrets={"SECRET_KEY": "of a new state"}, generated=["SECRET_KEY"]).data()
    assert kept(used) == before
    assert used.get("/secret") == secret
    assert used.sudo("find /srv/app/data ! -user app -o ! -group app") == ""
    assert used.sudo("stat -c '%U %a' /etc/shadow") == shadow
    assert used.sudo("stat -c %U /var/lib/launchpad-proxy/certificate") == "launchpad-proxy\n"
    assert deployments(used) == [*history, len(history) + 1]
    assert json.loads(used.sudo("cat /mnt/launchpad/ids.json"))["users"]["app"] != [int(uid), int(gid)]
    # The new machine knows what the former one had proved, and that the repository, which was on it, is gone.
    (warning,) = set_up(used).data()["warnings"]
    assert warning.startswith(f"The repository {FOLDER} is gone")
    assert (backup["state"], used.serving()["backup"]) == ("green", backup)
    assert used.run("sudo launchpad-agent verify --app app").code == 0
    used.run(f"sudo launchpad-agent backup settings --remove --owner {OWNER}").data()
    assert used.sudo("ls /mnt/launchpad").split() == ["apps", "ids.json", "lost+found", "proxy"]


def test_an_app_that_is_removed_leaves_its_data_on_the_disk_or_takes_it_along(used: Lab, repo: Repo) -> None:
    before = kept(used)
    removed = used.run("sudo python3 launchpad-agent.pyz remove --app app --keep-data").data()
    assert (removed["left"], removed["kept"]) == ([], ["/mnt/launchpad/apps/app/data"])
    assert used.run("ls /srv/app /etc/systemd/system/*.mount /var/lib/launchpad /etc/launchpad").out == ""
    used.prepare(data_disk="mounted").data()
    used.deploy(repo, "one", **SPEC).data()
    assert kept(used) == before
    removed = used.run("sudo python3 launchpad-agent.pyz remove --app app").data()
    assert (removed["left"], removed["kept"]) == ([], [])
    assert used.sudo("ls -A /mnt/launchpad").split() == ["lost+found"]
    assert used.run("ls /srv/app /etc/systemd/system/*.mount /var/lib/launchpad /etc/launchpad").out == ""
