"""Maintenance of embedded machines outside of Pulumi: build the base image, list machines, remove them."""

from __future__ import annotations

import argparse
import sys

from infra.machines.embedded import client
from infra.machines.embedded.recipe import SUITES
from infra.machines.embedded.requests import Adopt, CleanCache, ListMachines, ListUsers, ProvideBase, Sweep
from infra.machines.embedded.shell import MachineError
from infra.machines.embedded.state import MachineState


def base(options: argparse.Namespace) -> str:
    """Build the base image, unless it is in the cache."""
    image = client.ask(ProvideBase(options.suite))
    return f"base image: {'cached' if image.cached else 'built'}, {image.directory}"


def clean(options: argparse.Namespace) -> str:  # noqa: ARG001
    """Remove base images from the cache, except those that a machine uses."""
    kept = client.ask(CleanCache()).images
    return "".join(f"kept {image}: a machine uses it\n" for image in kept).rstrip()


def show(options: argparse.Namespace) -> str:  # noqa: ARG001
    """List the machines on this computer."""
    return "\n".join(line(machine) for machine in client.ask(ListMachines()).machines)


def in_use(options: argparse.Namespace) -> str:  # noqa: ARG001
    """List the machines that use a base image of this cache."""
    return "\n".join(line(machine) for machine in client.ask(ListUsers()).machines)


def line(machine: MachineState) -> str:
    """Format a machine as one line of text."""
    owner = machine.owner
    owned_by = f"{owner.project or '?'}/{owner.stack or '?'}  {owner.clone or '?'}"
    return f"{machine.id}  {machine.state:8}{machine.address:16}{owned_by}"


def sweep(options: argparse.Namespace) -> str:
    """Remove this clone's machines of a stack, including those that Pulumi does not know."""
    removed = client.ask(Sweep(str(client.ROOT), options.project, options.stack)).machines
    return "".join(f"removed machine {machine}\n" for machine in removed).rstrip()


def adopt(options: argparse.Namespace) -> str:
    """Let the next run of a stack take over its machines, whose keys its state has lost."""
    return "\n".join(
        line(found) for found in client.ask(Adopt(str(client.ROOT), options.project, options.stack)).machines
    )


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
