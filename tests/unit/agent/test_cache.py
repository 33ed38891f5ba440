"""The unit of an app's cache, and what the app is told of it."""

from dataclasses import replace
from pathlib import Path

import pytest

from infra.agent.process import environments
from infra.agent.process.environments import Tree
from infra.agent.services import cache, cache_unit
from infra.agent.system import manifest
from infra.agent.system.layout import UNITS, App
from infra.protocol.services import Cache
from infra.protocol.specs import DeploySpec, Source

SHOP = App("shop")
MB = 2**20


@pytest.mark.parametrize(
    ("machine", "share"), [(128 * MB, 32), (256 * MB, 32), (512 * MB, 64), (1024 * MB, 128), (64 * 1024 * MB, 1024)]
)
def test_a_cache_takes_an_eighth_of_the_machine_within_limits(machine: int, share: int) -> None:
    assert cache_unit.memory(machine) == share * MB


def test_the_unit_has_a_socket_and_no_port_and_is_in_the_apps_sandbox() -> None:
    text = cache_unit.text(SHOP, Cache("redis"), 1024 * MB)
    command = text.split("ExecStart=")[1].partition("\nTimeout")[0].replace(" \\\n ", "")
    assert command == (
        "@/usr/bin/redis-check-rdb redis-server "
        "--port 0 --unixsocket /run/launchpad-cache/shop/redis.sock --unixsocketperm 700 "
        "--maxmemory 134217728 --maxmemory-policy volatile-lru "
        '--dir /srv/shop/data/.redis --appendonly yes --appendfsync everysec --save "" '
        '--daemonize no --supervised systemd --logfile ""'
    )
    lines = text.splitlines()
    for line in (
        *("User=shop", "Group=shop", "Type=notify", "Restart=always", "RuntimeDirectory=launchpad-cache/shop"),
        *("RuntimeDirectoryMode=0700", "ProtectSystem=strict", "ReadWritePaths=/srv/shop/data", "PrivateNetwork=yes"),
        *("RestrictAddressFamilies=AF_UNIX", "NoNewPrivileges=yes", "RequiresMountsFor=/srv/shop/data"),
        "ExecStartPre=/usr/bin/mkdir -p -m 0700 /srv/shop/data/.redis",
    ):
        assert lines.count(line) == 1, line


def test_what_is_set_is_in_the_unit() -> None:
    text = cache_unit.text(SHOP, Cache("redis", 64 * MB, "noeviction"), 1024 * MB)
    assert "--maxmemory 67108864 --maxmemory-policy noeviction" in text


def test_the_app_gets_its_address_only_if_it_has_one() -> None:
    spec = DeploySpec("shop", Source("pushed"))
    tree = Tree("r1", "ab" * 20, Path("/srv/shop/releases/r1"), Path("/srv/shop/python/venvs/v1"))
    assert "REDIS_URL" not in environments.release(SHOP, spec, tree)
    found = environments.release(SHOP, replace(spec, uses_cache=True), tree)
    assert found["REDIS_URL"] == "unix:///run/launchpad-cache/shop/redis.sock"


def test_the_unit_is_this_apps_alone() -> None:
    unit = str(UNITS / SHOP.cache_unit)
    assert manifest.belongs(unit, SHOP)
    assert not manifest.belongs(unit, App("shop-cache"))
    assert not manifest.belongs(str(UNITS / App("shop-cache").cache_unit), SHOP)


def test_the_package_brings_no_daemon_of_its_own() -> None:
    assert (cache.packages(Cache("redis")), cache.packages(Cache())) == (("redis-tools",), ())
