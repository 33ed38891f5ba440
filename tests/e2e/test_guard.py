"""What a person meets who changes a stack that has data: refusals, a failure beside a removal, snapshots handed on."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from infra.machines.embedded import client
from tests.e2e.stack import Stack, commit, fetch

APP = """import os
def application(environ, start_response):
    note = os.path.join(os.environ["DATA_DIR"], "note")
    text = open(note, "rb").read() if os.path.exists(note) else b"nothing"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(text)))])
    return [text]
"""
PORTS = {"shop": 8001, "blog": 8002}
NOTE = "1 file, 5 bytes in /srv/shop/data"


def write(stack: Stack, mark: str) -> None:
    """Commit both apps anew; each is a directory of one repository."""
    files = {f"{app}/wsgi.py": f"# {mark}\n{APP}" for app in PORTS}
    commit(stack.clone.parent / "site", {**files, **{f"{app}/requirements.txt": "" for app in PORTS}}, mark)


def settings(stack: Stack, name: str, *apps: str, **keys: str) -> None:
    """The settings of a stack as a person writes them."""
    values = {"repository": stack.clone.parent / "site", "embedded.data_disk": "256M", **keys}
    lines = ["config:", *(f"  launchpad:{key}: {value}" for key, value in values.items()), "  launchpad:apps:"]
    for app in apps:
        lines += [f"    {app}:", f"      directory: {app}", f"      http_port: {PORTS[app]}"]
    file = stack.clone / f"Pulumi.{name}.yaml"
    salt = (
        [line for line in file.read_text().splitlines() if line.startswith("encryptionsalt")] if file.exists() else []
    )
    file.write_text("\n".join([*salt, *lines, ""]))


def page(stack: Stack, name: str) -> str:
    """What shop says in a stack."""
    apps = json.loads(stack.run(f"launchpad outputs apps -s {name}", check=True).stdout)
    status, text = fetch(apps["shop"]["url"])
    assert status == 200, text
    return text


def held(stack: Stack) -> list[dict[str, str]]:
    """The disks and snapshots of this clone."""
    found = json.loads(stack.run("launchpad data list --json", check=True).stdout)
    return [each for each in found if each["place"] == str(stack.clone)]


@pytest.fixture(scope="module")
def site(stack: Stack) -> Iterator[Stack]:
    """Two apps with data on one machine."""
    write(stack, "first")
    settings(stack, "dev", "shop", "blog")
    stack.run("launchpad up", check=True)
    stack.run("launchpad run --app shop -- sh -c 'echo mine >$DATA_DIR/note'", check=True)
    yield stack
    stack.run("pulumi destroy --yes --skip-preview --stack next")
    for each in [each for each in held(stack) if each["what"] == "snapshot"]:
        snapshot = f"{client.machines()}-data/snapshots/{each['id']}"
        subprocess.run([*client.privilege(), "rm", f"{snapshot}.img", f"{snapshot}.json"], check=True)


def test_an_app_that_fails_while_another_is_taken_out_leaves_a_state_that_can_be_read(site: Stack) -> None:
    write(site, "second")
    settings(site, "dev", "shop")
    site.run(
        "launchpad ssh -- 'sudo mv /srv/shop/repo.git /srv/shop/aside && sudo touch /srv/shop/repo.git'", check=True
    )
    said = site.fails("pulumi up --yes --skip-preview --continue-on-error")
    assert "shop-push-source" in said
    assert "refers to missing resource" not in said
    site.run("launchpad ssh -- 'sudo rm /srv/shop/repo.git && sudo mv /srv/shop/aside /srv/shop/repo.git'", check=True)
    state = json.loads(site.state())["deployment"]["resources"]
    assert not [each["urn"] for each in state if "::blog" in each["urn"]]
    site.run("launchpad up", check=True)
    assert page(site, "dev") == "mine\n"


def test_to_give_up_the_disk_is_refused_until_somebody_says_that_the_data_may_go(site: Stack) -> None:
    settings(site, "dev", "shop", **{"embedded.data_disk": "0", "on_destroy": "keep"})
    for line in ("pulumi preview", "launchpad up"):
        said = site.fails(line)
        assert "launchpad:embedded.data_disk is 0, and the machine's disk for data has " in said
        assert "If the data may be lost: set launchpad:on_destroy to delete" in said
    assert page(site, "dev") == "mine\n"


def test_a_snapshot_is_the_disk_that_another_stack_begins_with(site: Stack) -> None:
    settings(site, "dev", "shop", on_destroy="snapshot")
    site.run("launchpad up && launchpad destroy --yes", check=True)
    (found,) = [each for each in held(site) if each["stack"] == "launchpad/dev"]
    assert (found["what"], found["state"][:8]) == ("snapshot", "taken on")
    settings(site, "next", "shop", on_destroy="delete")
    said = site.run(f"launchpad data adopt {found['id']} -s next", check=True).stdout
    assert f"stack next has {found['id']} as its disk for data now" in said
    said = site.run("launchpad up -s next", check=True).stdout
    assert page(site, "next") == "mine\n"
    (disk,) = [each for each in held(site) if each["stack"] == "launchpad/next"]
    assert (disk["what"], disk["state"]) == ("disk", "in use")
    refused = site.fails(f"launchpad data adopt {disk['id']} -s dev")
    assert f"belongs to stack next of project launchpad in {site.clone}, and not to this one." in refused


def test_where_the_data_may_go_it_goes(site: Stack) -> None:
    settings(site, "next", "shop", **{"embedded.data_disk": "0", "on_destroy": "delete"})
    said = site.run("launchpad up -s next", check=True).stdout
    assert "DATA: " in said
    assert page(site, "next") == "nothing"
