"""The toolchain as somebody who is not root: what is read-only or another's stands in nobody's way."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.toolchain.clone import ROOT, Clone, executable

NOBODY = 65534
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a clone to somebody else")
MODULES = "pkg/mod/example.org/thing@v1.0.0/inner"


@pytest.fixture
def ordinary() -> Iterator[Clone]:
    """A miniature clone of somebody who is not root: of nobody, where the tests run as root."""
    home = Path(tempfile.mkdtemp(prefix="launchpad-"))  # not below pytest's own directory, which only root may enter
    root = home / "clone"
    shutil.copytree(ROOT / "toolchain", root / "toolchain", ignore=shutil.ignore_patterns("__pycache__"))
    (root / ".launchpad/logs").mkdir(parents=True)
    shutil.copytree(ROOT / "cli", root / "cli", ignore=shutil.ignore_patterns("__pycache__"))
    (home / "tools").mkdir()
    words: tuple[str, ...] = ()
    if os.geteuid() == 0:
        words = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", home], check=True)
    environment = {"PATH": f"{home}/tools:/usr/bin:/bin", "HOME": str(home)}
    yield Clone(root, home / "tools", environment, words)
    subprocess.run(["chmod", "-R", "u+rwX", home], check=True)
    shutil.rmtree(home)


def cache(clone: Clone) -> Path:
    return Path(clone.environment["HOME"]) / ".cache/launchpad"


def read_only_modules(clone: Clone, place: Path) -> None:
    """Lay down what Go leaves: directories that nobody may write in."""
    script = (
        f"mkdir -p '{place}/{MODULES}' && touch '{place}/{MODULES}/a.go' && chmod -R a-w '{place}/pkg/mod/example.org'"
    )
    assert clone.bash(script).returncode == 0


def test_go_leaves_nothing_behind(ordinary: Clone) -> None:
    tools = cache(ordinary) / "toolchain"
    read_only_modules(ordinary, tools / ".go-path")
    read_only_modules(ordinary, tools / ".new-language-x1")
    done = ordinary.setup("forget_leftovers")
    assert (done.returncode, done.stderr.split("] ")[-1]) == (0, "cleaning: removed Go and what it had cached\n")
    assert list(tools.iterdir()) == []
    assert ordinary.setup("forget_leftovers").stderr == ""


def test_a_half_made_build_is_replaced(ordinary: Clone) -> None:
    tools = cache(ordinary) / "toolchain"
    read_only_modules(ordinary, tools / ".new-go-x1")
    read_only_modules(ordinary, tools / "go-1")
    done = ordinary.setup('keep_dir "$(fresh_dir go)" go-1')
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in tools.rglob("*")] == ["go-1"]


def test_removing_follows_no_link(ordinary: Clone) -> None:
    outside = cache(ordinary) / "outside"
    read_only_modules(ordinary, outside)
    done = ordinary.bash(
        f"mkdir -p '{cache(ordinary)}/toolchain/.go-path' && ln -s '{outside}' '{cache(ordinary)}/toolchain/.go-path/link'"
    )
    assert done.returncode == 0
    assert ordinary.setup("forget_leftovers").returncode == 0
    assert (outside / MODULES / "a.go").exists()
    assert (outside / MODULES).stat().st_mode & 0o777 == 0o555
    assert not (cache(ordinary) / "toolchain/.go-path").exists()


def test_go_is_told_to_leave_its_module_cache_writable_every_time(ordinary: Clone) -> None:
    own = 'mkdir -p "$tools/go-$GO_VERSION/bin" && touch "$tools/go-$GO_VERSION/bin/go" && chmod +x "$tools/go-$GO_VERSION/bin/go"'
    done = ordinary.setup(
        f'{own}; ensure_go; first=$GOFLAGS; ensure_go; printf "%s|" "$first" "$GOFLAGS" "$GOMODCACHE"'
    )
    flags = "-mod=readonly -modcacherw"
    assert done.stdout == f"{flags}|{flags}|{cache(ordinary)}/toolchain/.go-path/pkg/mod|"


def test_clean_removes_read_only_directories(ordinary: Clone) -> None:
    read_only_modules(ordinary, cache(ordinary) / "toolchain/.go-path")
    done = ordinary.run("toolchain/bin/launchpad", "clean", LAUNCHPAD_MACHINES="/nowhere")
    assert done.returncode == 0, done.stderr
    assert not cache(ordinary).exists()


@pytest.mark.root
@needs_root
@pytest.mark.parametrize(
    "command",
    ["toolchain/bin/launchpad up", "toolchain/bin/launchpad clean", "toolchain/setup", "toolchain/bin/pulumi up"],
)
@pytest.mark.parametrize("place", ["", ".launchpad"])
def test_somebody_elses_clone_is_refused_with_its_owners_name(ordinary: Clone, command: str, place: str) -> None:
    subprocess.run(["chown", "daemon:", ordinary.root / place], check=True)
    if not place:
        shutil.rmtree(ordinary.root / ".launchpad")
    done = ordinary.run(*command.split())
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"launchpad: {ordinary.root / place!s} belongs to daemon, and you are nobody. Run this as daemon, "
        "or make a clone of your own.\n"
    )


@pytest.mark.root
@needs_root
def test_activate_says_nothing_in_somebody_elses_clone(ordinary: Clone) -> None:
    shutil.rmtree(ordinary.root / ".launchpad")
    subprocess.run(["chown", "daemon:", ordinary.root], check=True)
    done = ordinary.bash("set -eu; . toolchain/activate; echo here")
    assert (done.stdout, done.stderr) == ("here\n", "")


@pytest.mark.root
@needs_root
@pytest.mark.parametrize(("sudo", "trusted", "goes_on"), [("", True, True), ("", False, False), ("65534", True, False)])
def test_root_in_somebody_elses_clone(ordinary: Clone, sudo: str, trusted: bool, goes_on: bool) -> None:
    subprocess.run(["git", "init", "--quiet", ordinary.root], check=True)
    executable(ordinary.root / ".venv/bin/python", 'echo "$*"')
    (ordinary.root / ".venv/synced").touch()
    subprocess.run(["chown", "-R", "daemon:", ordinary.root], check=True)
    ordinary.words = ()
    git = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"} if trusted else {}
    done = ordinary.run("toolchain/bin/launchpad", "status", SUDO_UID=sudo, **git)
    assert ("-m cli status\n" in done.stdout, "belongs to daemon, and you are root" in done.stderr) == (
        goes_on,
        not goes_on,
    )


def test_a_cache_that_cannot_be_written_is_named(ordinary: Clone) -> None:
    done = ordinary.run("toolchain/setup", LAUNCHPAD_CACHE="/proc/cache")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "launchpad: the cache /proc/cache/toolchain cannot be written: /proc belongs to root, and you are "
    )
    assert "name another directory in LAUNCHPAD_CACHE" in done.stderr


def test_a_cache_must_be_an_absolute_path(ordinary: Clone) -> None:
    done = ordinary.run("toolchain/setup", LAUNCHPAD_CACHE="cache")
    assert (
        done.returncode,
        "'cache' (LAUNCHPAD_CACHE or XDG_CACHE_HOME), which must be an absolute path" in done.stderr,
    ) == (1, True)


def test_no_home_is_no_matter(ordinary: Clone) -> None:
    user = NOBODY if ordinary.words else os.geteuid()
    done = ordinary.bash('unset HOME; root=$PWD; . toolchain/lib/common.sh; echo "$cache"')
    assert done.stdout == f"{pwd.getpwuid(user).pw_dir}/.cache/launchpad\n"
