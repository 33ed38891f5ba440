"""What changes on a machine with a kernel, a clock and a swap of its own, which an embedded machine has not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.agent.machine import clock, kernel, kind_of_machine, record, swap
from infra.agent.machine.report import Report
from infra.agent.machine.wanted import Wanted
from infra.agent.system import files, packages, sh, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.sh import Finished

Run = list[list[str]]


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is no container, with a record of its own."""
    monkeypatch.setattr(kind_of_machine, "CONTAINER", tmp_path / "container")
    monkeypatch.setattr(record, "FILE", tmp_path / "settings.json")
    monkeypatch.setattr(systemd, "reload", lambda: None)


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Run:
    """The commands that were run; all succeed and say nothing."""
    commands: Run = []

    def run(argv: list[str], **_: object) -> Finished:
        commands.append(argv)
        return Finished(0, "", "")

    monkeypatch.setattr(sh, "run", run)
    return commands


def changed(step: Callable[[Wanted, Report], None], wanted: Wanted) -> list[str]:
    report = Report()
    step(wanted, report)
    return report.changed


def test_the_kernel_gets_back_what_it_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proc = tmp_path / "proc"
    before: dict[str, str] = {
        "kernel/dmesg_restrict": "0",
        "net/ipv4/conf/all/accept_redirects": "1",
        "fs/protected_fifos": "1",
    }
    before["net/ipv4/conf/eth0.5/accept_redirects"] = "1"
    for name, value in before.items():
        (proc / name).parent.mkdir(parents=True, exist_ok=True)
        (proc / name).write_text(f"{value}\n")
    monkeypatch.setattr(kernel, "PROC", proc)
    monkeypatch.setattr(kernel, "DROPIN", tmp_path / "sysctl.d" / "60-launchpad.conf")

    def systemd_sysctl(argv: list[str], **_options: object) -> Finished:
        assert argv == [kernel.SYSCTL, str(kernel.DROPIN)]
        for line in kernel.DROPIN.read_text().splitlines():
            if line.startswith("-"):
                name, _, value = line[1:].partition(" = ")
                for path in proc.glob(name.replace(".", "/")):
                    path.write_text(f"{value}\n")
        return Finished(0, "", "")

    monkeypatch.setattr(sh, "run", systemd_sysctl)
    assert changed(kernel.apply, Wanted(kernel=True)) == ["kernel"]
    now = {name: (proc / name).read_text().strip() for name in before}
    assert now == {**dict.fromkeys(before, "0"), "kernel/dmesg_restrict": "1", "fs/protected_fifos": "2"}
    assert changed(kernel.apply, Wanted(kernel=True)) == []
    (proc / "kernel/dmesg_restrict").write_text("0\n")  # somebody's hand
    assert changed(kernel.apply, Wanted(kernel=True)) == ["kernel"]
    assert changed(kernel.apply, Wanted()) == ["kernel"]
    assert {name: (proc / name).read_text().strip() for name in before} == before
    assert changed(kernel.apply, Wanted()) == []
    assert not record.FILE.exists()


def test_the_swap_file_is_made_whole_and_goes_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ran: Run) -> None:
    monkeypatch.setattr(swap, "FILE", tmp_path / "swap" / "launchpad")
    monkeypatch.setattr(swap, "UNIT", tmp_path / "var-swap-launchpad.swap")
    monkeypatch.setattr(swap, "_is_on", swap.FILE.exists)
    monkeypatch.setattr(files, "free_bytes", lambda _: 3 * 2**30)
    assert changed(swap.apply, Wanted(swap=2**30)) == ["swap"]
    draft = str(tmp_path / "swap" / ".launchpad.new")
    assert [argv[0] for argv in ran] == ["dd", "mkswap", "systemctl"]
    assert {f"of={draft}", f"count={2**30}", "iflag=count_bytes"} <= set(ran[0])
    assert ran[1:] == [
        ["mkswap", draft],
        ["systemctl", "enable", "--quiet", "--now", "var-swap-launchpad.swap"],
    ]
    assert swap.FILE.stat().st_mode & 0o777 == 0o600
    with swap.FILE.open("wb") as stream:
        stream.truncate(2**30)
    assert changed(swap.apply, Wanted(swap=2**30)) == []
    with pytest.raises(Failure, match=r"^launchpad:swap needs 3G more on the machine's disk, where only 3G are free"):
        changed(swap.apply, Wanted(swap=4 * 2**30))
    assert swap.FILE.exists()
    ran.clear()
    assert changed(swap.apply, Wanted()) == ["swap"]
    assert ran == [["swapoff", str(swap.FILE)], ["systemctl", "disable", "--quiet", "var-swap-launchpad.swap"]]
    assert not swap.FILE.parent.exists()
    assert not swap.UNIT.exists()
    assert changed(swap.apply, Wanted()) == []


def test_a_clock_that_somebody_sets_is_left_to_it(monkeypatch: pytest.MonkeyPatch, ran: Run) -> None:
    installed: list[list[str]] = []
    monkeypatch.setattr(packages, "install", installed.append)
    monkeypatch.setattr(clock, "_runs", lambda *names: "chrony.service" in names)
    assert changed(clock.apply, Wanted(clock=True)) == []
    assert (installed, ran) == ([], [])
    monkeypatch.setattr(clock, "_runs", lambda *_: False)
    assert changed(clock.apply, Wanted(clock=True)) == ["clock"]
    assert installed == [["systemd-timesyncd"]]
    assert ran[-1] == ["systemctl", "enable", "--quiet", "--now", "systemd-timesyncd.service"]
    ran.clear()
    assert changed(clock.apply, Wanted()) == ["clock"]
    assert ran == [["systemctl", "disable", "--quiet", "--now", "systemd-timesyncd.service"]]
    assert changed(clock.apply, Wanted()) == []


def test_a_container_says_what_it_has_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ran: Run) -> None:
    (tmp_path / "container").touch()
    monkeypatch.setattr(kernel, "DROPIN", tmp_path / "none")
    report = Report()
    for step in (kernel.apply, swap.apply, clock.apply):
        step(Wanted(kernel=True, swap=2**30, clock=True), report)
    assert report.skipped == {
        name: f"this machine is a container, and has the {name} of its host" for name in ("kernel", "swap", "clock")
    }
    assert report.warnings == ["launchpad:swap is set, but this machine is a container, which cannot swap by itself."]
    assert (report.changed, ran) == ([], [])
