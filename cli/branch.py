"""Preview stacks: a branch on its own machine, with the settings of another stack."""

from __future__ import annotations

import re

from cli import config, destroy, output, process, source, up
from cli.failure import Failure
from cli.stack import NAMESPACE, Stack, without_salt


def stack_name(branch: str) -> str:
    """The stack that a branch gets: ``preview-``, and the branch in letters that a stack's name may have.

    Raises:
        Failure: There is no branch, or nothing is left of its name then.
    """
    if not branch:
        raise Failure("name the branch, such as feature/x")
    slug = re.sub(r"[^A-Za-z0-9]+", "-", branch).strip("-").lower()
    if not slug:
        raise Failure(f"branch {branch} has no letter or digit to name a stack by")
    return f"preview-{slug}"


def bring_up(base: Stack, branch: str, *, as_json: bool = False) -> None:
    """Deploy a branch as a separate stack, with the current settings of stack ``base``.

    Raises:
        Failure: The branch does not exist, and nothing was created; or the deployment failed.
    """
    preview = Stack(base.project, stack_name(branch))
    _refuse_several_apps(base)
    _refuse_the_same_machine(base)
    base.project.setup()
    new = not preview.file.is_file()
    source.check(config.of_stack(base if new else preview), branch)
    if new:
        _copy_settings(base, preview)
    preview.ensure()
    preview.configure("set", f"{NAMESPACE}:revision", branch)
    if new and keeps_data(preview):
        preview.configure("set", f"{NAMESPACE}:on_destroy", "delete")
    up.up(preview, (), as_json=as_json)
    output.note(f"To take it away again: {output.command('branch', 'down', branch)}")


def keeps_data(stack: Stack) -> bool:
    """Whether a destroy of the stack keeps its data, or is refused for it. A branch's data goes with the branch."""
    return stack.setting("on_destroy") != "delete" and (not stack.is_local or bool(stack.setting("on_destroy")))


def _refuse_several_apps(base: Stack) -> None:
    """Refuse a branch of a stack whose apps may be of several repositories.

    Raises:
        Failure: The stack has several apps.
    """
    if base.named_apps:
        init = output.command("init", "REPOSITORY", "--app", "NAME", "--set", "revision=BRANCH", "--stack", "STACK")
        raise Failure(f"stack {base.name} names its apps in {NAMESPACE}:apps. Give the branch of one a stack: {init}")


def _refuse_the_same_machine(base: Stack) -> None:
    """Refuse a branch that would take the place of the app itself, and take it away with it.

    Raises:
        Failure: The branch would be deployed to the same machine.
    """
    from infra.machines.registry import is_given  # noqa: PLC0415 - late: only this asks

    if is_given(base.machine):
        init = output.command("init", "REPOSITORY", "--machine", base.machine, "--app", f"{base.app}-branch")
        raise Failure(
            f"a branch would take the place of {base.app} on the same {base.machine}. Give it a stack, a name and a "
            f"port of its own: {init} --set http_port=8081 --set revision=BRANCH --stack NAME"
        )


def _copy_settings(base: Stack, preview: Stack) -> None:
    text = base.file.read_text() if base.file.is_file() else ""
    if "secure:" in text:  # another stack has another key, so Pulumi has to encrypt anew
        base.ensure()
        preview.ensure()
        if code := process.run(["pulumi", "config", "cp", "--stack", base.name, "--dest", preview.name]):
            raise Failure(status=code)
        return
    preview.file.write_text(without_salt(text))
    preview.ensure()


def take_down(base: Stack, branch: str) -> None:
    """Remove a branch's stack and its settings file."""
    preview = Stack(base.project, stack_name(branch))
    destroy.destroy(preview, (), again=base.command("branch", "up", branch))
    preview.file.unlink(missing_ok=True)
