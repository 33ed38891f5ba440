"""Hooks: programs in the app's repository that run on the machine at fixed points of a deployment.

A hook is an executable ``.launchpad/hooks/<name>`` in the app's directory. It runs as the app's user in that directory,
with the release's environment. ``before_build``: the files are there, the virtualenv is not; failing stops the
deployment. ``before_switch``: the new release is healthy and gets no requests yet; failing stops the deployment, and
the old release keeps serving. ``after_switch``: the new release is serving; failing is a warning and undoes nothing.
"""

from __future__ import annotations

import stat
from pathlib import Path

from infra.agent.process import tasks
from infra.agent.system import say, trees
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.protocol import timeouts

NAMES = ("before_build", "before_switch", "after_switch")
FOLDER = ".launchpad/hooks"


def check(root: Path, top: Path | None = None) -> None:
    """Check a release's hooks before anything runs.

    Args:
        root: The app's root directory.
        top: The commit's root directory, if that is another.

    Raises:
        Failure: All mistakes in them, a line for each.
    """
    mistakes = []
    for name, status in trees.entries(root, FOLDER, top).items():
        where, stem = f"{FOLDER}/{name}", name.split(".", 1)[0]
        if name in NAMES and not stat.S_ISREG(status.st_mode):
            mistakes.append(f"{where}: is not a file; a hook is one executable program")
        elif name in NAMES and not status.st_mode & 0o111:
            mistakes.append(f"{where}: is not executable; git update-index --chmod=+x {where}")
        elif name not in NAMES and stem in NAMES:
            mistakes.append(
                f"{where}: would never run, for a hook's name has no extension; git mv {where} {FOLDER}/{stem}"
            )
        elif "." not in name and name not in NAMES:
            mistakes.append(f"{where}: there is no such hook; the hooks are {', '.join(NAMES)}")
    if mistakes:
        raise Failure("\n".join(mistakes))


def find(name: str, root: Path, top: Path) -> Path | None:
    """A hook of a release; None if it has none of this name.

    Args:
        name: Which one (see ``NAMES``).
        root: The app's root directory.
        top: The commit's root directory.
    """
    return trees.path(root, f"{FOLDER}/{name}", top)


def any_of(root: Path, top: Path) -> bool:
    """Whether a release has hooks, which may write to its files.

    Args:
        root: The app's root directory.
        top: The commit's root directory.
    """
    return any(name in NAMES for name in trees.entries(root, FOLDER, top))


def run(app: App, name: str, root: Path, env: dict[str, str], writable: tuple[Path, ...]) -> None:
    """Run a hook, if the release has it.

    Args:
        app: The app.
        name: Which one (see ``NAMES``).
        root: The app's root directory in the release.
        env: The release's environment.
        writable: The directories that the hook may write to.

    Raises:
        Failure: It failed or took too long.
    """
    path = find(name, root, app.releases / root.relative_to(app.releases).parts[0])
    if path is None:
        return
    say.step("hook", name)
    variables = {**env, "LAUNCHPAD_HOOK": name}
    tasks.run(app, tasks.Task(f"The hook {name}", [str(path)], root, variables, writable, timeouts.HOOK))
