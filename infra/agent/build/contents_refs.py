"""The refs of the clone for what commits refer to without containing it: see ``paths.CONTENTS``."""

from __future__ import annotations

import time
from collections.abc import Mapping

from infra.agent.build import repository
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.protocol import paths

KEPT = f"{paths.CONTENTS}/kept"
"""The refs of what we have checked, each named by the commit that refers to it."""
DAY = 86_400.0


def known(app: App, prefix: str = KEPT) -> dict[str, str]:
    """The objects that are here of what commits refer to, by a submodule's commit or a file's SHA-256.

    Args:
        app: The app.
        prefix: The refs to look at; by default those of the contents that we have checked.
    """
    found: dict[str, str] = {}
    for ref in repository.refs(app, prefix):
        for row in repository.git(app, "ls-tree", "-z", ref).out.split("\0"):
            head, _, name = row.partition("\t")
            if name:
                found[name] = head.split(" ")[2]
    return found


def keep(app: App, revision: str, objects: Mapping[str, str]) -> None:
    """Keep what a commit refers to, and drop the ref under which it was pushed.

    Args:
        app: The app.
        revision: The commit.
        objects: As ``known`` has them.
    """
    kinds = {40: "040000 tree", 64: "100644 blob"}
    rows = "".join(f"{kinds[len(name)]} {found}\t{name}\0" for name, found in objects.items())
    tree = repository.git(app, "mktree", "-z", feed=rows)
    if not tree.ok or not repository.git(app, "update-ref", f"{KEPT}/{revision}", tree.out.strip()).ok:
        raise Failure(f"Cannot keep the submodules and the Git LFS files of {revision[:12]}:\n{tree.last_lines()}")
    repository.delete(app, repository.refs(app, paths.pushed_contents(revision)))


def forget(app: App, releases: set[str]) -> None:
    """Let garbage collection have what no kept release refers to.

    What was pushed within a day stays: its deployment may still be waiting.

    Args:
        app: The app.
        releases: The commits of the releases that are kept.
    """
    gone = []
    for ref in repository.refs(app, paths.CONTENTS):
        name = ref.rsplit("/", 1)[-1]
        file = app.repository / ref
        young = file.exists() and time.time() - file.stat().st_mtime < DAY
        if name not in releases and not (young and ref == paths.pushed_contents(name)):
            gone.append(ref)
    repository.delete(app, gone)
