"""The command lines that run on the machine, which never contain a secret, and the parsing of their output."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from infra import ssh
from infra.common.printable import one_line
from infra.protocol import paths

RELEASE = re.compile(r"[0-9a-f]{12}(-[0-9]+)?")
"""The name of a release on the machine: its revision, plus a number if the revision was built more than once."""

PYTHON = "command -v python3 || (apt-get update && apt-get install -y python3)"
"""Installs Python for the agent, unless another app has done so meanwhile."""
NOTHING_THERE = 44
"""The exit status of ``data`` where no app of the stack was ever prepared, so that there is no agent to count."""
NO_AGENT = "error: there is no launchpad-agent, and without it nobody counts"
ROOTS = "/root"
"""What is locked for that, as several apps may come at once and apt-get waits for nobody: only root can."""

NO_SUDO = (
    "error: {user} may not run sudo without a password here, which deployments need. Log in as root "
    "(launchpad:server.user root), or allow it: see docs/servers.md"
)


def wait_for_ssh(user: str, *, owned: bool) -> str:
    """The first command on a machine: waits for cloud-init and, if there is no Python for the agent, installs it.

    Args:
        user: Who logs in.
        owned: Whether the program made the machine, whose user may run sudo for sure.
    """
    sudo = ssh.sudo(user)
    checked = "" if owned or not sudo else f"sudo -n true || {{ echo '{NO_SUDO.format(user=user)}' >&2; exit 1; }}; "
    return (
        f"{checked}(while sleep 2.5 </dev/null >/dev/null 2>&1; do echo 'the machine is still starting' >&2; done) & "
        "ticker=$!; if command -v cloud-init >/dev/null; then cloud-init status --wait >/dev/null; fi; "
        f"command -v python3 >/dev/null || {sudo}flock {ROOTS} sh -c '{PYTHON}' >/dev/null; "
        "code=$?; kill $ticker; exit $code"
    )


def agent_file(app: str) -> str:
    """The agent's file name in the SSH user's home directory, from which ``prepare`` installs it.

    Each app has its own file, because another app's deployment may copy its agent at the same time.
    """
    return f"{paths.AGENT}-{app}.pyz"


def prepare(app: str, sudo: str) -> str:
    """The command that prepares the machine for the app; ``sudo`` is what it begins with for its user."""
    return f"{sudo}python3 {agent_file(app)} prepare"


def deploy(app: str, revision: str, sudo: str) -> str:
    """The command that builds and releases a revision; the agent skips what is already done."""
    return f"{sudo}{paths.AGENT} deploy --app {app} --revision {revision}"


def verify(app: str, sudo: str) -> tuple[str, str]:
    """The commands that compare the machine: by the installed agent, or by the copy that it was installed from."""
    words = f"verify --app {app} --json"
    return f"{sudo}{paths.AGENT} {words}", f"{sudo}python3 {agent_file(app)} {words}"


def data(apps: Sequence[str], sudo: str, *, every: bool, disk: bool) -> tuple[str, str]:
    """The commands that count the data: by the installed agent, or by a copy that it was installed from.

    Args:
        apps: The stack's apps.
        sudo: What a command of root's begins with.
        every: Whether the data of all apps counts that is there, and not only of these.
        disk: Whether it is on a disk of its own, which has to be there.
    """
    named = [] if every else [f"--app {app}" for app in apps]
    words = " ".join(["data --json", *(["--disk"] if disk else []), *named])
    copies = " ".join(agent_file(app) for app in apps)
    folders = f"{paths.HOMES}/*/data" if every else " ".join(f"{paths.home(app)}/data" for app in apps)
    return f"{sudo}{paths.AGENT} {words}", (
        f"for file in {copies}; do if [ -e $file ]; then exec {sudo}python3 $file {words}; fi; done; "
        f"for folder in {folders}; do if [ -e $folder ]; then echo '{NO_AGENT}' >&2; exit 1; fi; done; "
        f"exit {NOTHING_THERE}"
    )


def repair(app: str, sudo: str) -> str:
    """The command that puts back what was changed by hand, by the copy of the agent that nobody runs otherwise."""
    return f"{sudo}python3 {agent_file(app)} repair --app {app}"


def remove(app: str, sudo: str, owner: str, *, data: bool) -> str:
    """The command that takes the app off a machine which stays, and at last the agent's copy.

    The app's own copy does it, which is there before anything is prepared. Where that is gone the installed one does.

    Args:
        app: The app.
        sudo: What a command of root's begins with.
        owner: Whose the app is. One of another owner stays, and its copy of the agent, too.
        data: Whether the app's data goes, too.
    """
    file, words = agent_file(app), f"remove --app {app} --owner {owner}{'' if data else f' {paths.KEEP_DATA}'}"
    return (
        f"if [ -e {file} ]; then {sudo}python3 {file} {words}; "
        f"elif command -v {paths.AGENT} >/dev/null; then {sudo}{paths.AGENT} {words}; fi && "
        f"{{ [ -e {paths.SETTINGS}/{app}/app.json ] || rm -f {file}; }}"
    )


def apply_firewall(file: str, sudo: str) -> str:
    """The command that loads rules on trial; the agent learns from where it is called.

    Args:
        file: The agent's file.
        sudo: What a command of root's begins with.
    """
    return f'{sudo}python3 {file} firewall apply --connection "$SSH_CONNECTION"'


def settings(sudo: str) -> str:
    """The command that sets up the machine itself."""
    return f"{sudo}{paths.AGENT} settings"


def remove_settings(owner: str, sudo: str) -> str:
    """The command that takes back what a stack wanted of the machine itself; nothing where it never wanted anything."""
    return f"if [ -e {paths.MACHINE_SETTINGS} ]; then {sudo}{paths.AGENT} settings --remove --owner {owner}; fi"


def backups(sudo: str) -> str:
    """The command that has a stack's apps backed up."""
    return f"{sudo}{paths.AGENT} backup settings"


def remove_backups(owner: str, sudo: str) -> str:
    """The command that has them backed up no more; the repository stays. Nothing where they never were."""
    return f"if [ -e {paths.BACKUPS} ]; then {sudo}{paths.AGENT} backup settings --remove --owner {owner}; fi"


def confirm_firewall(owner: str, file: str, sudo: str) -> str:
    """The command that keeps the rules that are on trial."""
    return f"{sudo}python3 {file} firewall confirm --owner {owner}"


def remove_firewall(owner: str, file: str, sudo: str) -> str:
    """The command that takes an owner's rules away, and then the agent's file."""
    return f"if [ -e {file} ]; then {sudo}python3 {file} firewall remove --owner {owner} && rm -f {file}; fi"


def release(output: str, revision: str) -> str:
    """Find the release's name in the output of ``deploy``.

    The output of an earlier deployment is in the stack's state and is parsed at every preview. Even if it is malformed
    (an older version of Launchpad masked secrets in the middle of it), it must not prevent previews and repairs.

    Args:
        output: What ``deploy`` printed: a JSON object.
        revision: The deployed commit.

    Returns:
        The release's name; if the output has none, the name of the revision's first release.
    """
    try:
        name = json.loads(output)["release"]
    except (ValueError, KeyError, TypeError):
        name = None
    return name if isinstance(name, str) and RELEASE.fullmatch(name) else revision[:12]


def warnings(output: str) -> list[str]:
    """The warnings in the output of ``deploy``, such as a worker that keeps exiting; none if it is malformed."""
    try:
        items = json.loads(output).get("warnings", [])
    except (ValueError, AttributeError):
        return []
    texts = [text for text in items if isinstance(text, str)] if isinstance(items, list) else []
    return ["\n  ".join(one_line(line) for line in text.split("\n")) for text in texts]
