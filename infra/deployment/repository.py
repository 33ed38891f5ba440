"""The app's git repository as the desk sees it: local or remote, and the commit that a revision stands for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.deployment import contents, git
from infra.deployment.printable import one_line

FULL_SHA = re.compile(r"[0-9a-f]{40}")
SSH_URL = re.compile(r"(ssh|git\+ssh)://|[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:")
URL = re.compile(r"(https?|ssh|git\+ssh)://|[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:")
SSH_PASSWORD = re.compile(r"(git\+)?ssh://[^/@]*:[^/]*@")
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
    """A commit: its full SHA, the name it was asked for by, and its subject where the workstation can read it.

    ``warnings`` are what a person should know before it is deployed.
    """

    sha: str
    name: str
    subject: str
    warnings: tuple[str, ...] = ()


def find(repository: str, directory: str) -> Repository:
    """The repository that the config names; a folder inside a local work tree becomes the app's root.

    Raises ``RepositoryError`` where a local path is no git repository, or git refuses to read it.
    """
    if shutil.which("git") is None:
        raise RepositoryError("git is not on the PATH of this computer; install it: sudo apt-get install git")
    if SSH_PASSWORD.match(repository):
        raise RepositoryError(
            "launchpad:repository is an SSH URL with a password in it, which SSH does not take; leave it out, and set "
            "launchpad:deploy_key to a key that may read the repository"
        )
    if URL.match(repository):
        return Repository(git.without_password(repository), None, repository, directory)
    path = Path(repository).expanduser()
    wrong = f"launchpad:repository is {repository!r}, but {path.absolute()}"
    try:
        there, folder = path.exists(), path.is_dir()
    except OSError as error:
        raise RepositoryError(f"{wrong} cannot be read: {error.strerror}") from None
    if not there:
        raise RepositoryError(f"{wrong} does not exist; name a git repository")
    if not folder:
        raise RepositoryError(f"{wrong} is a file; name the folder of a git repository")
    inside = git.run(path, "rev-parse", "--show-prefix")
    if not inside.ok:
        raise RepositoryError(f"{wrong} {_refused(inside)}")
    prefix = inside.out.removesuffix("\n").rstrip("/")
    return Repository(repository, path, "", "/".join(part for part in (prefix, directory) if part))


def _refused(answer: git.Done) -> str:
    """Why git does not take a folder for a repository, and what helps."""
    if "not a git repository (or any" in answer.err:
        return "is not in a git repository; make it one with: git init && git add . && git commit"
    if safe := re.search(r"git config --global --add safe\.directory .*", answer.err):
        return f"belongs to another user, and git says: {answer.said}; if you trust what is in it: {safe[0].strip()}"
    return f"cannot be read by git, which says: {answer.said}"


def resolve(
    repository: Repository,
    revision: str,
    deploy_key: str = "",
    known_hosts: str = "",
    allow_missing: Sequence[str] = (),
) -> Revision:
    """The commit that ``revision`` stands for now: HEAD, a branch, a tag or a commit.

    A tag comes before a branch of the same name, as everywhere in git. Raises ``RepositoryError`` where there is none,
    where it lacks contents that ``allow_missing`` does not name, or the server does not answer within 30 seconds.
    """
    if repository.path is not None:
        return _resolve_here(repository, repository.path, revision, allow_missing)
    return _resolve_there(repository, revision, deploy_key, known_hosts)


def _resolve_here(repository: Repository, path: Path, revision: str, allow_missing: Sequence[str]) -> Revision:
    found = git.run(path, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if not found.ok and not git.run(path, "rev-list", "-n1", "--all").out:
        raise RepositoryError(
            f"launchpad:repository is {repository.name!r}, which has no commit yet; commit the app there"
        )
    if not found.ok:
        raise _unknown(repository, revision, "a branch, a tag or a commit in it (git log shows them)")
    sha = found.out.strip()
    if not FULL_SHA.fullmatch(sha):
        raise RepositoryError(
            f"launchpad:repository is {repository.name!r}, whose commits are named by SHA-256; Launchpad knows "
            "SHA-1, git's default"
        )
    if repository.directory and git.run(path, "cat-file", "-t", f"{sha}:{repository.directory}").out != "tree\n":
        raise _no_folder(repository, path, revision, sha)
    warnings = []
    if all(
        git.run(path, "rev-parse", "--verify", "--quiet", f"refs/{kind}/{revision}").ok for kind in ("tags", "heads")
    ):
        warnings.append(_ambiguous(repository, revision))
    warnings += _missing(repository, path, sha, allow_missing)
    if changed := contents.uncommitted(path, sha, repository.directory):
        warnings.append(contents.uncommitted_words(repository.name, changed))
    words = ("--no-patch", "--no-show-signature", "--no-color", "--no-notes", "--encoding=UTF-8", "--format=%s")
    subject = one_line(git.run(path, "show", *words, sha, "--").out)
    return Revision(sha, revision, subject, tuple(warnings))


def _no_folder(repository: Repository, path: Path, revision: str, sha: str) -> RepositoryError:
    wrong = f"launchpad:directory: revision {revision} ({sha[:12]}) of {repository.name} has"
    parts = repository.directory.split("/")
    for above in ("/".join(parts[:count]) for count in range(1, len(parts) + 1)):
        if git.run(path, "ls-tree", "-z", "--full-tree", sha, "--", above).data.startswith(b"160000 "):
            return RepositoryError(
                f"{wrong} {repository.directory!r} in the submodule {above!r}, which Launchpad does not fetch; set "
                "launchpad:repository to the submodule's own repository"
            )
    return RepositoryError(f"{wrong} no folder {repository.directory!r}; commit it, or correct the key")


def _missing(repository: Repository, path: Path, sha: str, allowed: Sequence[str]) -> list[str]:
    """Warnings about allowed contents that the commit lacks. Raises ``RepositoryError`` for those that are not."""
    found = contents.missing(path, sha, repository.directory)
    mistakes = [kind for kind in found if kind not in allowed]
    if mistakes:
        raise RepositoryError(
            "\n".join(
                f"launchpad:repository is {repository.name!r}, and its commit {sha[:12]} {found[kind]}. "
                f"{contents.REMEDIES[kind]}: "
                f"pulumi config set --path 'launchpad:allow_missing[{len(allowed) + number}]' {kind}"
                for number, kind in enumerate(mistakes)
            )
        )
    return [f"commit {sha[:12]} of {repository.name} {words}" for words in found.values()]


def _ambiguous(repository: Repository, revision: str) -> str:
    return (
        f"{repository.name} has a tag and a branch named {revision}; the tag is deployed, as git does. "
        f"The branch is heads/{revision}"
    )


def _resolve_there(repository: Repository, revision: str, deploy_key: str, known_hosts: str) -> Revision:
    if FULL_SHA.fullmatch(revision):
        return Revision(revision, revision, "")
    if SSH_URL.match(repository.url) and not known_hosts:
        raise RepositoryError(
            f"launchpad:repository is {repository.name!r}, an SSH URL, but launchpad:known_hosts is empty; "
            f"set it to the git server's line of a known_hosts file, checked by you (ssh-keyscan prints it)"
        )
    # The names that git itself would try for it, in git's order: a tag comes before a branch.
    names = ["HEAD"] if revision == "HEAD" else [f"{rule}{revision}" for rule in ("refs/", "refs/tags/", "refs/heads/")]
    if revision.startswith("refs/"):
        names = [revision]
    with git_environment(repository, deploy_key, known_hosts) as environment:
        url = git.credentials(repository.url).url
        try:
            answer = subprocess.run(
                ["git", "ls-remote", "--", url, *names, *(f"{name}^{{}}" for name in names)],
                capture_output=True,
                encoding="utf-8",
                errors="replace",
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
    refs = {name: sha for sha, _, name in (line.partition("\t") for line in answer.stdout.splitlines())}
    there = [name for name in names if name in refs]
    if not there:
        raise _unknown(repository, revision, "one of its branches or tags, or a commit as 40 hex digits")
    warnings = (_ambiguous(repository, revision),) if len(there) > 1 else ()
    return Revision(refs.get(f"{there[0]}^{{}}", refs[there[0]]), revision, "", warnings)


def _unknown(repository: Repository, revision: str, allowed: str) -> RepositoryError:
    return RepositoryError(
        f"launchpad:revision is {revision!r}, which {repository.name} does not have; it must be {allowed}"
    )


@contextmanager
def git_environment(repository: Repository, deploy_key: str, known_hosts: str) -> Iterator[dict[str, str]]:
    """Git's environment for a server: never asks, knows the host beforehand, uses the deploy key where there is one.

    A password in the URL goes in by the environment too, for an argument is seen by every user of the computer.
    """
    environment = git.environment(os.environ, url=repository.url)
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
        environment["GIT_SSH_VARIANT"] = "ssh"
        yield environment
