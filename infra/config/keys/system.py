"""The keys of the machine itself: its SSH, updates, clock, journal, swap, kernel, and people."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from infra.config import machine_settings, readers
from infra.config.key import Keys, key
from infra.protocol.machine_settings import Person

Switch = Literal["auto", "true", "false"]
"""On, off, or as fits the kind of machine."""
AUTO = "auto: true on a machine that Launchpad makes, and false on machine server, which is as its owner has it."


def _switch(description: str, also: tuple[str, ...]) -> Switch:
    """Declare a switch."""
    return key(readers.choice("auto", "true", "false"), default="auto", description=f"{description} {AUTO}", also=also)


@dataclass(frozen=True, kw_only=True)
class SystemKeys(Keys):
    """How the machine itself is set up, beside the app. What is false, 0 or empty stays as it is on the machine."""

    title: ClassVar[str] = "The system"

    ssh_hardening: Switch = _switch(
        description="""Whether sshd takes keys only, no root (unless deployments log in as root, by key), and current
            algorithms.""",
        also=("sshd", "harden", "hardening"),
    )
    automatic_updates: Switch = _switch(
        description="Whether the machine installs security updates every day (unattended-upgrades).",
        also=("unattended_upgrades", "auto_updates", "updates", "patches", "security_updates"),
    )
    reboot_window: str = key(
        machine_settings.window,
        description="""When the machine may restart, if an update requires it and no deployment is under way: a time of
            the day in the machine's time zone, with or without a day of the week. Empty: never by itself.""",
        example="Sun 04:00",
        also=("maintenance_window", "reboot", "auto_reboot", "reboot_time"),
    )
    time_sync: Switch = _switch(
        description="Whether something sets the clock: systemd-timesyncd, unless another program does already.",
        also=("ntp", "chrony", "timesyncd", "clock"),
    )
    journal_size: str = key(
        machine_settings.journal_size,
        default="auto",
        description="""Most that the journal, with the apps' logs, takes of the disk, such as 500M or 2G. 0: as the
            system has it. auto: 500M on a machine that Launchpad makes, and 0 on machine server.""",
        also=("journald", "log_size", "max_log_size"),
    )
    swap: str = key(
        machine_settings.swap,
        default="0",
        description="""Size of a swap file, such as 512M or 2G. 0: none. A container, such as the embedded machine,
            cannot have one.""",
        example="1G",
        also=("swap_size", "swapfile"),
    )
    kernel_hardening: Switch = _switch(
        description="""Whether a few settings of the kernel are stricter than Debian's (docs/machine.md lists them). A
            container has those of its host.""",
        also=("sysctl", "kernel"),
    )
    people: dict[str, Person] = key(
        machine_settings.people,
        default="{}",
        description="""Who else may log in and operate the apps: an account for each name, with one public SSH key or a
            list of them. They may use those verbs of launchpad-agent that neither deploy nor change the machine. A name
            that is removed loses account, key and processes.""",
        example='{"ana": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"}',
        also=("users", "accounts", "ssh_keys", "authorized_keys", "team"),
    )
