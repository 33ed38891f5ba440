"""The app's commits on this machine: root's bare clone, filled by a push from the workstation or by a fetch."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from infra.agent.build import remote
from infra.agent.system import files, say, sh
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.common import git_url
from infra.common.printable import one_line
from infra.protocol import paths, timeouts
from infra.protocol.specs import Source

SILENCE = 60
"""Seconds for which a git server may send nothing. While it packs it sends a sign of life every five seconds."""
CONFIG = {
    "receive.shallowUpdate": "true",  # a workstation that has a shallow clone can push
    "receive.autogc": "false",  # never collect garbage while somebody pushes
    "core.bigFileThreshold": "16m",  # larger files (of Git LFS) are passed on in pieces, not held in memory
    "gc.packRefs": "false",  # the age of a ref's file tells whether a push has just made it
    "gc.auto": "0",
    "http.lowSpeedLimit": "1",  # bytes a second: a server that says nothing is given up, and does not take GIT_TIMEOUT
    "http.lowSpeedTime": str(SILENCE),
    "receive.denyNonFastForwards": "false",
    "receive.denyDeletes": "false",
}
SETTINGS = tuple(word for key, value in CONFIG.items() for word in ("-c", f"{key}={value}"))
QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}
KEPT = "refs/launchpad-kept"
"""Our own refs, which keep the commits of releases from garbage collection."""
INCOMING = "lfs-incoming"
"""The folder in the clone with the file that is being downloaded: root's, and on the disk, not in memory."""

GIT_TIMEOUT: float = timeouts.GIT

DEPLOYING, PUSHING = "LAUNCHPAD_DEPLOYS", "LAUNCHPAD_RECEIVES"
"""Variables that mark the git processes of a deployment and of a push, and their children, so that we find them."""


def ensure(app: App) -> None:
    """Make the bare clone, or mend one that is half made; the commits in it stay."""
    if git(app, "rev-parse", "--git-dir").ok and (app.repository / "config").exists():
        return
    files.directory(app.home, 0o755)
    for name in ("HEAD", "config"):  # the files that git cannot mend itself
        (app.repository / name).unlink(missing_ok=True)
    sh.run(["git", "init", "--quiet", "--bare", str(app.repository)], env=QUIET, doing="git init")
    files.directory(app.repository, 0o700)


def receive_pack(app: App) -> None:
    """Become git's receiving end of a push into the bare clone.

    git at the other end leaves out the commits that our refs say we have. After a push from a shallow clone our refs
    say too much, for the history behind them is not here. So we then show none, and receive all that the commit needs.
    """
    ensure(app)
    argv = ["git", *SETTINGS]
    if (app.repository / "shallow").exists():
        forget_pushed(app, set())
        argv += ["-c", f"receive.hideRefs={KEPT}"]
    os.execvpe("git", [*argv, "receive-pack", str(app.repository)], {**os.environ, **QUIET, PUSHING: app.name})


def has(app: App, revision: str) -> bool:
    """Whether the clone has the commit with all its files."""
    if not (app.repository / "HEAD").exists():
        return False
    if not git(app, "cat-file", "-e", f"{revision}^{{commit}}").ok:
        return False
    return git(app, "cat-file", "-e", f"{revision}^{{tree}}").ok


def fetch(app: App, source: Source, revision: str, ref: str, protocols: str = "") -> None:
    """Fetch a commit into the bare clone, unless it is there.

    Args:
        app: The app.
        source: Where commits come from.
        revision: The commit, all 40 digits.
        ref: The branch or tag that it was resolved from, which is searched first if the server has no single commits.
        protocols: The protocols that git may use, redirects included; empty: git's own rules.

    Raises:
        Failure: Why it cannot be fetched, with what git said.
    """
    ensure(app)
    if has(app, revision):
        return
    if source.kind == "pushed":
        raise Failure(
            f"The commit {revision} was not pushed to this machine (its clone is {app.repository}).\n"
            "The workstation pushes it before each deployment; run that step again."
        )
    say.step("fetch", f"{revision[:12]} from {git_url.without_password(source.url)}")
    with remote.access(app, source) as (url, access):
        env = {**access, "GIT_ALLOW_PROTOCOL": protocols} if protocols else access
        fetched = _fetch(app, env, "--depth=1", url, revision)
        if fetched.ok or remote.DECLINED.search(fetched.err):
            # The server gives out no single commits: search the history of the branch, then of all branches.
            for wanted in ([f"+{ref}:{KEPT}/fetched"] if ref not in ("", revision) else []) + [f"+refs/*:{KEPT}/all/*"]:
                if has(app, revision):
                    return
                say.step("fetch", "the server does not give out single commits: fetching it with its history")
                fetched = _fetch(app, env, url, wanted)
    if has(app, revision):
        return
    if not fetched.ok:
        raise Failure(f"Cannot fetch from {git_url.without_password(source.url)}:\n{remote.advice(fetched.err)}")
    raise Failure(
        f"The commit {revision} is not in {git_url.without_password(source.url)} (searched all its branches and tags)."
    )


def _fetch(app: App, env: dict[str, str], *args: str) -> sh.Finished:
    options = ("--quiet", "--no-tags", "--no-recurse-submodules")
    return git(app, "fetch", *options, *args, env=env, bound=sh.bound_with_children)


def keep(app: App, release: str, revision: str) -> None:
    """Keep a release's commit from garbage collection, but not the history that was fetched with it."""
    git(app, "update-ref", f"{KEPT}/releases/{release}", revision)
    delete(app, refs(app, f"{KEPT}/fetched", f"{KEPT}/all"))


def forget(app: App, release: str) -> None:
    """Let garbage collection have the commit of a release that is gone."""
    git(app, "update-ref", "-d", f"{KEPT}/releases/{release}")


def forget_pushed(app: App, releases: set[str]) -> None:
    """Remove the refs under which commits were pushed, except for those of the releases that are kept.

    The commit of a deployment that is still waiting stays: garbage collection spares young objects.

    Args:
        app: The app.
        releases: The commits of the releases that are kept.
    """
    delete(app, [ref for ref in refs(app, paths.REFS) if ref.rsplit("/", 1)[-1] not in releases])


def refs(app: App, *prefixes: str) -> list[str]:
    """The clone's refs below some prefixes."""
    return git(app, "for-each-ref", "--format=%(refname)", *prefixes).out.split()


def delete(app: App, gone: list[str]) -> None:
    """Delete refs of the clone."""
    if gone:
        git(app, "update-ref", "--stdin", feed="".join(f"delete {ref}\n" for ref in gone))


def tidy(app: App) -> None:
    """Pack the clone if it has many loose objects. Those younger than two weeks stay, for a push may be under way.

    Not in the background, as git would: the next deployment could not tell it from what a killed one left.
    """
    with contextlib.suppress(Failure):
        git(app, "-c", "gc.auto=2000", "-c", "gc.autoDetach=false", "gc", "--auto", "--quiet")


def subject(app: App, revision: str) -> str:
    """The subject (first line) of a commit's message, as one printable line whatever bytes it has."""
    args = ("show", "--no-patch", "--no-show-signature", "--no-color", "--no-notes", "--encoding=UTF-8", "--format=%s")
    return one_line(git(app, *args, revision, "--").out)


def git(
    app: App,
    *args: str,
    env: dict[str, str] | None = None,
    cwd: Path | None = None,
    feed: str | None = None,
    encoding: str = "utf-8",
    bound: Callable[[Sequence[str]], list[str]] = sh.bound,
) -> sh.Finished:
    """Run git on the app's clone. If we are killed it ends, too, and removes its lock files.

    Args:
        app: The app.
        *args: What git gets.
        env: Variables on top of the usual ones.
        cwd: The working directory; the root directory by default.
        feed: What git reads from stdin.
        encoding: How its output is decoded.
        bound: Wraps the command so that it ends with us.
    """
    argv = bound(["git", "--git-dir", str(app.repository), *SETTINGS, *args])
    variables = {**QUIET, DEPLOYING: app.name, **(env or {})}
    named = f"git {args[0]}"
    return sh.run(argv, env=variables, cwd=cwd, feed=feed, timeout=GIT_TIMEOUT, name=named, encoding=encoding)
