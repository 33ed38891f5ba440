"""Maintenance of embedded machines outside of Pulumi: build the base image, list machines, remove them."""

from __future__ import annotations

import argparse
import sys

from infra.machines.embedded import client
from infra.machines.embedded.recipe import SUITES
from infra.machines.embedded.requests import Adopt, CleanCache, ListMachines, ListUsers, ProvideBase, Sweep
from infra.machines.embedded.shell import MachineError
from infra.machines.embedded.sizes import show as show_size
from infra.machines.embedded.state import DataState, MachineState, Owner


def base(options: argparse.Namespace) -> str:
    """Build the base image, unless it is in the cache."""
    image = client.ask(ProvideBase(options.suite))
    return f"base image: {'cached' if image.cached else 'built'}, {image.directory}"


def clean(options: argparse.Namespace) -> str:  # noqa: ARG001
    """Remove base images from the cache, except those that a machine uses."""
    kept = client.ask(CleanCache()).images
    return "".join(f"kept {image}: a machine uses it\n" for image in kept).rstrip()


def show(options: argparse.Namespace) -> str:  # noqa: ARG001
    """List the machines on this computer, and the disks for data."""
    found = client.ask(ListMachines())
    return "\n".join([*map(line, found.machines), *map(disk_line, found.disks)])


def in_use(options: argparse.Namespace) -> str:  # noqa: ARG001
    """List the machines that use a base image of this cache."""
    return "\n".join(line(machine) for machine in client.ask(ListUsers()).machines)


def line(machine: MachineState) -> str:
    """Format a machine as one line of text."""
    return f"{machine.id}  {machine.state:8}{machine.address:16}{owned_by(machine.owner)}"


def disk_line(disk: DataState) -> str:
    """Format a disk for data as one line of text."""
    kept = f"kept on {disk.kept}" if disk.kept else "in use"
    size = f"{show_size(disk.used)} of {show_size(disk.size)}"
    return f"{disk.id}  data    {size:16}{owned_by(disk.owner)}  {disk.image}  {kept}"


def owned_by(owner: Owner) -> str:
    """Format an owner as text."""
    return f"{owner.project or '?'}/{owner.stack or '?'}  {owner.clone or '?'}"


def sweep(options: argparse.Namespace) -> str:
    """Remove this clone's machines of a stack, including those that Pulumi does not know, and its disks for data."""
    removed = client.ask(Sweep(str(client.ROOT), options.project, options.stack, options.data))
    lines = [f"removed machine {machine}" for machine in removed.machines]
    return "\n".join([*lines, *(f"removed the disk for data of machine {disk}" for disk in removed.disks)])


def adopt(options: argparse.Namespace) -> str:
    """Let the next run of a stack take over its machines, whose keys its state has lost."""
    found = client.ask(Adopt(str(client.ROOT), options.project, options.stack))
    return "\n".join([*map(line, found.machines), *map(disk_line, found.disks)])


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m infra.machines.embedded", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for verb, name in (
        (base, "base"),
        (clean, "clean"),
        (show, "list"),
        (in_use, "in-use"),
        (sweep, "sweep"),
        (adopt, "adopt"),
    ):
        verbs.add_parser(name, help=verb.__doc__, description=verb.__doc__).set_defaults(verb=verb)
    verbs.choices["base"].add_argument("--suite", default=SUITES[0], choices=SUITES)
    for name in ("sweep", "adopt"):
        verbs.choices[name].add_argument("--stack", required=True)
        verbs.choices[name].add_argument("--project", default="launchpad")
    text = "remove the disks for data, too, that were kept when the stack was destroyed"
    verbs.choices["sweep"].add_argument("--data", action="store_true", help=text)
    options = parser.parse_args()
    try:
        text = options.verb(options)
    except MachineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    if text:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
