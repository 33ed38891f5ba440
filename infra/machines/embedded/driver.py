"""The program that makes, heals and removes machines. It runs as root; everything else asks it.

``python -m infra.machines.embedded.driver VERB``, a JSON request on stdin, a JSON answer on stdout, progress on
stderr. Exit 1 comes with ``{"error": "..."}``. Every verb may be repeated, and may be killed at any moment: the next
one finishes or undoes what it began. Only the standard library is imported, so that it starts at once.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.machines.embedded import base, container, disk, growth, lifecycle, locks, network, recipe, record, sources
from infra.machines.embedded.record import Record
from infra.machines.embedded.shell import MachineError, keep_telling, progress
from infra.machines.embedded.sizes import show

Answer = dict[str, Any]
PROGRAMS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "nft": "nftables",
    "ip": "iproute2",
    "mkfs.ext4": "e2fsprogs",
    "resize2fs": "e2fsprogs",
    "losetup": "mount",
    "nsenter": "util-linux",
}


def ensure(request: Answer) -> Answer:
    """The machine exists, runs, and has the requested firewall, memory, processors and disk size."""
    machines, cache = Path(request["machines"]), Path(request["cache"])
    check_programs()
    with locks.held(locks.DIRECTORY / f"{request['id']}.lock", f"machine {request['id']}"):
        machine = record.load(machines, request["id"])
        if machine is None or not disk.is_whole(machines, machine):
            lifecycle.remove(machines, request["id"], machine)
            machine = lifecycle.make(machines, cache, request)
        refuse_other_keys(machine, request["spec"])
        growth.refuse_to_shrink(machines, machine, request["spec"]["disk"])
        failure = lifecycle.enlarge(machines, machine, request["spec"]["disk"])
        lifecycle.adopt(machines, machine, request)
        lifecycle.start(machines, machine)
        if failure:
            raise MachineError(f"{failure} The machine runs; its disk has {show(machine.disk)} as before.")
        return describe(machines, machine)


def refuse_other_keys(machine: Record, spec: Answer) -> None:
    """Raise MachineError for a machine that nobody with these keys could ever log in to."""
    if (machine.host_key, machine.authorized_key) != (spec["host_key"], spec["authorized_key"]):
        raise MachineError(
            f"Machine {machine.id} is there already, with keys that this stack's state does not have: an earlier state "
            "has made it, and is gone. Nothing was changed. `make destroy` removes it, with everything that is on it."
        )


def destroy(request: Answer) -> Answer:
    """The machine is gone; so it may have been before."""
    machines = Path(request["machines"])
    with locks.held(locks.DIRECTORY / f"{request['id']}.lock", f"machine {request['id']}"):
        there = record.directory(machines, request["id"]).exists()
        if there:
            progress(f"removing machine {request['id']}")
        lifecycle.remove(machines, request["id"], record.load(machines, request["id"]))
    return {"removed": there}


def inspect(request: Answer) -> Answer:
    """How a machine is; with ``check``, also what would keep it from being made, or its disk from growing."""
    machines = Path(request["machines"])
    machine = record.load(machines, request["id"])
    if machine is None or not disk.is_whole(machines, machine):
        return {"state": "absent", "problems": obstacles(request) if request.get("check") else []}
    wanted = request["spec"].get("disk", machine.disk) if request.get("check") else machine.disk
    problems = []
    if wanted > machine.disk:
        try:
            growth.check(machines, machine, wanted)
        except MachineError as error:
            problems.append(str(error))
    return {**describe(machines, machine), "problems": problems, "restarts_to_grow": not growth.may_resize()}


def obstacles(request: Answer) -> list[str]:
    """What keeps machines from being made on this computer."""
    try:
        check_programs()
        place = existing(Path(request["machines"]))
        disk.need_space(place, disk.SPARE)
        disk.need_room(place, request["spec"].get("disk", 0))
        suite = request["spec"]["suite"]
        if not base.directory(Path(request["cache"]), recipe.of_this_computer(suite, {})).is_dir():
            disk.need_space(existing(Path(request["cache"])), base.SPACE)
    except MachineError as error:
        return [str(error)]
    return []


def existing(place: Path) -> Path:
    """The nearest directory upwards that is there."""
    return next(one for one in (place, *place.parents) if one.is_dir())


def check_programs() -> None:
    """Raise MachineError that names what is not installed, and how to install it."""
    missing = sorted({package for program, package in PROGRAMS.items() if not shutil.which(program, path=PATH)})
    if not Path(sources.KEYRING).exists():
        missing.append("debian-archive-keyring")
    if missing:
        raise MachineError(
            f"The machine needs programs that are not installed. Run: apt-get install {' '.join(missing)}"
        )


PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def describe(machines: Path, machine: Record) -> Answer:
    """A machine as answers show it."""
    running = container.is_running(machine)
    return {
        "id": machine.id,
        "engine": machine.engine,
        "state": "running" if running else "stopped",
        "owner": machine.owner,
        "suite": machine.suite,
        "memory": machine.memory,
        "cpus": machine.cpus,
        "disk": growth.size(machines, machine),
        "base": machine.base,
        "firewall": machine.firewall,
        "host_key": machine.host_key,
        "authorized_key": machine.authorized_key,
        "address": network.address(machine),
        "instance_id": machine.instance_id,
        "boot_id": machine.boot_id if running else "",
        "directory": str(record.directory(machines, machine.id)),
    }


def enumerate_machines(request: Answer) -> Answer:
    """Every machine below the machines directory."""
    machines = Path(request["machines"])
    return {"machines": [summary(machines, name, one) for name, one in record.every(machines)]}


def summary(machines: Path, name: str, one: Record | None) -> Answer:
    """A machine in a list, however much of it there is."""
    return describe(machines, one) if one and one.link else {"id": name, "state": "broken"}


def sweep(request: Answer) -> Answer:
    """No machine of an owner (``clone``, ``project``, ``stack``) is left, known to Pulumi or not."""
    machines = Path(request["machines"])
    wanted = request["owner"]
    names = [
        name
        for name, one in record.every(machines)
        if one and all(one.owner.get(key) == value for key, value in wanted.items())
    ]
    for name in names:
        destroy({**request, "id": name})
    return {"removed": names}


def provide_base(request: Answer) -> Answer:
    """The base image is in the cache."""
    check_programs()
    one = recipe.of_this_computer(request["suite"], request.get("proxies", {}))
    cached = base.directory(Path(request["cache"]), one).is_dir()
    return {"directory": str(base.provide(Path(request["cache"]), one)), "cached": cached}


def clean(request: Answer) -> Answer:
    """No base image is in the cache, but those that machines stand on."""
    return {"kept": base.clean(Path(request["cache"]), {one.base for one in standing(request)})}


def users_of_the_cache(request: Answer) -> Answer:
    """The machines that stand on a base image of the cache."""
    machines = Path(request["machines"])
    return {"machines": [summary(machines, one.id, one) for one in standing(request)]}


def standing(request: Answer) -> list[Record]:
    """The records of the machines whose base image is in the cache."""
    cache = Path(request["cache"])
    return [one for _, one in record.every(Path(request["machines"])) if one and base.is_in(cache, one.base)]


VERBS: dict[str, Callable[[Answer], Answer]] = {
    "base": provide_base,
    "clean": clean,
    "destroy": destroy,
    "ensure": ensure,
    "inspect": inspect,
    "list": enumerate_machines,
    "in-use": users_of_the_cache,
    "sweep": sweep,
}


def main() -> int:
    """Do what the command line and stdin ask for."""
    os.umask(0o022)
    keep_telling()
    try:
        verb = VERBS[sys.argv[1]]
        answer, status = verb(json.load(sys.stdin)), 0
    except MachineError as error:
        answer, status = {"error": str(error)}, 1
    except OSError as error:
        answer, status = {"error": f"{error.strerror}: {error.filename or 'the machine'}"}, 1
    except KeyboardInterrupt:
        answer, status = {"error": "Interrupted. The next run finishes or removes what was begun."}, 130
    print(json.dumps(answer))
    return status


if __name__ == "__main__":
    sys.exit(main())
