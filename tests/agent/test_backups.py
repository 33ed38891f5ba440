"""Backups on a real machine: taken under load and among hostile files, proved, restored, and loud where they fail."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from infra.protocol.codec import SCHEMA
from tests.agent import append_only
from tests.agent import lab as lab_module
from tests.agent.lab import USER, Done, Lab, Repo

OWNER, UNIT = "shop/prod", "launchpad-backup.shop:prod.service"
FOLDER = "/var/backups/shop"
PASSWORD = "correct horse battery"
REFUSED = (
    "The repository s3:http://127.0.0.1:5999/shop/prod lets the machine delete nothing, but launchpad:backup.keep has it "
    "remove old backups."
)
POISONED: dict[str, str | None] = {
    "app.py": """\
import os, pathlib, sys
data = pathlib.Path(os.environ["DATA_DIR"])
if (data / "poison").exists():
    sys.exit("the data is poisoned")
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [(data / "note").read_bytes() if (data / "note").exists() else b"nothing"]
"""
}
WRITER = """\
import itertools, os, sqlite3, time
os.chdir("/srv/app/data")
database = sqlite3.connect("orders.sqlite3", timeout=60)
database.execute("PRAGMA journal_mode=WAL")
database.execute("CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, text TEXT)")
os.makedirs("uploads", exist_ok=True)
for number in itertools.count(1):
    with database:
        database.execute("INSERT INTO orders (text) VALUES (?)", ("x" * 300,))
    with open("uploads/half", "w") as stream:
        stream.write(f"{number % 50}\\n" * 1000)
    os.rename("uploads/half", f"uploads/{number % 50}")
    time.sleep(0.002)
"""
HOSTILE = """\
import os, time
os.chdir("/srv/app/data")
os.symlink("/etc/shadow", "shadow")
os.symlink("/", "root")
os.mkfifo("pipe")
os.mkdir("folder")
open("folder/shadow", "w").write("mine")
open("crafted.db", "wb").write(b"SQLite format 3\\0" + b"\\xff" * 20000)
while True:
    os.rename("folder", "aside")
    os.symlink("/etc", "folder")
    os.unlink("folder")
    os.rename("aside", "folder")
    time.sleep(0.001)
"""


def set_up(lab: Lab, **spec: Any) -> Done:
    whole = {"schema": SCHEMA, "owner": OWNER, "apps": ["app"], "repository": FOLDER, "password": PASSWORD, **spec}
    return lab.run("sudo launchpad-agent backup settings", json.dumps(whole))


def now(lab: Lab) -> Done:
    return lab.run("sudo launchpad-agent backup now --app app --json")


def snapshots(lab: Lab) -> list[str]:
    found = lab.run("sudo launchpad-agent backup list --app app --json").data()
    return [each["id"] for each in found["snapshots"]]


def restore(lab: Lab, snapshot: str = "", *options: str, feed: str = "") -> Done:
    chosen = f"--snapshot {snapshot}" if snapshot else ""
    return lab.run(f"sudo launchpad-agent backup restore --app app {chosen} {' '.join(options)}", feed)


def as_app(lab: Lab, command: str) -> str:
    return lab.sudo(f"systemd-run --quiet --wait --pipe --uid=app --gid=app sh -c 'cd /srv/app/data && {command}'")


def state(lab: Lab) -> tuple[str, str]:
    found = lab.serving()["backup"]
    return found["state"], found["reason"]


@contextmanager
def running(lab: Lab, name: str, program: str) -> Iterator[None]:
    """Run a program as the app's user as long as the block lasts."""
    lab.put(f"{name}.py", program.encode())
    lab.sudo(f"install -m 755 {name}.py /opt/{name}.py")
    lab.sudo(f"systemd-run --quiet --unit={name} --uid=app --gid=app python3 /opt/{name}.py")
    try:
        yield
    finally:
        lab.run(f"sudo systemctl stop {name}; sudo rm -f /opt/{name}.py")


@pytest.fixture(scope="module")
def backed(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A machine with an app that shows its data, and a folder for its backups."""
    repo = Repo.of("flask", tmp_path_factory.mktemp("repo") / "app")
    repo.commit("one", POISONED)
    lab.deploy(repo, "one", health={"path": "/", "timeout": 6}).data()
    done = set_up(lab, keep={"last": 50})
    assert done.data()["warnings"] == [], done.err
    return lab


def test_a_backup_under_load_among_hostile_files_is_consistent_and_proved(backed: Lab) -> None:
    with running(backed, "writer", WRITER), running(backed, "hostile", HOSTILE):
        until = time.monotonic() + 60
        while backed.run("sudo test -e /srv/app/data/uploads/20 -a -e /srv/app/data/crafted.db").code:
            assert time.monotonic() < until
        found = now(backed).data()
    assert (found["state"], found["error"]) == ("green", "")
    assert found["rows"] > 0
    assert found["notes"] == ["crafted.db: SQLite cannot read it, so it is packed as a file"]
    assert backed.get() == (200, "nothing")
    snapshot = snapshots(backed)[-1]
    assert found["verified_snapshot"] == snapshot
    metrics = backed.sudo("launchpad-agent metrics").splitlines()
    assert f'launchpad_backup_verified_timestamp_seconds{{app="app"}} {found["verified"]!r}' in metrics
    assert restore(backed, snapshot).data()["rows"] == found["rows"]
    counted = as_app(
        backed,
        'python3 -c "import sqlite3; d = sqlite3.connect(\\"orders.sqlite3\\"); '
        'print(d.execute(\\"PRAGMA integrity_check\\").fetchone()[0], '
        '*d.execute(\\"SELECT count(*) - max(id) FROM orders\\").fetchone())"',
    )
    assert counted.split() == ["ok", "0"]
    whole = as_app(backed, "for each in uploads/*; do sort -u $each | wc -l; done | sort -u").split()
    assert whole in (["1"], ["0", "1"]), "the one that was being written may be empty"
    there = as_app(backed, "readlink shadow root; ls").split()
    assert there[:2] == ["/etc/shadow", "/"]
    assert "pipe" not in there
    hashes = backed.sudo("sh -c 'grep -rl \"$(grep ^root: /etc/shadow)\" /srv/app/data || true'")
    assert hashes == ""
    assert state(backed) == ("green", "")
    as_app(backed, "rm -rf *")


def test_a_restore_that_is_killed_leaves_the_old_or_the_new_data_and_the_site_open(backed: Lab) -> None:
    as_app(backed, "for n in $(seq 30); do echo new >$n; done; echo new >note")
    now(backed).data()
    as_app(backed, "for n in $(seq 30); do echo old >$n; done; echo old >note")
    for said in ("unpack:", "stop:", "start:"):
        words = [*backed.ssh_words, f"{USER}@{backed.address}", "sudo launchpad-agent backup restore --app app"]
        process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        assert process.stderr is not None
        assert any(said in line for line in process.stderr)
        killed = backed.run("sudo systemctl kill --kill-whom=main --signal=KILL launchpad-app-restore.service")
        assert killed.code == 0 or "not loaded" in killed.err, "the last word may be the end of a restore"
        process.stderr.read()
        process.wait()
        until = time.monotonic() + 60
        while backed.run("sudo test -e /var/lib/launchpad/app/restore.json -o -e /srv/app/unpacked").code == 0:
            assert time.monotonic() < until
        status, note = backed.get()
        assert status == 200
        assert as_app(backed, "cat [0-9]* note | sort -u") == note, f"a mixture after a kill at {said}"
    assert restore(backed).code == 0
    assert backed.get() == (200, "new\n")
    assert backed.serving()["maintenance"] is None
    assert as_app(backed, "cat [0-9]* note | sort -u") == "new\n"


def test_no_command_begins_while_the_data_is_exchanged_and_none_is_cut_off(backed: Lab) -> None:
    now(backed).data()
    name = backed.run("sudo launchpad-agent run --app app --who ada --detach -- sleep 600").out.strip()
    done = restore(backed)
    assert (done.code, "1 commands of run use the data of app now" in done.err) == (1, True), done.err
    backed.sudo(f"systemctl stop launchpad-app-{name}.service")
    kill = "sudo systemctl kill --kill-whom=main launchpad-app-restore.service"
    words = [*backed.ssh_words, f"{USER}@{backed.address}", "sudo launchpad-agent backup restore --app app"]
    for _ in range(5):  # one that has ended before it could be stopped is begun again
        process = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        assert process.stderr is not None
        assert any("unpack:" in line for line in process.stderr)
        stopped = backed.run(f"{kill} --signal=STOP && sudo test -s /run/launchpad/app-app.exchange").code == 0
        done = backed.run("sudo launchpad-agent run --app app -- touch /srv/app/data/meanwhile")
        backed.run(f"{kill} --signal=CONT")
        process.stderr.read()
        assert process.wait() == 0
        if stopped:
            break
    assert (stopped, done.code) == (True, 1)
    assert "The data of app is being exchanged by " in done.err
    assert " for a restore, process " in done.err
    assert backed.run("sudo launchpad-agent run --app app -- test ! -e /srv/app/data/meanwhile").code == 0


def test_an_app_that_is_not_healthy_with_a_backup_has_its_data_again(backed: Lab) -> None:
    as_app(backed, "echo poison >poison; echo poisoned >note")
    now(backed).data()
    as_app(backed, "rm poison; echo mine >note")
    done = restore(backed)
    assert done.code == 1
    assert "app is not healthy with the restored data, so it has its former data again." in done.err
    assert backed.get() == (200, "mine\n")
    assert restore(backed, "ffffffff").err.count("has no snapshot ffffffff of app of the stack shop/prod") == 1


def test_a_cache_that_runs_has_the_queue_of_then_and_keeps_what_comes_after(backed: Lab) -> None:
    def redis(command: str) -> str:
        return as_app(backed, f"redis-cli -s /run/launchpad-cache/app/redis.sock {command}").strip()

    backed.prepare(cache={"kind": "redis"}).data()
    redis("rpush queue then")
    assert redis("waitaof 1 0 30000") == "1\n0"
    now(backed).data()
    redis("rpush queue later")
    done = restore(backed)
    assert done.code == 0, done.err
    assert redis("lrange queue 0 -1") == "then"
    redis("rpush queue after")
    assert redis("waitaof 1 0 30000") == "1\n0"
    backed.sudo("systemctl restart launchpad-app.cache.service")
    assert redis("lrange queue 0 -1") == "then\nafter"
    backed.prepare().data()


def test_a_repository_that_is_full_gone_or_has_another_password_is_told_and_the_app_serves(backed: Lab) -> None:
    backed.sudo("sh -c 'mkdir -p /mnt/small && mount -t tmpfs -o size=3m tmpfs /mnt/small'")
    as_app(backed, "head -c 6000000 /dev/urandom >big")
    assert set_up(backed, repository="/mnt/small").data()["warnings"] == []
    gone = "The repository /mnt/small is gone"
    for change, told in (
        ("", "The repository /mnt/small is full. Make room there, or keep fewer backups."),
        ("sudo umount /mnt/small", gone),
    ):
        backed.run(change)
        done = now(backed)
        assert done.code == 1
        assert told in done.err
        assert backed.run(f"systemctl is-failed {UNIT}").out == "failed\n"
        assert state(backed)[0] == "red"
        assert told in state(backed)[1]
        assert backed.get()[0] == 200
    assert f"THE BACKUP IS NOT AS IT SHOULD BE: {gone}" in backed.sudo("launchpad-agent status --app app")
    restarted = backed.run("sudo launchpad-agent restart --app app").data()
    assert any(gone in warning for warning in restarted["warnings"])
    (warning,) = set_up(backed, password="a wrong passphrase").data()["warnings"]
    assert warning.startswith(f"The repository {FOLDER} has another password than")
    assert now(backed).err.count("has another password than launchpad:backup.password") == 1
    as_app(backed, "rm big")
    set_up(backed).data()
    assert now(backed).data()["state"] == "green"


def test_an_sftp_server_is_used_by_its_host_key_alone(backed: Lab) -> None:
    public, private = lab_module.keys(backed.folder, "backup")
    other, _ = lab_module.keys(backed.folder, "other")
    backed.put("keeper.pub", public.encode())
    backed.sudo("useradd --create-home --password '*' keeper")
    backed.sudo("install -D -o keeper -g keeper -m 600 keeper.pub /home/keeper/.ssh/authorized_keys")
    host = " ".join(backed.sudo("cat /etc/ssh/ssh_host_ed25519_key.pub").split()[:2])
    spec = {"repository": "sftp:keeper@127.0.0.1:/home/keeper/backups", "private_key": private, "host_key": host}
    (warning,) = set_up(backed, **{**spec, "host_key": " ".join(other.split()[:2])}).data()["warnings"]
    assert "is on a server with another host key than launchpad:backup.host_key" in warning
    assert set_up(backed, **spec).data()["warnings"] == []
    assert now(backed).data()["state"] == "green"
    backed.sudo("rm /home/keeper/.ssh/authorized_keys")
    assert "refuses launchpad:backup.private_key" in now(backed).err
    assert private.splitlines()[1] not in backed.sudo("journalctl --no-pager -o cat")


def test_a_bucket_is_used_whose_policy_lets_the_machine_delete_nothing(backed: Lab) -> None:
    with append_only.bucket() as bucket:
        tunnel = [*backed.ssh_words, "-O", "forward", "-R", f"127.0.0.1:5999:127.0.0.1:{bucket.port}", backed.address]
        subprocess.run(tunnel, check=True, capture_output=True)
        spec = {"repository": "s3:http://127.0.0.1:5999/shop/prod", **append_only.KEYS, "owner": "other/prod"}
        done = set_up(backed, **spec)
        assert "The app app is backed up by the stack shop/prod already, and this is other/prod." in done.err
        mine = {**spec, "owner": OWNER}
        assert set_up(backed, **mine, keep={}).data()["warnings"] == []
        as_app(backed, "echo in a bucket >note")
        assert now(backed).data()["state"] == "green"
        as_app(backed, "echo later >note")
        assert backed.run("sudo launchpad-agent backup drill --app app --json").data()["state"] == "green"
        assert restore(backed).data()["app"] == "app"
        assert backed.get() == (200, "in a bucket\n")
        assert (state(backed), bucket.refused) == (("green", ""), [])
        assert (len(bucket.names("snapshots")), bucket.names("locks")) == (1, [])
        # The machine of somebody who expects it to remove old ones says what is wrong, and the new one is there.
        set_up(backed, **mine, keep={"last": 1}).data()
        done = now(backed)
        assert (done.code, state(backed)[0], len(bucket.names("snapshots"))) == (1, "red", 2)
        assert REFUSED in done.err
        assert REFUSED in state(backed)[1]
        assert bucket.refused
        set_up(backed, **mine, keep={}).data()
        assert now(backed).data()["state"] == "green"
        whole = {"schema": SCHEMA, "apps": ["app"], "password": PASSWORD, **mine}
        set_up(backed, owner=OWNER).data()
        as_app(backed, "echo later >note")
        assert restore(backed, "", "--of app --spec", feed=json.dumps(whole)).data()["app"] == "app"
        assert backed.get() == (200, "in a bucket\n")


def test_what_is_taken_back_leaves_nothing_but_the_repository(backed: Lab) -> None:
    where = "find /etc /usr/local/bin /var/lib/launchpad /var/lib/systemd/timers /var/cache /run/launchpad /srv/app"
    ours = ("*launchpad-backup*", "backup.d", "backup-*", "unpacked")
    named = f"{where} -maxdepth 3 ( {' -o '.join(f'-name {each}' for each in ours)} )"
    named = named.replace("*", "\\*").replace("(", "\\(").replace(")", "\\)")
    set_up(backed).data()
    now(backed).data()
    assert backed.run("systemctl is-active 'launchpad-backup.shop:prod.timer'").out == "active\n"
    assert backed.run("sudo launchpad-agent verify --app app").code == 0
    assert "/etc/launchpad/backup.d" in backed.sudo(named)
    done = backed.run("sudo launchpad-agent backup settings --remove --owner shop/prod").data()
    assert done["packages"][:1] == ["restic"]
    assert backed.sudo(named) == ""
    assert "backup" not in backed.sudo("systemctl list-units --all --plain --no-legend '*launchpad*'")
    assert backed.run("getent passwd launchpad-backup").out == ""
    assert backed.run(f"sudo test -e {FOLDER}/config").code == 0
    assert backed.serving()["backup"] is None
