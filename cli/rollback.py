"""Rolling back: the machine switches first, then Pulumi records it and applies the rest."""

from __future__ import annotations

import json
import re

from cli import config, history, output, process, remote, source, up
from cli.failure import Failure
from cli.stack import NAMESPACE, Stack

COMMIT = re.compile(r"[0-9a-f]{40}")
KEY = f"{NAMESPACE}:revision"


def rollback(stack: Stack, wanted: str, app: str = "", *, as_json: bool = False) -> None:
    """Go back to the previous release, or to the revision that is wanted.

    What is still built serves again at once, with the settings that it had; ``up`` then brings today's settings to it.
    The rest goes the whole way.

    Raises:
        Failure: There is nothing to go back to, or it did not work; with what to do.
    """
    app = remote.login(stack, app).app
    key = f"--path {NAMESPACE}:apps.{app}.revision" if app in stack.named_apps else KEY
    deployments: list[history.Deployment] = json.loads(remote.ask(stack, app, "releases", "--json"))
    target = history.choose(deployments, wanted)
    if not any(each["revision"] == target for each in deployments):
        _check(stack, app, target)
    built = history.is_built(deployments, target)
    about = "still on the machine" if built else "not on the machine, so it is built"
    output.note(f"launchpad: rolling back to {target}, {about}")
    set_it = f"pulumi config set --stack {stack.name} {key}"
    if built and remote.run(stack, app, "rollback", "--revision", target, "--who", remote.who(), quiet=True):
        raise Failure(
            f"the rollback on the machine failed (see above). To deploy {target} with the current settings: "
            f"{set_it} {target}, then {stack.command('up')}"
        )
    before = _revision(stack, app)
    stack.configure("set", *key.split(), target)
    try:
        up.up(stack, (), as_json=as_json, back=True)
    except Failure as failure:
        if built:
            raise
        if str(failure):
            output.note(f"launchpad: {failure}")
        _put_back(stack, key, before)
        raise Failure(f"{target} was not deployed; {key.removeprefix('--path ')} is unchanged") from None
    if not before or COMMIT.fullmatch(before):
        output.note(
            f"To follow the branch again: pulumi config rm --stack {stack.name} {key}, then {stack.command('up')}"
        )
    else:
        output.note(f"To follow {before} again: {set_it} {before}, then {stack.command('up')}")


def _check(stack: Stack, app: str, revision: str) -> None:
    """See that the repository has a revision that the machine's history does not know.

    Raises:
        Failure: It does not, and nothing has been changed.
    """
    try:
        source.check(config.of_app(config.of_stack(stack), app), revision)
    except Failure as failure:
        raise Failure(f"no release of the machine is {revision!r}, and {failure}") from None


def _revision(stack: Stack, app: str) -> str:
    """The revision that the stack's file says for an app, itself or for all of them; empty for none."""
    if app not in stack.named_apps:
        return stack.setting("revision")
    entry = stack.settings()["apps"][app] or {}
    return str(entry.get("revision") or "")


def _put_back(stack: Stack, key: str, before: str) -> None:
    words = ["set", *key.split(), before] if before else ["rm", *key.split()]
    process.run(["pulumi", "config", *words, "--stack", stack.name])
