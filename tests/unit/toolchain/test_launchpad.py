"""The launchpad command in a clone in miniature: what it refuses, what it asks of Pulumi, what a destroy leaves."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.unit.cli import stream
from tests.unit.toolchain.clone import ROOT, Clone, executable
from tests.unit.toolchain.project import BLANK, LAUNCHPAD, SALT, SETTINGS, asked, python

pytestmark = pytest.mark.slow


def test_an_embedded_machine_needs_root(project: Clone) -> None:
    done = project.run(LAUNCHPAD, "up")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "launchpad: the embedded machine of stack dev needs root, and you are neither root nor"
    )
    assert asked(project) == []


def test_an_embedded_machine_needs_linux(project: Clone) -> None:
    project.environment["SYSTEM"] = "Darwin"
    done = project.run(LAUNCHPAD, "up")
    assert (done.returncode, "is a Linux container, and this is Darwin" in done.stderr) == (1, True)


def test_another_machine_does_not(project: Clone) -> None:
    (project.root / "Pulumi.dev.yaml").write_text(SETTINGS.format('"ec2"'))
    project.run(LAUNCHPAD, "up")
    # It could be replaced, so the guard of the data is asked first.
    assert asked(project)[2:4] == ["preview --json --stack dev", "up --yes --skip-preview --json --stack dev"]


def test_clean_refuses_while_something_is_up(project: Clone) -> None:
    done = project.run(LAUNCHPAD, "clean")
    assert done.returncode == 1
    assert (
        done.stderr
        == "launchpad: these stacks still have resources: dev. First run: toolchain/bin/launchpad destroy -s dev\n"
    )
    assert (project.root / ".venv").exists()


@pytest.fixture
def idle(project: Clone) -> Clone:
    """A clone with nothing up, a base image in its cache, and a driver that knows of no machine on it."""
    (project.root / ".launchpad/state/.pulumi/stacks/launchpad/dev.json").unlink()
    (Path(project.environment["LAUNCHPAD_CACHE"]) / "base/image").mkdir(parents=True)
    python(project, 'case "$*" in *in-use) printf "%s" "$STANDING" ;; *clean) rm -r "$LAUNCHPAD_CACHE/base" ;; esac')
    project.tool("sudo", "exit 0")
    return project


def test_clean_leaves_nothing(idle: Clone) -> None:
    done = idle.run(LAUNCHPAD, "clean", STANDING="")
    assert done.returncode == 0, done.stderr
    assert [(idle.root / name).exists() for name in (".venv", ".launchpad", "Pulumi.yaml")] == [False, False, True]
    assert not Path(idle.environment["LAUNCHPAD_CACHE"]).exists()
    assert idle.run(LAUNCHPAD, "clean").returncode == 0


def test_clean_refuses_while_machines_stand_on_this_cache(idle: Clone) -> None:
    done = idle.run(LAUNCHPAD, "clean", STANDING="lp1  running")
    assert (done.returncode, done.stderr) == (
        1,
        f"launchpad: machines still use the base image in {idle.environment['LAUNCHPAD_CACHE']}:\nlp1  running\n"
        "First run toolchain/bin/launchpad destroy in the clone at the end of each line.\n",
    )
    assert (idle.root / ".venv").exists()


def test_clean_needs_no_root_where_there_is_no_base_image(idle: Clone) -> None:
    (Path(idle.environment["LAUNCHPAD_CACHE"]) / "base/image").rmdir()
    (Path(idle.environment["LAUNCHPAD_CACHE"]) / "base").rmdir()
    idle.tool("sudo", "exit 1")
    assert idle.run(LAUNCHPAD, "clean").returncode == 0


def test_clean_says_what_needs_root(idle: Clone) -> None:
    idle.tool("sudo", "exit 1")
    done = idle.run(LAUNCHPAD, "clean")
    base = Path(idle.environment["LAUNCHPAD_CACHE"]) / "base"
    assert (done.returncode, done.stderr) == (
        1,
        f"launchpad: {base} belongs to root, and you are neither root nor have sudo here. "
        f"Run `sudo -v` first, or as root: rm -rf {base}\n",
    )


def test_clean_keeps_what_is_not_ours_in_the_cache_directory(idle: Clone) -> None:
    (Path(idle.environment["LAUNCHPAD_CACHE"]) / "thesis").touch()
    assert idle.run(LAUNCHPAD, "clean", STANDING="").returncode == 0
    assert [path.name for path in Path(idle.environment["LAUNCHPAD_CACHE"]).iterdir()] == ["thesis"]


def test_a_destroy_leaves_no_keys_and_the_settings_as_committed(project: Clone) -> None:
    project.environment["SOMEONE"] = "0"
    (project.root / ".launchpad/passphrase").write_text("x")
    done = project.run(LAUNCHPAD, "destroy")
    assert done.returncode == 0, done.stderr
    assert asked(project) == [
        "destroy --yes --skip-preview --json --stack dev",
        "stack --show-name --non-interactive",
        "stack rm --yes --preserve-config --stack dev",
        "-m infra.machines.embedded sweep --project launchpad --stack dev",
    ]
    assert not (project.root / ".launchpad/state").exists()
    assert not (project.root / ".launchpad/passphrase").exists()
    assert (project.root / "Pulumi.dev.yaml").read_text() == SETTINGS.format("embedded") + BLANK


def test_a_destroy_typed_again_finishes_one_that_was_interrupted(project: Clone) -> None:
    project.environment["SOMEONE"] = "0"
    (project.root / ".launchpad/passphrase").write_text("x")
    (project.root / ".launchpad/state/.pulumi/stacks/launchpad/dev.json").unlink()
    access = project.root / ".launchpad/dev"
    (access / "app").mkdir(parents=True)
    (access / "app/known_hosts").touch()
    done = project.run(LAUNCHPAD, "destroy")
    assert done.returncode == 0, done.stderr
    assert asked(project) == ["-m infra.machines.embedded sweep --project launchpad --stack dev"]
    assert not any((project.root / ".launchpad" / name).exists() for name in ("state", "passphrase", "dev"))
    assert (project.root / "Pulumi.dev.yaml").read_text() == SETTINGS.format("embedded") + BLANK


def test_clean_names_every_stack_that_is_up(project: Clone) -> None:
    stacks = project.root / ".launchpad/state/.pulumi/stacks/launchpad"
    (stacks / "two.json").write_text((stacks / "dev.json").read_text())
    assert project.run(LAUNCHPAD, "clean").stderr == (
        "launchpad: these stacks still have resources: dev two. "
        "First run: toolchain/bin/launchpad destroy -s dev, toolchain/bin/launchpad destroy -s two\n"
    )


def test_an_interrupted_up_says_that_the_machine_goes_on(project: Clone) -> None:
    project.environment["SOMEONE"] = "0"
    executable(project.root / ".launchpad/bin/pulumi", 'case "$1" in up) kill -INT $PPID; exit 1 ;; esac')
    done = project.run(LAUNCHPAD, "up")
    assert done.returncode == 1
    assert (
        "A deployment that has started on the machine continues there: toolchain/bin/launchpad status. "
        "To stop it: toolchain/bin/launchpad cancel\n"
    ) in done.stderr
    executable(project.root / ".launchpad/bin/pulumi", 'case "$1" in up) exit 1 ;; esac')
    assert "continues there" not in project.run(LAUNCHPAD, "up").stderr


def test_a_destroy_takes_no_folder_for_that_of_a_stack(project: Clone) -> None:
    project.environment["SOMEONE"] = "0"
    assert project.run(LAUNCHPAD, "destroy", STACK="bin").returncode == 0
    assert (project.root / ".launchpad/bin/pulumi").exists()


def test_a_destroy_keeps_the_passphrase_of_secret_settings(project: Clone) -> None:
    project.environment["SOMEONE"] = "0"
    (project.root / ".launchpad/passphrase").write_text("x")
    secret = SETTINGS.format("embedded") + "  launchpad:secrets:\n    secure: v1:abc\n" + SALT
    (project.root / "Pulumi.dev.yaml").write_text(secret)
    assert project.run(LAUNCHPAD, "destroy").returncode == 0
    assert (project.root / ".launchpad/passphrase").read_text() == "x"
    assert (project.root / "Pulumi.dev.yaml").read_text() == secret


def test_a_destroy_that_fails_forgets_nothing(project: Clone) -> None:
    project.environment["SOMEONE"] = "0"
    assert project.run(LAUNCHPAD, "destroy", FAILS="1").returncode == 1
    assert (project.root / ".launchpad/state/.pulumi/stacks/launchpad/dev.json").exists()


@pytest.mark.parametrize(
    "words",
    ["url", "ssh", "logs", "status", "releases", "rollback", "restart", "cancel", "console", "run true"],
)
def test_what_needs_a_machine_says_so_without_one(project: Clone, words: str) -> None:
    done = project.run(LAUNCHPAD, *words.split(), STACK="other")
    assert (done.returncode, done.stderr) == (
        1,
        "launchpad: stack other is not up. Run: toolchain/bin/launchpad up -s other\n",
    )


@pytest.mark.parametrize("verb", ["up", "down"])
def test_a_preview_stack_needs_a_branch(project: Clone, verb: str) -> None:
    done = project.run(LAUNCHPAD, "branch", verb, "")
    assert (done.returncode, done.stderr) == (1, "launchpad: name the branch, such as feature/x\n")
    done = project.run(LAUNCHPAD, "branch", verb, "//")
    assert (done.returncode, done.stderr) == (1, "launchpad: branch // has no letter or digit to name a stack by\n")


def test_dropping_a_preview_stack_takes_its_settings_too(project: Clone) -> None:
    project.environment["SOMEONE"] = "0"
    name = "preview-feature-new-cart"
    stacks = project.root / ".launchpad/state/.pulumi/stacks/launchpad"
    (stacks / f"{name}.json").write_text("{}")
    (project.root / f"Pulumi.{name}.yaml").write_text(SETTINGS.format("embedded"))
    done = project.run(LAUNCHPAD, "branch", "down", "Feature/new_cart")
    assert done.returncode == 0, done.stderr
    assert asked(project) == [
        f"destroy --yes --skip-preview --json --stack {name}",
        "stack --show-name --non-interactive",
        f"stack rm --yes --preserve-config --stack {name}",
        f"-m infra.machines.embedded sweep --project launchpad --stack {name}",
    ]
    assert not (project.root / f"Pulumi.{name}.yaml").exists()
    assert (project.root / "Pulumi.dev.yaml").exists()


def up_prints(project: Clone, *lines: str, code: int = 0) -> None:
    """Have pulumi print these lines at an ``up``, then end."""
    project.environment["SOMEONE"] = "0"
    events = project.tools / "events"
    events.write_text("".join(lines))
    script = f'echo "$*" >>"$HOME.asked"; case "$1" in up) cat "{events}"; exit {code} ;; esac'
    executable(project.root / ".launchpad/bin/pulumi", script)


OUTPUTS = {"url": "http://198.18.0.2/", "release": "0a1b2c3d4e5f", "revision": "0a1b2c3d4e5f" + "0" * 28}


def test_an_up_ends_with_where_the_app_is_and_what_to_do_next(project: Clone) -> None:
    up_prints(project, stream.started("app-release"), stream.finished("app-release"), stream.stack(None, **OUTPUTS))
    done = project.run(LAUNCHPAD, "up", "--refresh")
    assert (done.returncode, done.stdout.splitlines()[1:], done.stderr) == (
        0,
        [
            "App:     http://198.18.0.2/",
            f"Release: 0a1b2c3d4e5f (commit {OUTPUTS['revision']})",
            "Log in:  toolchain/bin/launchpad ssh",
            "Next:    toolchain/bin/launchpad logs -f, toolchain/bin/launchpad status",
        ],
        "",
    )
    assert re.fullmatch(r"release: done \(\d\.\d s\)", done.stdout.splitlines()[0])
    assert asked(project)[-1] == "up --yes --skip-preview --json --stack dev --refresh"


@pytest.mark.parametrize(("revision", "offered"), [("f" * 40, True), (OUTPUTS["revision"], False)])
def test_a_rollback_is_offered_only_where_there_is_a_release_to_go_back_to(
    project: Clone, revision: str, offered: bool
) -> None:
    up_prints(project, stream.stack({"revision": revision}, **OUTPUTS))
    assert ("launchpad rollback" in project.run(LAUNCHPAD, "up").stdout.splitlines()[-1]) == offered


def test_an_up_as_json_prints_nothing_but_the_outputs_on_standard_output(project: Clone) -> None:
    up_prints(project, stream.started("app-release"), stream.finished("app-release"), stream.stack(None, **OUTPUTS))
    done = project.run(LAUNCHPAD, "up", "--json")
    assert json.loads(done.stdout) == OUTPUTS
    assert "release: done" in done.stderr


def test_an_up_that_fails_says_why_once_and_exits_so(project: Clone) -> None:
    lines = (
        stream.progress("app-release", "error: the cause"),
        stream.said("x:\nerror: the cause", "app-release", "error"),
    )
    up_prints(project, stream.started("app-release"), *lines, stream.failed("app-release"), code=255)
    done = project.run(LAUNCHPAD, "up")
    assert (done.returncode, (done.stdout + done.stderr).count("the cause")) == (1, 1)
    assert done.stdout.endswith("error: release: the cause\n")


def test_another_folder_of_the_project_will_do(project: Clone) -> None:
    up_prints(project, stream.stack(None, **OUTPUTS))
    folder = project.root / "infra/agent"
    done = project.run(project.root / LAUNCHPAD, "up", cwd=folder)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "App:     http://198.18.0.2/")


def test_on_path_the_command_is_named_as_it_is_typed(project: Clone) -> None:
    done = project.bash(". toolchain/activate; cd infra; launchpad url -s other")
    assert done.stderr == "launchpad: stack other is not up. Run: launchpad up -s other\n"
    elsewhere = project.run(project.root / LAUNCHPAD, "url", "-s", "other", cwd="/")
    typed = elsewhere.stderr.partition("Run: ")[2]
    assert project.run("bash", "-c", typed.replace(" up ", " url "), cwd="/").stderr == elsewhere.stderr


def test_settings_that_are_no_yaml_are_named(project: Clone) -> None:
    (project.root / "Pulumi.dev.yaml").write_text("config: [")
    done = project.run(LAUNCHPAD, "up")
    assert (done.returncode, done.stderr.splitlines()[0]) == (
        1,
        "launchpad: Pulumi.dev.yaml is not valid YAML: while parsing a flow node",
    )


def test_a_comment_after_the_kind_of_machine_is_no_part_of_it(project: Clone) -> None:
    (project.root / "Pulumi.dev.yaml").write_text("config:\n  launchpad:machine: embedded # prod\n")
    assert "of stack dev needs root" in project.run(LAUNCHPAD, "up").stderr


def test_a_shell_completes_commands_and_stacks(project: Clone) -> None:
    def completed(*words: str) -> list[str]:
        typed = {"COMP_WORDS": " ".join(["launchpad", *words]), "COMP_CWORD": str(len(words))}
        return project.run(LAUNCHPAD, _LAUNCHPAD_COMPLETE="complete_bash", **typed).stdout.split()

    assert completed("re") == ["refresh", "releases", "restart", "restore"]
    assert completed("up", "-s", "d") == ["dev"]
    assert completed("logs", "--process", "") == ["web", "proxy", "run"]


def test_a_shell_offers_no_stack_that_was_destroyed(project: Clone) -> None:
    def completed(verb: str) -> list[str]:
        typed = {"COMP_WORDS": f"launchpad {verb} -s ", "COMP_CWORD": "3"}
        return project.run(LAUNCHPAD, _LAUNCHPAD_COMPLETE="complete_bash", **typed).stdout.split()

    (project.root / "Pulumi.other.yaml").touch()
    assert {verb: completed(verb) for verb in ("up", "destroy", "logs")} == {
        "up": ["dev", "other"],
        "destroy": ["dev"],
        "logs": ["dev"],
    }


def test_the_version_is_that_of_the_project(project: Clone) -> None:
    (project.root / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    assert project.run(LAUNCHPAD, "--version").stdout == "launchpad 1.2.3\n"


def test_a_doctor_in_the_clone_exits_with_1_for_a_mistake(project: Clone) -> None:
    (project.root / "Pulumi.dev.yaml").write_text("config:\n  launchpad:embedded.memory: lots\n")
    done = project.run(LAUNCHPAD, "doctor", "--json", SOMEONE="0")
    problems = [found for found in json.loads(done.stdout) if found["state"] == "problem"]
    assert (done.returncode, [found["about"] for found in problems]) == (1, ["config"])


def test_the_help_tells_of_every_command(project: Clone) -> None:
    told = project.run(LAUNCHPAD, "--help").stdout
    for name in (
        *("init", "up", "preview", "refresh", "destroy", "status", "releases", "rollback", "logs", "run", "console"),
        *("restart", "ssh", "cancel", "branch", "outputs", "url", "clean", "doctor"),
    ):
        assert f"\n  {name} " in told


@pytest.mark.parametrize("words", [(), ("branch",)])
def test_the_help_cuts_no_sentence_short_at_80_columns(project: Clone, words: tuple[str, ...]) -> None:
    commands = project.run(LAUNCHPAD, *words, "--help", COLUMNS="80").stdout.partition("Commands:\n")[2].splitlines()
    assert commands
    assert [line for line in commands if not line.startswith("  ") or not line.endswith(".") or "..." in line] == []


def test_make_has_a_name_for_each_of_its_commands(project: Clone) -> None:
    shutil.copy(ROOT / "Makefile", project.root / "Makefile")
    executable(project.root / LAUNCHPAD, 'printf "%s|" "$@"; echo "$STACK"')
    made = {
        line: project.run("make", "--silent", *line.split()).stdout
        for line in ("up", "cancel ARGS=--all", "rollback TO=v1 STACK=two", "branch-up BRANCH=a/b", "logs FOLLOW=1")
    }
    assert made == {
        "up": "up|dev\n",
        "cancel ARGS=--all": "cancel|--all|dev\n",
        "rollback TO=v1 STACK=two": "rollback|v1|two\n",
        "branch-up BRANCH=a/b": "branch|up|a/b|dev\n",
        "logs FOLLOW=1": "logs|--follow|dev\n",
    }
    assert project.run("make", "--silent", "ssh", "ARGS=sudo true | cat").stdout == "ssh|--|sudo true | cat|dev\n"


def test_a_sigterm_interrupts_pulumi_and_waits_for_it(project: Clone) -> None:
    project.environment["SOMEONE"] = "0"
    script = (
        'case "$1" in up) trap "echo interrupted; exit 1" INT; kill -TERM $PPID; while :; do sleep 0.1; done ;; esac'
    )
    executable(project.root / ".launchpad/bin/pulumi", script)
    done = project.run(LAUNCHPAD, "up")
    assert (done.returncode, done.stdout) == (1, "interrupted\n")
    assert "continues there" in done.stderr


def test_a_reader_that_leaves_does_not_break_a_deployment_off(project: Clone) -> None:
    project.environment["SOMEONE"] = "0"
    script = 'case "$1" in up) for i in 1 2 3 4 5; do echo $i; sleep 0.2; done; echo whole >>"$HOME.asked" ;; esac'
    executable(project.root / ".launchpad/bin/pulumi", script)
    project.bash(f"{LAUNCHPAD} up | head -n 1")
    assert asked(project)[-1] == "whole"


def test_settings_that_cannot_be_read_are_named_without_a_traceback(project: Clone) -> None:
    (project.root / "Pulumi.dev.yaml").unlink()
    (project.root / "Pulumi.dev.yaml").symlink_to("Pulumi.dev.yaml")
    (project.root / "Pulumi.yaml").unlink()
    (project.root / "Pulumi.yaml").mkdir()
    done = project.run(LAUNCHPAD, "branch", "up", "x")
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)


def test_a_program_that_is_missing_is_named(project: Clone) -> None:
    (project.tools / "pulumi").symlink_to(project.root / "nowhere")
    (project.root / "toolchain/bin/pulumi").unlink()
    done = project.run(LAUNCHPAD, "url")
    assert (done.returncode, done.stderr) == (
        127,
        "launchpad: pulumi is not here. See: toolchain/bin/launchpad doctor\n",
    )


def test_a_preview_is_shown_as_an_up_is_and_with_pulumis_options_as_pulumi_does(project: Clone) -> None:
    project.environment["SOMEONE"] = "0"
    events = project.tools / "events"
    events.write_text(stream.started("app-release", "update") + stream.stack({"url": "a"}, url="b"))
    script = f'case "$*" in "preview --json --stack dev") cat "{events}" ;; preview*) echo "own $*" ;; esac'
    executable(project.root / ".launchpad/bin/pulumi", script)
    assert project.run(LAUNCHPAD, "preview").stdout.splitlines() == [
        "release: update",
        "output url: a -> b",
        "1 to update, 0 unchanged",
    ]
    assert project.run(LAUNCHPAD, "preview", "--diff").stdout == "own preview --stack dev --diff\n"
