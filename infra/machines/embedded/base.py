"""The base image: a Debian tree that every machine's disk is laid over, built once and kept in the cache."""

from __future__ import annotations

import hashlib
import json
import platform
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.machines.embedded import disk, locks, sources
from infra.machines.embedded.container import USERS
from infra.machines.embedded.shell import ENVIRONMENT, MachineError, progress, run

RECIPE = 1
"""To be raised when the steps below change, so that cached images of the old recipe are not used."""

SPACE = 1536 * 2**20
INTERVAL = 3.0
SUITES = ("trixie", "bookworm")
"""What a machine may run; the first is the default of every kind of machine."""

PACKAGES = (
    # a machine: systemd as process 1, logins, sudo, and the user data's interpreter
    *("systemd-sysv", "dbus", "libpam-systemd", "openssh-server", "sudo", "cloud-init", "ca-certificates"),
    *("iproute2", "nftables", "procps", "less"),
    # only a warm cache: the deployment's first step installs what it needs on any kind of machine, and here finds it
    *("python3", "python3-venv", "git", "curl", "caddy"),
)

CUSTOMIZE = r"""
set -e
cd "$1"
rm -f etc/dpkg/dpkg.cfg.d/99mmdebstrap
rm -f etc/ssh/ssh_host_*_key etc/ssh/ssh_host_*_key.pub
: >etc/machine-id
rm -f var/lib/dbus/machine-id
: >etc/fstab
: >etc/resolv.conf
cat >etc/cloud/cloud.cfg.d/90-launchpad.cfg <<END
datasource_list: [ NoCloud, None ]
network: {config: disabled}
END
chroot . update-ca-certificates >/dev/null
chroot . systemctl --quiet disable caddy.service apt-daily.timer apt-daily-upgrade.timer
# the address is set from outside, the clock is the computer's, and the console is a log
chroot . systemctl --quiet mask systemd-networkd.service systemd-resolved.service systemd-timesyncd.service \
    systemd-networkd.socket console-getty.service
"""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what the image contains."""

    suite: str
    sources: str | None
    settings: str
    certificates: tuple[tuple[str, str], ...]
    proxies: tuple[tuple[str, str], ...] = ()

    def key(self) -> str:
        """The name of the image in the cache: another recipe is another image."""
        parts = [RECIPE, platform.machine(), PACKAGES, CUSTOMIZE, self.suite, self.sources, self.settings, USERS]
        text = json.dumps([*parts, self.certificates])
        return f"{self.suite}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def recipe(suite: str, proxies: Mapping[str, str]) -> Recipe:
    """The recipe for a suite on this computer."""
    system = platform.freedesktop_os_release()
    derived = None
    if system.get("ID") == "debian":
        derived = sources.derive(sources.sources_files(Path("/etc/apt")), system.get("VERSION_CODENAME", ""), suite)
    own = sorted(Path("/usr/local/share/ca-certificates").rglob("*.crt"))
    return Recipe(
        suite=suite,
        sources=derived,
        settings=sources.inherited_settings(run(["apt-config", "dump"])),
        certificates=tuple((path.name, path.read_text()) for path in own),
        proxies=tuple(sorted(proxies.items())),
    )


def directory(cache: Path, one: Recipe) -> Path:
    """Where a recipe's image is, or will be."""
    return cache / "base" / one.key()


def provide(cache: Path, one: Recipe) -> Path:
    """The image's directory; built first if it is not there."""
    place = directory(cache, one)
    if place.is_dir():
        return place
    with locks.held(cache / "base" / f"{place.name}.lock", "building the base image") as lock:
        if not place.is_dir():
            draft = cache / "base" / f".{place.name}"
            discard(draft)
            disk.need_space(cache / "base", SPACE)
            build(draft, one, lock)
            draft.chmod(0o755)
            draft.rename(place)
            progress(f"base image ready: {place}")
    return place


def build(draft: Path, one: Recipe, lock: int) -> None:
    """Build an image in a directory that does not exist yet."""
    progress(f"building the base image (Debian {one.suite}; once, about a minute)")
    scratch = draft.with_name(draft.name + ".files")
    scratch.mkdir(parents=True)
    try:
        mmdebstrap(draft, scratch, one, lock)
        progress("giving the image's files to the machines' own users")
        shift = ["--quiet", "--register=no", "--keep-unit", "--machine=launchpad-base", f"--directory={draft}"]
        owners = [f"--private-users={USERS}:65536", "--private-users-ownership=chown"]
        run(["systemd-nspawn", *shift, *owners, "/bin/true"])
        if (draft / "etc/passwd").stat().st_uid != USERS:
            raise MachineError("systemd-nspawn did not give the image's files to the machines' users.")
    except BaseException:
        discard(draft)
        raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.rmtree("/run/systemd/nspawn/propagate/launchpad-base", ignore_errors=True)


def mmdebstrap(draft: Path, scratch: Path, one: Recipe, lock: int) -> None:
    """Run mmdebstrap, passing on what it says. Raises MachineError with its last words."""
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", "--components=main", "--format=directory", "--verbose"]
    # syncing each of some ten thousand files takes longer than all the rest, and an image that is half made is not used
    command += ["--dpkgopt=force-unsafe-io"]
    command += [f"--include={','.join(PACKAGES)}"]
    if one.settings:
        (scratch / "settings").write_text(one.settings)
        command += [f"--aptopt={scratch / 'settings'}"]
    authorities = scratch / "certificates"
    authorities.mkdir()
    for name, text in one.certificates:
        (authorities / name).write_text(text)
    # before the packages are configured, so that nothing in between misses them
    command += [
        f'--essential-hook=mkdir -p "$1/usr/local/share" && cp -r {authorities} "$1/usr/local/share/ca-certificates"'
    ]
    customize = scratch / "customize"
    customize.write_text(CUSTOMIZE)
    command += [f'--customize-hook=sh {customize} "$1"', one.suite, str(draft)]
    if one.sources:
        (scratch / "image.sources").write_text(one.sources)
        command += [str(scratch / "image.sources")]
    # ends with this driver; and while any part of it still runs, it holds the lock, so that no second build starts
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", "TERM", *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env={**ENVIRONMENT, **dict(one.proxies), "TMPDIR": str(scratch)},
        pass_fds=(lock,),
    )
    assert process.stdout is not None
    told = Narrator()
    for line in process.stdout:
        told.hear(line.strip())
    if process.wait() != 0:
        raise MachineError("Building the base image failed. mmdebstrap's last lines:\n  " + "\n  ".join(told.last))


class Narrator:
    """Tells what mmdebstrap does: its steps, and the packages at most every few seconds."""

    def __init__(self) -> None:
        self.last: list[str] = []
        self.done = 0
        self.told = time.monotonic()

    def hear(self, line: str) -> None:
        """Take one line of its output."""
        if not line:
            return
        if not line.startswith(("I: main() received", "I: cleaning up")):
            self.last = [*self.last, line][-10:]
        if line.startswith("I: ") and "hook" not in line and "received" not in line:
            self.tell(line.removeprefix("I: ").removesuffix("..."))
        elif line.startswith("Setting up "):
            self.done += 1
            if time.monotonic() - self.told > INTERVAL:
                self.tell(f"set up {self.done} packages, now {line.split()[2]}")

    def tell(self, text: str) -> None:
        """Say it, and note when."""
        self.told = time.monotonic()
        progress(f"base image: {text}")


def discard(draft: Path) -> None:
    """Remove what a build that did not end well has left, and what it had mounted."""
    inside = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mountpoint in sorted((one for one in inside if one.startswith(f"{draft}/")), reverse=True):
        run(["umount", "--lazy", mountpoint])
    for place in (draft, draft.with_name(draft.name + ".files")):
        if place.exists():
            shutil.rmtree(place)


def clean(cache: Path, used: set[str]) -> list[str]:
    """Remove every image that no machine stands on; gives those that stay."""
    kept = []
    place = cache / "base"
    for image in sorted(place.iterdir()) if place.is_dir() else []:
        if str(image) in used:
            kept.append(str(image))
        elif image.is_dir():
            discard(image)
        else:
            image.unlink()
    locks.remove_if_empty(place)
    return kept
