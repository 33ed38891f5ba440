"""The commands about disks for data: which there are, and which of them a stack begins with."""

from __future__ import annotations

from typing import Annotated

import typer

from cli import data_disks, output
from cli.options import Json, StackName, chosen

app = typer.Typer(no_args_is_help=True, help="List the disks for data that stacks left, and hand one over.")


@app.command("list")
def list_command(stack: StackName = "dev", as_json: Json = False) -> None:
    """List the disks for data and the snapshots of all stacks.

    On this computer, or in the region of a stack at AWS.
    """
    found = data_disks.listed(chosen(stack))
    if as_json:
        output.data([each.as_data() for each in found])
        return
    print("\n".join(data_disks.table(found)) if found else "none")


@app.command("adopt")
def adopt_command(
    source: Annotated[str, typer.Argument(metavar="ID", help="As data list shows it.", show_default=False)],
    *,
    abandoned: Annotated[
        bool, typer.Option("--abandoned", help="Even of a clone that is gone; its machine is removed.")
    ] = False,
    stack: StackName = "dev",
) -> None:
    """Give the stack a disk that nobody uses, or a snapshot.

    Its next up begins with a disk that has that data.
    """
    output.note(data_disks.adopt(chosen(stack), source, abandoned=abandoned))
