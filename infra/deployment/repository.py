"""The app's git repository as the desk sees it: local or remote, and the commit that a revision stands for."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

FULL_SHA = re.compile(r"[0-9a-f]{40}")
SSH_URL = re.compile(r"(ssh|git\+ssh)://|[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:")
URL = re.compile(r"(https?|ssh|git\+ssh)://|[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:")
PATIENCE = 30
"""Seconds that a git server gets to answer."""


class RepositoryError(Exception):
    """A repository that is not there or a revision that it does not have, said with the config key and the remedy."""


@dataclass(frozen=True)
class Repository:
    """Where the app's source is: the ``path`` of a local repository, or the ``url`` that the machine clones."""

    name: str
    path: Path | None
    url: str
    directory: str


@dataclass(frozen=True)
class Revision:
    """A commit: its full SHA, the name it was asked for by, and its subject where the desk can read it."""

    sha: str
    name: str
    subject: str


def without_password(url: str) -> str:
    """A URL fit for messages: credentials replaced."""
    return re.sub(r"(://)[^/@]+@", r"\1[secret]@", url) if url.startswith("http") else url


def find(repository: str, directory: str) -> Repository:
    """The repository that the config names; a folder inside a local work tree becomes the app's root.

    Raises ``RepositoryError`` where a local path is no git repository.
    """
    if URL.match(repository):
        return Repository(without_password(repository), None, repository, directory)
    path = Path(repository).expanduser()
    if not path.exists():
        raise RepositoryError(
            f"launchpad:repository is {repository!r}, but {path.absolute()} does not exist; name a git repository"
        )
    if not path.is_dir() or _git(path, "rev-parse", "--git-dir").returncode != 0:
        raise RepositoryError(
            f"launchpad:repository is {repository!r}, but {path.absolute()} is not in a git repository; "
            f"make it one with: git init && git add . && git commit"
        )
    inside = _git(path, "rev-parse", "--show-prefix").stdout.strip().rstrip("/")
    return Repository(repository, path, "", "/".join(part for part in (inside, directory) if part))


def resolve(repository: Repository, revision: str, deploy_key: str = "", known_hosts: str = "") -> Revision:
    """The commit that ``revision`` stands for now: HEAD, a branch, a tag or a commit.

    Raises ``RepositoryError`` where there is none, or the server does not answer within 30 seconds.
    """
    if repository.path is not None:
        return _resolve_here(repository, repository.path, revision)
    return _resolve_there(repository, revision, deploy_key, known_hosts)


def _resolve_here(repository: Repository, path: Path, revision: str) -> Revision:
    found = _git(path, "log", "-1", "--format=%H %s", f"{revision}^{{commit}}", "--")
    if found.returncode != 0 and not _git(path, "rev-list", "-n1", "--all").stdout:
        raise RepositoryError(
            f"launchpad:repository is {repository.name!r}, which has no commit yet; commit the app there"
        )
    if found.returncode != 0:
        raise _unknown(repository, revision, "a branch, a tag or a commit in it (git log shows them)")
    sha, _, subject = found.stdout.strip().partition(" ")
    if repository.directory and _git(path, "cat-file", "-e", f"{sha}:{repository.directory}").returncode != 0:
        raise RepositoryError(
            f"launchpad:directory: revision {revision} ({sha[:12]}) of {repository.name} has no folder "
            f"{repository.directory!r}; commit it, or correct the key"
        )
    return Revision(sha, revision, subject)


def _resolve_there(repository: Repository, revision: str, deploy_key: str, known_hosts: str) -> Revision:
    if FULL_SHA.fullmatch(revision):
        return Revision(revision, revision, "")
    if SSH_URL.match(repository.url) and not known_hosts:
        raise RepositoryError(
            f"launchpad:repository is {repository.name!r}, an SSH URL, but launchpad:known_hosts is empty; "
            f"set it to the git server's line of a known_hosts file, checked by you (ssh-keyscan prints it)"
        )
    wanted = (
        ["HEAD"]
        if revision == "HEAD"
        else [f"refs/heads/{revision}", f"refs/tags/{revision}", f"refs/tags/{revision}^{{}}"]
    )
    with git_environment(repository, deploy_key, known_hosts) as environment:
        try:
            answer = subprocess.run(
                ["git", "ls-remote", "--", repository.name, *wanted],
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                env=environment,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RepositoryError(
                f"launchpad:repository: {repository.name} did not answer within {PATIENCE} s"
            ) from None
    if answer.returncode != 0:
        said = (answer.stderr.strip().splitlines() or ["git ls-remote failed"])[-1]
        raise RepositoryError(
            f"launchpad:repository is {repository.name!r}, which cannot be read: {said}; "
            f"check the URL, and launchpad:deploy_key if it is private"
        )
    refs = {name: sha for sha, name in (line.split("\t") for line in answer.stdout.splitlines())}
    for ref in (f"refs/tags/{revision}^{{}}", *wanted):
        if ref in refs:
            return Revision(refs[ref], revision, "")
    raise _unknown(repository, revision, "one of its branches or tags, or a commit as 40 hex digits")


def _unknown(repository: Repository, revision: str, allowed: str) -> RepositoryError:
    return RepositoryError(
        f"launchpad:revision is {revision!r}, which {repository.name} does not have; it must be {allowed}"
    )


@contextmanager
def git_environment(repository: Repository, deploy_key: str, known_hosts: str) -> Iterator[dict[str, str]]:
    """Git's environment for a server: never asks, knows the host beforehand, uses the deploy key where there is one.

    A password in the URL goes in by the environment too, for an argument is seen by every user of the computer.
    """
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    if repository.url != repository.name:
        environment |= {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"url.{repository.url}.insteadOf",
            "GIT_CONFIG_VALUE_0": repository.name,
        }
    if not known_hosts:
        yield environment
        return
    with tempfile.TemporaryDirectory() as folder:
        hosts, key = Path(folder, "known_hosts"), Path(folder, "key")
        hosts.write_text(known_hosts + "\n")
        key.touch(mode=0o600)
        key.write_text(deploy_key.strip() + "\n")
        identity = f"-i {key} -o IdentitiesOnly=yes" if deploy_key else ""
        environment["GIT_SSH_COMMAND"] = (
            f"ssh -o BatchMode=yes -o UserKnownHostsFile={hosts} -o StrictHostKeyChecking=yes {identity}"
        )
        yield environment


def _git(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(path), *arguments], capture_output=True, text=True, check=False)
