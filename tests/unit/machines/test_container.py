"""The container's process as this computer sees it."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from infra.machines.embedded import container, lifecycle, memory, network
from infra.machines.embedded.record import Record
from infra.machines.embedded.shell import MachineError
from infra.machines.embedded.state import Owner


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may raise a priority")
def test_a_machine_made_by_nice_make_up_runs_at_the_usual_priority() -> None:
    inherited = ["nice", "-n", "10", "chrt", "--batch", "0", "sleep", "60"]
    with subprocess.Popen(inherited) as process:
        try:
            while os.getpriority(os.PRIO_PROCESS, process.pid) == 0 or os.sched_getscheduler(process.pid) == 0:
                assert process.poll() is None
            container.reset_priority(process.pid)
            assert os.getpriority(os.PRIO_PROCESS, process.pid) == 0
            assert os.sched_getscheduler(process.pid) == os.SCHED_OTHER
        finally:
            process.kill()


def test_a_machine_that_ends_while_its_network_is_set_up_is_told_with_its_console(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Record("lp00000001", Owner(), "trixie", memory=1, disk=1, host_key="", authorized_key="")
    (tmp_path / machine.id).mkdir()
    runs = iter([True, False])
    monkeypatch.setattr(network, "resolver_file", lambda: "nameserver 198.18.0.1\n")
    monkeypatch.setattr(container, "is_running", lambda _machine: next(runs))
    monkeypatch.setattr(container, "leader", lambda *_: 4711)
    monkeypatch.setattr(container, "console_tail", lambda *_: "Its console's last lines:\n  no init found")

    def gone(*_: object) -> None:
        raise FileNotFoundError(2, "No such file or directory", "/proc/sys/net/ipv4/conf/lp00000001/route_localnet")

    monkeypatch.setattr(lifecycle, "connect", gone)
    with pytest.raises(MachineError, match=r"ended right after its start\. Its console's last lines:\n  no init found"):
        lifecycle.start(tmp_path, machine)


def test_a_machine_is_told_how_much_memory_it_may_take_and_of_another_size_while_it_runs(tmp_path: Path) -> None:
    machine = Record("lp00000001", Owner(), "trixie", memory=2**30, disk=1, host_key="", authorized_key="")
    file = tmp_path / machine.id / "memory"
    file.parent.mkdir()
    memory.tell(tmp_path, machine)
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("1073741824\n", 0o644)
    mounted = file.stat().st_ino
    machine.memory = 2**31
    memory.tell(tmp_path, machine)
    assert (file.read_text(), file.stat().st_ino) == ("2147483648\n", mounted)
    assert f"--bind-ro={file}:/run/launchpad-memory" in container.command(tmp_path, machine)


@pytest.mark.parametrize("gone", [True, False])
def test_the_log_of_the_console_ends_with_the_machine_though_its_directory_is_gone(
    tmp_path: Path, *, gone: bool
) -> None:
    place = tmp_path / "machine"
    place.mkdir()
    keep = container.SUPERVISE.partition("log=$1")[0] + 'keep "$1"'
    process = subprocess.Popen(["bash", "-c", keep, "keep", str(place / "console.log")], stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"booting\n")
    process.stdin.flush()
    until = time.monotonic() + 30
    while not (place / "console.log").exists() or not (place / "console.log").stat().st_size:
        assert time.monotonic() < until
        time.sleep(0.01)
    if gone:
        shutil.rmtree(place)
    process.stdin.close()
    try:
        process.wait(30)
    finally:
        process.kill()
    if not gone:
        assert (place / "console.log.1").read_bytes() == b"booting\n"
