"""Nobody notices a deployment: no failed request under load, and never the older revision after it has returned."""

import time
from collections import Counter
from typing import Any

from tests.agent.lab import Lab, Repo
from tests.agent.load import Load


def deployments(lab: Lab, repo: Repo, load: Load, steps: list[tuple[str, dict[str, Any]]]) -> list[float]:
    """Deploy one after the other under load; what is asked for between two of them must come from the newer."""
    seconds = []
    for marker, spec in steps:
        began = time.monotonic()
        done = lab.deploy(repo, marker, **spec)
        returned = time.monotonic()
        assert done.data()["changed"] is True
        seconds.append(returned - began)
        time.sleep(0.5)
        assert load.not_from(marker, returned, time.monotonic()) == []
    return seconds


def test_deployments_rollbacks_and_settings_under_load(lab: Lab, flask: Repo) -> None:
    lab.deploy(flask, "one").data()
    flask.commit("three")
    flask.commit("four")
    steps: list[tuple[str, dict[str, Any]]] = [("two", {}), ("three", {}), ("four", {}), ("three", {}), ("one", {})]
    steps += [("one", {"env": {"COLOR": "red"}}), ("one", {"env": {"COLOR": "blue"}})]
    with Load(lab.address, keep_alive=20, fresh=20) as load:
        time.sleep(0.5)
        seconds = deployments(lab, flask, load, steps)
    assert load.failures == []
    assert set(Counter(one.marker for one in load.answers)) == {"one", "two", "three", "four"}
    assert len(load.answers) > 500
    print(f"{len(load.answers)} requests, deployments took {[round(one, 1) for one in seconds]} s")
