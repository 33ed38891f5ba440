"""The options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.project import here
from cli.stack import DEFAULT, Stack

STARTS = ("up", "preview", "refresh", "init", "doctor", "trust")
"""The commands for a stack that need not be up."""


def _stacks(context: typer.Context) -> list[str]:
    """The stacks that the command can be for, for the shell to complete: those that are up, or have settings."""
    project = here()
    there = {state.stem for state in (project.state / ".pulumi/stacks").glob("*/*.json")}
    if context.info_name in STARTS or not project.has_own_backend:
        there |= {
            file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in project.root.glob("Pulumi.*.yaml")
        }
    return sorted(there)


StackName = Annotated[
    str,
    typer.Option(
        "--stack",
        "-s",
        metavar="NAME",
        envvar="STACK",
        help="The stack.",
        callback=lambda name: name or DEFAULT,
        autocompletion=_stacks,
    ),
]


def _apps(context: typer.Context) -> list[str]:
    """The apps that the command can be for, for the shell to complete."""
    stack = chosen(context.params.get("stack") or DEFAULT)
    return stack.named_apps or [stack.app]


AppName = Annotated[
    str,
    typer.Option(
        "--app",
        "-a",
        metavar="NAME",
        help="The app, in a stack with several.",
        autocompletion=_apps,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
PASSES_ON = {"allow_extra_args": True, "ignore_unknown_options": True}
"""For a command whose further options are another program's."""
PLAIN_WORDS = {"allow_interspersed_args": False}
"""For a command that ends with another command: its options begin where that does."""


def chosen(name: str) -> Stack:
    """The stack of that name in this clone."""
    return Stack(here(), name)
