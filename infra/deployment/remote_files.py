"""The files of a remote repository's commit, fetched to the workstation for the build plan: without history.

They are kept in a bare repository below the project's folder, so that a commit is fetched once.
"""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from infra import local
from infra.common import git_url
from infra.common.printable import one_line
from infra.deployment import commit_files, git, git_objects, repository
from infra.deployment.commit_files import CommitFiles
from infra.deployment.git_objects import LINK, SUBMODULE, Entry, UnreadableCommitError
from infra.deployment.source import Source

TIMEOUT = 20
"""Seconds for one fetch; the preview does without a plan then, and the machine makes it."""
READ = {".py", ".toml", ".txt", ".in", ".lock", ".cfg", ".ini", ".pip", ".json", ".yml", ".yaml"}
"""Endings of the files that a plan is made of, as are those without one, such as the Procfile."""
MOST = 3000
"""Files that are fetched at once."""


class TookTooLongError(UnreadableCommitError):
    """The commit's files did not arrive in time."""


@contextmanager
def read(source: Source, revision: str) -> Iterator[CommitFiles]:
    """The files of a commit of a remote repository, as long as the block lasts.

    Args:
        source: The repository, with the credentials for it.
        revision: The commit, all 40 digits.

    Raises:
        UnreadableCommitError: They cannot be fetched from here, or not in time.
    """
    url = git_url.credentials(source.repository.url).url
    folder = _folder(url)
    with repository.git_environment(source.repository, source.deploy_key, source.known_hosts) as environment:
        slow = {"GIT_HTTP_LOW_SPEED_LIMIT": "1000", "GIT_HTTP_LOW_SPEED_TIME": "10"}
        fetching = _Fetching(folder, url, {**environment, **slow})
        if fetching.missing(revision) is None:
            fetching.fetch("--depth=1", "--filter=blob:none", url, revision)
        fetching.fetch_blobs(revision, source.repository.directory)
        with commit_files.read(folder, revision, source.repository.directory, fetching.environment) as files:
            yield files


class _Fetching:
    """Fetches into a bare repository."""

    def __init__(self, folder: Path, url: str, environment: Mapping[str, str]) -> None:
        self.folder, self.url, self.environment = folder, url, environment

    def fetch(self, *arguments: str, feed: str = "") -> None:
        """Fetch something.

        Raises:
            UnreadableCommitError: It cannot be fetched, or not in time.
        """
        options = ("--quiet", "--no-tags", "--no-recurse-submodules", "--no-auto-gc")
        try:
            done = subprocess.run(
                ["git", "-C", str(self.folder), "fetch", *options, *arguments],
                input=feed,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                env=self.environment,
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise TookTooLongError(f"its files did not arrive on this computer within {TIMEOUT} s") from None
        if done.returncode:
            words = (done.stderr.strip().splitlines() or ["git fetch failed"])[-1]
            raise UnreadableCommitError(f"its files cannot be fetched to this computer: {one_line(words)}")

    def missing(self, revision: str) -> set[str] | None:
        """The objects of a commit that are not here; None if the commit itself is not. Git fetches nothing for this."""
        words = ("rev-list", "--objects", "--missing=print", "--no-walk", f"{revision}^{{tree}}")
        listed = git.run(self.folder, *words)
        return {line[1:] for line in listed.out.splitlines() if line.startswith("?")} if listed.ok else None

    def fetch_blobs(self, revision: str, directory: str) -> None:
        """Fetch the files that a plan may be made of, all at once; git fetches others when they are read."""
        if missing := self.missing(revision):
            entries = git_objects.listed(self.folder, revision)
            wanted = {entry.blob: None for path, entry in entries.items() if _is_read(path, entry, directory)}
            names = [blob for blob in wanted if blob in missing][:MOST]
            if names:
                self.fetch("--filter=blob:none", "--stdin", self.url, feed="".join(f"{name}\n" for name in names))


def _is_read(path: str, entry: Entry, directory: str) -> bool:
    """Whether a plan may be made of a file: below the app's directory, or at the top, where locks and links may lie."""
    near = not directory or path.startswith(f"{directory}/") or path.count("/") < 2
    return entry.mode != SUBMODULE and near and (entry.mode == LINK or PurePosixPath(path).suffix in {*READ, ""})


def _folder(url: str) -> Path:
    """The bare repository for a URL."""
    folder = local.project() / local.FOLDER / "repositories" / f"{hashlib.sha256(url.encode()).hexdigest()[:16]}.git"
    if not (folder / "HEAD").exists():
        folder.mkdir(parents=True, exist_ok=True)
        git.run(folder, "init", "--quiet", "--bare", ".")
    return folder
