"""Twenty deployments under load: ``python -m bench.load [DEPLOYMENTS]`` prints failures, older answers and times.

Fifty keep-alive and fifty fresh connections ask all the time; each deployment is a new commit; five rollbacks and five
changes of the environment follow. It needs root and makes a machine of its own.
"""

from __future__ import annotations

import secrets
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tests.agent import lab as lab_module
from tests.agent.lab import Lab, Repo
from tests.agent.load import Load


def steps(deployments: int) -> list[tuple[str, str, dict[str, Any]]]:
    """What is deployed: kind, marker, settings. Every deployment is a commit of its own, so that each is built."""
    found: list[tuple[str, str, dict[str, Any]]] = [("deploy", f"n{number}", {}) for number in range(deployments)]
    found += [("rollback", f"n{deployments - 2 + number % 2}", {}) for number in range(5)]
    last = found[-1][1]
    return found + [("settings", last, {"env": {"COLOR": f"c{number}"}}) for number in range(5)]


def measure(lab: Lab, repo: Repo, deployments: int) -> int:
    """Run everything and print what was seen; returns the number of wrong answers."""
    plan = steps(deployments)
    for marker in dict.fromkeys(marker for _, marker, _ in plan):
        repo.commit(marker)
    repo.commit("first")
    lab.deploy(repo, "first").data()
    seconds: dict[str, list[float]] = {}
    older = 0
    with Load(lab.address, keep_alive=50, fresh=50) as load:
        time.sleep(1)
        for kind, marker, spec in plan:
            began = time.monotonic()
            lab.deploy(repo, marker, **spec).data()
            returned = time.monotonic()
            seconds.setdefault(kind, []).append(returned - began)
            time.sleep(0.5)
            older += len(load.not_from(marker, returned, time.monotonic()))
    known = Counter(one.marker for one in load.answers)
    strange = sum(count for marker, count in known.items() if marker not in repo.revisions)
    print(f"requests {len(load.answers)}, failed {len(load.failures)}, older after return {older}, strange {strange}")
    for failure, count in Counter(load.failures).most_common(5):
        print(f"  {count} x {failure}")
    for kind, times in seconds.items():
        print(f"{kind:9} n={len(times):2}  median {statistics.median(times):.2f} s  worst {max(times):.2f} s")
    return len(load.failures) + older + strange


def main() -> int:
    """Make a machine, measure, remove it."""
    deployments = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    name = f"lp{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory() as folder:
        try:
            lab = lab_module.make_machine(name, Path(folder))
            lab.prepare().data()
            repo = Repo.of("flask", Path(folder) / "flask")
            return 1 if measure(lab, repo, deployments) else 0
        finally:
            lab_module.remove_machine(name)


if __name__ == "__main__":
    sys.exit(main())
