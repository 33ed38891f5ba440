"""Where is my data? A Django shop with PostgreSQL, SQLite, uploads and a queue keeps all of it, whatever happens.

Compared after each event row by row and by hash: as a visitor sees it, and as it lies on the machine. The certificates,
the history, the secret and what is known of the backups stay as well.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.machines.embedded import client
from infra.machines.embedded.requests import Destroy, ListMachines
from tests import sftpserver
from tests.e2e.shop import CERTIFICATE, DATA, SECOND, Shop, digest
from tests.e2e.stack import TIMEOUT, Stack
from tests.e2e.test_healing import kill_machine

PASSWORD = re.compile(r"postgres(?:ql)?://[^@/\s\"]*:[^@/\s\"]*@")
CONFIG = """\
  launchpad:repository: {repository}
  launchpad:app: {app}
  launchpad:database: postgres
  launchpad:cache: redis
"""
KEPT = """\
  launchpad:on_destroy: keep
  launchpad:embedded.data_disk: 2G
  launchpad:backup.repository: sftp:keeper@{server.host}:{server.port}{folder}
  launchpad:backup.host_key: {server.host_key}
"""


@dataclass(frozen=True)
class Shops:
    """The shop, and another stack that its data is restored into in the end."""

    shop: Shop
    copy: Shop


@pytest.fixture(scope="module")
def shops(stack: Stack) -> Iterator[Shops]:
    """Both stacks, brought up at the same time; the first with its first notes."""
    repository = stack.clone.parent / "shop"
    shop, copy = Shop(stack, repository), Shop(stack, repository, "copy", "copy")
    shop.write("one")
    with sftpserver.serving() as server:
        configure(stack, repository, server)
        other = stack.start("launchpad up --stack copy")
        try:
            try:
                shop.up()
                shop.add("first", "second")
                shop.on_machine(f"sudo install -D -o launchpad-proxy -m 600 /dev/null {CERTIFICATE}")
            finally:
                said, _ = other.communicate(timeout=TIMEOUT)
            copy.came_up(said)
            yield Shops(shop, copy)
        finally:
            stack.run("make destroy")
            stack.run("pulumi destroy --yes --skip-preview --stack copy")
            sweep = ".venv/bin/python -m infra.machines.embedded sweep --data --stack dev"
            said = stack.run(sweep, check=True).stdout
    assert "removed the disk for data" in said
    assert disks(stack) == []


def configure(stack: Stack, repository: Path, server: sftpserver.Server) -> None:
    """Write the settings of both stacks; the second one has no backups, and what it is given goes with it."""
    kept = KEPT.format(server=server, folder=repository.with_name("backups"))
    settings = stack.clone / "Pulumi.dev.yaml"
    own = "config:\n" + CONFIG.format(repository=repository, app="shop") + kept
    settings.write_text(own + "".join(re.findall("^encryptionsalt: .*\n", settings.read_text(), re.MULTILINE)))
    (stack.clone / "Pulumi.copy.yaml").write_text(f"config:\n{CONFIG.format(repository=repository, app='copy')}")
    stack.run("pulumi stack init --no-select copy", check=True)
    secret = "pulumi config set --secret --path launchpad:backup"
    stack.run(f"{secret}.password 'correct horse battery'", check=True)
    stack.run(f'printf %s "$KEY" | {secret}.private_key', check=True, KEY=server.private_key)


@pytest.fixture(scope="module")
def shop(shops: Shops) -> Shop:
    """The shop."""
    return shops.shop


def with_text(before: dict[str, Any], text: str) -> dict[str, Any]:
    """What is kept once the app has been given a text more."""
    longer = {name: [*before[name], text] for name in ("rows", "sqlite", "queue")}
    return {**before, **longer, "files": {**before["files"], text: digest(text)}}


def later(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether everything is still there, and what was deployed since is counted on."""
    count = len(before["history"])
    return {**after, "history": after["history"][:count]} == before and after["history"][count:] == [count + 1]


def disks(stack: Stack) -> list[tuple[str, str]]:
    """The disks for data of this clone, and whether they are kept."""
    found = client.ask(ListMachines()).disks
    return [
        (each.id, each.state) for each in found if each.owner.clone == str(stack.clone) and each.owner.stack == "dev"
    ]


def until(answered: Sequence[str], count: int) -> None:
    """Wait until so many more were answered."""
    wanted, end = len(answered) + count, time.monotonic() + 120
    while len(answered) < wanted:
        assert time.monotonic() < end, "nothing is answered"
        time.sleep(0.01)


def test_five_deployments_and_a_rollback(shop: Shop) -> None:
    before = shop.kept()
    assert [before[name] for name in ("rows", "sqlite", "queue")] == [["first", "second"]] * 3
    assert sorted(before["files"]) == ["first", "second"]
    assert before["certificate"].startswith("launchpad-proxy ")
    for number, mark in enumerate(("two", "three", "four", "five"), 3):
        shop.write(mark, {"notes/migrations/0002_stars.py": SECOND} if mark == "five" else {})
        said = shop.up()
        shop.add(mark)
        assert shop.page() == f"{mark} {number}"
        after = shop.kept()
        assert later(with_text(before, mark), after), mark
        before = after
    assert "Applying notes.0002_stars... OK" in said
    shop.launchpad("rollback")
    shop.add("after-the-rollback")
    assert shop.page() == "four 7"
    assert later(with_text(before, "after-the-rollback"), shop.kept())
    assert PASSWORD.findall(shop.stack.run("pulumi stack export --show-secrets", check=True).stdout) == []


def test_what_was_answered_is_there_after_the_database_was_killed(shop: Shop) -> None:
    before = shop.kept()
    with shop.written_to() as answered:
        for whom in ("main", "all"):
            until(answered, 10)
            shop.on_machine(f"sudo systemctl kill --kill-whom={whom} --signal=KILL launchpad-postgresql")
        until(answered, 10)
    found = shop.kept()
    for name in ("rows", "sqlite", "queue"):
        # One whose answer was lost may be there, too; each that was answered is, once and in order.
        assert [text for text in found[name] if text in {*before[name], *answered}] == [*before[name], *answered]
    assert found["files"].keys() >= {*before["files"], *answered}


def test_a_dump_is_a_file_of_ones_own_and_comes_back(shop: Shop) -> None:
    stack, file = shop.stack, shop.folder.parent / "shop.dump"
    before = shop.kept()
    stack.run(f"launchpad db dump {file}", check=True)
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in file.parent.glob("*.dump*")) == ["shop.dump"]
    assert f"{file} is there already" in stack.fails(f"launchpad db dump {file}")
    shop.add("later")
    assert "nobody is here to confirm that data is overwritten" in stack.fails(f"launchpad db load {file}")
    assert "is no dump in PostgreSQL's custom form" in stack.fails("launchpad db load --yes README.md")
    stack.run(f"launchpad db load --yes {file}", check=True)
    after = shop.kept()
    assert after["rows"] == before["rows"]
    assert after["sqlite"] == [*before["sqlite"], "later"], "a dump is of the database alone"
    count = f"{len(before['rows'])}\n"
    assert stack.run("launchpad psql -- -Atc 'SELECT count(*) FROM notes_note'", check=True).stdout == count
    assert "database     PostgreSQL" in stack.run("launchpad status", check=True).stdout


@pytest.fixture(scope="module")
def snapshots(shop: Shop) -> dict[str, dict[str, Any]]:
    """Two backups by their ids, the first taken while a visitor writes; with what was kept then, of the first at least."""
    before = shop.kept()
    with shop.written_to() as answered:
        until(answered, 10)
        begun = [*answered]
        shop.launchpad("backup now")
        until(answered, 1)
    first = shop.kept()["backup"]["verified_snapshot"]
    shop.launchpad("backup now")
    second = shop.kept()
    at_least = {name: [*before[name], *begun] for name in ("rows", "sqlite", "queue")}
    return {first: at_least, second["backup"]["verified_snapshot"]: second}


def test_backups_are_proved_and_listed(shop: Shop, snapshots: dict[str, dict[str, Any]]) -> None:
    first, second = snapshots
    proved = rf"verified \d+ \w+ ago: snapshot {second} \(\d+ files, [\d.]+ [KM]B, \d+ rows in SQLite, 2 tables in PostgreSQL\)"
    assert re.search(rf"^shop: {proved}$", shop.launchpad("backup drill"), re.MULTILINE)
    when = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"
    listed = rf"shop: 2 snapshots in sftp:\S+\n{first}  {when}\n{second}  {when}  verified\nbackup       {proved}\n"
    assert re.fullmatch(listed, shop.launchpad("backup list"))
    assert re.search(rf"^  backup       {proved}$", shop.launchpad("status"), re.MULTILINE)


def test_a_backup_that_was_taken_under_load_is_put_back_and_then_the_newest(
    shop: Shop, snapshots: dict[str, dict[str, Any]]
) -> None:
    (first, at_least), (_, newest) = snapshots.items()
    shop.add("lost")
    said = shop.launchpad(f"restore --yes {first}")
    assert re.search(rf"done: shop has the data of .* UTC: snapshot {first} \(\d+ files, .*\)\n$", said)
    found = shop.kept()
    for name, then in at_least.items():
        assert found[name][: len(then)] == then, name
        assert found[name] == newest[name][: len(found[name])], name
    shop.launchpad("restore --yes")
    assert shop.kept() == newest


def test_a_machine_that_is_killed_or_deleted(shop: Shop) -> None:
    before = shop.kept()
    kill_machine(shop.stack, shop.name)
    shop.up()
    assert shop.kept() == before
    kill_machine(shop.stack, shop.name)
    client.ask(Destroy(shop.machine))
    shop.stack.run("pulumi refresh --yes --skip-preview", check=True)
    shop.up()
    assert later(before, shop.kept())


def test_a_machine_that_is_replaced(shop: Shop) -> None:
    before, machine = shop.kept(), shop.machine
    shop.on_machine("echo gone | sudo tee /srv/on-the-machine")
    find = "pulumi stack --show-urns | grep -o 'urn:.*EmbeddedMachine::machine$' | tail -1"
    urn = shop.stack.run(find, check=True).stdout.strip()
    shop.stack.run(f"pulumi up --yes --skip-preview --replace '{urn}'", check=True)
    assert shop.machine == machine
    assert shop.on_machine("test -e /srv/on-the-machine && echo there || echo gone") == "gone\n"
    assert later(before, shop.kept())


def test_a_stack_that_is_destroyed_and_keeps_its_data(shop: Shop) -> None:
    before = shop.kept()
    told = shop.launchpad("destroy")
    (disk,) = disks(shop.stack)
    assert disk[1] == "kept"
    assert shop.stack.machines(shop.name) == []
    assert f"the disk for data stays: {client.machines()}-data/{disk[0]}/data.img" in told
    assert "To remove it: .venv/bin/python -m infra.machines.embedded sweep --data" in told
    assert "the disk for data that was kept on " in shop.up()
    assert later(before, shop.kept())


def test_the_newest_backup_is_restored_into_another_stack(shops: Shops) -> None:
    before, copy = shops.shop.kept(), shops.copy
    said = shops.shop.launchpad("restore --yes --into copy")
    assert "SECRET_KEY: generated anew since the backup, which has the former value" in said
    found = copy.kept()
    assert {name: found[name] for name in (*DATA, "secret")} == {name: before[name] for name in (*DATA, "secret")}
    assert copy.on_machine("sudo test -e /run/launchpad/restore.copy || echo gone") == "gone\n", "the keys were lent"
    assert shops.shop.kept() == before


def test_the_list_of_machines_has_the_disk_and_another_stack_cannot_sweep_it(shop: Shop) -> None:
    (disk,) = disks(shop.stack)
    driver = ".venv/bin/python -m infra.machines.embedded"
    assert f"{disk[0]}  data    " in shop.stack.run(f"{driver} list", check=True).stdout
    assert shop.stack.run(f"{driver} sweep --data --stack other", check=True).stdout.strip() == ""
    assert disks(shop.stack) == [disk]
