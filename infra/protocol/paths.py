"""Names and paths on the machine that the workstation uses too."""

from __future__ import annotations

AGENT = "launchpad-agent"
"""The agent's command, on the PATH of every user of the machine."""

KEEP_DATA = "--keep-data"
"""The agent's option for a removal that leaves the app's data."""

MACHINE_SETTINGS = "/var/lib/launchpad/settings.json"
"""There as long as a stack wants something of the machine itself."""

BACKUPS = "/etc/launchpad/backup.d"
"""There as long as a stack's apps are backed up."""

REPOSITORY = "repo.git"
"""The name of the app's bare repository in its folder."""

SETTINGS = "/etc/launchpad"
"""What the agent records of each app, in a folder of the app's name."""

SERVE = "/usr/local/lib/launchpad/serve/launchpad_serve.py"
"""The program that serves an app which no server program can serve unchanged (see ``app_model.own_server``)."""

HOMES = "/srv"
"""The folder with the apps' own folders."""

MEMORY = "/run/launchpad-memory"
"""There on a machine whose kernel does not tell how much memory it may take: a number of bytes."""

DATA_DISK = "/mnt/launchpad"
"""Where a disk of its own for data is mounted; what the machine shall keep is there (see ``data_disk``)."""

CACHES = "/run/launchpad-cache"
"""The folder with a folder for each app's cache, in which its socket is."""

REFS = "refs/launchpad"
"""The ref namespace to which the workstation pushes commits, each under its own hash."""


CONTENTS = "refs/launchpad-contents"
"""The ref namespace of what commits refer to without containing it: the submodules' trees, the files of Git LFS.

Each ref is a tree. The name of an entry is a submodule's commit, or the SHA-256 of a file.
"""


def home(app: str) -> str:
    """The folder that holds everything of an app."""
    return f"{HOMES}/{app}"


def repository(app: str) -> str:
    """The app's bare repository."""
    return f"{home(app)}/{REPOSITORY}"


def cache_socket(app: str) -> str:
    """The socket of an app's cache; the app's user alone reaches it."""
    return f"{CACHES}/{app}/redis.sock"


def pushed(revision: str) -> str:
    """The ref under which a commit is pushed."""
    return f"{REFS}/{revision}"


def pushed_contents(revision: str) -> str:
    """The ref under which the workstation pushes what a commit refers to."""
    return f"{CONTENTS}/pushed/{revision}"
