"""The driver: the program that creates, repairs and removes machines. It is the only part that runs as root.

Usage: ``python -m infra.machines.embedded.driver VERB``. It reads a place and a request from stdin (requests.py),
prints an answer to stdout (answers.py) and progress to stderr. It exits with 1 if the answer is
``Failed``. Every verb may be repeated, and may be killed at any time: the next run completes or undoes what it began.
The driver imports only the standard library, so that it starts quickly.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.common import garbage
from infra.machines.embedded import (
    adoption,
    base,
    computer,
    container,
    data,
    data_verbs,
    disk,
    growth,
    lifecycle,
    locks,
    network,
    recipe,
    record,
)
from infra.machines.embedded.answers import BaseImage, Checked, Failed, Kept, Machines, Removed, Swept
from infra.machines.embedded.record import Record
from infra.machines.embedded.requests import (
    Adopt,
    AdoptData,
    Check,
    ClaimData,
    CleanCache,
    Destroy,
    Ensure,
    Inspect,
    InspectData,
    ListMachines,
    ListUsers,
    Place,
    ProvideBase,
    ReleaseData,
    Resume,
    Sweep,
)
from infra.machines.embedded.shell import MachineError, fall_silent, progress, repeat_progress
from infra.machines.embedded.state import MachineState, Owner
from infra.machines.embedded.volume import DATA, SYSTEM
from infra.protocol import codec
from infra.protocol.codec import Message


def ensure(place: Place, request: Ensure) -> MachineState:
    """Make sure that the machine exists, runs, and has the requested firewall, memory, processors and disk size."""
    machines = place.machines
    computer.check_programs()
    with locks.held(locks.DIRECTORY / f"{request.id}.lock", f"machine {request.id}"):
        if request.spec.data_disk:
            found = data.load(machines, request.id)
            owner = request.data_owner if request.data_owner != Owner() else request.owner
            data.claim(machines, request.id, owner, on_destroy=found.on_destroy if found else "")
        machine = record.load(machines, request.id)
        data_verbs.refuse_size(machines, machine, request)
        if machine is None or not disk.is_whole(machines, machine):
            lifecycle.remove(machines, request.id, machine)
            machine = lifecycle.make(place, request)
        adopts = adoption.is_due(machine, request)
        growth.refuse_to_shrink(machines, machine, request.spec.disk)
        lifecycle.attach_data(machines, machine, request.spec.data_disk)
        failures = [lifecycle.enlarge(machines, machine, request.spec.disk, SYSTEM)]
        failures += [lifecycle.enlarge(machines, machine, request.spec.data_disk, DATA)]
        lifecycle.adopt(machines, machine, request)
        lifecycle.prepare_to_resume(place, machine)
        lifecycle.start(machines, machine)
        if adopts:
            adoption.change_keys(machines, machine, request)
        if failure := " ".join(filter(None, failures)):
            raise MachineError(failure)
        return describe(machines, machine)


def resume(place: Place, request: Resume) -> MachineState:
    """Start a machine that restarts from inside: the process that supervises it asks for that, and no person."""
    with locks.held(locks.DIRECTORY / f"{request.id}.lock", f"machine {request.id}"):
        machine = whole(place, request.id)
        if machine is None:
            return MachineState("absent")
        lifecycle.start(place.machines, machine, reboots=True)
        return describe(place.machines, machine)


def adopt(place: Place, request: Adopt) -> Machines:
    """Let the next run of a stack take over its machines."""
    found = []
    for name, machine in record.every(place.machines):
        if machine is None or not machine.made:
            continue
        owner = machine.owner
        if (owner.clone, owner.project, owner.stack) != (request.clone, request.project, request.stack):
            continue
        with locks.held(locks.DIRECTORY / f"{name}.lock", f"machine {name}"):
            if latest := whole(place, name):
                latest.adoptable = True
                record.save(place.machines, latest)
                found.append(describe(place.machines, latest))
    owner = Owner(request.clone, request.project, request.stack)
    return Machines(
        tuple(found), tuple(data.state(place.machines, each) for each in data.owned_by(place.machines, owner))
    )


def destroy(place: Place, request: Destroy) -> Removed:
    """Make sure that the machine does not exist."""
    machines = place.machines
    with locks.held(locks.DIRECTORY / f"{request.id}.lock", f"machine {request.id}"):
        existed = record.directory(machines, request.id).exists()
        if existed:
            progress(f"removing machine {request.id}")
        lifecycle.remove(machines, request.id, record.load(machines, request.id))
    return Removed((request.id,) if existed else ())


def inspect(place: Place, request: Inspect) -> MachineState:
    """Report the state of a machine."""
    machine = whole(place, request.id)
    return describe(place.machines, machine) if machine else MachineState("absent")


def check(place: Place, request: Check) -> Checked:
    """Report the state of a machine, and what prevents creating it or growing its disk.

    Raises:
        MachineError: The disk for data is somebody else's.
    """
    if request.data_owner != Owner():
        data.owned(place.machines, request.id, request.data_owner)
    machine = whole(place, request.id)
    live = describe(place.machines, machine) if machine else MachineState("absent")
    data_disk, current = request.data_disk, live.data_disk or data.size(place.machines, request.id)
    problems = [] if data_disk is None else data.problems(place.machines, request.id, data_disk, current)
    if machine is None:
        return Checked(live, (*problems, *computer.obstacles(place, request)))
    if (data_disk or 0) > live.data_disk > 0:
        problems += growth.obstacles(place.machines, machine, data_disk or 0, DATA)
    if request.disk > machine.disk:
        problems += growth.obstacles(place.machines, machine, request.disk, SYSTEM)
    return Checked(live, tuple(problems), restarts_to_grow=not growth.may_resize())


def whole(place: Place, name: str) -> Record | None:
    """The record of a machine if the machine is complete; None otherwise."""
    machine = record.load(place.machines, name)
    return machine if machine and disk.is_whole(place.machines, machine) else None


def describe(machines: Path, machine: Record) -> MachineState:
    """Convert a record to the machine's state, as answers show it."""
    running = container.is_running(machine)
    return MachineState(
        state="running" if running else "stopped",
        id=machine.id,
        engine=machine.engine,
        owner=machine.owner,
        suite=machine.suite,
        memory=machine.memory,
        cpus=machine.cpus,
        disk=growth.size(machines, machine),
        data_disk=growth.size(machines, machine, DATA) if machine.data_disk else 0,
        base=machine.base,
        firewall=machine.firewall,
        host_key=machine.host_key,
        authorized_key=machine.authorized_key,
        address=str(network.address(machine)),
        local_ports=machine.local_ports,
        instance_id=machine.instance_id,
        boot_id=machine.boot_id if running else "",
        adoptable=machine.adoptable,
        directory=str(record.directory(machines, machine.id)),
    )


def list_machines(place: Place, request: ListMachines) -> Machines:  # noqa: ARG001 - every verb has this signature
    """List the machines in the machines directory, and the disks for data."""
    machines = tuple(summary(place.machines, name, machine) for name, machine in record.every(place.machines))
    return Machines(machines, *data_verbs.every(place))


def summary(machines: Path, name: str, machine: Record | None) -> MachineState:
    """The state of a machine in a list; ``broken`` if its record is missing or incomplete."""
    return describe(machines, machine) if machine and machine.link else MachineState("broken", name)


def sweep(place: Place, request: Sweep) -> Swept:
    """Remove every machine of a stack, including those that Pulumi does not know, and its disks for data.

    A disk that was kept stays, unless the request says otherwise.
    """
    owner = (request.clone, request.project, request.stack)
    names = [
        name
        for name, machine in record.every(place.machines)
        if machine and (machine.owner.clone, machine.owner.project, machine.owner.stack) == owner
    ]
    for name in names:
        destroy(place, Destroy(name))
    disks = data.owned_by(place.machines, Owner(request.clone, request.project, request.stack))
    for each in disks:
        becomes = "delete" if request.data else "keep" if each.kept else each.on_destroy
        data_verbs.release(place, ReleaseData(each.id, becomes))
    gone = [each.id for each in disks if not data.image(place.machines, each.id).exists()]
    return Swept(tuple(names), tuple(gone))


def provide_base(place: Place, request: ProvideBase) -> BaseImage:
    """Make sure that the base image is in the cache."""
    computer.check_programs()
    image = recipe.of_this_computer(request.suite, dict(place.proxies))
    cached = base.directory(place.cache, image).is_dir()
    return BaseImage(str(base.provide(place.cache, image)), cached)


def clean(place: Place, request: CleanCache) -> Kept:  # noqa: ARG001 - as above
    """Remove the base images that no machine uses from the cache."""
    return Kept(tuple(base.clean(place.cache, {machine.base for machine in users(place)})))


def users_of_the_cache(place: Place, request: ListUsers) -> Machines:  # noqa: ARG001 - as above
    """List the machines that use a base image of the cache."""
    return Machines(tuple(summary(place.machines, machine.id, machine) for machine in users(place)))


def users(place: Place) -> list[Record]:
    """The records of the machines whose base image is in the cache."""
    return [machine for _, machine in record.every(place.machines) if machine and base.is_in(place.cache, machine.base)]


VERBS: dict[str, tuple[type[Message], Callable[[Place, Any], Message]]] = {
    ProvideBase.VERB: (ProvideBase, provide_base),
    CleanCache.VERB: (CleanCache, clean),
    Destroy.VERB: (Destroy, destroy),
    Ensure.VERB: (Ensure, ensure),
    Resume.VERB: (Resume, resume),
    Inspect.VERB: (Inspect, inspect),
    Check.VERB: (Check, check),
    ListMachines.VERB: (ListMachines, list_machines),
    ListUsers.VERB: (ListUsers, users_of_the_cache),
    Sweep.VERB: (Sweep, sweep),
    Adopt.VERB: (Adopt, adopt),
    ClaimData.VERB: (ClaimData, data_verbs.claim),
    InspectData.VERB: (InspectData, data_verbs.inspect),
    AdoptData.VERB: (AdoptData, data_verbs.adopt),
    ReleaseData.VERB: (ReleaseData, data_verbs.release),
}
"""The request class and the handler of each verb."""


def answer(verb: str, message: Any) -> Message:
    """Handle a request.

    Args:
        verb: A key of ``VERBS``.
        message: The parsed JSON from stdin: a map with ``place`` and ``request``.

    Raises:
        MachineError: The request could not be carried out.
        MessageError: The message is malformed.
    """
    cls, handler = VERBS[verb]
    return handler(codec.load(Place, message["place"]), codec.load(cls, message["request"]))


def main() -> int:
    """Handle the request on stdin."""
    os.umask(0o022)
    repeat_progress()
    failed, status = Failed(""), 1
    try:
        print(codec.text(answer(sys.argv[1], json.load(sys.stdin))))
        return 0
    except (MachineError, codec.MessageError) as error:
        failed = Failed(str(error))
    except OSError as error:
        failed = Failed(f"{error.strerror}: {error.filename or 'the machine'}")
    except KeyboardInterrupt:
        failed, status = Failed("Interrupted. The next run completes or removes what was begun."), 130
    finally:
        fall_silent()
    print(codec.text(failed))
    return status


if __name__ == "__main__":
    garbage.overlook_modules()
    sys.exit(main())
