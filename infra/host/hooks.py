"""Hooks: programs in the app's repository that run on the machine at fixed points of a deployment.

``.launchpad/hooks/<name>`` in the app's directory, executable, run as the app's user in that directory, with the
release's environment. ``before_build``: the files are there, the virtualenv is not; failing stops the deployment.
``before_switch``: the new release is healthy and gets no requests yet; failing stops the deployment, the old release
serves on. ``after_switch``: the new release serves; failing is reported as a warning and undoes nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

from . import files, say, tasks
from .failure import Failure
from .layout import App

NAMES = ("before_build", "before_switch", "after_switch")
FOLDER = ".launchpad/hooks"
LIMIT = 600.0


def check(root: Path) -> None:
    """Find mistakes in a release's hooks before anything runs."""
    folder = root / FOLDER
    if not folder.is_dir():
        return
    mistakes = []
    for path in sorted(folder.iterdir()):
        if path.name not in NAMES and not path.name.startswith(".") and "." not in path.name:
            mistakes.append(f"{FOLDER}/{path.name}: there is no such hook; there are {', '.join(NAMES)}")
        elif path.name in NAMES and not os.access(path, os.X_OK):
            mistakes.append(
                f"{FOLDER}/{path.name}: is not executable; git update-index --chmod=+x {FOLDER}/{path.name}"
            )
    if mistakes:
        raise Failure("\n".join(mistakes))


def run(app: App, name: str, root: Path, env: dict[str, str], writable: tuple[Path, ...]) -> None:
    """Run a hook, where the release has it."""
    path = files.in_tree(root, f"{FOLDER}/{name}")
    if path is None:
        return
    say.step("hook", name)
    task = tasks.Task(f"The hook {name}", [str(path)], root, {**env, "LAUNCHPAD_HOOK": name}, writable, LIMIT)
    tasks.run(app, task)
