"""The commands about the app's database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from cli import database, machine_commands, remote
from cli.options import PLAIN_WORDS, AppName, StackName, chosen

app = typer.Typer()
files = typer.Typer(help="Save the app's database to a file, or load one.", no_args_is_help=True)


@app.command("psql", context_settings=PLAIN_WORDS)
def psql_command(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[ARGS]...", help="After --, such as: -- -c 'select 1'")
    ] = None,
    stack: StackName = "dev",
    app_name: AppName = "",
) -> None:
    """Open psql in the app's database, as the app."""
    tty = machine_commands.has_terminal()
    line = ["--who", remote.who(), "--with-database", *(["--tty"] if tty else []), "--", "psql", *(words or [])]
    sys.exit(remote.run(chosen(stack), app_name, "run", *line, tty=tty))


@files.command("dump")
def dump_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file.", show_default=False)],
    stack: StackName = "dev",
    app_name: AppName = "",
) -> None:
    """Save the app's database to a file, in PostgreSQL's custom form. The app goes on."""
    database.dump(chosen(stack), app_name, database.typed(file))


@files.command("load")
def load_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A dump in the custom form.", show_default=False)],
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Keep it although the app is not healthy with it.")] = False,
    stack: StackName = "dev",
    app_name: AppName = "",
) -> None:
    """Replace the app's database by a dump. If that fails, or the app is not healthy with it, it stays as it was."""
    database.load(chosen(stack), app_name, database.typed(file), sure=yes, keep=keep)
