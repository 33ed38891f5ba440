"""Where is my data? Rows, files, history, secrets and certificates outlive every machine, and a stack that keeps them."""

import json
import os
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from infra.machines.embedded import client
from infra.machines.embedded.requests import ListMachines
from tests import notes
from tests.e2e.stack import Stack, commit
from tests.e2e.test_healing import kill_machine

FILES = {"Procfile": "web: gunicorn app:app\n", "requirements.txt": "flask\ngunicorn\n", "app.py": notes.APP}
CERTIFICATE = "/var/lib/launchpad-proxy/certificates/kept.pem"


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Iterator[Stack]:
    """A stack with rows, files and something that stands for a certificate."""
    write(stack, "one")
    stack.config(repository=stack.clone.parent / "shop", on_destroy="keep", **{"embedded.data_disk": "1G"})
    stack.up()
    post(stack, "/notes", b"the first")
    post(stack, "/files/a.bin", os.urandom(100_000))
    stack.on_machine(f"sudo install -D -o launchpad-proxy -m 600 /dev/null {CERTIFICATE}")
    yield stack
    stack.run("make destroy")
    sweep = ".venv/bin/python -m infra.machines.embedded sweep --data --stack dev"
    assert "removed the disk for data" in stack.run(sweep, check=True).stdout
    assert disks(stack) == []


def write(stack: Stack, marker: str) -> None:
    commit(stack.clone.parent / "shop", {**FILES, "marker": f"{marker}\n"}, f"Say {marker}")


def post(stack: Stack, path: str, body: bytes) -> None:
    url = stack.outputs()["url"].rstrip("/") + path
    here = url.replace(url.split("/")[2].partition(":")[0], "127.0.0.1")
    request = urllib.request.Request(here, data=body, headers={"Host": url.split("/")[2]})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.read() == b"stored\n"


def kept(stack: Stack) -> dict[str, Any]:
    """All that has to be there: rows, hashes of files, the secret, the numbers of the deployments, the certificate."""
    status, text = stack.page("/kept")
    assert status == 200, text
    history = json.loads(stack.on_machine("sudo launchpad-agent releases --app app --json"))
    return {
        **json.loads(text),
        "secret": stack.page("/secret"),
        "history": [entry["number"] for entry in history if entry["kind"] == "deployment"],
        "certificate": stack.on_machine(f"sudo stat -c '%U %a' {CERTIFICATE}"),
    }


def later(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether everything is still there, and what was deployed since is counted on."""
    count = len(before["history"])
    return {**after, "history": after["history"][:count]} == before and after["history"][count:] == [count + 1]


def disks(stack: Stack) -> list[tuple[str, str]]:
    """The disks for data of this clone, and whether they are kept."""
    found = client.ask(ListMachines()).disks
    return [(each.id, each.state) for each in found if each.owner.clone == str(stack.clone)]


def test_a_machine_that_is_killed_has_its_data(shop: Stack) -> None:
    before = kept(shop)
    assert before["rows"] == ["the first"]
    kill_machine(shop)
    shop.up()
    assert kept(shop) == before


def test_a_machine_that_is_replaced_has_its_data(shop: Stack) -> None:
    before, machines = kept(shop), shop.machines()
    shop.on_machine("echo gone | sudo tee /srv/on-the-machine")
    urn = shop.run("pulumi stack --show-urns | grep -o 'urn:.*EmbeddedMachine::machine$' | tail -1", check=True).stdout
    shop.run(f"pulumi up --yes --skip-preview --replace '{urn.strip()}'", check=True)
    assert shop.machines() == machines
    assert "there" not in shop.on_machine("test -e /srv/on-the-machine && echo there || echo not here")
    assert later(before, kept(shop))


def test_a_stack_that_is_destroyed_and_keeps_its_data_finds_it_again(shop: Stack) -> None:
    before = kept(shop)
    told = shop.run("make destroy", check=True).stdout
    (disk,) = disks(shop)
    assert disk[1] == "kept"
    assert shop.machines() == []
    assert f"the disk for data stays: {client.machines()}-data/{disk[0]}/data.img" in told
    assert "To remove it: .venv/bin/python -m infra.machines.embedded sweep --data" in told
    shop.run("pulumi stack init dev", check=True)
    told = shop.up()
    assert "the disk for data that was kept on " in told
    assert later(before, kept(shop))


def test_the_list_of_machines_has_the_disk_and_another_stack_cannot_sweep_it(shop: Stack) -> None:
    (disk,) = disks(shop)
    driver = ".venv/bin/python -m infra.machines.embedded"
    assert f"{disk[0]}  data    " in shop.run(f"{driver} list", check=True).stdout
    assert shop.run(f"{driver} sweep --data --stack other", check=True).stdout.strip() == ""
    assert disks(shop) == [disk]
