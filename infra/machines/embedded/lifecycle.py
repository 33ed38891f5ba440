"""Making, starting and removing a machine; every step looks first at what is there, so that it can be repeated."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from infra.machines.embedded import (
    base,
    cgroup,
    container,
    disk,
    growth,
    locks,
    mounts,
    network,
    recipe,
    record,
    rules,
    seed,
)
from infra.machines.embedded.record import Record
from infra.machines.embedded.shell import MachineError, progress, run

Request = dict[str, Any]


def network_lock() -> AbstractContextManager[int]:
    """Hold what the machines of this computer share: addresses and the way out."""
    return locks.held(locks.DIRECTORY / "host.lock", "the network")


def make(machines: Path, cache: Path, request: Request) -> Record:
    """A new machine with an empty disk, not running yet."""
    spec = request["spec"]
    kept = {name: spec[name] for name in ("suite", "memory", "cpus", "disk", "firewall", "host_key", "authorized_key")}
    machine = Record(id=request["id"], owner=request["owner"], **kept)
    machine.base = str(base.provide(cache, recipe.of_this_computer(machine.suite, request.get("proxies", {}))))
    progress(f"making machine {machine.id}")
    machine.instance_id = record.new_token("i")
    with network_lock():
        machine.link = str(network.allocate(machines, machine.id))
        record.save(machines, machine)
    enter(machines, machine)
    disk.make(machines, machine, container.USERS)
    root = disk.mount(machines, machine)
    contents = seed.files(machine.instance_id, request["hostname"], request["user_data"])
    seed.plant(root, contents, container.USERS)
    environment = "".join(f"{name}={value}\n" for name, value in sorted(request.get("proxies", {}).items()))
    (root / "etc/environment").write_text(environment)
    machine.made = True
    record.save(machines, machine)
    return machine


def enter(machines: Path, machine: Record) -> None:
    """What this driver mounts from now on is seen by it and by the machine that it starts, and gone when both are."""
    code = [Path(one) for one in (*sys.path, sys.prefix, sys.base_prefix) if one]
    mounts.enter([record.directory(machines, machine.id), Path(machine.base), *code])


def enlarge(machines: Path, machine: Record, size: int) -> MachineError | None:
    """The machine's disk has a size, which is more than it had; gives what keeps it from growing."""
    if size == machine.disk:
        return None
    try:
        growth.grow(machines, machine, size)
    except MachineError as error:
        return error
    machine.disk = size
    record.save(machines, machine)
    return None


def adopt(machines: Path, machine: Record, request: Request) -> None:
    """Take over what the request says and the machine can change while it runs, but its disk."""
    spec = request["spec"]
    limits = cgroup.Limits(spec["memory"], spec["cpus"])
    if container.is_running(machine) and limits != cgroup.Limits(machine.memory, machine.cpus):
        cgroup.apply(machine.id, limits)
    machine.memory, machine.cpus = spec["memory"], spec["cpus"]
    machine.firewall, machine.owner = spec["firewall"], request["owner"]
    record.save(machines, machine)


def start(machines: Path, machine: Record) -> None:
    """The machine runs, with its cable and its rules; what does so already is left alone."""
    names = network.resolver_file()
    place = record.directory(machines, machine.id)
    (place / "resolv.conf").write_text(names)
    (place / "resolv.conf").chmod(0o644)
    fresh = not container.is_running(machine)
    if fresh:
        container.kill(machines, machine.id, machine)
        network.unplug(machine.id)
        with network_lock():
            if not network.is_free(machine):
                machine.link = str(network.allocate(machines, machine.id))
        disk.unmount(machines, machine.id)
        enter(machines, machine)
        disk.mount(machines, machine)
        machine.boot_id = record.new_token("b")
        progress(f"starting machine {machine.id}")
        container.start(machines, machine)
    pid = container.leader(machines, machine)
    try:
        connect(machine, pid, names)
    except MachineError:
        container.raise_if_ended(machines, machine)  # a better explanation than what it was that failed without it
        raise
    container.wait_until_up(machines, machine, pid)
    if fresh:
        progress(f"machine {machine.id} runs at {network.address(machine)}")


def connect(machine: Record, pid: int, names: str) -> None:
    """The running machine has its rules, its cable and a way out."""
    text = rules.ruleset(machine.firewall, network.name_servers(names))
    run([*network.inside(pid), "nft", "-f", "-"], stdin=text)  # before the cable: never reachable without rules
    with network_lock():
        network.open_way_out()
        network.plug_in(machine, pid)


def remove(machines: Path, name: str, machine: Record | None) -> None:
    """Nothing of a machine is left, whatever there was of it."""
    container.kill(machines, name, machine)
    network.unplug(name)
    with network_lock():
        network.close_way_out()
    disk.remove(machines, name)
