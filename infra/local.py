"""The paths of Launchpad's files on the workstation: below the project's folder, whatever the working directory is."""

from __future__ import annotations

from pathlib import Path

FOLDER = Path(".launchpad")
"""Relative to the project's folder, like all paths in a stack's state, so that a clone can be moved."""

PROJECT_FILES = ("Pulumi.yaml", "Pulumi.yml", "Pulumi.json")


def project() -> Path:
    """Find the project's folder: the nearest ancestor of the working directory, or itself, with a Pulumi.yaml.

    Pulumi starts a program and its dynamic providers in the project's folder or, with ``main:``, below it. If there is
    no project file, this returns the working directory.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        if any((folder / name).is_file() for name in PROJECT_FILES):
            return folder
    return here


def ssh_folder(stack: str, deployment: str) -> Path:
    """The folder of the files for logging in to a deployment's machine, relative to the project's folder.

    ``key`` is the private key; ``known_hosts`` contains the machine's host key. Each deployment has its own folder,
    because two deployments may run on two machines.
    """
    return FOLDER / stack / deployment


def build_folder() -> Path:
    """The folder of the packed agent, from which it is copied to a machine."""
    return project() / FOLDER / "build"


def tunnel_log(stack: str, machine: str) -> Path:
    """The log of the tunnel to a machine of the stack."""
    return project() / FOLDER / stack / f"{machine}-tunnel.log"
