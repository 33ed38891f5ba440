"""What the Makefile and people ask about embedded machines, besides Pulumi: the base image, a list, a sweep."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from infra.machines.embedded import desk
from infra.machines.embedded.recipe import SUITES
from infra.machines.embedded.shell import MachineError


def base(options: argparse.Namespace) -> str:
    """Build the base image, unless it is in the cache."""
    answer = desk.ask("base", suite=options.suite)
    return f"base image: {'cached' if answer['cached'] else 'built'}, {answer['directory']}"


def clean(options: argparse.Namespace) -> str:  # noqa: ARG001
    """Remove base images from the cache; those that a machine stands on stay."""
    kept = desk.ask("clean")["kept"]
    return "".join(f"kept {image}: a machine uses it\n" for image in kept).rstrip()


def show(options: argparse.Namespace) -> str:  # noqa: ARG001
    """List the machines on this computer."""
    return "\n".join(line(one) for one in desk.ask("list")["machines"])


def in_use(options: argparse.Namespace) -> str:  # noqa: ARG001
    """List the machines that stand on a base image of this cache."""
    return "\n".join(line(one) for one in desk.ask("in-use")["machines"])


def line(one: dict[str, Any]) -> str:
    """A machine for people."""
    owner = one.get("owner", {})
    whose = f"{owner.get('project', '?')}/{owner.get('stack', '?')}  {owner.get('clone', '?')}"
    return f"{one['id']}  {one['state']:8}{one.get('address', ''):16}{whose}"


def sweep(options: argparse.Namespace) -> str:
    """Remove this clone's machines of a stack, also those that Pulumi does not know of."""
    owner = {"clone": str(desk.ROOT), "project": options.project, "stack": options.stack}
    return "".join(f"removed machine {one}\n" for one in desk.ask("sweep", owner=owner)["removed"]).rstrip()


def main() -> int:
    """Do what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m infra.machines.embedded", description=__doc__)
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    for verb, name in ((base, "base"), (clean, "clean"), (show, "list"), (in_use, "in-use"), (sweep, "sweep")):
        verbs.add_parser(name, help=verb.__doc__, description=verb.__doc__).set_defaults(verb=verb)
    verbs.choices["base"].add_argument("--suite", default=SUITES[0], choices=SUITES)
    verbs.choices["sweep"].add_argument("--stack", required=True)
    verbs.choices["sweep"].add_argument("--project", default="launchpad")
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
