"""toolchain/launch: what the Makefile's targets refuse, and what a destroy leaves."""

import sys
from pathlib import Path

import pytest

from tests.unit.toolchain.clone import Clone, executable

SALT = "encryptionsalt: v1:made:here\n"
SETTINGS = "# Stack dev.\nconfig:\n  launchpad:machine: {}\n"


@pytest.fixture
def project(clone: Clone) -> Clone:
    """A clone with stack dev up in it, and a CLI that writes down what it is asked."""
    (clone.root / "Pulumi.yaml").write_text("name: launchpad\nruntime: python\n")
    (clone.root / "Pulumi.dev.yaml").write_text(SETTINGS.format("embedded") + SALT)
    stack = clone.root / ".launchpad/state/.pulumi/stacks/launchpad/dev.json"
    stack.parent.mkdir(parents=True)
    stack.write_text('{"checkpoint": {"latest": {"resources": [{"urn": "urn:root"}]}}}')
    executable(
        clone.root / ".launchpad/bin/pulumi",
        'echo "$*" >>"$HOME.asked"; case "$1" in destroy) exit "${FAILS:-0}" ;; esac',
    )
    executable(clone.root / "toolchain/setup", "exit 0")
    (clone.root / ".venv/bin/python").unlink()
    driver = 'case "$*" in "-m infra"*) echo "$*" >>"$HOME.asked" ;;'
    executable(clone.root / ".venv/bin/python", f'{driver} *) exec {sys.executable} "$@" ;; esac')
    clone.tool("id", "echo 1000")
    clone.tool("uname", "echo Linux")
    clone.tool("sudo", "exit 1")
    return clone


def asked(project: Clone) -> list[str]:
    file = Path(project.environment["HOME"] + ".asked")
    return file.read_text().splitlines() if file.exists() else []


def test_an_embedded_machine_needs_root(project: Clone) -> None:
    done = project.run("toolchain/launch", "up")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "launchpad: the embedded machine of stack dev needs root, and you are neither root nor"
    )
    assert asked(project) == []


def test_an_embedded_machine_needs_linux(project: Clone) -> None:
    project.tool("uname", "echo Darwin")
    done = project.run("toolchain/launch", "up")
    assert (done.returncode, "is a Linux container, and this is Darwin" in done.stderr) == (1, True)


def test_another_machine_does_not(project: Clone) -> None:
    (project.root / "Pulumi.dev.yaml").write_text(SETTINGS.format('"ec2"'))
    project.run("toolchain/launch", "up")
    assert asked(project)[0] == "up --yes --skip-preview --suppress-outputs --stack dev"


def test_clean_refuses_while_something_is_up(project: Clone) -> None:
    done = project.run("toolchain/launch", "clean")
    assert done.returncode == 1
    assert done.stderr == "launchpad: there is still something up in stack dev. First: make destroy STACK=dev\n"
    assert (project.root / ".venv").exists()


@pytest.fixture
def idle(project: Clone) -> Clone:
    """A clone with nothing up, a base image in its cache, and a driver that knows of no machine on it."""
    (project.root / ".launchpad/state/.pulumi/stacks/launchpad/dev.json").unlink()
    (Path(project.environment["LAUNCHPAD_CACHE"]) / "base/image").mkdir(parents=True)
    (project.root / ".venv/bin/python").unlink()
    executable(
        project.root / ".venv/bin/python",
        'case "$*" in *in-use) printf "%s" "$STANDING" ;; *clean) rm -r "$LAUNCHPAD_CACHE/base" ;; esac',
    )
    project.tool("sudo", "exit 0")
    return project


def test_clean_leaves_nothing(idle: Clone) -> None:
    done = idle.run("toolchain/launch", "clean", STANDING="")
    assert done.returncode == 0, done.stderr
    assert [(idle.root / name).exists() for name in (".venv", ".launchpad", "Pulumi.yaml")] == [False, False, True]
    assert not Path(idle.environment["LAUNCHPAD_CACHE"]).exists()
    assert idle.run("toolchain/launch", "clean").returncode == 0


def test_clean_refuses_while_machines_stand_on_this_cache(idle: Clone) -> None:
    done = idle.run("toolchain/launch", "clean", STANDING="lp1  running")
    assert (done.returncode, done.stderr) == (
        1,
        f"launchpad: machines still stand on the base image in {idle.environment['LAUNCHPAD_CACHE']}:\nlp1  running\n"
        "First destroy them: make destroy, in the clone that each line ends with.\n",
    )
    assert (idle.root / ".venv").exists()


def test_clean_needs_no_root_where_there_is_no_base_image(idle: Clone) -> None:
    (Path(idle.environment["LAUNCHPAD_CACHE"]) / "base/image").rmdir()
    (Path(idle.environment["LAUNCHPAD_CACHE"]) / "base").rmdir()
    idle.tool("sudo", "exit 1")
    assert idle.run("toolchain/launch", "clean").returncode == 0


def test_clean_says_what_needs_root(idle: Clone) -> None:
    idle.tool("sudo", "exit 1")
    done = idle.run("toolchain/launch", "clean")
    base = Path(idle.environment["LAUNCHPAD_CACHE"]) / "base"
    assert (done.returncode, done.stderr) == (
        1,
        f"launchpad: {base} belongs to root, and you are neither root nor have sudo here. "
        f"Run `sudo -v` first, or as root: rm -rf {base}\n",
    )


def test_clean_keeps_what_is_not_ours_in_the_cache_directory(idle: Clone) -> None:
    (Path(idle.environment["LAUNCHPAD_CACHE"]) / "thesis").touch()
    assert idle.run("toolchain/launch", "clean", STANDING="").returncode == 0
    assert [path.name for path in Path(idle.environment["LAUNCHPAD_CACHE"]).iterdir()] == ["thesis"]


def test_a_destroy_leaves_no_keys_and_the_settings_as_committed(project: Clone) -> None:
    project.tool("id", "echo 0")
    (project.root / ".launchpad/passphrase").write_text("x")
    done = project.run("toolchain/launch", "destroy")
    assert done.returncode == 0, done.stderr
    assert asked(project) == [
        "destroy --yes --skip-preview --stack dev",
        "stack rm --yes --preserve-config --stack dev",
        "-m infra.machines.embedded sweep --project launchpad --stack dev",
    ]
    assert not (project.root / ".launchpad/state").exists()
    assert not (project.root / ".launchpad/passphrase").exists()
    assert (project.root / "Pulumi.dev.yaml").read_text() == SETTINGS.format("embedded")


def test_a_destroy_typed_again_finishes_one_that_was_interrupted(project: Clone) -> None:
    project.tool("id", "echo 0")
    (project.root / ".launchpad/passphrase").write_text("x")
    (project.root / ".launchpad/state/.pulumi/stacks/launchpad/dev.json").unlink()
    access = project.root / ".launchpad/dev"
    access.mkdir()
    (access / "known_hosts").touch()
    done = project.run("toolchain/launch", "destroy")
    assert done.returncode == 0, done.stderr
    assert asked(project) == ["-m infra.machines.embedded sweep --project launchpad --stack dev"]
    assert not any((project.root / ".launchpad" / name).exists() for name in ("state", "passphrase", "dev"))
    assert (project.root / "Pulumi.dev.yaml").read_text() == SETTINGS.format("embedded")


def test_clean_names_every_stack_that_is_up(project: Clone) -> None:
    stacks = project.root / ".launchpad/state/.pulumi/stacks/launchpad"
    (stacks / "two.json").write_text((stacks / "dev.json").read_text())
    assert project.run("toolchain/launch", "clean").stderr == (
        "launchpad: there is still something up in stack dev two. First: make destroy STACK=dev, make destroy STACK=two\n"
    )


def test_an_interrupted_up_says_that_the_machine_goes_on(project: Clone) -> None:
    project.tool("id", "echo 0")
    executable(project.root / ".launchpad/bin/pulumi", 'case "$1" in up) kill -INT $PPID; exit 1 ;; esac')
    done = project.run("toolchain/launch", "up")
    assert done.returncode == 1
    assert (
        "A deployment that the machine has begun goes on there: make status. To stop it: make unlock\n" in done.stderr
    )
    executable(project.root / ".launchpad/bin/pulumi", 'case "$1" in up) exit 1 ;; esac')
    assert "goes on there" not in project.run("toolchain/launch", "up").stderr


def test_a_destroy_takes_no_folder_for_that_of_a_stack(project: Clone) -> None:
    project.tool("id", "echo 0")
    assert project.run("toolchain/launch", "destroy", STACK="bin").returncode == 0
    assert (project.root / ".launchpad/bin/pulumi").exists()


def test_a_destroy_keeps_the_passphrase_of_secret_settings(project: Clone) -> None:
    project.tool("id", "echo 0")
    (project.root / ".launchpad/passphrase").write_text("x")
    secret = SETTINGS.format("embedded") + "  launchpad:secrets:\n    secure: v1:abc\n" + SALT
    (project.root / "Pulumi.dev.yaml").write_text(secret)
    assert project.run("toolchain/launch", "destroy").returncode == 0
    assert (project.root / ".launchpad/passphrase").read_text() == "x"
    assert (project.root / "Pulumi.dev.yaml").read_text() == secret


def test_a_destroy_that_fails_forgets_nothing(project: Clone) -> None:
    project.tool("id", "echo 0")
    assert project.run("toolchain/launch", "destroy", FAILS="1").returncode == 1
    assert (project.root / ".launchpad/state/.pulumi/stacks/launchpad/dev.json").exists()


@pytest.mark.parametrize("verb", ["url", "ssh", "logs", "status", "releases", "rollback", "restart"])
def test_what_needs_a_machine_says_so_without_one(project: Clone, verb: str) -> None:
    done = project.run("toolchain/launch", verb, STACK="other")
    assert (done.returncode, done.stderr) == (1, "launchpad: stack other is not up. Run: make up STACK=other\n")


@pytest.mark.parametrize("verb", ["preview-stack", "drop-stack"])
def test_a_preview_stack_needs_a_branch(project: Clone, verb: str) -> None:
    done = project.run("toolchain/launch", verb)
    assert (done.returncode, done.stderr) == (1, f"launchpad: name the branch: make {verb} BRANCH=feature/x\n")
    done = project.run("toolchain/launch", verb, BRANCH="//")
    assert (done.returncode, done.stderr) == (1, "launchpad: BRANCH=// has no letter or digit to name a stack by\n")


def test_dropping_a_preview_stack_takes_its_settings_too(project: Clone) -> None:
    project.tool("id", "echo 0")
    name = "preview-feature-new-cart"
    stacks = project.root / ".launchpad/state/.pulumi/stacks/launchpad"
    (stacks / f"{name}.json").write_text("{}")
    (project.root / f"Pulumi.{name}.yaml").write_text(SETTINGS.format("embedded"))
    done = project.run("toolchain/launch", "drop-stack", BRANCH="Feature/new_cart")
    assert done.returncode == 0, done.stderr
    assert asked(project) == [
        f"destroy --yes --skip-preview --stack {name}",
        f"stack rm --yes --preserve-config --stack {name}",
        f"-m infra.machines.embedded sweep --project launchpad --stack {name}",
    ]
    assert not (project.root / f"Pulumi.{name}.yaml").exists()
    assert (project.root / "Pulumi.dev.yaml").exists()
