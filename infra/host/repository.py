"""The app's commits on this machine: a bare clone that root owns, filled by a push from the desk or by a fetch."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from . import files, remote, say, sh, sockets
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
PARENT = ("setpriv", "--pdeathsig", "TERM")
"""git ends, and removes its lock files, when the program that started it is killed."""
FAMILY = (
    "sh",
    "-c",
    """trap 'trap "" TERM; kill 0; wait; exit 143' TERM
"$@" <&0 &
wait $!
code=$?
trap "" TERM
kill 0
exit $code""",
    "fetch",
)
"""So does what git started: left alone, its transport waits for a server that hangs."""

KEPT = "refs/launchpad-kept"
"""Refs of our own that keep the commits of releases from garbage collection."""

FETCH_TIMEOUT = 900.0
YOUNG = 60.0
"""Seconds for which a lock file may be that of a push under way, which holds one for an instant."""

DEPLOYING, PUSHING = "LAUNCHPAD_DEPLOYS", "LAUNCHPAD_RECEIVES"
"""Variables by which the git processes of a deployment and of a push are known again, their children too."""


def ensure(app: App) -> None:
    """Have the bare clone there and sound; one that was half made is mended, one that cannot be is made anew.

    Nothing is lost with it: each commit is pushed or fetched again when it is deployed.
    """
    if git(app, "rev-parse", "--git-dir").ok and (app.repository / "config").exists():
        return
    files.directory(app.home, 0o755)
    make = ["git", "init", "--quiet", "--bare", str(app.repository)]
    mended = sh.run(make, env=QUIET)
    if not mended.ok or not git(app, "rev-parse", "--git-dir").ok:
        files.remove_tree(app.repository)
        sh.run(make, env=QUIET, doing="git init")
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
    return git(app, "fetch", "--quiet", "--no-tags", *words, env=env, by=(*PARENT, *FAMILY))


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
        feed = "".join(f"delete {ref}\n" for ref in refs)
        sh.run(["git", "--git-dir", str(app.repository), "update-ref", "--stdin"], feed=feed, env=QUIET)


def tidy(app: App) -> None:
    """Pack the clone when it has become untidy; objects younger than two weeks stay, a push may be under way."""
    sh.run(["git", "-C", str(app.repository), "-c", "gc.auto=2000", "gc", "--auto", "--quiet"], env=QUIET)


def subject(app: App, revision: str) -> str:
    """The first line of a commit's message, fit to be shown and recorded whatever bytes it has."""
    words = ("show", "--no-patch", "--no-show-signature", "--no-color", "--no-notes", "--encoding=UTF-8", "--format=%s")
    return one_line(git(app, *words, revision, "--").out)


def mend(app: App) -> None:
    """Clear away what a killed deployment left: its git processes, keys and the locks of the clone.

    Only for the holder of the app's lock: no other deployment can be at work then. A push can.
    """
    _end_leftover(app)
    files.remove_tree(app.scratch)
    for old in Path(tempfile.gettempdir()).glob("launchpad-*"):  # where earlier versions had them
        if re.match(r"launchpad-(ssh|index)-", old.name) and old.lstat().st_uid == 0 and not old.is_symlink():
            shutil.rmtree(old, ignore_errors=True)
    pushing = any(_processes(PUSHING, app.name))
    for path in _unfinished(app.repository):
        if not pushing or time.time() - path.lstat().st_mtime > YOUNG:
            say.step("heal", f"removing {path.relative_to(app.home)}, left by an interrupted deployment")
            files.remove_tree(path)


def _unfinished(clone: Path) -> list[Path]:
    """The lock files, half-written packs and empty refs of a clone."""
    locks = [*clone.glob("*.lock"), *(clone / "refs").rglob("*.lock"), *(clone / "objects/info").rglob("*.lock")]
    packs = clone / "objects/pack"
    # A machine that lost its power while git wrote a ref may have it empty, which git takes for a broken one.
    empty = [path for path in (clone / "refs").rglob("*") if path.is_file() and path.stat().st_size == 0]
    left = [*locks, *empty, *packs.glob("*.lock"), *packs.glob("tmp_*"), *(clone / "objects").glob("*incoming-*")]
    return list(dict.fromkeys(left))


def _end_leftover(app: App) -> None:
    """End the git processes of a deployment that was killed: they would write into the clone beside ours."""
    began = time.monotonic()
    while (found := list(_processes(DEPLOYING, app.name))) and time.monotonic() - began < 2 * sh.GRACE:
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM if time.monotonic() - began < sh.GRACE else signal.SIGKILL)
        time.sleep(0.05)


def _processes(variable: str, value: str) -> Iterator[int]:
    """Root's processes that were started with a variable."""
    for pid in sockets.all_processes():
        folder = Path("/proc", str(pid))
        with contextlib.suppress(OSError):
            given = (folder / "environ").read_bytes().split(b"\0") if folder.stat().st_uid == 0 else []
            if f"{variable}={value}".encode() in given:
                yield pid


def checkout(app: App, revision: str, target: Path) -> None:
    """Write a commit's files into a directory that is not there yet."""
    target.mkdir(parents=True)
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
    by: Sequence[str] = PARENT,
) -> sh.Done:
    """Run git on the app's clone."""
    argv = [*by, "git", "--git-dir", str(app.repository), *SETTINGS, *words]
    given = {**QUIET, DEPLOYING: app.name, **(env or {})}
    named = f"git {words[0]}"
    return sh.run(argv, env=given, cwd=cwd, feed=feed, timeout=FETCH_TIMEOUT, name=named, encoding=encoding)
