"""Whether a stack may be destroyed although it may hold data, and what is said where it may not. Pure but for a file.

What the last update noted counts, for Pulumi destroys by that. But ``delete`` in the stack's file counts at once where
the machine goes with the stack: a machine that answers no more could not be brought up first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import yaml

from infra.deployment.data_changes import KEY, SERVER, DataTerms, setting
from infra.protocol.on_destroy import OnDestroy

MEANING: dict[OnDestroy, str] = {
    "delete": "To have it deleted",
    "keep": "To keep it",
    "snapshot": "To have it deleted and keep a snapshot",
}
PROTECTED = f"{SERVER}, which is protected from deletion"
NOT_SAID = "No key says what becomes of it, so nothing was deleted."
YET = "Nothing was deleted."


def said_in_file(stack: str, folder: Path | None = None) -> str | None:
    """What a stack's settings file says of ``on_destroy`` now; None where there is no such file.

    Args:
        stack: The stack.
        folder: Where the file is; by default where Pulumi runs, which is the project's directory.
    """
    try:
        config = yaml.safe_load((folder or Path.cwd()).joinpath(f"Pulumi.{stack}.yaml").read_text())["config"]
        return str(config.get(KEY) or "")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError):
        return None


def remedy(stack: str, terms: DataTerms, said: str | None) -> str:
    """What to do so that the stack may be destroyed with data; empty: it may.

    Args:
        stack: The stack.
        terms: What the last update noted.
        said: What the settings file says now; None: nobody knows.
    """
    said = terms.on_destroy if said is None else said
    wanted, noted = said or terms.unsaid, terms.destroyed
    if wanted == noted:
        return "" if wanted else "\n".join(_choices(stack, terms))
    if wanted == "" and noted != "delete":  # it is kept, whatever is wanted from the next update on
        return ""
    if wanted and wanted == _at_once(terms):
        return ""
    return f"{KEY} is {said or 'empty'} now, which counts from the next up on. Run launchpad up, then destroy again."


def destroyed_now(stack: str, terms: DataTerms, said: str | None) -> OnDestroy:
    """What a destroy makes of the data now; empty: it is refused if there is any."""
    if remedy(stack, terms, said):
        return ""
    return terms.destroyed or _at_once(terms)


def _at_once(terms: DataTerms) -> OnDestroy:
    """The word that counts without an update, as long as the last one noted none.

    What is on a machine that stays is kept, unless the app's own key says otherwise; one that goes takes it along. A
    database server beside it is protected from deletion until an update has changed that.
    """
    if terms.destroyed or terms.server:
        return ""
    if terms.stays:
        return "" if any(terms.apps.values()) else "keep"
    return "delete"


def answered(terms: DataTerms) -> Collection[str]:
    """The apps of which a key of their own says that their data goes."""
    return {app for app, deleted in terms.apps.items() if deleted} if terms.stays else ()


def refusal(stack: str, held: Sequence[str], remedy: str) -> str:
    """Why the stack is not destroyed.

    Args:
        stack: The stack.
        held: How much data there is, a line for each app.
        remedy: What to do.
    """
    return "\n".join([f"stack {stack} holds data:", *(f"  {line}" for line in held), _said(remedy), remedy])


def unknown(stack: str, why: str, terms: DataTerms, remedy: str) -> str:
    """The same where nobody knows how much data there is.

    Args:
        stack: The stack.
        why: Why not.
        terms: What the last update noted.
        remedy: What to do.
    """
    lines = [f"stack {stack} may hold data: {why}", _said(remedy), remedy]
    if _at_once(terms) == "delete":
        lines.append("Of a machine that is gone for good there is nothing to keep: delete lets the rest go.")
    return "\n".join(lines)


def _said(remedy: str) -> str:
    """Why nothing was deleted, before what to do: a key that is set says something, which does not count yet."""
    return YET if remedy.startswith(KEY) else NOT_SAID


def _choices(stack: str, terms: DataTerms) -> Iterator[str]:
    for word in terms.able:
        up = "" if word == _at_once(terms) else "launchpad up, then "
        yield f"{MEANING[word]}: {setting(stack, word)}, then {up}destroy again"
