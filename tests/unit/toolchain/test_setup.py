"""toolchain/setup: what it takes, what it refuses, and what it says."""

import hashlib
import http.server
import io
import shutil
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.unit.toolchain.clone import Clone, executable

VERSION = "3.274.1"
BUNDLE = f"pulumi-v{VERSION}-linux-x64.tar.gz"
CHOOSE = 'choose_command_plugin; ls "$plugins"'


@pytest.fixture
def vendor(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A site with a folder behind it, on loopback."""
    folder = tmp_path / "vendor"
    folder.mkdir()
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def publish(folder: Path, checksum: str = "") -> None:
    """Publish a bundle as the vendor does."""
    with tarfile.open(folder / BUNDLE, "w:gz") as bundle:
        for name in ("pulumi", "pulumi-language-python"):
            script = b"#!/bin/sh\necho v3.274.1\n"
            entry = tarfile.TarInfo(f"pulumi/{name}")
            entry.mode, entry.size = 0o755, len(script)
            bundle.addfile(entry, io.BytesIO(script))
    found = checksum or hashlib.sha256((folder / BUNDLE).read_bytes()).hexdigest()
    (folder / f"pulumi-{VERSION}-checksums.txt").write_text(f"{'0' * 64}  other.tar.gz\n{found}  {BUNDLE}\n")


@pytest.fixture
def x64(clone: Clone) -> Clone:
    """A computer for which there is a bundle."""
    clone.tool("uname", "case $1 in -s) echo Linux ;; *) echo x86_64 ;; esac")
    return clone


def test_takes_the_official_download(x64: Clone, vendor: tuple[Path, str]) -> None:
    publish(vendor[0])
    done = x64.setup("ensure_cli", LAUNCHPAD_PULUMI_DOWNLOADS=vendor[1])
    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith("pulumi: v3.274.1, official, checksum verified\n")
    assert (x64.root / ".launchpad/bin/pulumi").resolve().parent.name == f"pulumi-{VERSION}-official"
    again = x64.setup("ensure_cli", LAUNCHPAD_PULUMI_DOWNLOADS="http://127.0.0.1:1")
    assert (again.returncode, again.stderr) == (0, "")


def test_with_the_vendor_in_reach_nothing_is_read_of_what_is_for_networks_without(
    x64: Clone, vendor: tuple[Path, str]
) -> None:
    publish(vendor[0])
    shutil.rmtree(x64.root / "toolchain/offline")
    done = x64.setup(
        "install_official_plugin() { true; }; ensure_cli; choose_command_plugin", LAUNCHPAD_PULUMI_DOWNLOADS=vendor[1]
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.endswith("plugin command: official v1.2.1\n")


def test_a_wrong_checksum_ends_it_and_leaves_nothing(x64: Clone, vendor: tuple[Path, str]) -> None:
    publish(vendor[0], checksum="ab" * 32)
    done = x64.setup("ensure_cli", LAUNCHPAD_PULUMI_DOWNLOADS=vendor[1])
    assert done.returncode == 1
    assert f"but its publisher says {'ab' * 32}: not using that download" in done.stderr
    assert not (x64.root / ".launchpad/bin/pulumi").exists()
    assert not list(Path(x64.environment["LAUNCHPAD_CACHE"]).glob("toolchain/pulumi*"))


def test_a_bundle_that_the_checksums_do_not_name(x64: Clone, vendor: tuple[Path, str]) -> None:
    publish(vendor[0])
    (vendor[0] / f"pulumi-{VERSION}-checksums.txt").write_text(f"{'0' * 64}  other.tar.gz\n")
    done = x64.setup("ensure_cli", LAUNCHPAD_PULUMI_DOWNLOADS=vendor[1])
    assert done.returncode == 1
    assert f"the publisher's checksum file does not list {BUNDLE}" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("site", ["http://127.0.0.1:1", "silent"])
def test_out_of_reach_it_builds(x64: Clone, site: str) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as silent:  # never answers
        where = f"http://127.0.0.1:{silent.server_port}" if site == "silent" else site
        began = time.monotonic()
        done = x64.setup('ensure_go() { echo "would build"; exit 0; }; ensure_cli', LAUNCHPAD_PULUMI_DOWNLOADS=where)
        assert time.monotonic() - began < 12
    assert done.stdout == "would build\n"
    assert "the official download is not in reach; building v3.274.1 from its Go module instead" in done.stderr


@pytest.mark.parametrize(
    ("version", "taken"),
    [("v3.274.1", True), ("v3.300.0", True), ("v3.99.0", False), ("v4.0.0", False), ("broken", False)],
)
def test_the_users_own_cli_when_new_enough(clone: Clone, version: str, taken: bool) -> None:
    own = clone.tool("pulumi", f"echo {version}")
    clone.tool("pulumi-language-python", "exit 0")
    done = clone.setup("official_in_reach() { return 1; }; ensure_go() { exit 0; }; ensure_cli")
    assert done.returncode == 0, done.stderr
    link = clone.root / ".launchpad/bin/pulumi"
    assert link.is_symlink() is taken
    assert not taken or link.readlink() == own


def test_the_users_official_plugin_wins(clone: Clone) -> None:
    own = clone.tool("pulumi-resource-command", "exit 0")
    (clone.root / ".launchpad/plugins/pulumi-resource-command").symlink_to("/earlier/stand-in")
    done = clone.setup(CHOOSE)
    assert (done.stdout, done.stderr) == ("", f"plugin command: yours, {own}\n")


def test_an_installed_official_plugin_wins(clone: Clone, tmp_path: Path) -> None:
    executable(tmp_path / "home/.pulumi/plugins/resource-command-v1.2.1/pulumi-resource-command", "exit 0")
    done = clone.setup(CHOOSE)
    assert (done.stdout, done.stderr) == ("", "plugin command: official v1.2.1\n")


def test_a_quiet_setup_names_the_plugin_only_where_it_is_another_one(clone: Clone) -> None:
    assert clone.setup(f"in_reach() {{ false; }}; quiet=1; {CHOOSE}").stderr.endswith("not in reach\n")
    assert clone.setup(f"quiet=1; {CHOOSE}").stderr == ""
    assert clone.setup(CHOOSE).stderr.endswith("not in reach\n")
    own = clone.tool("pulumi-resource-command", "exit 0")
    assert clone.setup(f"quiet=1; {CHOOSE}").stderr == f"plugin command: yours, {own}\n"


INSTALL = """
case "$*" in "plugin install resource command 1.2.1")
  mkdir -p "$HOME/.pulumi/plugins/resource-command-v1.2.1"
  cp "$0" "$HOME/.pulumi/plugins/resource-command-v1.2.1/pulumi-resource-command" ;;
esac"""


def test_the_official_plugin_is_installed_where_it_is_in_reach(clone: Clone) -> None:
    executable(clone.root / ".launchpad/bin/pulumi", INSTALL)
    done = clone.setup(f"in_reach() {{ true; }}; {CHOOSE}")
    assert done.stdout == ""
    assert done.stderr.endswith("plugin command: official v1.2.1\n")


def test_else_the_stand_in_and_the_site_is_not_asked_again(clone: Clone) -> None:
    said = "plugin command: our stand-in for v1.2.1 (plugins/command), as the official one is not in reach\n"
    done = clone.setup(f"in_reach() {{ false; }}; {CHOOSE}")
    assert (done.stdout, done.stderr) == ("pulumi-resource-command\n", said)
    link = clone.root / ".launchpad/plugins/pulumi-resource-command"
    assert link.readlink() == clone.root / "plugins/command/pulumi-resource-command"
    again = clone.setup(f"in_reach() {{ echo asked; }}; {CHOOSE}")
    assert (again.stdout, again.stderr) == ("pulumi-resource-command\n", said)


@pytest.fixture
def debian(clone: Clone) -> Clone:
    """A computer where git is installed, ssh is not, and apt-get writes down what it is asked."""
    clone.tool("dpkg-query", r"""printf 'ii git\nun openssh-client\n'""")
    clone.tool("dpkg", "exit 0")
    clone.tool("apt-get", 'echo "apt-get $*" >>"$HOME.apt"')
    clone.tool("id", "echo 1000")
    clone.tool("sudo", "exit 1")
    return clone


def test_neither_root_nor_sudo(debian: Clone) -> None:
    done = debian.setup("install_packages git openssh-client")
    assert done.returncode == 1
    assert done.stderr == (
        "launchpad: Debian packages are missing, and you are neither root nor have sudo. Have an administrator run:\n"
        "    apt-get update && apt-get install --no-install-recommends openssh-client\n"
    )


@pytest.mark.parametrize(("user", "sudo"), [("0", "exit 1"), ("1000", 'case $1 in -n) shift ;; esac; exec "$@"')])
def test_installs_only_what_is_missing(debian: Clone, tmp_path: Path, user: str, sudo: str) -> None:
    debian.tool("id", f"echo {user}")
    debian.tool("sudo", sudo)
    done = debian.setup("install_packages git openssh-client")
    assert done.returncode == 0, done.stderr
    asked = (tmp_path / "home.apt").read_text().splitlines()
    common = "apt-get -q -y -o DPkg::Lock::Timeout=600"
    assert asked == [f"{common} update", f"{common} install --no-install-recommends openssh-client"]


def test_nothing_missing_asks_for_nothing(debian: Clone) -> None:
    assert debian.setup("packages_complete git").returncode == 0
    assert debian.setup("packages_complete git openssh-client").returncode == 1


def test_a_failing_step_shows_its_end_and_ends_setup(clone: Clone) -> None:
    done = clone.setup("work() { echo first; false; echo never; }; step thing last_line work; echo after")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("first\nlaunchpad: thing failed (the lines above are the end of ")


@pytest.mark.slow
def test_a_slow_step_gives_a_sign_of_life_every_few_seconds(clone: Clone) -> None:
    done = clone.setup("PAUSE=300000; work() { echo at it; sleep 2; echo done; }; step thing last_line work")
    said = [line.partition("] ")[2] for line in done.stderr.splitlines()]
    assert said.count("thing: at it") >= 3
    assert said[-1] == "thing: done"


@pytest.mark.slow
def test_so_does_whoever_waits_for_another_setup(clone: Clone) -> None:
    tools = Path(clone.environment["LAUNCHPAD_CACHE"]) / "toolchain"
    tools.mkdir(parents=True)
    holder = 'exec 7>"$tools/.lock"; flock 7; { sleep 2; } & exec 7>&-'
    mine = 'only_one_at_a_time; flock -n "$tools/.lock" true || echo mine'
    done = clone.setup(f"PAUSE=300000; {holder}; {mine}")
    assert done.stderr.count(f"waiting: another setup is filling {tools}\n") >= 3
    assert done.stdout == "mine\n"


@pytest.mark.slow
def test_asking_for_the_vendor_is_said(clone: Clone) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as silent:  # never answers
        done = clone.setup(f"PAUSE=300000; in_reach http://127.0.0.1:{silent.server_port}/x || echo no")
    assert done.stdout == "no\n"
    assert f"looking: is 127.0.0.1:{silent.server_port} in reach?\n" in done.stderr


def test_a_killed_build_leaves_nothing_visible(clone: Clone) -> None:
    done = clone.setup('work=$(fresh_dir thing); touch "$work/half"; fresh_dir thing >/dev/null; ls "$tools"')
    assert (done.returncode, done.stdout) == (0, "")
    done = clone.setup(
        'work=$(fresh_dir thing); touch "$work/whole"; keep_dir "$work" thing-1; ls -A "$tools" "$tools/thing-1"'
    )
    assert done.stdout.split("\n\n")[1].split() == [
        f"{clone.environment['LAUNCHPAD_CACHE']}/toolchain/thing-1:",
        "whole",
    ]


def test_no_python_that_is_new_enough(clone: Clone) -> None:
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        clone.tool(name, "echo")
    done = clone.setup("hash -r; PATH=${PATH%%:*}:/nowhere; base_python", PATH=clone.environment["PATH"])
    assert done.returncode == 1
    assert done.stderr.startswith("launchpad: no Python 3.11 or newer here")


def test_has_the_bytecode_of_its_own_modules_at_hand_where_python_may_write_none(clone: Clone) -> None:
    (clone.root / ".venv/bin/python").unlink(missing_ok=True)  # a link to the real one
    executable(clone.root / ".venv/bin/python", f'echo compiled >>"$PWD/runs"; exec {sys.executable} "$@"')
    for package in ("cli", "infra", "plugins"):
        (clone.root / package).mkdir(exist_ok=True)
        (clone.root / package / "own.py").write_text("ONE = 1\n")
    (clone.root / "cli/broken.py").write_text("this is no Python\n")
    forbidden = {"PYTHONDONTWRITEBYTECODE": "1"}
    for _ in range(2):
        done = clone.setup("compile_modules", **forbidden)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert sorted(path.parent.parent.name for path in clone.root.rglob("own.*.pyc")) == ["cli", "infra", "plugins"]
    assert (clone.root / "runs").read_text() == "compiled\n"
    (clone.root / "infra/added.py").write_text("TWO = 2\n")
    assert clone.setup("compile_modules", **forbidden).returncode == 0
    assert list(clone.root.rglob("added.*.pyc"))
