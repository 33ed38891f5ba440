"""The first boot as a shell script: the same account and the same sshd as by cloud-init, and no secret."""

import shlex
import subprocess

from infra.machines.bootscript import boot_script
from infra.machines.cloudinit import SSHD

TEXT = boot_script("shop-prod-machine", "deploy", "ssh-ed25519 CLIENT")


def test_sshd_is_told_what_cloud_init_would_tell_it_and_trusts_no_authority_of_the_provider() -> None:
    (line,) = [line for line in TEXT.splitlines() if "10-launchpad.conf" in line]
    assert shlex.split(line)[2:-2] == [*SSHD, "TrustedUserCAKeys none"]


def test_any_shell_reads_it_wherever_the_provider_puts_it() -> None:
    for wrapped in (TEXT, f"#!/bin/sh\necho before\n{TEXT}\necho after\n"):
        assert subprocess.run(["sh", "-n"], input=wrapped, text=True, check=True, capture_output=True).stderr == ""


def test_the_key_comes_last() -> None:
    steps = [line for line in TEXT.splitlines() if not line.startswith("#")]
    assert steps[-2:] == ["mv /home/deploy/.ssh/authorized_keys.new /home/deploy/.ssh/authorized_keys", ")"]


def test_hostile_text_stays_text() -> None:
    text = boot_script("web", "deploy", "k'; touch /tmp/harm; '")
    (line,) = [line for line in text.splitlines() if "authorized_keys.new" in line and line.startswith("printf")]
    assert shlex.split(line) == [
        "printf",
        "%s\\n",
        "k'; touch /tmp/harm; '",
        ">",
        "/home/deploy/.ssh/authorized_keys.new",
    ]


def test_it_holds_no_private_key() -> None:
    assert "PRIVATE" not in TEXT
    assert "ssh_host" not in TEXT.replace("HostKey /etc/ssh/ssh_host_ed25519_key", "")
