"""The app's commits on this machine: a bare clone that root owns, filled by a push from the desk or by a fetch."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import files, say, sh
from .failure import Failure
from .layout import App
from .spec import Source

CONFIG = {
    "receive.shallowUpdate": "true",  # a desk that has a shallow clone can push
    "receive.autogc": "false",  # never collect garbage while somebody pushes
    "gc.auto": "0",
    "receive.denyNonFastForwards": "false",
    "receive.denyDeletes": "false",
}
QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "/bin/true", "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C.UTF-8"}
KEPT = "refs/launchpad-kept"
"""Refs of our own that keep the commits of releases from garbage collection."""

SSH_URL = re.compile(r"ssh://|git\+ssh://|(?!.*://)[^/]+:(?!//)")
FETCH_TIMEOUT = 900.0

HINTS = {
    "could not read Username": "The server asks for a user name: the repository is private, or not there. "
    "Use an SSH URL with a deploy key, a token in the URL (a secret), or a local path.",
    "Authentication failed": "The credentials in the URL are not accepted.",
    "Permission denied (publickey)": "The server does not accept the deploy key.",
    "Host key verification failed": "The server's host key is not the one in known_hosts.",
    "Could not resolve host": "The machine cannot resolve the server's name.",
    "Repository not found": "There is no such repository, or the credentials may not see it.",
}
"""What git and ssh say, and what it means. None of it gets better by asking again."""


def ensure(app: App) -> None:
    """Have the bare clone there, configured."""
    if not (app.repository / "HEAD").exists():
        files.directory(app.home, 0o755)
        sh.run(["git", "init", "--quiet", "--bare", str(app.repository)], env=QUIET, doing="git init")
    files.directory(app.repository, 0o700)
    config = (app.repository / "config").read_text()
    for key, value in CONFIG.items():
        if key.split(".")[1].lower() not in config.lower():
            _git(app, "config", key, value)


def receive_pack(app: App) -> None:
    """Become git's receiving end of a push into the bare clone.

    A pusher leaves out what our refs say we have. Once somebody pushed from a shallow clone, they say too much (the
    history behind them is not here); then we show none, and get everything that the pushed commit needs.
    """
    ensure(app)
    words = ["git"]
    if (app.repository / "shallow").exists():
        forget_pushed(app, set())
        words += ["-c", f"receive.hideRefs={KEPT}"]
    os.execvpe("git", [*words, "receive-pack", str(app.repository)], {**os.environ, **QUIET})


def has(app: App, revision: str) -> bool:
    """Whether the commit is here with all its files."""
    if not (app.repository / "HEAD").exists():
        return False
    if not _git(app, "cat-file", "-e", f"{revision}^{{commit}}").ok:
        return False
    return _git(app, "cat-file", "-e", f"{revision}^{{tree}}").ok


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
    say.step("fetch", f"{revision[:12]} from {source.url}")
    with _access(source) as env:
        # By its hash alone, without history; servers that refuse that are asked for the branch with its history.
        tried = _git(app, "fetch", "--quiet", "--no-tags", "--depth=1", source.url, revision, env=env)
        if tried.ok and has(app, revision):
            return
        if not any(sign in tried.err for sign in HINTS):
            if ref:
                tried = _git(app, "fetch", "--quiet", "--no-tags", source.url, f"+{ref}:{KEPT}/fetched", env=env)
            if not has(app, revision):
                every = f"+refs/*:{KEPT}/all/*"
                tried = _git(app, "fetch", "--quiet", "--no-tags", source.url, every, env=env)
    if not tried.ok:
        raise Failure(f"Cannot fetch from {source.url}:\n{_advice(tried.err)}")
    if not has(app, revision):
        raise Failure(f"The commit {revision} is not in {source.url} (looked at all its branches and tags).")


def keep(app: App, release: str, revision: str) -> None:
    """Keep a release's commit from garbage collection."""
    _git(app, "update-ref", f"{KEPT}/releases/{release}", revision)


def forget(app: App, release: str) -> None:
    """A release is gone; its commit may be collected."""
    _git(app, "update-ref", "-d", f"{KEPT}/releases/{release}")


def forget_pushed(app: App, releases: set[str]) -> None:
    """Remove the refs under which commits were pushed, but for those of the releases that are kept.

    A commit that was pushed for a deployment that still waits stays: garbage collection spares what is young.
    """
    shown = _git(app, "for-each-ref", "--format=%(refname)", "refs/launchpad").out.split()
    gone = [ref for ref in shown if ref.rsplit("/", 1)[-1] not in releases]
    if gone:
        feed = "".join(f"delete {ref}\n" for ref in gone)
        sh.run(["git", "--git-dir", str(app.repository), "update-ref", "--stdin"], feed=feed, env=QUIET)


def tidy(app: App) -> None:
    """Pack the clone when it has become untidy; objects younger than two weeks stay, a push may be under way."""
    sh.run(["git", "-C", str(app.repository), "-c", "gc.auto=2000", "gc", "--auto", "--quiet"], env=QUIET)


def subject(app: App, revision: str) -> str:
    """The tried line of a commit's message."""
    return _git(app, "log", "-1", "--format=%s", revision).out.strip()


def checkout(app: App, revision: str, target: Path) -> None:
    """Write a commit's files into a directory that is not there yet."""
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="launchpad-index-") as scratch:
        env = {**QUIET, "GIT_INDEX_FILE": f"{scratch}/index", "GIT_WORK_TREE": str(target)}
        done = _git(app, "read-tree", revision, env=env)
        done = _git(app, "checkout-index", "--all", "--quiet", env=env, cwd=target) if done.ok else done
    if not done.ok:
        raise Failure(f"Cannot write the files of {revision[:12]} to {target}:\n{done.last_lines()}")
    if (target / ".gitmodules").exists():
        say.step("fetch", "note: the repository has git submodules; their files are not fetched")


@contextmanager
def _access(source: Source) -> Iterator[dict[str, str]]:
    """git's environment for a source: deploy key and known hosts in files that only root reads, for this call."""
    if not SSH_URL.match(source.url):
        yield {}
        return
    if not source.known_hosts:
        raise Failure(
            f"{source.url} is an SSH URL, but its server's host key is not known, and a stranger is not trusted.\n"
            "Set known_hosts to the line that `ssh-keyscan -t ed25519 <server>` prints, after checking it against what "
            "the server's operator publishes."
        )
    with tempfile.TemporaryDirectory(prefix="launchpad-ssh-") as scratch:
        known, key = Path(scratch, "known_hosts"), Path(scratch, "key")
        files.write(known, source.known_hosts.strip() + "\n", 0o600)
        command = f"ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile={known}"
        command += " -o GlobalKnownHostsFile=none -o ConnectTimeout=20"
        if source.deploy_key:
            files.write(key, source.deploy_key.strip().replace("\r\n", "\n") + "\n", 0o600)
            command += f" -o IdentitiesOnly=yes -i {key}"
        yield {"GIT_SSH_COMMAND": command}


def _advice(errors: str) -> str:
    text = "\n".join(errors.strip().splitlines()[-8:])
    return "\n".join([text, *(hint for sign, hint in HINTS.items() if sign in text)])


def _git(app: App, *words: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> sh.Done:
    argv = ["git", "--git-dir", str(app.repository), *words]
    return sh.run(argv, env={**QUIET, **(env or {})}, cwd=cwd, timeout=FETCH_TIMEOUT)
