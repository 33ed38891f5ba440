"""toolchain/activate: quiet, from anywhere, in bash and zsh, and yielding to what the user has set."""

import os
import pwd
import shutil
import stat

import pytest

from tests.unit.toolchain.clone import Clone, executable

SHOW = (
    'printf "%s|" "$PATH" "${PULUMI_BACKEND_URL-}" "${PULUMI_CONFIG_PASSPHRASE-}" "${PULUMI_CONFIG_PASSPHRASE_FILE-}"'
)

BOTH = pytest.mark.parametrize("shell", ["bash", pytest.param("zsh", marks=pytest.mark.slow)])


def activated(clone: Clone, shell: str, before: str = "", **more: str) -> list[str]:
    done = clone.run(shell, "-c", f"{before} . '{clone.root}/toolchain/activate'; {SHOW}", cwd=clone.tools, **more)
    assert done.stderr == ""
    return done.stdout.split("|")[:4]


@BOTH
@pytest.mark.parametrize("before", ["", "set -eu;"])
def test_points_at_the_clone_from_another_directory(clone: Clone, shell: str, before: str) -> None:
    path, backend, passphrase, file = activated(clone, shell, before)
    root = clone.root
    assert path == f"{root}/toolchain/bin:{root}/.venv/bin:{clone.tools}:/usr/bin:/bin:{root}/.launchpad/plugins"
    assert backend == f"file://{root}/.launchpad/state"
    assert (passphrase, file) == ("", f"{root}/.launchpad/passphrase")


@BOTH
def test_twice_is_as_once(clone: Clone, shell: str) -> None:
    once = activated(clone, shell)
    assert activated(clone, shell, f". '{clone.root}/toolchain/activate';") == once


@BOTH
def test_after_another_clone_it_is_as_if_that_had_never_been(clone: Clone, shell: str) -> None:
    other = clone.root.parent / "other"
    shutil.copytree(clone.root, other, symlinks=True)
    assert activated(clone, shell, f". '{other}/toolchain/activate';") == activated(clone, shell)


@BOTH
def test_after_a_destroy_in_the_same_shell_the_state_comes_back(clone: Clone, shell: str) -> None:
    state = clone.root / ".launchpad/state"
    file = clone.root / ".launchpad/passphrase"
    first = activated(clone, shell)
    destroyed = f". '{clone.root}/toolchain/activate'; rm -r '{state}' '{file}';"
    assert activated(clone, shell, destroyed) == first
    assert (stat.S_IMODE(state.stat().st_mode), stat.S_IMODE(file.stat().st_mode)) == (0o700, 0o600)


def test_after_a_destroy_in_the_same_shell_pulumi_finds_its_state(clone: Clone) -> None:
    executable(
        clone.root / ".launchpad/bin/pulumi", 'ls -d "${PULUMI_BACKEND_URL#file://}" "$PULUMI_CONFIG_PASSPHRASE_FILE"'
    )
    done = clone.bash(". toolchain/activate; rm -r .launchpad/state .launchpad/passphrase; cd /; pulumi up")
    assert done.stdout.split("\n")[:2] == [f"{clone.root}/.launchpad/passphrase", f"{clone.root}/.launchpad/state"]


def test_a_passphrase_set_after_it_counts(clone: Clone) -> None:
    before = f". '{clone.root}/toolchain/activate'; rm '{clone.root}/.launchpad/passphrase'; export PULUMI_CONFIG_PASSPHRASE=mine;"
    assert activated(clone, "bash", before)[2:] == ["mine", ""]
    assert not (clone.root / ".launchpad/passphrase").exists()


def test_without_home_the_cache_is_in_the_users_home(clone: Clone) -> None:
    done = clone.bash('unset HOME LAUNCHPAD_CACHE; . toolchain/activate; echo "$LAUNCHPAD_CACHE"')
    assert done.stdout == f"{pwd.getpwuid(os.geteuid()).pw_dir}/.cache/launchpad\n"


def test_the_passphrase_is_made_once_for_the_owner_only(clone: Clone) -> None:
    file = clone.root / ".launchpad/passphrase"
    activated(clone, "bash", "umask 000;")
    first = file.read_text()
    activated(clone, "bash")
    assert file.read_text() == first
    assert len(first) == 44  # 32 bytes in base64
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((clone.root / ".launchpad/state").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("variable", "index"),
    [("PULUMI_BACKEND_URL", 1), ("PULUMI_CONFIG_PASSPHRASE", 2), ("PULUMI_CONFIG_PASSPHRASE_FILE", 3)],
)
def test_what_the_user_has_set_stays(clone: Clone, variable: str, index: int) -> None:
    assert activated(clone, "bash", **{variable: "mine"})[index] == "mine"


@pytest.mark.parametrize(
    "mine",
    [{"PULUMI_CONFIG_PASSPHRASE": ""}, {"PULUMI_CONFIG_PASSPHRASE": "x"}, {"PULUMI_CONFIG_PASSPHRASE_FILE": "x"}],
)
def test_no_passphrase_file_beside_the_users_own(clone: Clone, mine: dict[str, str]) -> None:
    assert activated(clone, "bash", **mine)[3] == mine.get("PULUMI_CONFIG_PASSPHRASE_FILE", "")
    assert not (clone.root / ".launchpad/passphrase").exists()


def test_leaves_no_names_behind(clone: Clone) -> None:
    names = "compgen -v; compgen -A function"
    left = clone.bash(f'before=$({names}); . toolchain/activate; {{ {names}; }} | grep -vxF "$before"')
    kept = {"LAUNCHPAD_ROOT", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_SKIP_UPDATE_CHECK"}
    assert {*left.stdout.split()} - {"before", "_", "PIPESTATUS", "BASH_REMATCH"} == kept
