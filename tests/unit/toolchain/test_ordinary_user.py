"""The toolchain as somebody who is not root: what is read-only or another's stands in nobody's way."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.toolchain.clone import ROOT, Clone

NOBODY = 65534
MODULES = "pkg/mod/example.org/thing@v1.0.0/inner"


@pytest.fixture
def ordinary() -> Iterator[Clone]:
    """A miniature clone of somebody who is not root: of nobody, where the tests run as root."""
    home = Path(tempfile.mkdtemp(prefix="launchpad-"))  # not below pytest's own directory, which only root may enter
    root = home / "clone"
    shutil.copytree(ROOT / "toolchain", root / "toolchain", ignore=shutil.ignore_patterns("__pycache__"))
    (root / ".launchpad/logs").mkdir(parents=True)
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
    done = ordinary.setup("forget_go")
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tools.iterdir()) == []


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
    assert ordinary.setup("forget_go").returncode == 0
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
    done = ordinary.run("toolchain/launch", "clean", LAUNCHPAD_MACHINES="/nowhere")
    assert done.returncode == 0, done.stderr
    assert not cache(ordinary).exists()
