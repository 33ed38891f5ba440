"""Collects Django's static files in the build, with the environment that the app will run with.

Settings read variables such as SECRET_KEY and DATABASE_URL as soon as they are imported, so this step, unlike the
installation, gets the app's variables, its secrets among them: it runs what ``release:`` and web run anyway.
"""

from __future__ import annotations

import functools
import json
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from infra.agent.process import environments, missing_modules, tasks
from infra.agent.process.environments import Tree
from infra.agent.system import files, say, trees
from infra.agent.system.layout import COLLECTOR, App
from infra.app_model.static_words import DISABLED
from infra.protocol.specs import DeploySpec

ERROR = re.compile(r"(?:[a-z_][\w]*\.)*[A-Z]\w*(?:Error|Exception|Configured|Warning|NotFound)\b(?:: .+)?")
"""How Python reports what ended a program."""
MISSING = re.compile(r"KeyError: '(?P<name>[A-Z][A-Z0-9_]*)'|.*?\b(?P<other>[A-Z][A-Z0-9_]+) (?:not found|environment)")
"""How a program reports a variable that is not set: ``os.environ``, and the usual readers of variables."""


@dataclass(frozen=True)
class Collected:
    """What collectstatic has done; by the app's own words, so nothing in it is certain.

    Attributes:
        root: The folder with the files; empty if they went elsewhere.
        url: Where the app expects them.
    """

    root: str = ""
    url: str = ""


@dataclass(frozen=True)
class Work:
    """The release whose files are collected.

    Attributes:
        app: The app.
        spec: The settings.
        tree: The release, with its dependencies installed.
        top: The commit's root directory.
        framework: Variables that the framework needs, as the build plan has them.
    """

    app: App
    spec: DeploySpec
    tree: Tree
    top: Path
    framework: Mapping[str, str] = field(default_factory=dict)


def run(work: Work, command: str, spare: Path) -> Collected:
    """Run collectstatic.

    Args:
        work: The release.
        command: The command, such as ``python manage.py collectstatic --noinput``.
        spare: A folder of the app's for the files, where Django's settings name none in the release.

    Raises:
        Failure: It failed, with the cause and what to do.
        NoSpace: The disk is full.
    """
    app, spec, tree, top = work.app, work.spec, work.tree, work.top
    say.step("static", command)
    words = shlex.split(command)
    python = words.index("python")
    report = spare.with_name(f"{spare.name}.report")
    files.directory(report, 0o700, (spare.stat().st_uid, spare.stat().st_gid))
    env = {
        **environments.release(app, spec, tree, work.framework),
        "LAUNCHPAD_COLLECT_TOP": str(top),
        "LAUNCHPAD_COLLECT_SPARE": str(spare),
        "LAUNCHPAD_COLLECT_REPORT": str(report / "report.json"),
    }
    argv = ["/usr/bin/env", *words[:python], f"{tree.virtualenv}/bin/python", str(COLLECTOR), *words[python + 1 :]]
    task = tasks.Task(
        f"Collecting the static files ({command})",
        argv,
        tree.root,
        env,
        (top, spare, report, app.data),
        spec.build_timeout,
        "launchpad:build_timeout",
        functools.partial(cause, own=trees.entries(tree.root, ".", top)),
    )
    tasks.run(app, task)
    return _read(trees.text(report, "report.json"))


def _read(text: str | None) -> Collected:
    try:
        value = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return Collected()
    if not isinstance(value, dict):
        return Collected()
    return Collected(str(value.get("root", "")), str(value.get("url", "")))


def cause(lines: Sequence[str], own: Collection[str] = ()) -> str:
    """Why collectstatic failed, and what to do.

    Args:
        lines: What it printed.
        own: The names of the files and folders in the app's directory.
    """
    errors = [line for line in lines if ERROR.fullmatch(line)]
    reason = f"{errors[-1].rstrip('.')}. " if errors else ""
    match = MISSING.match(errors[-1]) if errors else None
    name = (match["name"] or match["other"]) if match else ""
    setting = f"If the app needs the variable {name}, set launchpad:env or launchpad:secrets. " if name else ""
    if missing := missing_modules.hint(lines, own):
        setting = f"{missing} "
    return f"{reason}{setting}To build without it, set launchpad:env.{DISABLED} to 1."
