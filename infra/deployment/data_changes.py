"""What becomes of a stack's data by a change of the stack: a line for each thing that goes or stays behind. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.protocol import paths
from infra.protocol.held_data import HeldData
from infra.protocol.on_destroy import OnDestroy

MARK = "DATA: "
"""Begins every line about data."""
KEY = "launchpad:on_destroy"
SERVER = "the database server on RDS"
FATES: dict[OnDestroy, str] = {
    "": "keeps the stack from being destroyed",
    "delete": "is DELETED",
    "keep": "stays",
    "snapshot": "is DELETED, and a snapshot of it stays",
}
"""What becomes of data, by what is said of it."""


@dataclass(frozen=True)
class DataTerms:
    """What a stack says of its data, and where that is.

    Attributes:
        kind: The kind of machine.
        stays: Whether the machine stays when the stack is destroyed.
        on_destroy: What the config says.
        unsaid: What that means where it is empty.
        able: What else it can be.
        apps: For each app, whether its data is deleted when the app is taken off the machine.
        disk: Whether the data is on a disk that goes over to another machine.
        place: The settings of where the machine is, by their keys. The disk does not go over to another place.
        instance: Another one is a machine with an empty disk of its own.
        databases: The apps that have a database.
        server: Whether there is a database server beside the machine, which is protected from deletion unless
            ``on_destroy`` said otherwise at the last update.
        on_server: The apps whose database is there, and not on the machine.
    """

    kind: str
    stays: bool
    on_destroy: OnDestroy
    unsaid: OnDestroy
    able: Sequence[OnDestroy]
    apps: Mapping[str, bool]
    disk: bool
    place: Mapping[str, str] = field(default_factory=dict)
    instance: str = ""
    databases: Sequence[str] = ()
    server: bool = False
    on_server: Sequence[str] = ()

    @classmethod
    def of(cls, props: Mapping[str, Any]) -> DataTerms | None:
        """Read the properties of a resource that has them; None where it has not."""
        try:
            return cls(**{name: props[name] for name in cls.__dataclass_fields__ if name in props})
        except TypeError:
            return None

    @property
    def destroyed(self) -> OnDestroy:
        """What becomes of the data when the stack is destroyed; empty: that is refused, if there is any."""
        return self.on_destroy or self.unsaid


@dataclass(frozen=True)
class Change:
    """Something that becomes of data.

    Attributes:
        line: What, for the person.
        unsaid: Whether data is deleted and no key says so.
        protected: Whether it is impossible, however much data there is.
    """

    line: str
    unsaid: bool = False
    protected: bool = False


def of_removed(app: str, *, deleted: bool) -> str:
    """What becomes of the data of an app that is taken off its machine."""
    return f"{MARK}app {app} is taken off the machine: its data in {paths.home(app)}/data {_stays(deleted)}"


def of_removal(app: str, *, deleted: bool) -> str:
    """What would become of it from now on."""
    return f"{MARK}when app {app} is taken off the machine, its data in {paths.home(app)}/data {_stays(deleted)}"


def of_held(held: HeldData, terms: DataTerms, destroyed: OnDestroy) -> str:
    """What a destroy of the stack makes of an app's data.

    Args:
        held: How much there is.
        terms: What the stack says of it.
        destroyed: What becomes of the stack's data.
    """
    own: OnDestroy = "delete" if terms.stays and terms.apps.get(held.app) else destroyed
    return f"{MARK}{held.line()}: {FATES[own]}"


def of_unknown(destroyed: OnDestroy, why: str) -> str:
    """The same where nobody knows how much there is, and why not."""
    return f"{MARK}what there may be {FATES[destroyed]}; how much that is, nobody knows: {why}"


def changes(before: DataTerms, after: DataTerms) -> list[Change]:
    """What a change of the stack makes of the data, the worst first.

    Args:
        before: The terms as they were when the last update succeeded.
        after: The terms as they shall be.
    """
    machine = list(_of_machine(before, after))
    apps = _of_apps(before, after, same=not machine or after.disk)
    return [*machine, *_of_server(before, after), *apps, *_of_destroy(before, after)]


def setting(stack: str, word: OnDestroy) -> str:
    """The command that sets ``on_destroy``."""
    return f"pulumi config set --stack {stack} {KEY} {word}"


def refusal(stack: str, found: Sequence[Change], held: Sequence[str]) -> str:
    """Why a change is refused.

    Args:
        stack: The stack.
        found: The changes, of which one deletes data and no key says so.
        held: How much data there is, a line for each app; or why that is not known.
    """
    return "\n".join(
        [
            *(each.line for each in found if each.unsaid),
            *(f"  {line}" for line in held),
            f"No key says that it may be deleted. To have it deleted: {setting(stack, 'delete')}",
            "To keep it, take back what you changed; docs/data.md tells what deletes data.",
        ]
    )


def protection(stack: str, found: Sequence[Change]) -> str:
    """Why a change is refused that deletes what is protected from deletion.

    Args:
        stack: The stack.
        found: The changes.
    """
    return "\n".join(
        [
            *(each.line for each in found if each.protected),
            f"To have it deleted, with a last snapshot: take back what you changed, {setting(stack, 'snapshot')}, "
            "launchpad up, and then change it. With delete in place of snapshot, nothing of it stays.",
        ]
    )


def of_server(destroyed: OnDestroy) -> str:
    """What a destroy of the stack makes of its database server."""
    return f"{MARK}{SERVER}: {FATES[destroyed]}"


def _of_server(before: DataTerms, after: DataTerms) -> Iterator[Change]:
    """What becomes of the database server beside the machine."""
    same = before.kind == after.kind and all(before.place[name] == after.place.get(name) for name in before.place)
    if not before.server or (after.server and same):
        return
    why = f"{SERVER}: " + ("a server elsewhere takes its place, and it" if after.server else "no app wants it, and it")
    if before.destroyed in ("delete", "snapshot"):
        yield Change(f"{MARK}{why} {FATES[before.destroyed]}")
    else:
        yield Change(f"{MARK}{why} would be deleted, from which it is protected", protected=True)


def _of_machine(before: DataTerms, after: DataTerms) -> Iterator[Change]:
    """What another machine makes of the data."""
    whose = _named(before.apps)
    moved = [name for name in before.place if before.place[name] != after.place.get(name, before.place[name])]
    if before.kind != after.kind:
        what = f"the machine is no longer of kind {before.kind} but {after.kind}"
    elif moved:
        what = f"{', '.join(f'launchpad:{name}' for name in moved)} is another, and so is the machine"
    elif before.instance != after.instance:
        what = "the machine is replaced"
        if before.disk and after.disk:
            yield Change(f"{MARK}{what}: the disk with {whose} goes over to the new one")
            return
    elif before.disk and not after.disk:
        what = "the machine loses its disk for data"
    else:
        return
    if before.stays:
        yield Change(f"{MARK}{what}: {whose} stays on the former one")
        return
    said = (after.on_destroy or before.unsaid) == "delete"
    fate = FATES[before.destroyed] if before.disk and before.destroyed else FATES["delete"]
    deleted = "DELETED" in fate
    kept = deleted and before.disk and before.destroyed == "snapshot"
    yield Change(f"{MARK}{what}: {whose} {fate}", unsaid=deleted and not said and not kept)


def _of_apps(before: DataTerms, after: DataTerms, *, same: bool) -> Iterator[Change]:
    """What becomes of the data of apps that go, where the data is not lost or left behind anyway."""
    for app, deleted in sorted(before.apps.items()):
        if app not in after.apps:
            if same:
                yield Change(of_removed(app, deleted=deleted))
            continue
        gone = before.server and not after.server
        if app in before.databases and app not in after.databases and same and not gone:
            yield Change(f"{MARK}app {app} no longer has its database: what is in it stays on the machine, unused")
        moves = (app in before.on_server) != (app in after.on_server)
        if app in before.databases and app in after.databases and moves and same:
            yield Change(
                f"{MARK}app {app} gets another database, an empty one: what is in the former stays there, unused"
            )
        if after.apps[app] != deleted:
            yield Change(of_removal(app, deleted=after.apps[app]))


def _of_destroy(before: DataTerms, after: DataTerms) -> Iterator[Change]:
    if before.destroyed != after.destroyed:
        yield Change(f"{MARK}when the stack is destroyed, its data {FATES[after.destroyed]}")


def _named(apps: Mapping[str, bool]) -> str:
    names = sorted(apps)
    return f"the data of {' and '.join([', '.join(names[:-1]), names[-1]]) if names[1:] else names[0]}"


def _stays(deleted: bool) -> str:
    return FATES["delete" if deleted else "keep"]
