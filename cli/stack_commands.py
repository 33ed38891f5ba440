"""The commands that deploy, change and remove a stack."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cli import adopt, branch, clean, destroy, engine, output, remote, rollback, up
from cli.failure import Failure
from cli.options import PASSES_ON, AppName, Json, StackName, chosen

app = typer.Typer()
branches = typer.Typer(help="Deploy a branch to its own machine, or remove it.", no_args_is_help=True)
Branch = Annotated[str, typer.Argument(metavar="BRANCH", help="The branch, such as feature/cart.")]


@app.command("up", context_settings=PASSES_ON)
def up_command(context: typer.Context, stack: StackName = "dev", as_json: Json = False) -> None:
    """Deploy the app and print its URL. Further options go to pulumi up."""
    up.up(chosen(stack), context.args, as_json=as_json)


@app.command("preview", context_settings=PASSES_ON)
def preview_command(context: typer.Context, stack: StackName = "dev") -> None:
    """Show what up would change. Further options (--diff, --json) go to pulumi preview."""
    up.ready(chosen(stack))
    if context.args:
        sys.exit(engine.passed_on(chosen(stack), "preview", *context.args))
    engine.preview(chosen(stack))


@app.command("refresh", context_settings=PASSES_ON)
def refresh_command(context: typer.Context, stack: StackName = "dev") -> None:
    """Compare the state with the real resources and update it. Further options go to pulumi refresh."""
    up.ready(chosen(stack))
    sys.exit(engine.passed_on(chosen(stack), "refresh", "--yes", "--skip-preview", *context.args))


@app.command("adopt", context_settings=PASSES_ON)
def adopt_command(context: typer.Context, stack: StackName = "dev") -> None:
    """Take over a machine with its data after the state was lost. Further options go to pulumi up."""
    adopt.adopt(chosen(stack), context.args)


@app.command("destroy", context_settings=PASSES_ON)
def destroy_command(
    context: typer.Context,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing.")] = False,
    stack: StackName = "dev",
) -> None:
    """Remove the stack and its machine. Asks first, and says what becomes of its data. Caches stay.

    Further options go to pulumi destroy.
    """
    if not yes and not destroy.confirmed(chosen(stack)):
        raise typer.Abort
    destroy.destroy(chosen(stack), context.args)


@app.command("clean")
def clean_command(stack: StackName = "dev") -> None:
    """Remove the caches and all that this clone made. Only after the last destroy."""
    clean.clean(chosen(stack).project)


@app.command("rollback")
def rollback_command(
    revision: Annotated[
        str,
        typer.Argument(
            metavar="[REVISION]", help="A release, a commit or its prefix, a tag; default: the previous release."
        ),
    ] = "",
    stack: StackName = "dev",
    app_name: AppName = "",
    as_json: Json = False,
) -> None:
    """Roll back to the previous release, or to another one."""
    rollback.rollback(chosen(stack), revision, app_name, as_json=as_json)


@app.command("outputs", context_settings=PASSES_ON)
def outputs_command(context: typer.Context, stack: StackName = "dev") -> None:
    """Print the stack's outputs as JSON, or the value of one."""
    words = [word for word in context.args if word != "--json"]
    sys.exit(engine.passed_on(chosen(stack), "stack output", "--json", *words))


@app.command("url")
def url_command(stack: StackName = "dev", app_name: AppName = "", as_json: Json = False) -> None:
    """Print the app's URL."""
    outputs = chosen(stack).outputs()
    apps = outputs.get("apps") or {}
    name = remote.choose(chosen(stack), sorted(apps), app_name) if apps else ""
    url = apps[name]["url"] if name else outputs.get("url")
    if as_json:
        output.data({"url": url})
    else:
        print(url)


@app.command("doctor")
def doctor_command(stack: StackName = "dev", as_json: Json = False) -> None:
    """Check this computer and the stack's config. The exit status is 1 if up would fail."""
    from cli import doctor  # noqa: PLC0415 - late: it imports what it looks at

    doctor.doctor(chosen(stack), as_json=as_json)


@app.command("init")
def init_command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="[REPOSITORY]",
            help="A path or a URL. With it nothing is asked: its files decide, and every decision is shown.",
        ),
    ] = "",
    *,
    repository: Annotated[str, typer.Option(metavar="PATH or URL", help="The app's git repository.")] = "",
    name: Annotated[str, typer.Option("--app", metavar="NAME", help="The app's name.")] = "",
    machine: Annotated[str, typer.Option(metavar="KIND", help="Kind of machine, such as ec2.")] = "",
    domain: Annotated[str, typer.Option(metavar="HOST", help="Host name; turns on HTTPS.")] = "",
    more: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Another key, such as embedded.memory=2G. Repeatable."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace what the stack's settings say otherwise.")] = False,
    stack: StackName = "dev",
    as_json: Json = False,
) -> None:
    """Write a stack's settings, from a repository or answers. Checks them before anything is written."""
    from cli import init, init_repository  # noqa: PLC0415 - late: only this writes settings

    named = {"repository": repository, "app": name, "machine": machine, "domain": domain}
    given = {key: value for key, value in named.items() if value} | init.pairs(more or [])
    if source and repository:
        raise Failure("the repository is given twice: as REPOSITORY and by --repository")
    if source:
        init_repository.init_repository(chosen(stack), source, given, force=force, as_json=as_json)
    else:
        init.init(chosen(stack), given, as_json=as_json)


@app.command("trust")
def trust_command(
    host: Annotated[str, typer.Argument(metavar="HOST", help="Name or IPv4 address of the server.")],
    *,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port of its SSH; default: 22.", show_default=False)
    ] = 0,
    user: Annotated[str, typer.Option("--user", metavar="NAME", help="User to log in as; default: root.")] = "",
    jump: Annotated[str, typer.Option("--jump", metavar="[USER@]HOST[:PORT]", help="SSH server on the way.")] = "",
    fingerprint: Annotated[str, typer.Option(metavar="SHA256:...", help="The only fingerprint that is accepted.")] = "",
    jump_fingerprint: Annotated[str, typer.Option(metavar="SHA256:...", help="The same of the jump host.")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; the fingerprint has to be given.")] = False,
    stack: StackName = "dev",
    as_json: Json = False,
) -> None:
    """Show a server's host key, to compare and trust. The stack's settings get it once you say yes."""
    from cli import trust  # noqa: PLC0415 - late: only this writes settings

    asked = trust.Asked(host.lower(), port, user, jump, fingerprint, jump_fingerprint, yes)
    trust.trust(chosen(stack), asked, as_json=as_json)


@branches.command("up")
def branch_up_command(name: Branch, stack: StackName = "dev", as_json: Json = False) -> None:
    """Deploy the branch as a stack of its own. It gets the current settings of --stack."""
    branch.bring_up(chosen(stack), name, as_json=as_json)


@branches.command("down")
def branch_down_command(name: Branch, stack: StackName = "dev") -> None:
    """Remove the branch's stack and its settings file."""
    branch.take_down(chosen(stack), name)
