"""Settings of the kernel: few, each with its reason."""

from __future__ import annotations

from pathlib import Path

from infra.agent.machine import kind_of_machine, record
from infra.agent.machine.report import Report
from infra.agent.machine.wanted import Wanted
from infra.agent.system import files, sh

DROPIN = Path("/etc/sysctl.d/60-launchpad.conf")
PROC = Path("/proc/sys")
SYSCTL = "/usr/lib/systemd/systemd-sysctl"
SETTINGS = {
    "kernel.dmesg_restrict": ("1", "the kernel's log is root's: it tells addresses, and what other apps do"),
    "kernel.kptr_restrict": ("1", "addresses of the kernel are root's, so that a fault in it is harder to use"),
    "kernel.yama.ptrace_scope": ("1", "a process reads another's memory only if it started it: one app has several"),
    "fs.protected_fifos": ("2", "nobody puts a FIFO in another's way in a shared folder such as /tmp"),
    "fs.protected_regular": ("2", "nor a file"),
    "net.ipv4.conf.*.accept_redirects": ("0", "no neighbour in the network changes the machine's routes"),
    "net.ipv6.conf.*.accept_redirects": ("0", "nor over IPv6"),
    "net.ipv4.conf.*.send_redirects": ("0", "the machine is no router"),
}
"""The values by name, and why. Source: kernel.org/doc/Documentation/admin-guide/sysctl and networking/ip-sysctl."""
FORMER = "kernel "


def text(settings: dict[str, tuple[str, str]]) -> str:
    """The drop-in."""
    head = "# Written by launchpad-agent settings; changes are overwritten by the next launchpad up.\n"
    # The hyphen: a kernel that does not have one of them has the others all the same.
    return head + "".join(f"# {why}\n-{name} = {value}\n" for name, (value, why) in settings.items())


def apply(wanted: Wanted, report: Report) -> None:
    """Have the kernel's settings as wanted; otherwise as they were before."""
    if wanted.kernel and kind_of_machine.is_container():
        report.skip("kernel", kind_of_machine.HOST.format("the kernel"))
        return
    if wanted.kernel:
        if DROPIN.exists() and DROPIN.read_text(encoding="utf-8") == text(SETTINGS) and _all_set():
            return
        for path in _paths():
            record.before(f"{FORMER}{path}", path.read_text(encoding="utf-8").strip())
        files.write(DROPIN, text(SETTINGS))
        sh.run([SYSCTL, str(DROPIN)], doing="Setting the kernel's settings")
        report.did("kernel", f"{len(SETTINGS)} settings")
    elif files.take_away(DROPIN):
        for name, value in record.taken(FORMER).items():
            path = Path(name.removeprefix(FORMER))
            if path.exists():
                path.write_text(f"{value}\n", encoding="utf-8")
        record.forget(FORMER)
        report.did("kernel", "as before")


def _paths() -> list[Path]:
    """The files of all settings that this kernel has."""
    return sorted(path for name in SETTINGS for path in PROC.glob(name.replace(".", "/")))


def _all_set() -> bool:
    """Whether the kernel has them; interfaces come and go, and are set by udev as they come."""
    return all(
        path.read_text(encoding="utf-8").strip() == value
        for name, (value, _) in SETTINGS.items()
        for path in PROC.glob(name.replace(".", "/"))
    )
