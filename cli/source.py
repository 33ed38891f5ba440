"""The app's repository as a stack's config names it, asked for a revision before anything is changed for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli import config
from cli.failure import Failure

if TYPE_CHECKING:
    from infra.deployment.source import Source


def values(held: config.Config) -> dict[str, str]:
    """The app's keys with the defaults that they are declared with."""
    from infra.config.key import declared  # noqa: PLC0415 - late: only a few commands ask for the repository
    from infra.config.keys.app import AppKeys  # noqa: PLC0415

    return {**{name: key.default for name, key in declared(AppKeys).items()}, **held.values}


def of(held: config.Config) -> Source:
    """The app's source.

    Raises:
        RepositoryError: A local path is not a git repository, or git refuses to read it.
    """
    from infra.deployment import source  # noqa: PLC0415 - late, as above

    given = values(held)
    return source.find(
        given["repository"],
        given["directory"],
        deploy_key=given["deploy_key"],
        known_hosts=given["known_hosts"],
        allow_missing=config.words(given["allow_missing"]),
    )


def check(held: config.Config, revision: str) -> None:
    """See that the repository has a revision that was typed.

    Args:
        held: The stack's config.
        revision: A branch, a tag or a commit.

    Raises:
        Failure: The repository does not have it, or cannot be read.
    """
    from infra.deployment.repository import RepositoryError  # noqa: PLC0415 - late: git is asked only here
    from infra.deployment.revision import UnknownRevisionError  # noqa: PLC0415

    if "deploy_key" in held.unread:  # the server would refuse us; up asks it with the key
        return
    try:
        of(held).resolve(revision)
    except UnknownRevisionError as error:
        raise Failure(f"{error.repository} does not have {revision!r}; name {error.allowed}") from None
    except RepositoryError as error:
        raise Failure(str(error)) from None
