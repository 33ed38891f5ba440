"""Creating, starting and removing a machine. Every step checks the current state first, so that it can be repeated."""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager
from pathlib import Path

from infra.common import atomic
from infra.machines.embedded import (
    base,
    cgroup,
    container,
    data,
    disk,
    forwards,
    growth,
    locks,
    memory,
    mounts,
    network,
    recipe,
    record,
    rules,
    seed,
)
from infra.machines.embedded.record import Record
from infra.machines.embedded.requests import Ensure, Place, Resume
from infra.machines.embedded.shell import MachineError, progress, run
from infra.machines.embedded.sizes import show
from infra.machines.embedded.volume import DATA, Volume
from infra.protocol import codec


def network_lock() -> AbstractContextManager[int]:
    """Lock what the machines of this computer share: addresses and NAT."""
    return locks.held(locks.DIRECTORY / "host.lock", "the network")


def make(place: Place, request: Ensure) -> Record:
    """Create a machine with an empty disk, without starting it."""
    spec, machines = request.spec, place.machines
    machine = Record(
        id=request.id,
        owner=request.owner,
        suite=spec.suite,
        memory=spec.memory,
        cpus=spec.cpus,
        disk=spec.disk,
        firewall=spec.firewall,
        host_key=spec.host_key,
        authorized_key=spec.authorized_key,
    )
    machine.base = str(base.provide(place.cache, recipe.of_this_computer(machine.suite, dict(place.proxies))))
    progress(f"creating machine {machine.id}")
    machine.instance_id = record.new_token("i")
    with network_lock():
        machine.link = str(network.allocate(machines, machine.id))
        record.save(machines, machine)
    enter(machines, machine)
    disk.make(machines, machine, container.USERS)
    root = disk.mount(machines, machine)
    contents = seed.files(machine.instance_id, request.hostname, request.user_data)
    seed.plant(root, contents, container.USERS)
    environment = "".join(f"{name}={value}\n" for name, value in place.proxies)
    (root / "etc/environment").write_text(environment)
    machine.made = True
    record.save(machines, machine)
    return machine


def enter(machines: Path, machine: Record) -> None:
    """Enter a new mount namespace, shared by this driver and the machine that it starts; it ends with both."""
    code = [Path(path) for path in (*sys.path, sys.prefix, sys.base_prefix) if path]
    mounts.enter([record.directory(machines, machine.id), data.place(machines, machine.id), Path(machine.base), *code])


def enlarge(machines: Path, machine: Record, size: int, volume: Volume) -> str:
    """Grow one of the machine's disks, unless it has the size already; returns why it cannot grow, or nothing."""
    if size == volume.recorded(machine):
        return ""
    try:
        growth.grow(machines, machine, size, volume)
    except MachineError as error:
        return f"{error} The machine runs; the size of its disk is still {show(volume.recorded(machine))}."
    machine = keep_size(machine, size, volume)
    record.save(machines, machine)
    return ""


def keep_size(machine: Record, size: int, volume: Volume) -> Record:
    """Write the size of a disk into the machine's record."""
    if volume is DATA:
        machine.data_disk = size
    else:
        machine.disk = size
    return machine


def attach_data(machines: Path, machine: Record, size: int) -> None:
    """Give a machine a disk for data that has none; it is stopped if it runs, and the caller starts it.

    Raises:
        MachineError: The disk cannot be made, or has another size.
    """
    if machine.data_disk or not size:
        return
    data.provide(machines, machine, size, container.USERS)
    machine.data_disk = data.size(machines, machine.id)
    if container.is_running(machine):
        progress("restarting the machine, which gets a disk for data")
        container.stop(machines, machine)
    record.save(machines, machine)


def adopt(machines: Path, machine: Record, request: Ensure) -> None:
    """Apply the settings that can change while the machine runs, except for the disk."""
    spec = request.spec
    limits = cgroup.Limits(spec.memory, spec.cpus)
    if container.is_running(machine) and limits != cgroup.Limits(machine.memory, machine.cpus):
        cgroup.apply(machine.id, limits)
    machine.memory, machine.cpus = spec.memory, spec.cpus
    machine.firewall, machine.owner = spec.firewall, request.owner
    record.save(machines, machine)


def prepare_to_resume(place: Place, machine: Record) -> None:
    """Write the request that starts the machine again when it restarts from inside."""
    request = {"place": codec.dump(place), "request": codec.dump(Resume(machine.id))}
    file = record.directory(place.machines, machine.id) / container.RESUME
    atomic.replace(file, json.dumps(request).encode(), 0o600)


def start(machines: Path, machine: Record, *, reboots: bool = False) -> None:
    """Make sure that the machine runs and has its network and its firewall.

    Args:
        machines: The machines directory.
        machine: The machine.
        reboots: Whether it restarts by itself, which is no new boot for those who look from outside.
    """
    names = network.resolver_file()
    place = record.directory(machines, machine.id)
    (place / "resolv.conf").write_text(names)
    (place / "resolv.conf").chmod(0o644)
    memory.tell(machines, machine)
    was_stopped = not container.is_running(machine)
    if was_stopped:
        container.kill(machines, machine.id, machine)
        network.disconnect(machine.id)
        with network_lock():
            if not network.is_free(machine):
                machine.link = str(network.allocate(machines, machine.id))
        disk.unmount(machines, machine.id)
        enter(machines, machine)
        disk.mount(machines, machine)
        data.mount(machines, machine)
        if not reboots:
            machine.boot_id = record.new_token("b")
        progress(f"starting machine {machine.id}")
        container.start(machines, machine)
    pid = container.leader(machines, machine)
    try:
        connect(machines, machine, pid, names)
    except (MachineError, OSError):  # its end takes its interface and its files in /proc away
        container.raise_if_ended(machines, machine)  # explains the failure better than the error of the failed step
        raise
    container.wait_until_up(machines, machine, pid)
    if was_stopped:
        progress(f"machine {machine.id} runs at {network.address(machine)}")


def connect(machines: Path, machine: Record, pid: int, names: str) -> None:
    """Make sure that the running machine has its firewall, its link, NAT, and its ports on this computer's loopback."""
    text = rules.ruleset(machine.firewall, network.name_servers(names))
    run(
        [*network.inside(pid), "nft", "-f", "-"], stdin=text
    )  # before the link, so that the machine is never reachable without a firewall
    with network_lock():
        network.enable_nat()
        network.connect(machine, pid)
        forwards.connect(machines, machine)


def remove(machines: Path, name: str, machine: Record | None) -> None:
    """Remove whatever exists of a machine."""
    container.kill(machines, name, machine)
    network.disconnect(name)
    forwards.disconnect(name)
    with network_lock():
        network.disable_nat()
    disk.remove(machines, name)
