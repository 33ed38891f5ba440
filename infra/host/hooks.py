"""Hooks: programs in the app's repository that run on the machine at fixed points of a deployment.

``.launchpad/hooks/<name>`` in the app's directory, executable, run as the app's user in that directory, with the
release's environment. ``before_build``: the files are there, the virtualenv is not; failing stops the deployment.
``before_switch``: the new release is healthy and gets no requests yet; failing stops the deployment, the old release
serves on. ``after_switch``: the new release serves; failing is reported as a warning and undoes nothing.
"""

from __future__ import annotations

import stat
from pathlib import Path

from . import files, say, tasks
from .failure import Failure
from .layout import App

NAMES = ("before_build", "before_switch", "after_switch")
FOLDER = ".launchpad/hooks"
LIMIT = 600.0


def check(root: Path, top: Path | None = None) -> None:
    """Find mistakes in a release's hooks before anything runs; ``top`` is the commit's root directory."""
    mistakes = []
    for name, status in files.entries_in_tree(root, FOLDER, top).items():
        where, stem = f"{FOLDER}/{name}", name.split(".", 1)[0]
        if name in NAMES and not stat.S_ISREG(status.st_mode):
            mistakes.append(f"{where}: is no file; a hook is one executable program")
        elif name in NAMES and not status.st_mode & 0o111:
            mistakes.append(f"{where}: is not executable; git update-index --chmod=+x {where}")
        elif name not in NAMES and stem in NAMES:
            mistakes.append(
                f"{where}: would never run, for a hook's name has no ending; git mv {where} {FOLDER}/{stem}"
            )
        elif "." not in name and name not in NAMES:
            mistakes.append(f"{where}: there is no such hook; there are {', '.join(NAMES)}")
    if mistakes:
        raise Failure("\n".join(mistakes))


def run(app: App, name: str, root: Path, env: dict[str, str], writable: tuple[Path, ...]) -> None:
    """Run a hook, where the release has it."""
    top = app.releases / root.relative_to(app.releases).parts[0]
    path = files.in_tree(root, f"{FOLDER}/{name}", top)
    if path is None:
        return
    say.step("hook", name)
    given = {**env, "LAUNCHPAD_HOOK": name}
    tasks.run(app, tasks.Task(f"The hook {name}", [str(path)], root, given, writable, LIMIT))
