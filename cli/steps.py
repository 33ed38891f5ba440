"""The steps of a deployment in plain words: resources by their names. Pure."""

from __future__ import annotations

GUARD = "data-guard"
"""The name of what refuses a destroy. It does nothing else that would have to be told of."""

TITLES = {
    "wait-for-ssh": "wait for SSH",
    "copy-agent": "copy the agent",
    "prepare": "prepare the machine",
    "push-source": "push the source",
    "settings": "set up the machine",
    "data-undo": "the backups",
    "backups": "set up backups",
    "undo": "the machine's settings",
    "release": "release",
    "check-public-url": "check the public URL",
    "machine-state": "put back changes by hand",
    "release-notes": "note what went out",
    "generated-secrets": "generate the secrets",
    "ssh-files": "write the SSH files",
    "client-key": "make the client key",
    "host-key": "make the host key",
    GUARD: "guard the data",
}
"""By the end of the resource's name, which begins with that of its deployment or machine."""

SEVERAL = "*"
"""In place of a deployment's name, for a stack with several: each step is then told with the name of its own."""

REMOVAL = "-removal"
"""The end of the name of what takes an app off its machine."""

UNDO = "-undo"
"""The end of the name of what takes back the settings of the machine itself."""

STATE, FINDING = "-machine-state", ("update", "refresh")
"""The end of the name of what finds changes by hand and puts them back, and the operations in which it does."""

OF_MACHINE = ("client-key", "host-key", "settings", "undo", "backups", "data-undo")
"""Those of a machine, of which a stack has one."""

DONE = {
    "create": "done",
    "update": "done",
    "delete": "removed",
    "replace": "replaced",
    "create-replacement": "replaced",
    "delete-replaced": "removed",
    "refresh": "looked at",
    "read": "read",
}
"""How a step that succeeded ends, by the engine's operation."""

SILENT = ("same", "replace", "discard-replaced", "remove-pending-replace")
"""Operations that do nothing, or whose parts are told of themselves."""


def is_silent(name: str, operation: str) -> bool:
    """Whether a step is not told of.

    What takes something off a server does nothing before it is deleted, and what puts a machine back does nothing when
    it is made.
    """
    undone = name.endswith((REMOVAL, UNDO)) and operation != "delete"
    return operation in SILENT or undone or name == GUARD or (name.endswith(STATE) and operation not in FINDING)


def removed_app(name: str) -> str:
    """The app that a resource, by its name or URN, takes off the machine; empty if it is another."""
    own = name.rpartition("::")[2]
    return own.removesuffix(REMOVAL) if own.endswith(REMOVAL) else ""


def title(name: str, app: str = "") -> str:
    """What the step of a resource is called; the resource's own name where we know no better.

    Args:
        name: The resource's name.
        app: The deployment that the stack's config names. A step of another one is told apart by its name.
    """
    if name.endswith(REMOVAL):
        return f"app {name.removesuffix(REMOVAL)} on the machine"
    for end, words in TITLES.items():
        if name == end:
            return words
        if name.endswith(f"-{end}"):
            owner = name.removesuffix(f"-{end}")
            return words if not app or owner == app or end in OF_MACHINE else f"{words} of {owner}"
    return name


def ended(operation: str) -> str:
    """How a step ended that succeeded."""
    return DONE.get(operation, operation)
