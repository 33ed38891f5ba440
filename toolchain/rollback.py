"""Choose the revision to go back to from the machine's history (JSON on stdin, the oldest deployment first).

Without an argument: the one before the release that serves. With one: what it names on the machine, as a release or the
beginning of a revision; anything else is passed on, for the program to look up in the repository.
"""

import json
import sys
from typing import Any


def path_here(deployments: list[dict[str, Any]]) -> list[str]:
    """The revisions on the way to the one that serves, as in a browser's history: without those gone back from.

    A deployment that was interrupted after its switch served, too; and what serves now is the end of the way, whatever
    the record says: the machine may have died between the switch and its record.
    """
    path: list[str] = []
    serving = next((each["revision"] for each in reversed(deployments) if each.get("serving")), None)
    for deployment in deployments:
        if not (deployment["result"] == "ok" or deployment.get("switched") or deployment["revision"] == serving):
            continue
        revision = deployment["revision"]
        if revision in path:
            del path[path.index(revision) + 1 :]
        else:
            path.append(revision)
    return path[: path.index(serving) + 1] if serving else path


def choose(deployments: list[dict[str, Any]], wanted: str) -> str:
    """The revision to deploy. Ends the program with a message where there is none."""
    if not wanted:
        path = path_here(deployments)
        if len(path) < 2:
            sys.exit("launchpad: there is no earlier release to go back to; name one: make rollback TO=<revision>")
        return path[-2]
    named = {
        each["revision"] for each in deployments if each["release"] == wanted or each["revision"].startswith(wanted)
    }
    if len(named) > 1:
        sys.exit(f"launchpad: TO={wanted} is the beginning of {len(named)} revisions: {', '.join(sorted(named))}")
    return named.pop() if named else wanted


def main() -> None:
    """Print the choice and whether it is still built on the machine (here, gone); say on stderr what it means."""
    deployments = json.load(sys.stdin)
    chosen = choose(deployments, sys.argv[1])
    built = any(each["revision"] == chosen and each["built"] for each in deployments)
    about = "still on the machine" if built else "not on the machine, so it is built"
    print(f"launchpad: going back to {chosen}, {about}", file=sys.stderr)
    print(chosen, "here" if built else "gone")


if __name__ == "__main__":
    main()
