"""The app's git repository, local or remote."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.common import git_ssh, git_url
from infra.deployment import git

URL = re.compile(r"(https?|ssh|git\+ssh)://|[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:")
SSH_PASSWORD = re.compile(r"(git\+)?ssh://[^/@]*:[^/]*@")


class RepositoryError(Exception):
    """A repository that does not exist, or lacks the revision; the message names the config key and the remedy."""


@dataclass(frozen=True)
class Repository:
    """The app's repository: the ``path`` of a local one, or the ``url`` that the machine clones.

    Attributes:
        name: What messages call it: as configured, without a password.
        path: A directory in a local repository; None for a remote one.
        url: The URL; empty for a local repository.
        directory: The app's root in it.
    """

    name: str
    path: Path | None
    url: str
    directory: str


def find(repository: str, directory: str) -> Repository:
    """Find the repository.

    Args:
        repository: A local path or a URL. A folder inside a work tree becomes the app's root.
        directory: The app's root, relative to that.

    Raises:
        RepositoryError: A local path is not a git repository, or git refuses to read it.
    """
    if shutil.which("git") is None:
        raise RepositoryError("git is not on the PATH of this computer; install it: sudo apt-get install git")
    if SSH_PASSWORD.match(repository):
        raise RepositoryError(
            "launchpad:repository is an SSH URL with a password in it, which SSH does not support; remove it, and set "
            "launchpad:deploy_key to a key that may read the repository"
        )
    if URL.match(repository):
        return Repository(git_url.without_password(repository), None, repository, directory)
    path = Path(repository).expanduser()
    prefix = f"launchpad:repository is {repository!r}, but {path.absolute()}"
    try:
        exists, is_folder = path.exists(), path.is_dir()
    except OSError as error:
        raise RepositoryError(f"{prefix} cannot be read: {error.strerror}") from None
    if not exists:
        raise RepositoryError(f"{prefix} does not exist; name a git repository")
    if not is_folder:
        raise RepositoryError(f"{prefix} is a file; name the folder of a git repository")
    show_prefix = git.run(path, "rev-parse", "--show-prefix")
    if not show_prefix.ok:
        raise RepositoryError(f"{prefix} {_refused(show_prefix)}")
    root = show_prefix.out.removesuffix("\n").rstrip("/")
    return Repository(repository, path, "", "/".join(part for part in (root, directory) if part))


def _refused(answer: git.Completed) -> str:
    """Why git rejects a folder, and what to do."""
    if "not a git repository (or any" in answer.err:
        return "is not in a git repository; create one with: git init && git add . && git commit"
    if safe := re.search(r"git config --global --add safe\.directory .*", answer.err):
        remedy = safe[0].strip()
        return f"belongs to another user, and git reports: {answer.error_line}; if you trust its contents: {remedy}"
    return f"cannot be read by git, which reports: {answer.error_line}"


@contextmanager
def git_environment(repository: Repository, deploy_key: str, known_hosts: str) -> Iterator[dict[str, str]]:
    """Git's environment for a server: no prompts, known host keys only, the deploy key if there is one.

    A password in the URL is passed in the environment too, because every user of the computer can see arguments.
    """
    environment = git.environment(os.environ, url=repository.url)
    if not known_hosts:
        yield environment
        return
    with tempfile.TemporaryDirectory() as folder:
        yield {**environment, **git_ssh.environment(Path(folder), known_hosts, deploy_key)}
