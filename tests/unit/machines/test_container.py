"""The container's process as this computer sees it."""

import os
import subprocess
from pathlib import Path

import pytest

from infra.machines.embedded import container, lifecycle, network
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
