"""What a machine tells of an app's deployments, and which revision is the previous one. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NotRequired, TypedDict

from cli.failure import Failure


class Deployment(TypedDict):
    """One deployment, of those that ``launchpad-agent releases --json`` lists, the oldest first.

    Among them are the commands of ``run`` and the times of maintenance, which have another ``kind`` and change nothing
    of what serves.
    """

    kind: NotRequired[str]
    revision: str
    release: str
    result: str
    built: bool
    switched: NotRequired[bool]
    serving: NotRequired[bool]


def path_to_serving(deployments: Sequence[Deployment]) -> list[str]:
    """The revisions on the way to the one that serves, as in a browser's history: without those gone back from.

    A deployment that was interrupted after its switch served, too; and what serves now is the end of the way, whatever
    the record says: the machine may have died between the switch and its record.
    """
    path: list[str] = []
    serving = next((each["revision"] for each in reversed(deployments) if each.get("serving")), None)
    for deployment in deployments:
        if deployment.get("kind", "deployment") != "deployment":
            continue
        if not (deployment["result"] == "ok" or deployment.get("switched") or deployment["revision"] == serving):
            continue
        revision = deployment["revision"]
        if revision in path:
            del path[path.index(revision) + 1 :]
        else:
            path.append(revision)
    return path[: path.index(serving) + 1] if serving else path


def choose(deployments: Sequence[Deployment], wanted: str) -> str:
    """The revision to go back to.

    Args:
        deployments: The machine's history, the oldest first.
        wanted: A release or the beginning of a revision; anything else is passed on, for the program to look up in the
            repository. Empty: the revision before the one that serves.

    Raises:
        Failure: There is no earlier one, or ``wanted`` is the prefix of several.
    """
    if not wanted:
        path = path_to_serving(deployments)
        if len(path) < 2:
            raise Failure("there is no earlier release to roll back to; name the revision to deploy")
        return path[-2]
    named = {
        each["revision"] for each in deployments if each["release"] == wanted or each["revision"].startswith(wanted)
    }
    if len(named) > 1:
        raise Failure(f"{wanted} is the prefix of {len(named)} revisions: {', '.join(sorted(named))}")
    return named.pop() if named else wanted


def is_built(deployments: Sequence[Deployment], revision: str) -> bool:
    """Whether the revision is still built on the machine."""
    return any(each["revision"] == revision and each["built"] for each in deployments)
