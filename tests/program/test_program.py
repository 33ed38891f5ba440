"""The whole program over recorded registrations: what is made, in which order, from which config."""

import json
import runpy
import subprocess
from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra import outputs
from tests.program import registrations
from tests.program.recorder import Recording, record

ROOT = Path(__file__).parents[2]
HEAD = subprocess.run(
    ["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
).stdout.strip()
STEPS = [
    *("app-wait-for-ssh", "app-copy-agent", "app-prepare", "app-push-source", "app-release", "app-check-public-url"),
]


@pytest.fixture(scope="module")
def default() -> Recording:
    return record({})


def test_steps_are_made_in_order(default: Recording) -> None:
    names = [each.name for each in default.registrations]
    assert [name for name in names if name in STEPS] == STEPS


def test_exports_are_the_contract_in_its_order(default: Recording) -> None:
    assert list(default.outputs) == list(outputs.MEANING)
    assert default.outputs["outputs_version"] == outputs.VERSION
    assert default.outputs["url"] == "http://app.localhost:28001/"
    assert default.outputs["health_url"] == "http://app.localhost:28001/"
    assert default.outputs["address"] == "198.18.0.2"
    assert default.outputs["revision"] == HEAD
    assert default.outputs["release"] == "0123456789ab"
    assert default.outputs["machine_kind"] == "embedded"


def test_no_output_is_a_secret_and_none_holds_the_private_key(default: Recording) -> None:
    assert default.secret_outputs == set()
    assert "PRIVATE-canary" not in json.dumps(default.outputs)


def test_every_connection_knows_the_host_and_never_asks_for_trust(default: Recording) -> None:
    connections = [each.inputs["connection"] for each in default.registrations if "connection" in each.inputs]
    assert len(connections) == 7
    assert all(connection["hostKey"].startswith("ssh-ed25519 ") for connection in connections)


def test_only_the_first_step_waits_without_end(default: Recording) -> None:
    limits = {
        each.name: each.inputs["connection"]["dialErrorLimit"]
        for each in default.registrations
        if "connection" in each.inputs
    }
    assert (limits.pop("app-wait-for-ssh"), set(limits.values()), len(limits)) == (-1, {10}, 6)


def test_only_what_takes_something_off_the_machine_has_a_delete_command(default: Recording) -> None:
    assert [each.name for each in default.registrations if "delete" in each.inputs] == ["app-removal", "system-undo"]
    assert (
        default.one("app-removal").inputs["delete"].startswith("if [ -e launchpad-agent-app.pyz ]; then sudo python3 ")
    )


def test_a_machine_that_is_destroyed_is_not_asked_to_remove_its_apps_first() -> None:
    registered = registrations.registered(lambda: runpy.run_path(str(ROOT / "__main__.py")), Recording(), "dev")
    options = {each["name"]: each["options"] for each in registered if each["name"].startswith("app-")}
    assert options["app-removal"]["deleted_with"] == "machine"


def test_command_lines_hold_the_revision_and_nothing_secret() -> None:
    recording = record({"secrets": '{"TOKEN": "canary-42"}'}, ("secrets",))
    assert recording.one("app-release").inputs["create"] == f"sudo launchpad-agent deploy --app app --revision {HEAD}"
    for each in recording.registrations:
        open_inputs = {key: value for key, value in each.inputs.items() if key not in each.secrets}
        assert "canary-42" not in json.dumps(open_inputs, default=str)
    assert json.loads(recording.one("app-release").inputs["stdin"])["secrets"] == {"TOKEN": "canary-42"}


def test_the_machine_is_told_which_stack_the_app_is_of(default: Recording) -> None:
    assert json.loads(default.one("app-prepare").inputs["stdin"])["owner"] == "launchpad/test"


def test_a_new_machine_runs_every_step_again(default: Recording) -> None:
    for name in STEPS:
        assert default.one(name).inputs["triggers"][0] == "i-1"


def test_remote_repository_is_not_pushed() -> None:
    recording = record({"repository": "https://git.invalid/shop.git", "revision": "ab" * 20})
    assert "app-push-source" not in [each.name for each in recording.registrations]
    assert json.loads(recording.one("app-release").inputs["stdin"])["source"]["kind"] == "url"


def test_the_public_url_is_not_checked_where_the_web_is_closed_to_this_computer() -> None:
    recording = record({"web_cidrs": '["203.0.113.0/24"]'})
    assert "app-check-public-url" not in [each.name for each in recording.registrations]


def test_mistakes_stop_the_program_before_any_resource() -> None:
    with pytest.raises(pulumi.RunError) as caught:
        record({"machine": "toaster", "http_port": "x"})
    assert "2 mistakes in the config of this stack:" in str(caught.value)


def test_unknown_revision_stops_the_program() -> None:
    with pytest.raises(pulumi.RunError, match="launchpad:revision is 'no-such'"):
        record({"revision": "no-such"})


def committed(folder: Path) -> None:
    """Make a repository of a folder."""
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "--all"), (*identity, "commit", "-q", "-m", "First")):
        subprocess.run(["git", "-C", str(folder), *words], check=True)


def test_dependencies_that_cannot_be_installed_are_refused_before_anything_exists(tmp_path: Path) -> None:
    (tmp_path / "requirements.txt").write_text("-r gone.txt\n")
    committed(tmp_path)
    with pytest.raises(
        pulumi.RunError, match=r"the file gone\.txt, which requirements\.txt includes, is not in the repo"
    ):
        record({"repository": str(tmp_path), "command": "gunicorn app:app"})


def test_what_is_not_committed_is_a_warning_that_does_not_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, _resource: warnings.append(text))
    (tmp_path / "requirements.txt").touch()
    committed(tmp_path)
    (tmp_path / "app.py").touch()
    recording = record({"repository": str(tmp_path), "command": "gunicorn app:app"})
    assert warnings == [f"1 file of {tmp_path} is not committed (app.py); it is not deployed"]
    assert list(recording.outputs) == list(outputs.MEANING)


SECRET_APP = """
import os

from flask import Flask

app = Flask(__name__)
app.secret_key = os.environ["SECRET_KEY"]
"""


def commit(path: Path, files: dict[str, str]) -> None:
    """A repository with one commit of these files."""
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    for words in (("init", "-q"), ("add", "--all"), (*identity, "commit", "-q", "-m", "First")):
        subprocess.run(["git", "-C", str(path), *words], check=True)


def test_a_secret_that_the_app_reads_and_nobody_set_is_generated(tmp_path: Path) -> None:
    commit(tmp_path, {"app.py": SECRET_APP, "requirements.txt": "flask\n"})
    recording = record({"repository": str(tmp_path)})
    assert recording.one("app-generated-secrets").inputs["names"] == ["SECRET_KEY"]
    assert '"secrets": {"SECRET_KEY": "generated SECRET_KEY canary"}' in recording.one("app-release").inputs["stdin"]
    given = record({"repository": str(tmp_path), "secrets": '{"SECRET_KEY": "mine"}'}, secret=("secrets",))
    assert "app-generated-secrets" not in {each.name for each in given.registrations}


def test_generated_secrets_are_kept_where_only_the_machine_can_plan(tmp_path: Path) -> None:
    hook = {".launchpad/hooks/before_build": "#!/bin/sh\n"}
    commit(tmp_path, {"app.py": SECRET_APP, "requirements.txt": "flask\n", **hook})
    assert record({"repository": str(tmp_path)}).one("app-generated-secrets").inputs["names"] == []


def test_an_app_that_nothing_starts_is_refused_before_there_is_a_machine(tmp_path: Path) -> None:
    commit(tmp_path, {"readme": "", "requirements.txt": ""})
    asked = Recording()
    with pytest.raises(pulumi.RunError, match="nothing says how the app starts"):
        record({"repository": str(tmp_path)}, answers=lambda: asked)  # type: ignore[arg-type]
    assert asked.registrations == []


def test_syntax_that_only_a_newer_python_reads_is_left_to_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(tmp_path, {"app.py": "type Name = = str\n", "requirements.txt": "flask\n"})
    monkeypatch.setattr("infra.deployment.app_plan.NEWEST", (99,))
    assert record({"repository": str(tmp_path)}).one("app-release")
    monkeypatch.setattr("infra.deployment.app_plan.NEWEST", (3,))
    with pytest.raises(pulumi.RunError, match=r"cannot read app\.py, line 1"):
        record({"repository": str(tmp_path)})


class Warned(Recording):
    """A machine whose deployment warned of a worker."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        name, made = super().new_resource(args)
        if args.name != "app-release":
            return name, made
        return name, {**made, "stdout": '{"release": "0123456789ab", "warnings": ["process worker is not running"]}'}


def test_what_a_deployment_warned_of_is_told_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, _resource: warnings.append(text))
    record({}, answers=Warned)
    assert [text.splitlines()[0] for text in warnings if "worker" in text] == ["process worker is not running"]


def test_contract_refuses_a_missing_output() -> None:
    complete = dict.fromkeys(outputs.MEANING, "x")
    del complete["url"]
    with pytest.raises(outputs.ContractError, match="url"):
        outputs.checked(complete)


def test_passwords_of_the_site_are_secrets_and_the_public_check_knows_one() -> None:
    values = {"basic_auth": '{"bob": "canary-2", "ana": "canary-1"}', "domain": "a.org", "hsts": "2y"}
    recording = record(values, ("basic_auth",))
    checked = recording.one("app-check-public-url")
    assert checked.inputs["url"]["credentials"] == "ana:canary-1"
    assert "url" in checked.secrets
    sent = json.loads(recording.one("app-prepare").inputs["stdin"])
    assert (sent["basic_auth"], sent["hsts"]) == ({"ana": "canary-1", "bob": "canary-2"}, 2 * 365 * 86_400)
    for each in recording.registrations:
        shown = {name: item for name, item in each.inputs.items() if name not in each.secrets}
        assert "canary" not in json.dumps(shown, default=str), each.name
    without = record({})
    asked = without.one("app-check-public-url")
    assert ("credentials" in asked.inputs["url"], "url" in asked.secrets) == (False, False)
    assert json.loads(without.one("app-prepare").inputs["stdin"])["hsts"] == -1
