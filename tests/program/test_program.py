"""The whole program over recorded registrations: what is made, in which order, from which config."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra import outputs
from tests.program.recorder import Recording, record

ROOT = Path(__file__).parents[2]
HEAD = subprocess.run(
    ["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
).stdout.strip()
STEPS = ["reach", "program", "prepare", "source", "release", "door"]


@pytest.fixture(scope="module")
def default() -> Recording:
    return record({})


def test_steps_are_made_in_order(default: Recording) -> None:
    names = [each.name for each in default.registrations]
    assert [name for name in names if name in STEPS] == STEPS


def test_exports_are_the_contract_in_its_order(default: Recording) -> None:
    assert list(default.outputs) == list(outputs.MEANING)
    assert default.outputs["outputs_version"] == outputs.VERSION
    assert default.outputs["url"] == "http://198.18.0.2/"
    assert default.outputs["revision"] == HEAD
    assert default.outputs["release"] == "0123456789ab"
    assert default.outputs["machine"] == "embedded"


def test_no_output_is_a_secret_and_none_holds_the_private_key(default: Recording) -> None:
    assert default.secret_outputs == set()
    assert "PRIVATE-canary" not in json.dumps(default.outputs)


def test_every_connection_knows_the_host_and_never_asks_for_trust(default: Recording) -> None:
    connections = [each.inputs["connection"] for each in default.registrations if "connection" in each.inputs]
    assert len(connections) == 4
    assert all(connection["hostKey"].startswith("ssh-ed25519 ") for connection in connections)


def test_only_reach_waits_without_end(default: Recording) -> None:
    limits = {
        each.name: each.inputs["connection"]["dialErrorLimit"]
        for each in default.registrations
        if "connection" in each.inputs
    }
    assert limits == {"reach": -1, "program": 10, "prepare": 10, "release": 10}


def test_no_step_has_a_delete_command(default: Recording) -> None:
    assert [each.name for each in default.registrations if "delete" in each.inputs] == []


def test_command_lines_hold_the_revision_and_nothing_secret() -> None:
    recording = record({"secrets": '{"TOKEN": "canary-42"}'}, ("secrets",))
    assert recording.one("release").inputs["create"] == f"sudo launchpad-host deploy --app app --revision {HEAD}"
    for each in recording.registrations:
        open_inputs = {key: value for key, value in each.inputs.items() if key not in each.secrets}
        assert "canary-42" not in json.dumps(open_inputs, default=str)
    assert json.loads(recording.one("release").inputs["stdin"])["secrets"] == {"TOKEN": "canary-42"}


def test_a_new_machine_runs_every_step_again(default: Recording) -> None:
    for name in STEPS:
        assert default.one(name).inputs["triggers"][0] == "i-1"


def test_remote_repository_is_not_pushed() -> None:
    recording = record({"repository": "https://git.invalid/shop.git", "revision": "ab" * 20})
    assert "source" not in [each.name for each in recording.registrations]
    assert json.loads(recording.one("release").inputs["stdin"])["repository"]["kind"] == "url"


def test_door_is_not_asked_where_the_web_is_closed_to_this_computer() -> None:
    recording = record({"web_cidrs": '["203.0.113.0/24"]'})
    assert "door" not in [each.name for each in recording.registrations]


def test_mistakes_stop_the_program_before_any_resource() -> None:
    with pytest.raises(pulumi.RunError) as caught:
        record({"machine": "toaster", "http_port": "x"})
    assert "2 mistakes in the config of this stack:" in str(caught.value)


def test_unknown_revision_stops_the_program() -> None:
    with pytest.raises(pulumi.RunError, match="launchpad:revision is 'no-such'"):
        record({"revision": "no-such"})


def test_what_is_not_committed_is_a_warning_that_does_not_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, _resource: warnings.append(text))
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), (*identity, "commit", "-q", "--allow-empty", "-m", "First")):
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True)
    (tmp_path / "app.py").touch()
    recording = record({"repository": str(tmp_path)})
    assert warnings == [f"1 file of {tmp_path} is not committed (app.py); it is not deployed"]
    assert list(recording.outputs) == list(outputs.MEANING)


class Warned(Recording):
    """A machine whose deployment warned of a worker."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        name, made = super().new_resource(args)
        return name, {**made, "stdout": '{"release": "0123456789ab", "warnings": ["the process worker does not run"]}'}


def test_what_a_deployment_warned_of_is_told_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, _resource: warnings.append(text))
    record({}, answers=Warned)
    assert [text.splitlines()[0] for text in warnings if "worker" in text] == ["the process worker does not run"]


def test_contract_refuses_a_missing_output() -> None:
    complete = dict.fromkeys(outputs.MEANING, "x")
    del complete["url"]
    with pytest.raises(outputs.ContractError, match="url"):
        outputs.checked(complete)
