"""Tools that the agent and the embedded machine's driver share."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from infra.common import atomic, git_ssh, procfs


def test_a_process_has_a_start_time_until_it_ends_also_as_a_zombie() -> None:
    assert procfs.start_time(os.getpid()) == procfs.start_time(os.getpid()) > 0
    process = subprocess.Popen(["true"])
    until = time.monotonic() + 20
    while procfs.start_time(process.pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert Path(f"/proc/{process.pid}").exists()
    assert procfs.start_time(process.pid) == 0
    process.wait()
    assert procfs.start_time(process.pid) == 0


def test_a_file_is_replaced_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with path.open() as reader:
        atomic.replace(path, b"new", 0o600)
        assert reader.read() == "old"
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_old_file_and_no_draft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        atomic.replace(path, b"new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("port", "option"), [(22, ""), (2222, " -p 2222")])
def test_git_reaches_one_host_with_one_key_that_nobody_else_can_read(tmp_path: Path, port: int, option: str) -> None:
    environment = git_ssh.environment(tmp_path, "h ssh-ed25519 AAAA\r\n", "\nKEY\r\nEND", port)
    assert (tmp_path / "known_hosts").read_text() == "h ssh-ed25519 AAAA\n"
    assert (tmp_path / "key").read_text() == "KEY\nEND\n"
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600
    assert environment == {
        "GIT_SSH_COMMAND": f"ssh -F none{option} -o BatchMode=yes -o StrictHostKeyChecking=yes "
        f"-o UserKnownHostsFile={tmp_path}/known_hosts -o GlobalKnownHostsFile=none -o ConnectTimeout=20 "
        f"-o ServerAliveInterval=15 -o IdentitiesOnly=yes -i {tmp_path}/key",
        "GIT_SSH_VARIANT": "ssh",
    }


def test_without_a_key_git_offers_those_of_the_persons_agent(tmp_path: Path) -> None:
    command = git_ssh.environment(tmp_path, "h ssh-ed25519 AAAA")["GIT_SSH_COMMAND"]
    assert "IdentitiesOnly" not in command
    assert not (tmp_path / "key").exists()
