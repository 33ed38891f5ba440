"""Checks of this computer for a stack. Each covers one requirement, changes nothing, and needs no network."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from cli import process, root
from cli.finding import Finding, ok, problem, warning
from cli.stack import Stack

ROOM_TO_WORK = 2**30
"""Bytes: what a first machine stores beyond its base image, roughly (measured: 0.6 GB with the demo app)."""


def kind(stack: Stack) -> list[Finding]:
    """Check that this computer can run the stack's kind of machine."""
    system = platform.system()
    if stack.is_local and system != "Linux":
        return [problem("system", f"machine embedded is a Linux container, and this is {system}; set machine to ec2")]
    return [ok("system", f"{system}, machine {stack.machine}")]


def programs(stack: Stack) -> list[Finding]:
    """The programs that the toolchain and the machine run."""
    packages = {"git": "git", "ssh": "openssh-client", "ssh-keygen": "openssh-client"}
    path = os.environ.get("PATH", "")
    if stack.is_local:
        from infra.machines.embedded import computer  # noqa: PLC0415 - late: only this looks

        packages |= computer.PROGRAMS
        path += f":{computer.PATH}"
    missing = sorted({package for program, package in packages.items() if not shutil.which(program, path=path)})
    if not missing:
        return [ok("programs", ", ".join(sorted(packages)))]
    names = " ".join(missing)
    if shutil.which("apt-get") and (os.geteuid() == 0 or shutil.which("sudo")):
        return [warning("programs", f"missing: {names}; up installs them")]
    return [problem("programs", f"missing: {names}; install them: sudo apt-get install {names}")]


def pulumi(stack: Stack) -> list[Finding]:
    """Pulumi's CLI and the plugins that the stack uses."""
    if not stack.project.has_pulumi:
        return [warning("pulumi", "not here yet; up gets it, or: make setup")]
    done = process.ask(["pulumi", "version"], quiet=True)
    if done.returncode:
        return [problem("pulumi", "the CLI does not run; get it again: make setup")]
    found = [ok("pulumi", f"CLI {done.stdout.strip()}")]
    official = shutil.which("pulumi-resource-command")
    found.append(ok("plugin command", official or "official, in Pulumi's own folder"))
    from infra.machines.registry import KINDS  # noqa: PLC0415 - late: only this looks

    kind = KINDS.get(stack.machine)
    return [*found, *(_plugin(stack, name) for name in (kind.plugins if kind else ()))]


def _plugin(stack: Stack, name: str) -> Finding:
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    program = f"pulumi-resource-{name}"
    if shutil.which(program) or any(home.glob(f"plugins/resource-{name}-v*/{program}")):
        return ok(f"plugin {name}", "here")
    version = metadata.version(f"pulumi-{name}")
    return problem(
        f"plugin {name}", f"machine {stack.machine} needs it: pulumi plugin install resource {name} {version}"
    )


def rights(stack: Stack) -> list[Finding]:
    """Check for root access, which the embedded machine requires."""
    if not stack.is_local:
        return []
    if os.geteuid() == 0:
        return [ok("root", "you are root")]
    if root.sudo_is_free():
        return [ok("root", "sudo asks for no password")]
    if shutil.which("sudo") and sys.stdin.isatty():
        return [warning("root", "up asks for sudo's password")]
    return [problem("root", "machine embedded needs root: run as root, run `sudo -v` first, or set machine to ec2")]


def container(stack: Stack) -> list[Finding]:
    """Check the kernel features that the embedded machine requires."""
    if not stack.is_local or platform.system() != "Linux":
        return []
    found = []
    if not Path("/proc/self/ns/user").exists() or _number("/proc/sys/user/max_user_namespaces") == 0:
        found.append(
            problem("kernel", "has no user namespaces (user.max_user_namespaces), which the container runs in")
        )
    if not Path("/dev/loop-control").exists():
        found.append(
            problem("kernel", "has no loop devices (/dev/loop-control), which the machine's disk is on: modprobe loop")
        )
    return found or [ok("kernel", "user namespaces and loop devices")]


def _number(file: str) -> int:
    try:
        return int(Path(file).read_text())
    except (OSError, ValueError):
        return -1


def room(stack: Stack) -> list[Finding]:
    """Check the free space on the disks that ``up`` writes to."""
    places = {"cache": stack.project.cache}
    needed = ROOM_TO_WORK
    if stack.is_local:
        from infra.machines.embedded import base, client  # noqa: PLC0415 - late: only this looks

        places["machines"] = client.machines()
        if not any((stack.project.cache / "base").glob("[!.]*")):
            needed += base.SPACE
    return [_room(name, place, needed) for name, place in places.items()]


def _room(name: str, place: Path, needed: int) -> Finding:
    there = next(parent for parent in (place, *place.parents) if parent.is_dir())
    free = shutil.disk_usage(there).free
    text = f"{free / 2**30:.1f} GiB free for {place}"
    if free < needed:
        return problem(f"room for {name}", f"{text}, but up may need {needed / 2**30:.1f} GiB; free some space")
    return ok(f"room for {name}", text)


CHECKS: tuple[Callable[[Stack], list[Finding]], ...] = (kind, programs, pulumi, rights, container, room)
"""Every check of this computer."""
