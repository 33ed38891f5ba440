"""The commit that a revision refers to in the app's repository, and what to know before it is deployed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.common import git_url
from infra.common.printable import one_line
from infra.deployment import contents, gather, git
from infra.deployment.repository import Repository, RepositoryError, git_environment

FULL_SHA = re.compile(r"[0-9a-f]{40}")
TIMEOUT = 30
"""Seconds that a git server may take to answer."""


class UnknownRevisionError(RepositoryError):
    """A revision that the repository does not have.

    Attributes:
        repository: The repository's name.
        allowed: What a revision may be there.
    """

    def __init__(self, repository: str, revision: str, allowed: str) -> None:
        super().__init__(
            f"launchpad:revision is {revision!r}, which {repository} does not have; it must be {allowed}. "
            "To deploy what the repository has at HEAD: pulumi config rm launchpad:revision"
        )
        self.repository = repository
        self.allowed = allowed


@dataclass(frozen=True)
class Revision:
    """A commit.

    Attributes:
        sha: All 40 digits.
        name: The revision as configured, such as a branch.
        subject: The subject of the commit message; empty for a remote repository.
        warnings: What the user should know before it is deployed.
    """

    sha: str
    name: str
    subject: str
    warnings: tuple[str, ...] = ()


def resolve(
    repository: Repository,
    revision: str,
    deploy_key: str = "",
    known_hosts: str = "",
    allow_missing: Sequence[str] = (),
) -> Revision:
    """Find the commit that a revision currently refers to.

    Args:
        repository: The repository.
        revision: HEAD, a branch, a tag or a commit. A tag takes precedence over a branch of the same name, as in git.
        deploy_key: The private SSH key for a remote repository.
        known_hosts: The git server's known_hosts line.
        allow_missing: Contents that the commit may lack: ``lfs``, ``submodules``.

    Raises:
        RepositoryError: There is no such commit, it lacks contents that are not allowed to be missing, or the server
            does not answer within 30 seconds.
    """
    if repository.path is not None:
        return _resolve_local(repository, repository.path, revision, allow_missing)
    return _resolve_remote(repository, revision, deploy_key, known_hosts)


def _resolve_local(repository: Repository, path: Path, revision: str, allow_missing: Sequence[str]) -> Revision:
    parsed = git.run(path, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if not parsed.ok and not git.run(path, "rev-list", "-n1", "--all").out:
        raise RepositoryError(
            f"launchpad:repository is {repository.name!r}, which has no commit yet; commit the app there"
        )
    if not parsed.ok:
        raise UnknownRevisionError(repository.name, revision, "a branch, a tag or a commit in it (git log shows them)")
    sha = parsed.out.strip()
    if not FULL_SHA.fullmatch(sha):
        raise RepositoryError(
            f"launchpad:repository is {repository.name!r}, which uses SHA-256 commit ids; Launchpad supports "
            "only SHA-1, git's default"
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
        warnings.append(contents.uncommitted_warning(repository.name, changed))
    options = ("--no-patch", "--no-show-signature", "--no-color", "--no-notes", "--encoding=UTF-8", "--format=%s")
    subject = one_line(git.run(path, "show", *options, sha, "--").out)
    return Revision(sha, revision, subject, tuple(warnings))


def _no_folder(repository: Repository, path: Path, revision: str, sha: str) -> RepositoryError:
    start = f"launchpad:directory: revision {revision} ({sha[:12]}) of {repository.name} has"
    parts = repository.directory.split("/")
    for above in ("/".join(parts[:count]) for count in range(1, len(parts) + 1)):
        if git.run(path, "ls-tree", "-z", "--full-tree", sha, "--", above).data.startswith(b"160000 "):
            return RepositoryError(
                f"{start} {repository.directory!r} in the submodule {above!r}; set "
                "launchpad:repository to the submodule's own repository"
            )
    return RepositoryError(f"{start} no folder {repository.directory!r}; commit it, or correct the key")


def _missing(repository: Repository, path: Path, sha: str, allowed: Sequence[str]) -> list[str]:
    """Warnings about contents that may be missing; raises ``RepositoryError`` about those that may not."""
    gathered = gather.gather(path, sha, repository.directory, allowed)
    start = f"launchpad:repository is {repository.name!r}, and its commit {sha[:12]}"
    if refusals := gathered.refusals(allowed):
        raise RepositoryError("\n".join(f"{start} {words}" for words in refusals))
    return [f"commit {sha[:12]} of {repository.name} {words}" for words in gathered.left_out.kinds().values()]


def _ambiguous(repository: Repository, revision: str) -> str:
    return (
        f"{repository.name} has a tag and a branch named {revision}; the tag is deployed, as git prefers tags. "
        f"To deploy the branch, set launchpad:revision to heads/{revision}"
    )


def _resolve_remote(repository: Repository, revision: str, deploy_key: str, known_hosts: str) -> Revision:
    if FULL_SHA.fullmatch(revision):
        return Revision(revision, revision, "")
    if git_url.SSH_URL.match(repository.url) and not known_hosts:
        raise RepositoryError(
            f"launchpad:repository is {repository.name!r}, an SSH URL, but launchpad:known_hosts is empty; "
            f"set it to the git server's known_hosts line (ssh-keyscan prints it; verify it)"
        )
    # The names that git itself would try, in git's order: a tag takes precedence over a branch.
    names = ["HEAD"] if revision == "HEAD" else [f"{rule}{revision}" for rule in ("refs/", "refs/tags/", "refs/heads/")]
    if revision.startswith("refs/"):
        names = [revision]
    with git_environment(repository, deploy_key, known_hosts) as environment:
        url = git_url.credentials(repository.url).url
        try:
            answer = subprocess.run(
                ["git", "ls-remote", "--", url, *names, *(f"{name}^{{}}" for name in names)],
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                timeout=TIMEOUT,
                env=environment,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RepositoryError(
                f"launchpad:repository: {repository.name} did not answer within {TIMEOUT} s"
            ) from None
    if answer.returncode != 0:
        error_line = (answer.stderr.strip().splitlines() or ["git ls-remote failed"])[-1]
        raise RepositoryError(
            f"launchpad:repository is {repository.name!r}, which cannot be read: {error_line}; "
            f"check the URL, and launchpad:deploy_key if the repository is private"
        )
    refs = {name: sha for sha, _, name in (line.partition("\t") for line in answer.stdout.splitlines())}
    existing = [name for name in names if name in refs]
    if not existing:
        raise UnknownRevisionError(
            repository.name, revision, "one of its branches or tags, or a commit as 40 hex digits"
        )
    warnings = (_ambiguous(repository, revision),) if len(existing) > 1 else ()
    return Revision(refs.get(f"{existing[0]}^{{}}", refs[existing[0]]), revision, "", warnings)
