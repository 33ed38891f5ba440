"""A stack's settings, written from what an app's repository says: nothing is asked, and every decision is shown."""

from __future__ import annotations

import dataclasses
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cli import config, init, output
from cli.failure import Failure
from cli.stack import DEFAULT, NAMESPACE, Stack

if TYPE_CHECKING:
    from infra.app_model.app_folder import Found
    from infra.app_model.unset_variables import Unset
    from infra.deployment.commit_files import CommitFiles
    from infra.deployment.revision import Revision

MOST_OPTIONAL = 5
"""Variables that the app may do without: if there are more, they stand in one line, and no other is lost among them."""


@dataclasses.dataclass(frozen=True)
class Look:
    """What a look at the repository's files tells."""

    revision: Revision
    found: Found
    unset: list[Unset]


def init_repository(
    stack: Stack, typed: str, given: Mapping[str, str], *, force: bool = False, as_json: bool = False
) -> None:
    """Write a stack's settings for a repository.

    Args:
        stack: The stack, which need not be there yet.
        typed: The repository: a path where the command was typed, or a URL.
        given: Values of other keys.
        force: Whether values that are set otherwise are replaced.
        as_json: Whether to print what was written as JSON.

    Raises:
        Failure: The repository cannot be read, something is a mistake, or the stack has other values already.
    """
    from cli import settings_file  # noqa: PLC0415 - with YAML

    settings = stack.settings()
    answers = {"repository": init.repository(typed, stack.project.root, init.typed_in()), **given}
    if not stack.file.is_file() and "app" not in given and (name := app_name(typed)):
        answers["app"] = name
    _refuse(stack, settings, answers, force=force)
    look = _look({**settings, **{key: init.value_of(key, answer) for key, answer in answers.items()}})
    if look.found.directory and str(settings.get("directory") or "") != look.found.directory:
        answers["directory"] = look.found.directory
        _refuse(stack, settings, answers, force=force)
    values = {key: init.value_of(key, answer) for key, answer in answers.items()}
    text = settings_file.with_values(stack.text, values)
    left = init.check({**settings, **values}, text)
    stack.file.write_text(init.not_a_demo(text, {**settings, **values}))
    stack.ensure_in_clone()
    if as_json:
        output.data({"stack": stack.name, "file": stack.file.name, "config": answers, **_data(look)})
        return
    output.note(f"wrote {stack.file.name}: {', '.join(f'{key}={value}' for key, value in answers.items())}")
    for line in report(stack, look, left):
        output.note(line)


def app_name(typed: str) -> str:
    """An app's name for a repository; empty if its own name is not one for an app."""
    from infra.protocol import values  # noqa: PLC0415 - late: most commands need none
    from infra.protocol.refusal import Refusal  # noqa: PLC0415

    last = re.split(r"[/:]", typed.rstrip("/").removesuffix(".git"))[-1]
    if last in ("", ".", ".."):
        last = Path(os.path.abspath(init.typed_in() / typed)).name  # noqa: PTH100 - links stay as they were typed
    try:
        return values.app_name(re.sub(r"[^a-z0-9-]+", "-", last.lower()).strip("-"))
    except Refusal:
        return ""


def _refuse(stack: Stack, settings: Mapping[str, object], answers: Mapping[str, str], *, force: bool) -> None:
    """Refuse to replace values that somebody has set."""
    others = [
        f"\n  - launchpad:{key} is {config.text(settings[key])!r}, not {answer!r}"
        for key, answer in answers.items()
        if key in settings and config.text(settings[key]) != config.text(init.value_of(key, answer))
    ]
    if others and not force:
        raise Failure(
            f"nothing was written, because {stack.file.name} says otherwise:{''.join(others)}\n"
            "To replace that: --force. For a stack of its own: --stack NAME"
        )


def _look(settings: Mapping[str, object]) -> Look:
    """Look at the files of the commit that these settings name."""
    from infra.app_model import app_folder, unset_variables  # noqa: PLC0415 - late: only this command looks
    from infra.app_model.files import AppError  # noqa: PLC0415
    from infra.common import printable  # noqa: PLC0415
    from infra.common.printable import one_line  # noqa: PLC0415
    from infra.config.parse import SettingsError, parse  # noqa: PLC0415
    from infra.deployment import app_plan, specifications  # noqa: PLC0415
    from infra.deployment.repository import RepositoryError  # noqa: PLC0415
    from infra.deployment.specifications import Resolved  # noqa: PLC0415
    from infra.from_settings import app, source  # noqa: PLC0415
    from infra.machines.registry import KINDS  # noqa: PLC0415

    known = config.readable(settings)
    try:
        wanted = parse(known.values, KINDS, known.secret, unfinished=True)
        place = source(wanted)
        revision = place.resolve(wanted.revision)
        environment = Resolved(environment=wanted.env, secrets=wanted.secrets)
        spec = specifications.deploy(app(wanted), place, revision, environment, "")
        with app_plan.files_of(place, revision.sha) as files:
            folder = place.repository.directory

            def files_in(below: str) -> CommitFiles:
                return dataclasses.replace(files, directory="/".join(part for part in (folder, below) if part))

            found = app_folder.find(files_in, spec, below=not wanted.directory)
            unset = unset_variables.find(files_in(found.directory), found.plan, spec) if found.plan else []
    except SettingsError as error:
        lines = "".join(f"\n  - {problem}" for problem in error.problems)
        raise Failure(f"nothing was written, because the settings are invalid:{lines}") from None
    except (RepositoryError, AppError) as error:
        raise Failure(f"nothing was written: {printable.lines(str(error))}") from None
    if found.others:
        raise Failure(
            "nothing was written, because several folders of the repository have an app. Choose one: "
            + " or ".join(f"--set {shlex.quote(one_line(f'directory={other}'))}" for other in found.others)
        )
    return Look(revision, found, unset)


def report(stack: Stack, look: Look, left: Sequence[str] = ()) -> Iterator[str]:
    """What was decided, what is not known, what is ``left`` to do, and what comes next, line by line."""
    from infra.common import printable  # noqa: PLC0415 - late, as above
    from infra.common.printable import one_line  # noqa: PLC0415
    from infra.deployment import what_goes_out  # noqa: PLC0415

    revision, found = look.revision, look.found
    plan = found.plan
    if plan:
        subject = f' "{revision.subject}"' if revision.subject else ""
        yield f"What Launchpad decides for commit {revision.sha[:12]}{subject}:"
        if plan.framework:
            yield f"  framework: {one_line(plan.framework)}"
        if plan.install.kind and not any(decision.subject == "dependencies" for decision in plan.decisions):
            yield f"  dependencies: {one_line(plan.install.kind)}"
        decided = {decision.value for decision in plan.decisions}
        given = {name: command for name, command in plan.processes.items() if command not in decided}
        yield from (f"  {name}: {one_line(command)} (as it is written)" for name, command in given.items())
        yield from (f"  {what_goes_out.decision_line(decision)}" for decision in plan.decisions)
        yield from (f"  note: {one_line(note)}" for note in plan.notes)
    yield from (f"warning: {warning}" for warning in revision.warnings)
    if found.why_not or look.unset:
        yield "What it could not know:"
        yield from (f"  {line}" for line in printable.lines(found.why_not).splitlines())
        if not plan:
            yield f"  To say how it starts: {configure(stack, 'command')} 'gunicorn --bind $HOST:$PORT package:app'"
    optional = [unset for unset in look.unset if not unset.needed]
    for unset in [each for each in look.unset if each.needed or len(optional) <= MOST_OPTIONAL]:
        how = "the app fails without it" if unset.needed else "the app may do without it"
        command = configure(stack, unset.key)
        key, value = unset.on_machine
        run = f"{configure(stack, key)} {value} has the machine run one, or " if key else ""
        yield f"  {unset.name}: {one_line(unset.where)} reads it, and nobody sets it ({how}): {run}{command} VALUE"
    if len(optional) > MOST_OPTIONAL:
        names = ", ".join(unset.name for unset in optional)
        yield f"  nobody sets these, and the app may do without them: {names}"
        yield f"  To set one: {configure(stack, 'env.NAME')} VALUE; a secret: {configure(stack, 'secrets.NAME')} VALUE"
    yield from (f"Still to do: {problem}" for problem in left)
    if found.why_not:
        yield f"Next: mend that (commit what you change), then {stack.command('preview')}"
    else:
        yield f"Next: {stack.command('doctor')}, then {stack.command('up')}"


def configure(stack: Stack, key: str) -> str:
    """The beginning of the command that sets a key."""
    options = [*(["--secret"] if key.startswith("secrets.") else []), *(["--path"] if "." in key else [])]
    other = [] if stack.name == DEFAULT else ["--stack", shlex.quote(stack.name)]
    return " ".join(["pulumi config set", *options, *other, f"{NAMESPACE}:{key}"])


def _data(look: Look) -> dict[str, object]:
    """The same as JSON."""
    plan = look.found.plan
    return {
        "revision": look.revision.sha,
        "framework": plan.framework if plan else "",
        "decisions": [dataclasses.asdict(decision) for decision in plan.decisions] if plan else [],
        "notes": list(plan.notes) if plan else [],
        "unknown": look.found.why_not,
        "unset": [{**dataclasses.asdict(unset), "key": f"{NAMESPACE}:{unset.key}"} for unset in look.unset],
    }
