"""The commands that ask the stack's machine: its app's state, log and shell."""

from __future__ import annotations

import os
import sys
from typing import Annotated, Literal

import typer

from cli import backups, machine_status, maintenance, process, remote, verify
from cli.options import PLAIN_WORDS, AppName, Json, StackName, chosen
from infra.protocol.maintenance import RETRY_AFTER

app = typer.Typer()
backup_app = typer.Typer(no_args_is_help=True, help="Take backups of what the apps keep, list them, prove them.")
Lines = Annotated[int, typer.Option("--lines", "-n", min=0, help="Number of past lines.")]
Process = Annotated[
    str,
    typer.Option(
        "--process",
        "-p",
        metavar="NAME",
        help="web, proxy, cache, run, cron.NAME, or a process of the Procfile.",
        autocompletion=lambda: ["web", "proxy", "run"],
    ),
]


@app.command("status")
def status_command(stack: StackName = "dev", app_name: AppName = "", as_json: Json = False) -> None:
    """Show which release serves, and its processes. Of all apps, unless one is named."""
    sys.exit(machine_status.show(chosen(stack), app_name, as_json=as_json))


@app.command("verify")
def verify_command(stack: StackName = "dev", app_name: AppName = "", as_json: Json = False) -> None:
    """Compare the machine with what was deployed on it. Each difference is a line; with any the exit status is 1."""
    sys.exit(verify.show(chosen(stack), app_name, as_json=as_json))


@app.command("releases")
def releases_command(
    stack: StackName = "dev",
    app_name: AppName = "",
    runs: Annotated[bool, typer.Option("--runs", help="Also list the commands of run.")] = False,
    as_json: Json = False,
) -> None:
    """List all deployments: release, time, user, result."""
    sys.exit(remote.run(chosen(stack), app_name, "releases", *(["--runs"] if runs else []), *_json(as_json)))


@app.command("logs")
def logs_command(
    *,
    stack: StackName = "dev",
    app_name: AppName = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Follow new lines until Ctrl-C.")] = False,
    since: Annotated[str, typer.Option(metavar="TIME", help="Such as 2h, yesterday, or 2026-05-01 12:00.")] = "",
    grep: Annotated[str, typer.Option("--grep", "-g", metavar="REGEX", help="Only lines that match.")] = "",
    process_name: Process = "",
    release: Annotated[
        str, typer.Option("--release", "-r", metavar="RELEASE", help="Only lines of this release.")
    ] = "",
    lines: Lines = 100,
    as_json: Json = False,
) -> None:
    """Show the app's log."""
    chosen_by = {"--process": process_name, "--release": release, "--since": since, "--grep": grep}
    words = [word for option, value in chosen_by.items() if value for word in (option, value)]
    words += ["--lines", str(lines), *(["--follow"] if follow else []), *_json(as_json)]
    with process.interrupts() as pressed:
        code = remote.run(chosen(stack), app_name, "logs", *words)
    sys.exit(0 if follow and pressed.count else code)  # Ctrl-C is how one stops following


@app.command("run", context_settings=PLAIN_WORDS)
def run_command(
    command: Annotated[
        list[str], typer.Argument(metavar="COMMAND...", help="After --, such as: -- python manage.py migrate")
    ],
    stack: StackName = "dev",
    app_name: AppName = "",
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Leave the command running on the machine.")] = False,
) -> None:
    """Run a command in the serving release. It has the app's environment, user, sandbox and virtualenv."""
    tty = not detach and has_terminal()
    words = [*_who(), *(["--detach"] if detach else []), *(["--tty"] if tty else []), "--", *command]
    sys.exit(remote.run(chosen(stack), app_name, "run", *words, tty=tty))


@app.command("console")
def console_command(stack: StackName = "dev", app_name: AppName = "") -> None:
    """Open the app's shell. It is that of manage.py if there is one, otherwise Python."""
    sys.exit(remote.run(chosen(stack), app_name, "console", *_who(), tty=has_terminal()))


@app.command("restart")
def restart_command(
    process_name: Annotated[str, typer.Argument(metavar="[PROCESS]", help="Only this one; else all.")] = "",
    stack: StackName = "dev",
    app_name: AppName = "",
    as_json: Json = False,
) -> None:
    """Restart the app without a pause. The same release starts with the same settings in the other slot."""
    words = [*_who(), *(["--process", process_name] if process_name else [])]
    sys.exit(remote.run(chosen(stack), app_name, "restart", *words, quiet=not as_json))


@app.command("maintenance")
def maintenance_command(
    *,
    state: Annotated[Literal["on", "off"] | None, typer.Argument(help="Nothing, to ask.", show_default=False)] = None,
    message: Annotated[str, typer.Option("--message", "-m", metavar="TEXT", help="What visitors read.")] = "",
    retry_after: Annotated[
        str, typer.Option(metavar="TIME", help="When they are asked to come again, such as 90s, 10m, 2h.")
    ] = f"{RETRY_AFTER}s",
    stack: StackName = "dev",
    app_name: AppName = "",
    as_json: Json = False,
) -> None:
    """Close the site for maintenance (on), or open it (off). Visitors get a page and status 503."""
    words: list[str] = [state] if state else []
    if state == "on":
        words += [f"--message={message}", f"--retry-after={maintenance.retry_after(retry_after)}"]
    maintenance.switch(chosen(stack), app_name, *words, as_json=as_json)


@app.command("job")
def job_command(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The job, as in launchpad status.")],
    stack: StackName = "dev",
    app_name: AppName = "",
) -> None:
    """Run a scheduled job now. Its schedule goes on as before."""
    sys.exit(remote.run(chosen(stack), app_name, "job", name))


@app.command("cancel")
def cancel_command(
    stack: StackName = "dev",
    app_name: AppName = "",
    everything: Annotated[bool, typer.Option("--all", help="Those that wait for it, too.")] = False,
) -> None:
    """Stop the deployment that is under way. One that has switched already goes on."""
    sys.exit(remote.run(chosen(stack), app_name, "cancel", *(["--all"] if everything else [])))


@backup_app.command("now")
def backup_now_command(stack: StackName = "dev", app_name: AppName = "", as_json: Json = False) -> None:
    """Back up the stack's apps now, and prove it. It ends when the backup has been restored and compared."""
    sys.exit(remote.run(chosen(stack), _any(stack, app_name), "backup", "now", *_json(as_json)))


@backup_app.command("list")
def backup_list_command(stack: StackName = "dev", app_name: AppName = "", as_json: Json = False) -> None:
    """List an app's backups, and how the last one went."""
    sys.exit(remote.run(chosen(stack), app_name, "backup", "list", *_json(as_json)))


@backup_app.command("drill")
def backup_drill_command(stack: StackName = "dev", app_name: AppName = "", as_json: Json = False) -> None:
    """Restore the newest backups into a scratch directory now, and compare them."""
    sys.exit(remote.run(chosen(stack), _any(stack, app_name), "backup", "drill", *_json(as_json)))


@app.command("restore")
def restore_command(
    *,
    snapshot: Annotated[str, typer.Argument(metavar="[SNAPSHOT]", help="As in backup list; else the newest.")] = "",
    stack: StackName = "dev",
    app_name: AppName = "",
    into: Annotated[
        str, typer.Option("--into", metavar="STACK", help="Restore into another stack, which has to be up.")
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Put a backup in the place of an app's data. The app stops meanwhile, and keeps its data if that fails."""
    target = chosen(into) if into and into != stack else None
    sys.exit(backups.restore(chosen(stack), app_name, snapshot, target, yes=yes, as_json=as_json))


@app.command("ssh", context_settings=PLAIN_WORDS)
def ssh_command(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="[COMMAND]...", help="After --, for the machine's shell to run.")
    ] = None,
    stack: StackName = "dev",
) -> None:
    """Log in to the machine, or run a command there."""
    words = [*remote.reach(chosen(stack)).ssh, *(command or [])]
    os.execvp(words[0], words)


def has_terminal() -> bool:
    """Whether a person types and reads here."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def _any(stack: str, app_name: str) -> str:
    """The app that is named, or any of the stack's where it is about all of them."""
    return app_name or remote.reach(chosen(stack)).apps[0]


def _json(wanted: bool) -> list[str]:
    return ["--json"] if wanted else []


def _who() -> list[str]:
    return ["--who", remote.who()]
