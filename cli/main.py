"""The launchpad command put together; what its commands do is in the modules beside this one."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated

import typer

from cli import data_commands, database_commands, machine_commands, output, stack_commands
from cli.failure import Failure
from cli.project import here

app = typer.Typer(
    help="Takes a Python web app from a git repository to a running machine, and looks after it there.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(stack_commands.app)
app.add_typer(stack_commands.branches, name="branch")
app.add_typer(machine_commands.app)
app.add_typer(database_commands.app)
app.add_typer(database_commands.files, name="db")
app.add_typer(machine_commands.backup_app, name="backup")
app.add_typer(data_commands.app, name="data")


def version() -> str:
    """Our version, as pyproject.toml says."""
    import tomllib  # noqa: PLC0415 - late: 0.02 s

    return str(tomllib.loads((here().root / "pyproject.toml").read_text())["project"]["version"])


def _show_version(asked: bool) -> None:
    if asked:
        print(f"launchpad {version()}")
        raise typer.Exit


@app.callback()
def _launchpad(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Options of the command itself."""


def main() -> None:
    """Run the command that was typed, and exit with its status."""
    try:
        app(prog_name="launchpad")
    except Failure as failure:
        if str(failure):
            output.note(f"launchpad: {failure}")
        sys.exit(failure.status)
    except FileNotFoundError as error:
        output.note(f"launchpad: {error.filename} is not here. See: {output.command('doctor')}")
        sys.exit(127)
    except BrokenPipeError:  # nobody reads this any more
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(128 + signal.SIGPIPE)
    except OSError as error:
        output.note(f"launchpad: {error.filename or 'this computer'}: {error.strerror or error}")
        sys.exit(1)
