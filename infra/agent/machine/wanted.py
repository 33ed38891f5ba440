"""Puts together what the stacks on a machine want of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.agent.system.failure import Failure
from infra.protocol import quantities
from infra.protocol.machine_settings import SettingsSpec


@dataclass(frozen=True)
class Wanted:
    """What all of them want together; the fields are those of ``SettingsSpec``.

    Attributes:
        users: The accounts that deployments log in as.
        people: The keys of each person.
    """

    users: frozenset[str] = frozenset()
    ssh: bool = False
    updates: bool = False
    reboot: str = ""
    clock: bool = False
    journal: int = 0
    swap: int = 0
    kernel: bool = False
    people: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def together(specs: Mapping[str, SettingsSpec]) -> Wanted:
    """Put together what several stacks want.

    Args:
        specs: What each of them wants, by its owner.

    Raises:
        Failure: Two of them want something else.
    """
    return Wanted(
        users=frozenset(spec.user for spec in specs.values()),
        ssh=any(spec.ssh for spec in specs.values()),
        updates=any(spec.updates for spec in specs.values()),
        reboot=_one("reboot_window", {owner: spec.reboot for owner, spec in specs.items()}),
        clock=any(spec.clock for spec in specs.values()),
        journal=_size("journal_size", {owner: spec.journal for owner, spec in specs.items()}),
        swap=_size("swap", {owner: spec.swap for owner, spec in specs.items()}),
        kernel=any(spec.kernel for spec in specs.values()),
        people=_people(specs),
    )


def _one(key: str, values: Mapping[str, str]) -> str:
    """The one value that the stacks have for a key; empty if none has any."""
    found = {text: owner for owner, text in values.items() if text}
    if len(found) > 1:
        (first, owner), (second, other) = list(found.items())[:2]
        raise Failure(
            f"The stacks {owner} and {other} share this machine, and want {key} {first} and {second}: "
            f"set launchpad:{key} to the same in both, or remove it from one of them."
        )
    return next(iter(found), "")


def _size(key: str, sizes: Mapping[str, int]) -> int:
    words = {owner: quantities.in_words(size) if size else "" for owner, size in sizes.items()}
    _one(key, words)
    return max(sizes.values(), default=0)


def _people(specs: Mapping[str, SettingsSpec]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[tuple[str, ...], str]] = {}
    for owner, spec in specs.items():
        for person in spec.people:
            keys, other = found.setdefault(person.name, (person.keys, owner))
            if set(keys) != set(person.keys):
                raise Failure(
                    f"The stacks {other} and {owner} share this machine, and have other keys for {person.name}: "
                    f"set launchpad:people.{person.name} to the same in both, or use another name."
                )
    return {name: keys for name, (keys, _) in sorted(found.items())}
