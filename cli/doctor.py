"""The doctor: what would make ``up`` fail, on this computer and in the stack's config."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from cli import computer, config, output, source
from cli.failure import Failure
from cli.finding import Finding, State, ok, problem, warning
from cli.stack import Stack

if TYPE_CHECKING:
    from infra.deployment.revision import Revision
    from infra.deployment.source import Source

MARKS = {State.OK: "ok", State.WARNING: "note", State.PROBLEM: "PROBLEM"}


def examine(stack: Stack) -> list[Finding]:
    """Everything that was found, the computer first."""
    return [finding for check in (*computer.CHECKS, settings) for finding in check(stack)]


def settings(stack: Stack) -> list[Finding]:
    """The stack's config, and the commit that it names."""
    if not stack.file.is_file():
        return [warning("config", f"no {stack.file.name}: up uses the defaults; to write one: {stack.command('init')}")]
    held = config.of_stack(stack)
    if mistakes := config.mistakes(held, stack.file.read_text()):
        return [problem("config", mistake) for mistake in mistakes]
    apps = [
        finding
        for name in stack.named_apps or [""]
        for finding in _named(name, _revision(stack, _of_app(stack, held, name), name))
    ]
    return [ok("config", stack.file.name), *_machine(held), *apps]


def _of_app(stack: Stack, held: config.Config, name: str) -> config.Config:
    """The config of one of several apps; of a map with something encrypted in it, what can be read here."""
    if not name:
        return held
    return config.of_app(config.readable(stack.settings()) if "apps" in held.unread else held, name)


def _named(app: str, findings: list[Finding]) -> list[Finding]:
    """The findings about one of several apps, told by its name."""
    return [replace(each, about=f"{each.about} {app}") for each in findings] if app else findings


def _machine(held: config.Config) -> list[Finding]:
    """Check what this computer needs to reach the machine."""
    from infra.config.parse import SettingsError, parse  # noqa: PLC0415 - late: only this checks
    from infra.machines.registry import KINDS  # noqa: PLC0415

    if held.unread:  # a key to log in with may be among them
        return []
    try:
        wanted = parse(held.values, KINDS, held.secret)
    except SettingsError:
        return []
    lacking = KINDS[wanted.machine].lacks(wanted)
    return [problem("machine", lacking)] if lacking else []


def _revision(stack: Stack, held: config.Config, name: str = "") -> list[Finding]:
    """Check the commit that ``up`` would deploy, and plan it; a remote repository is not contacted."""
    from infra.deployment import repository  # noqa: PLC0415 - late: git is asked only here

    try:
        app = source.of(held)
        if app.repository.path is None:
            return [ok("repository", f"{app.repository.url}, not contacted")]
        revision = app.resolve(source.values(held)["revision"])
    except repository.RepositoryError as error:
        return [problem("repository", str(error))]
    about = f"{revision.name} is {revision.sha[:12]} {revision.subject}".rstrip()
    warnings = [warning("repository", text) for text in revision.warnings]
    return [
        ok("repository", about),
        *warnings,
        *_plan(_readable(stack, name) if held.unread else held, app, revision),
    ]


def _readable(stack: Stack, name: str) -> config.Config:
    """The stack's config without what cannot be read here, for one of its apps."""
    held = config.readable(stack.settings())
    return config.of_app(held, name) if name else held


def _plan(held: config.Config, app: Source, revision: Revision) -> list[Finding]:
    """Make the plan as ``up`` does, which refuses what could not be deployed."""
    import pulumi  # noqa: PLC0415 - late: only this plans

    from infra import from_settings  # noqa: PLC0415
    from infra.common.printable import one_line  # noqa: PLC0415
    from infra.config.parse import SettingsError, parse  # noqa: PLC0415
    from infra.deployment import app_plan  # noqa: PLC0415
    from infra.machines.registry import KINDS  # noqa: PLC0415

    try:
        wanted = parse(held.values, KINDS, held.secret)
        planned = app_plan.read(from_settings.app(wanted), app, revision, wanted.env, wanted.secrets)
    except SettingsError:  # of values that cannot be read here: the config has been checked
        return []
    except pulumi.RunError as error:
        return [problem("plan", str(error))]
    if planned.why_not:
        return [warning("plan", f"the machine makes it: {planned.why_not}")]
    web = one_line(planned.plan.processes["web"])
    notes = [warning("plan", one_line(note)) for note in planned.plan.notes]
    return [ok("plan", f"{planned.plan.framework or 'web'}: {web}"), *notes]


def lines(findings: Sequence[Finding]) -> list[str]:
    """The findings for people, a line each; what is longer goes on below its beginning."""
    width = max(len(finding.about) for finding in findings)
    below = "\n" + " " * (8 + width + 2)
    return [f"{MARKS[each.state]:8}{each.about:{width}}  {below.join(each.text.splitlines())}" for each in findings]


def doctor(stack: Stack, *, as_json: bool = False) -> None:
    """Print the findings.

    Raises:
        Failure: Something would stop ``up``.
    """
    findings = examine(stack)
    if as_json:
        output.data([asdict(finding) for finding in findings])
    else:
        print("\n".join(lines(findings)), flush=True)
    if any(finding.state is State.PROBLEM for finding in findings):
        raise Failure
