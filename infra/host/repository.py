"""The app's commits on this machine: a bare clone that root owns, filled by a push from the desk or by a fetch."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from . import files, remote, say, sh
from .failure import Failure
from .layout import App
from .printable import one_line
from .spec import Source

CONFIG = {
    "receive.shallowUpdate": "true",  # a workstation that has a shallow clone can push
    "receive.autogc": "false",  # never collect garbage while somebody pushes
    "gc.auto": "0",
    "receive.denyNonFastForwards": "false",
    "receive.denyDeletes": "false",
}
SETTINGS = tuple(word for key, value in CONFIG.items() for word in ("-c", f"{key}={value}"))
QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}
KEPT = "refs/launchpad-kept"
"""Refs of our own that keep the commits of releases from garbage collection."""

FETCH_TIMEOUT = 900.0

DEPLOYING, PUSHING = "LAUNCHPAD_DEPLOYS", "LAUNCHPAD_RECEIVES"
"""Variables by which the git processes of a deployment and of a push are known again, their children too."""


def ensure(app: App) -> None:
    """Have the bare clone there; one that was half made is mended, with all that it holds."""
    if git(app, "rev-parse", "--git-dir").ok and (app.repository / "config").exists():
        return
    files.directory(app.home, 0o755)
    for name in ("HEAD", "config"):  # all that git cannot mend itself
        (app.repository / name).unlink(missing_ok=True)
    sh.run(["git", "init", "--quiet", "--bare", str(app.repository)], env=QUIET, doing="git init")
    files.directory(app.repository, 0o700)


def receive_pack(app: App) -> None:
    """Become git's receiving end of a push into the bare clone.

    A pusher leaves out what our refs say we have. Once somebody pushed from a shallow clone, they say too much (the
    history behind them is not here); then we show none, and get everything that the pushed commit needs.
    """
    ensure(app)
    words = ["git", *SETTINGS]
    if (app.repository / "shallow").exists():
        forget_pushed(app, set())
        words += ["-c", f"receive.hideRefs={KEPT}"]
    os.execvpe("git", [*words, "receive-pack", str(app.repository)], {**os.environ, **QUIET, PUSHING: app.name})


def has(app: App, revision: str) -> bool:
    """Whether the commit is here with all its files."""
    if not (app.repository / "HEAD").exists():
        return False
    if not git(app, "cat-file", "-e", f"{revision}^{{commit}}").ok:
        return False
    return git(app, "cat-file", "-e", f"{revision}^{{tree}}").ok


def fetch(app: App, source: Source, revision: str, ref: str) -> None:
    """Have exactly this commit in the bare clone; a Failure that says why where that cannot be."""
    ensure(app)
    if has(app, revision):
        return
    if source.kind == "pushed":
        raise Failure(
            f"The commit {revision} was not pushed to this machine (its clone is {app.repository}).\n"
            "The desk pushes it before each deployment; run that step again."
        )
    say.step("fetch", f"{revision[:12]} from {remote.shown(source)}")
    with remote.access(app, source) as (url, env):
        tried = _fetch(app, env, "--depth=1", url, revision)
        if tried.ok or remote.DECLINED.search(tried.err):
            # Not to be had by its hash alone: it is looked for in the history of the branch, then of all branches.
            for wanted in ([f"+{ref}:{KEPT}/fetched"] if ref not in ("", revision) else []) + [f"+refs/*:{KEPT}/all/*"]:
                if has(app, revision):
                    return
                say.step("fetch", "the server does not give out that commit alone: taking it with its history")
                tried = _fetch(app, env, url, wanted)
    if has(app, revision):
        return
    if not tried.ok:
        raise Failure(f"Cannot fetch from {remote.shown(source)}:\n{remote.advice(tried.err)}")
    raise Failure(f"The commit {revision} is not in {remote.shown(source)} (looked at all its branches and tags).")


def _fetch(app: App, env: dict[str, str], *words: str) -> sh.Done:
    return git(app, "fetch", "--quiet", "--no-tags", *words, env=env, bound=sh.bound_with_children)


def keep(app: App, release: str, revision: str) -> None:
    """Keep a release's commit from garbage collection; the history that came with it may go."""
    git(app, "update-ref", f"{KEPT}/releases/{release}", revision)
    _delete(app, _refs(app, f"{KEPT}/fetched", f"{KEPT}/all"))


def forget(app: App, release: str) -> None:
    """A release is gone; its commit may be collected."""
    git(app, "update-ref", "-d", f"{KEPT}/releases/{release}")


def forget_pushed(app: App, releases: set[str]) -> None:
    """Remove the refs under which commits were pushed, but for those of the releases that are kept.

    A commit that was pushed for a deployment that still waits stays: garbage collection spares what is young.
    """
    _delete(app, [ref for ref in _refs(app, "refs/launchpad") if ref.rsplit("/", 1)[-1] not in releases])


def _refs(app: App, *prefixes: str) -> list[str]:
    return git(app, "for-each-ref", "--format=%(refname)", *prefixes).out.split()


def _delete(app: App, refs: list[str]) -> None:
    if refs:
        git(app, "update-ref", "--stdin", feed="".join(f"delete {ref}\n" for ref in refs))


def tidy(app: App) -> None:
    """Pack the clone when it has become untidy; objects younger than two weeks stay, a push may be under way.

    Not in the background, as git would: the next deployment could not tell it from what a killed one left.
    """
    with contextlib.suppress(Failure):
        git(app, "-c", "gc.auto=2000", "-c", "gc.autoDetach=false", "gc", "--auto", "--quiet")


def subject(app: App, revision: str) -> str:
    """The first line of a commit's message, fit to be shown and recorded whatever bytes it has."""
    words = ("show", "--no-patch", "--no-show-signature", "--no-color", "--no-notes", "--encoding=UTF-8", "--format=%s")
    return one_line(git(app, *words, revision, "--").out)


def checkout(app: App, revision: str, target: Path) -> None:
    """Write a commit's files into a directory that is not there yet."""
    target.mkdir(mode=0o700, parents=True)
    files.directory(app.scratch, 0o700)
    with tempfile.TemporaryDirectory(prefix="index-", dir=app.scratch) as scratch:
        # Without root's own settings: they may name programs that rewrite files (Git LFS's filter).
        env = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_INDEX_FILE": f"{scratch}/index", "GIT_WORK_TREE": str(target)}
        done = git(app, "read-tree", revision, env=env)
        done = git(app, "checkout-index", "--all", "--quiet", env=env, cwd=target) if done.ok else done
    if not done.ok:
        raise Failure(f"Cannot write the files of {revision[:12]} to {target}:\n{done.last_lines()}")


def git(
    app: App,
    *words: str,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    feed: str | None = None,
    encoding: str = "utf-8",
    bound: Callable[[Sequence[str]], list[str]] = sh.bound,
) -> sh.Done:
    """Run git on the app's clone. When we are killed it ends too, and removes its lock files."""
    argv = bound(["git", "--git-dir", str(app.repository), *SETTINGS, *words])
    given = {**QUIET, DEPLOYING: app.name, **(env or {})}
    named = f"git {words[0]}"
    return sh.run(argv, env=given, cwd=cwd, feed=feed, timeout=FETCH_TIMEOUT, name=named, encoding=encoding)
