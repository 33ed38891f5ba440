"""An app's source: its repository and the credentials for reading it."""

from __future__ import annotations

from dataclasses import dataclass, field

from infra.deployment import repository
from infra.deployment.repository import Repository
from infra.deployment.revision import Revision, resolve


@dataclass(frozen=True)
class Source:
    """An app's repository, with the credentials for reading it. ``find`` creates one."""

    repository: Repository
    deploy_key: str = field(default="", repr=False)
    """A private SSH key that may read the repository; the workstation and the machine use it."""

    known_hosts: str = ""
    """The git server's known_hosts line."""

    allow_missing: tuple[str, ...] = ()
    """Contents that commits may lack: ``lfs``, ``submodules``."""

    def resolve(self, revision: str = "HEAD") -> Revision:
        """Find the commit that a branch, a tag or a commit's name currently refers to.

        Raises:
            RepositoryError: There is none, or it lacks contents that ``allow_missing`` does not list.
        """
        return resolve(self.repository, revision, self.deploy_key, self.known_hosts, self.allow_missing)


def find(
    location: str,
    directory: str = "",
    *,
    deploy_key: str = "",
    known_hosts: str = "",
    allow_missing: tuple[str, ...] = (),
) -> Source:
    """Find the source at a local path or a URL.

    Args:
        location: The path or the URL.
        directory: The app's root in the repository.
        deploy_key: A private SSH key that may read it.
        known_hosts: The git server's known_hosts line.
        allow_missing: Contents that commits may lack: ``lfs``, ``submodules``.

    Raises:
        RepositoryError: A local path is not a git repository, or git refuses to read it.
    """
    return Source(repository.find(location, directory), deploy_key, known_hosts, allow_missing)
