"""The cache of an app: its own, there before its release, and what is in it outlives kills, restarts and repairs."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.agent.lab import APP, Lab, Repo

UNIT = "launchpad-app.cache.service"
SOCKET = "/run/launchpad-cache/app/redis.sock"
CACHE: dict[str, Any] = {"kind": "redis", "memory": 16 * 2**20}
FILES: dict[str, str | None] = {
    "Procfile": "web: gunicorn app:app\nrelease: python ask.py\n",
    "ask.py": "import os, socket\n"
    "connection = socket.socket(socket.AF_UNIX)\n"
    "connection.connect(os.environ['REDIS_URL'].removeprefix('unix://'))\n"
    "connection.sendall(b'SET released yes\\r\\n')\n"
    "print('the cache says', connection.recv(99).decode().strip())\n",
}


def redis(lab: Lab, command: str, user: str = APP, where: str = f"-s {SOCKET}") -> str:
    """What the cache, or another server, answers to a command of somebody's."""
    done = lab.run(f"sudo -u {user} redis-cli {where} {command}")
    return f"{done.out}{done.err}".strip()


def pid(lab: Lab) -> str:
    return lab.sudo(f"systemctl show {UNIT} --property=MainPID --value").strip()


def until(lab: Lab, command: str, answer: str, where: str = f"-s {SOCKET}") -> None:
    """Wait for an answer of the cache, or of another server."""
    end = time.monotonic() + 60
    while (found := redis(lab, command, where=where)) != answer:
        assert time.monotonic() < end, found
        time.sleep(0.1)


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """An app whose release asks the cache."""
    repo = Repo.of("flask", tmp_path_factory.mktemp("asking") / "flask")
    repo.commit("one", FILES)
    return repo


def test_it_is_there_before_the_first_release_and_preparing_again_changes_nothing(lab: Lab, asking: Repo) -> None:
    assert lab.prepare(cache=CACHE).data()["changed"] == ["packages", "cache"]
    first = pid(lab)
    assert lab.prepare(cache=CACHE).data()["changed"] == []
    done = lab.deploy(asking, "one", uses_cache=True)
    assert done.code == 0, done.err
    assert "the cache says +OK" in done.err
    assert (redis(lab, "get released"), pid(lab)) == ("yes", first)
    listening = lab.sudo("ss -Hltnp")
    assert "redis" not in listening, "it has no port"
    assert lab.run("systemctl cat redis-server.service").code != 0, "Debian's own is not there"


def test_its_state_and_its_log_are_shown(lab: Lab) -> None:
    assert "  cache        active (running)\n" in lab.sudo(f"launchpad-agent status --app {APP}")
    assert lab.serving()["cache"]["state"] == "active"
    lab.sudo(f"systemd-analyze security --no-pager --threshold=15 {UNIT}")  # as closed as the app itself
    log = lab.sudo(f"launchpad-agent logs --app {APP} --process cache")
    assert " app-cache[" in log
    assert "Ready to accept connections" in log


def test_no_other_user_reaches_it(lab: Lab) -> None:
    for user in ("nobody", "deploy"):
        assert f"Could not connect to Redis at {SOCKET}: Permission denied" in redis(lab, "ping", user)


def test_what_is_queued_outlives_a_kill_and_another_size(lab: Lab) -> None:
    redis(lab, "rpush queue job")
    assert redis(lab, "waitaof 1 0 30000") == "1\n0"
    killed = pid(lab)
    lab.sudo(f"kill -9 {killed}")
    until(lab, "lrange queue 0 -1", "job")
    assert pid(lab) != killed
    assert lab.prepare(cache={**CACHE, "memory": 12 * 2**20}).data()["changed"] == ["cache"]
    assert redis(lab, "config get maxmemory") == "maxmemory\n12582912"
    assert redis(lab, "lrange queue 0 -1") == "job"


def test_a_full_one_drops_what_expires_and_never_a_job(lab: Lab) -> None:
    text = "$(head -c 10000 /dev/zero | tr '\\0' x)"
    filling = f"sudo -u {APP} redis-benchmark -s {SOCKET} -q -n 3000 -r 1000000"
    lab.run(f"{filling} setex page:__rand_int__ 1000 {text}")
    evicted = redis(lab, "info stats").partition("evicted_keys:")[2].split()[0]
    assert int(evicted) > 1000
    assert redis(lab, "lrange queue 0 -1") == "job"
    refused = lab.run(f"{filling} set job:__rand_int__ {text}")
    assert "OOM command not allowed when used memory > 'maxmemory'" in refused.out + refused.err
    assert redis(lab, "lrange queue 0 -1") == "job"
    assert redis(lab, "flushall") == "OK"


def test_what_somebody_changes_is_found_and_put_back(lab: Lab) -> None:
    redis(lab, "rpush queue job")
    lab.sudo(f"systemctl disable --now --quiet {UNIT}")
    lab.sudo(f"sed -i s/volatile-lru/allkeys-random/ /etc/systemd/system/{UNIT}")
    found = lab.run(f"sudo launchpad-agent verify --app {APP}").out
    assert f"/etc/systemd/system/{UNIT}" in found
    assert f"unit {UNIT}" in found
    repaired = lab.run(f"sudo launchpad-agent repair --app {APP}")
    assert repaired.code == 0, repaired.err
    assert lab.run(f"sudo launchpad-agent verify --app {APP}").code == 0
    assert redis(lab, "config get maxmemory-policy") == "maxmemory-policy\nvolatile-lru"
    assert redis(lab, "lrange queue 0 -1") == "job"


def test_a_hostile_app_stops_its_own_cache_at_most(lab: Lab) -> None:
    for place in ("ln -s /root /srv/app/data/.redis", "mkfifo /srv/app/data/.redis"):
        lab.sudo(f"systemctl stop {UNIT}")
        lab.sudo("mv /srv/app/data/.redis /srv/app/data/aside")
        lab.sudo(f"setpriv --reuid=app --regid=app --clear-groups {place}")
        done = lab.prepare(cache=CACHE)
        assert done.code == 1
        assert f"error: The cache (launchpad:cache) does not start: {UNIT} is " in done.err
        assert lab.marker() == "one"
        lab.sudo("rm /srv/app/data/.redis")
        lab.sudo("mv /srv/app/data/aside /srv/app/data/.redis")
    assert lab.prepare(cache=CACHE).code == 0
    assert redis(lab, "lrange queue 0 -1") == "job"


def test_without_it_the_app_is_told_none_and_what_it_held_stays(lab: Lab) -> None:
    done = lab.prepare()
    assert done.data()["changed"] == ["cache"]
    assert f"stopping {UNIT}; what it held stays in /srv/app/data/.redis" in done.err
    refused = lab.run(f"sudo launchpad-agent restart --app {APP}")
    assert "This machine has no cache for the app (launchpad:cache): pulumi up" in refused.err
    assert lab.sudo("ls /run/launchpad-cache").strip() == ""
    assert lab.prepare(cache=CACHE).code == 0
    assert redis(lab, "lrange queue 0 -1") == "job"


def test_a_server_elsewhere_is_asked_before_anything_is_built(lab: Lab, asking: Repo) -> None:
    asking.commit("two", {"Procfile": "web: gunicorn app:app\n"})
    server = "@/usr/bin/redis-check-rdb redis-server --port 7000 --requirepass canary --save"
    lab.sudo(f"sh -c 'printf \"[Service]\\nExecStart={server}\\n\" >/run/systemd/system/elsewhere.service'")
    lab.sudo("systemctl start elsewhere")
    until(lab, "-p 7000 --no-auth-warning -a canary ping", "PONG", "")
    refused = lab.deploy(
        asking,
        "two",
        env={"DATABASE_URL": "postgres://me:canary@127.0.0.1/shop", "BROKER_URL": "redis://127.0.0.1:7000"},
        secrets={"REDIS_URL": "redis://:canary@127.0.0.1:7000", "CACHE_REDIS_URL": "redis://:other@127.0.0.1:7000"},
    )
    assert refused.code == 1
    assert refused.err.partition("error: ")[2].splitlines() == [
        "The app cannot use a server that its variables name.",
        "launchpad:env.BROKER_URL: 127.0.0.1:7000 wants a password, and the URL has none",
        "launchpad:env.DATABASE_URL: 127.0.0.1:5432 is this machine itself, where nothing listens on that port; a server "
        "on your computer is elsewhere",
        "launchpad:secrets.CACHE_REDIS_URL: 127.0.0.1:7000 refuses the password in the URL",
        "To deploy without asking them: launchpad:check_services false",
    ]
    assert "canary" not in refused.err
    assert "build:" not in refused.err
    assert lab.marker() == "one"
    good = lab.deploy(asking, "two", secrets={"REDIS_URL": "redis://:canary@127.0.0.1:7000"})
    assert good.code == 0, good.err
    lab.sudo("systemctl stop elsewhere")
    asleep = {"REDIS_URL": "redis://:canary@127.0.0.1:7000", "NEW": "1"}
    assert lab.deploy(asking, "two", secrets=asleep).code == 1
    assert lab.deploy(asking, "two", secrets=asleep, check_services=False).code == 0
