"""Root reads what strangers wrote without being led elsewhere, kept waiting or flooded."""

import os
import re
import socket
from pathlib import Path

import pytest

from infra.agent.process import hooks
from infra.agent.system import files, paths, trees
from infra.agent.system.failure import Failure


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "tree/sub").mkdir(parents=True)
    (tmp_path / "tree/real").write_text("real")
    return tmp_path / "tree"


@pytest.mark.parametrize("target", ["../secret", "/etc/passwd", "sub/../../secret", "again"])
def test_a_link_out_of_the_tree_is_refused(tree: Path, target: str) -> None:
    (tree / "again").symlink_to("again")
    (tree / "Procfile").symlink_to(target)
    with pytest.raises(Failure, match="Procfile: is a link that leads out of the repository"):
        trees.text(tree, "Procfile")


def test_a_linked_directory_out_of_the_tree_is_refused(tree: Path) -> None:
    (tree / "folder").symlink_to("..")
    with pytest.raises(Failure, match="leads out of the repository"):
        trees.text(tree, "folder/secret")


def test_a_link_within_the_commit_is_followed_out_of_the_apps_directory(tree: Path) -> None:
    (tree / "sub/Procfile").symlink_to("../real")
    assert trees.text(tree / "sub", "Procfile", tree) == "real"
    with pytest.raises(Failure, match="leads out of the repository"):
        trees.text(tree / "sub", "Procfile")


def test_what_is_not_there(tree: Path) -> None:
    (tree / "dangling").symlink_to("nothing")
    assert [trees.text(tree, name) for name in ("no", "no/way", "real/x", "sub", "dangling", "sub/../no")] == (
        [None] * 6
    )


def test_nothing_but_files_is_opened(tree: Path) -> None:
    os.mkfifo(tree / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tree / "socket"))
    for name in ("fifo", "socket"):
        with pytest.raises(Failure, match=f"{name}: is neither a file nor a directory"):
            trees.text(tree, name)


def test_a_large_file_is_not_read(tree: Path) -> None:
    with (tree / "large").open("wb") as stream:
        stream.truncate(10**12)
    with pytest.raises(Failure, match="large: is larger than 5000000 bytes"):
        trees.text(tree, "large")


def test_a_directory_that_is_a_link_of_somebody_else_is_not_entered(tree: Path) -> None:
    (tree / "there").symlink_to(tree / "sub")
    os.lchown(tree / "there", 12345, 12345) if os.geteuid() == 0 else None
    with pytest.raises(Failure, match="there is not a directory, or a link that root did not make"):
        paths.open_directory(tree / "there")


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="gives directories away")
def test_a_planted_link_is_refused_or_mended_and_its_target_left_alone(tree: Path) -> None:
    (tree / "there").symlink_to(tree / "sub")
    os.lchown(tree / "there", 12345, 12345)
    before = (tree / "sub").stat()
    with pytest.raises(Failure):
        files.directory(tree / "there", 0o700, (12345, 12345))
    assert files.directory(tree / "there", 0o700, (12345, 12345), mend=True) is True
    assert files.directory(tree / "there", 0o700, (12345, 12345), mend=True) is False
    assert (tree / "sub").stat() == before
    assert not (tree / "there").is_symlink()
    assert ((tree / "there").stat().st_uid, (tree / "there").stat().st_mode & 0o777) == (12345, 0o700)


@pytest.mark.parametrize(
    ("name", "mode", "text"),
    [
        ("before_switch.sh", 0o755, "would never run, for a hook's name has no extension; git mv"),
        ("before_switch", 0o644, "is not executable; git update-index --chmod=+x"),
        ("before_swich", 0o755, "there is no such hook; the hooks are before_build, before_switch, after_switch"),
    ],
)
def test_a_hook_that_would_not_run_is_refused(tmp_path: Path, name: str, mode: int, text: str) -> None:
    folder = tmp_path / hooks.FOLDER
    folder.mkdir(parents=True)
    (folder / name).write_text("#!/bin/sh\n")
    (folder / name).chmod(mode)
    with pytest.raises(Failure, match=re.escape(text)):
        hooks.check(tmp_path)


def test_hooks_that_run_and_other_files_pass(tmp_path: Path) -> None:
    folder = tmp_path / hooks.FOLDER
    (folder / "after_switch").mkdir(parents=True)
    with pytest.raises(Failure, match="after_switch: is not a file"):
        hooks.check(tmp_path)
    (folder / "after_switch").rmdir()
    (folder / "after_switch").write_text("")
    (folder / "after_switch").chmod(0o755)
    (folder / "README.md").write_text("")
    hooks.check(tmp_path)
