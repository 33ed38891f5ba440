"""The launchpad command and the machine: what it asks there over ssh, and in which order a rollback goes."""

import json
from pathlib import Path

import pytest

from tests.unit.toolchain.clone import Clone, executable
from tests.unit.toolchain.project import LAUNCHPAD, asked

pytestmark = pytest.mark.slow

OLD, NEW = "a" * 40, "b" * 40
HISTORY = [
    {"revision": OLD, "release": OLD[:12], "result": "ok", "built": True, "serving": False},
    {"revision": NEW, "release": NEW[:12], "result": "ok", "built": True, "serving": True},
]
OUTPUTS = {"ssh": "ssh -i '/a key' deploy@198.18.0.2", "app_user": "shop", "url": "http://198.18.0.2/"}


@pytest.fixture
def machine(project: Clone) -> Clone:
    """The clone of a stack whose machine answers: an ssh that writes down what it is asked."""
    project.environment["SOMEONE"] = "0"
    script = f"""
echo "pulumi $*" >>"$HOME.asked"
case "$*" in "stack output"*) echo '{json.dumps(OUTPUTS)}' ;; up*) exit "${{UP:-0}}" ;; esac
"""
    executable(project.root / ".launchpad/bin/pulumi", script)
    history(project, HISTORY)
    project.tool(
        "ssh",
        'for last; do :; done; echo "ssh $last" >>"$HOME.asked"; '
        'case "$last" in *" releases "*) cat "$HOME.history" ;; *" rollback "*) exit "${BACK:-0}" ;; esac',
    )
    return project


def history(project: Clone, deployments: object) -> None:
    Path(project.environment["HOME"] + ".history").write_text(json.dumps(deployments))


def steps(project: Clone) -> list[str]:
    """What was asked, without the questions for outputs, the selected stack and who asks."""
    return [line.split(" --who")[0] for line in asked(project) if not line.startswith("pulumi stack ")]


def test_a_rollback_switches_on_the_machine_and_then_has_pulumi_record_it(machine: Clone) -> None:
    done = machine.run(LAUNCHPAD, "rollback")
    assert done.returncode == 0, done.stderr
    assert steps(machine) == [
        "ssh sudo launchpad-agent releases --app shop --json",
        f"ssh sudo launchpad-agent rollback --app shop --revision {OLD}",
        f"pulumi config set launchpad:revision {OLD} --stack dev",
        "-m infra.machines.embedded base",
        "pulumi up --yes --skip-preview --json --stack dev",
    ]
    assert done.stderr.splitlines() == [
        f"launchpad: rolling back to {OLD}, still on the machine",
        "To follow the branch again: pulumi config rm --stack dev launchpad:revision, then toolchain/bin/launchpad up",
    ]


def test_a_machine_that_does_not_go_back_leaves_the_settings_as_they_are(machine: Clone) -> None:
    done = machine.run(LAUNCHPAD, "rollback", "aaa", BACK="1")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        1,
        f"launchpad: the rollback on the machine failed (see above). To deploy {OLD} with the current settings: "
        f"pulumi config set --stack dev launchpad:revision {OLD}, then toolchain/bin/launchpad up",
    )
    assert not any(line.startswith("pulumi config") for line in asked(machine))


def test_a_revision_that_is_nowhere_changes_nothing(machine: Clone) -> None:
    machine.bash(
        "git init -q app && cd app && git -c user.name=x -c user.email=x@example.org commit -q --allow-empty -m x"
    )
    done = machine.run(LAUNCHPAD, "rollback", "nonsense")
    assert (done.returncode, done.stderr) == (
        1,
        "launchpad: no release of the machine is 'nonsense', and ./app does not have 'nonsense'; "
        "name a branch, a tag or a commit in it (git log shows them)\n",
    )
    assert not any(
        line.startswith(("pulumi config set", "pulumi up")) or " rollback " in line for line in asked(machine)
    )


@pytest.mark.parametrize(
    ("before", "restored"), [("main", "set launchpad:revision main"), ("", "rm launchpad:revision")]
)
def test_a_revision_that_has_to_be_built_and_fails_puts_the_settings_back(
    machine: Clone, before: str, restored: str
) -> None:
    settings = machine.root / "Pulumi.dev.yaml"
    if before:
        settings.write_text(f"config:\n  launchpad:revision: {before}\n")
    history(machine, [{**HISTORY[0], "built": False}, HISTORY[1]])
    done = machine.run(LAUNCHPAD, "rollback", UP="1")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (
        1,
        f"launchpad: {OLD} was not deployed; launchpad:revision is unchanged",
    )
    assert steps(machine)[-1] == f"pulumi config {restored} --stack dev"
    assert not any(" rollback " in line for line in asked(machine))


def test_a_branch_that_was_followed_is_named_after_a_rollback(machine: Clone) -> None:
    (machine.root / "Pulumi.dev.yaml").write_text("config:\n  launchpad:revision: main\n")
    assert machine.run(LAUNCHPAD, "rollback").stderr.splitlines()[-1] == (
        "To follow main again: pulumi config set --stack dev launchpad:revision main, then toolchain/bin/launchpad up"
    )


def test_a_rollback_of_one_of_several_apps_changes_its_own_revision(machine: Clone) -> None:
    (machine.root / "Pulumi.dev.yaml").write_text("config:\n  launchpad:apps: {shop: {revision: main}, blog: {}}\n")
    done = machine.run(LAUNCHPAD, "rollback", "--app", "shop")
    assert done.returncode == 0, done.stderr
    assert steps(machine) == [
        "ssh sudo launchpad-agent releases --app shop --json",
        f"ssh sudo launchpad-agent rollback --app shop --revision {OLD}",
        f"pulumi config set --path launchpad:apps.shop.revision {OLD} --stack dev",
        "-m infra.machines.embedded base",
        "pulumi up --yes --skip-preview --json --stack dev --continue-on-error",
    ]
    assert done.stderr.splitlines()[-1] == (
        "To follow main again: pulumi config set --stack dev --path launchpad:apps.shop.revision main, then "
        "toolchain/bin/launchpad up"
    )


def test_the_state_of_all_apps_is_shown_and_a_log_asks_for_one(machine: Clone) -> None:
    (machine.root / "Pulumi.dev.yaml").write_text("config:\n  launchpad:apps: {shop: {}, blog: {}}\n")
    done = machine.run(LAUNCHPAD, "status")
    assert (done.returncode, done.stdout) == (0, "blog:\n\nshop:\n")
    assert [line for line in steps(machine) if line.startswith("ssh")] == [
        "ssh sudo launchpad-agent status --app blog",
        "ssh sudo launchpad-agent status --app shop",
    ]
    done = machine.run(LAUNCHPAD, "logs")
    assert (done.returncode, done.stderr) == (
        1,
        "launchpad: stack dev has several apps. Name one of them: --app blog, --app shop\n",
    )


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        (("status", "--json"), "status --app shop --json"),
        (("releases",), "releases --app shop"),
        (("releases", "--runs"), "releases --app shop --runs"),
        (("logs",), "logs --app shop --lines 100"),
        (
            ("logs", "-n", "5", "-g", "a  b", "--since", "2 hours ago", "-p", "web", "-r", "x", "--json"),
            "logs --app shop --process web --release x --since '2 hours ago' --grep 'a  b' --lines 5 --json",
        ),
        (("cancel", "--all"), "cancel --app shop --all"),
        (("restart", "worker"), "restart --app shop --who WHO --process worker"),
        (("console",), "console --app shop --who WHO"),
        (("run", "-d", "--", "sh", "-c", "echo $A"), "run --app shop --who WHO --detach -- sh -c 'echo $A'"),
        (("run", "python", "-V"), "run --app shop --who WHO -- python -V"),
        (("logs", "--app", "shop"), "logs --app shop --lines 100"),
    ],
)
def test_options_are_the_agents(machine: Clone, typed: tuple[str, ...], line: str) -> None:
    done = machine.run(LAUNCHPAD, *typed)
    assert done.returncode == 0, done.stderr
    (words,) = [line for line in asked(machine) if line.startswith("ssh")]
    who = words.partition("--who ")[2].partition(" ")[0]
    assert words.replace(f"--who {who}", "--who WHO") == f"ssh sudo launchpad-agent {line}"


def test_the_exit_status_is_that_of_the_command_there(machine: Clone) -> None:
    machine.tool("ssh", "exit 42")
    for words in (("status",), ("run", "false"), ("ssh", "--", "false"), ("logs", "-f")):
        assert machine.run(LAUNCHPAD, *words).returncode == 42


def test_root_is_asked_for_before_setup_takes_its_time(project: Clone) -> None:
    project.tool("sudo", 'echo "sudo $*" >>"$HOME.asked"')
    executable(project.root / "toolchain/setup", 'echo "setup $*" >>"$HOME.asked"')
    (project.root / ".venv/synced").touch()
    project.run(LAUNCHPAD, "up")
    assert [line for line in asked(project) if not line.startswith("stack ")][:4] == [
        "sudo -n true",
        "setup --quiet",
        "sudo -n true",
        "-m infra.machines.embedded base",
    ]


def test_a_virtualenv_older_than_its_lock_is_renewed_first(project: Clone) -> None:
    executable(project.root / "toolchain/setup", 'echo "setup $*" >>"$HOME.asked"')
    project.run(LAUNCHPAD, "--version")
    (project.root / ".venv/synced").touch()
    project.run(LAUNCHPAD, "--version")
    assert asked(project) == ["setup --virtualenv"]


@pytest.mark.parametrize("verb", ["run", "ssh"])
def test_an_unknown_option_is_no_command_for_the_machine(machine: Clone, verb: str) -> None:
    done = machine.run(LAUNCHPAD, verb, "--json", "--", "true")
    assert (done.returncode, "No such option: --json" in done.stderr) == (2, True)
    assert asked(machine) == []


@pytest.mark.parametrize("verb", ["status", "logs", "url", "rollback"])
def test_what_only_looks_installs_nothing(project: Clone, verb: str) -> None:
    executable(project.root / "toolchain/setup", 'echo "setup $*" >>"$HOME.asked"')
    (project.root / ".venv/bin/python").unlink()
    done = project.run(LAUNCHPAD, verb)
    assert (done.returncode, done.stderr) == (
        1,
        f"launchpad: nothing is set up in {project.root} yet. Run: {LAUNCHPAD} up, or for a stack that is up already: make setup\n",
    )
    assert asked(project) == []
