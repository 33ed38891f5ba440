"""Delivers one commit of a local repository to the machine by git push over SSH; run as a module of its own.

Everything comes in by the environment (``LAUNCHPAD_*``), for the private key must not be seen in an argument list.
The machine needs no access to the repository, and only what it lacks is sent. A shallow clone will do.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from getpass import getuser
from pathlib import Path
from socket import gethostname

from infra.deployment import git, ticking


def who() -> str:
    """The person at the desk, as the machine's history shows them: user@host, in characters safe for a shell."""
    try:
        name = getuser()
    except (KeyError, OSError):
        name = str(os.getuid())
    return "".join(char for char in f"{name}@{gethostname()}" if char.isalnum() or char in "@._-")


def ssh(folder: Path, port: str, host: str, host_key: str, private_key: str) -> str:
    """The ssh command for git: this key, this host key, nothing of the user's own SSH configuration."""
    key, hosts = folder / "key", folder / "known_hosts"
    key.touch(mode=0o600)
    key.write_text(private_key.strip() + "\n")
    name = host if port == "22" else f"[{host}]:{port}"
    hosts.write_text(f"{name} {host_key}\n")
    return (
        f"ssh -F /dev/null -p {port} -i {key} -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=10 "
        f"-o ServerAliveInterval=15 -o UserKnownHostsFile={hosts} -o StrictHostKeyChecking=yes"
    )


def arguments(repository: str, app: str, sha: str, user: str, host: str) -> list[str]:
    """The git command: the commit under a ref of its own, received by the host program."""
    receive = f"sudo launchpad-host receive-pack --app {app} --revision {sha} --who {who()}"
    return [
        *(
            "git",
            "-C",
            repository,
            "push",
            "--quiet",
            "--no-verify",
            "--no-signed",
            "--no-follow-tags",
        ),
        *("--recurse-submodules=no", f"--receive-pack={receive}", address(app, user, host)),
        f"+{sha}:refs/launchpad/{sha}",
    ]


def address(app: str, user: str, host: str) -> str:
    """Where the machine keeps the app's clone."""
    return f"ssh://{user}@{host}/srv/{app}/repo.git"


def settings(url: str) -> list[tuple[str, str]]:
    """git's settings for the push, so that none of the person's own turns it into another one."""
    return [
        *((f"url.{url}.{rule}", url) for rule in ("insteadOf", "pushInsteadOf")),  # the longest rule for a URL wins
        ("push.gpgSign", "false"),
        ("push.negotiate", "false"),
        ("push.pushOption", ""),
        ("protocol.ssh.allow", "always"),
    ]


def main(environment: dict[str, str]) -> int:
    """Push, and pass git's exit status on."""
    given = {
        name: environment[f"LAUNCHPAD_{name}"] for name in ("REPOSITORY", "APP", "REVISION", "USER", "HOST", "PORT")
    }
    with tempfile.TemporaryDirectory() as folder:
        command = ssh(
            Path(folder), given["PORT"], given["HOST"], environment["LAUNCHPAD_HOST_KEY"], environment["LAUNCHPAD_KEY"]
        )
        url = address(given["APP"], given["USER"], given["HOST"])
        own = {name: value for name, value in environment.items() if not name.startswith("LAUNCHPAD_")}
        with ticking.ticking(f"delivering {given['REVISION'][:12]}"):
            pushed = subprocess.run(
                arguments(given["REPOSITORY"], given["APP"], given["REVISION"], given["USER"], given["HOST"]),
                env={**git.environment(own, settings(url)), "GIT_SSH_COMMAND": command, "GIT_SSH_VARIANT": "ssh"},
                check=False,
            )
    if pushed.returncode:
        print(
            f"could not deliver {given['REVISION'][:12]} of {given['REPOSITORY']} to {given['HOST']}", file=sys.stderr
        )
        return 1
    print(given["REVISION"])
    return 0


if __name__ == "__main__":
    sys.exit(main(dict(os.environ)))
