"""Every key of a stack by its full name, including those of the machine kinds, such as ``ec2.region``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from infra.config import databases, destroying, readers
from infra.config.checks import Check
from infra.config.key import NAMESPACE, Key, Keys, declared, groups, own
from infra.config.keys.backup import BackupKeys
from infra.config.settings import AppSettings, Settings
from infra.protocol.on_destroy import OnDestroy

MANUAL = "docs/settings.md"
MAPS: Mapping[str, type[Keys]] = {"backup": BackupKeys}
"""The keys of every stack that stand together in a map: ``launchpad:<name>.<key>``."""


@dataclass(frozen=True)
class Section:
    """The keys of one kind of machine: ``launchpad:<name>.<key>`` in a stack's config."""

    name: str
    description: str
    """The machine as a noun phrase: "a system container on this computer"."""

    keys: type[Keys]
    checks: tuple[Check, ...]

    later: tuple[Check, ...] = field(default=(), kw_only=True)
    """Those of the checks that ``launchpad init`` leaves open, because the next command sets what they ask for."""

    on_destroy: tuple[OnDestroy, ...] = field(default=("delete",), kw_only=True)
    """What such a machine can do with the data when its stack is destroyed."""

    unsaid: OnDestroy = field(default="", kw_only=True)
    """What ``on_destroy`` means where it is empty; empty: a stack that holds data is not destroyed."""

    databases: tuple[str, ...] = field(default=("postgres",), kw_only=True)
    """What ``database`` of an app may be with such a machine."""

    @property
    def every_check(self) -> tuple[Check, ...]:
        """Its own checks, and those that every kind has."""
        return (*self.checks, destroying.possible(self.on_destroy), databases.possible(self.databases))


@dataclass(frozen=True)
class Group:
    """Keys that share a section of the manual, by their full names."""

    title: str
    description: str
    keys: Mapping[str, Key]
    fields: type[Keys]
    """The class that declares them, under their short names."""

    section: str = ""
    """The map that they are in, which is that of a kind of machine or one of ``MAPS``; empty: each is one by itself."""


class Schema:
    """The keys that a stack's config may hold."""

    def __init__(self, kinds: Mapping[str, Section], settings: type[Settings] = Settings) -> None:
        self.kinds = kinds
        self.settings = settings
        self.maps = (*MAPS, *kinds)
        """The names of all maps of keys."""
        self.groups = (
            *self._common_groups(),
            *(_group(name, keys, keys.title, keys.__doc__ or "") for name, keys in MAPS.items()),
            *map(_group_of_kind, kinds.values()),
        )
        self.keys = {name: key for group in self.groups for name, key in group.keys.items()}
        self.of_app = {name: key for name, key in declared(AppSettings).items() if name != "app"}
        """The keys that each app of a stack with several may set for itself."""

    def _common_groups(self) -> Iterator[Group]:
        for fields in groups(self.settings):
            keys = {name: self._completed(name, key) for name, key in own(fields).items()}
            yield Group(fields.title, fields.__doc__ or "", keys, fields)

    def _completed(self, name: str, key: Key) -> Key:
        """A key as declared, with the machine kinds added: only their registry knows them."""
        if name != "machine":
            return key
        kinds = " ".join(f"{kind.name}: {kind.description}." for kind in self.kinds.values())
        return replace(key, reader=readers.choice(*self.kinds), description=f"{key.description} {kinds}")

    def kind_of(self, name: str) -> str:
        """The only kind of machine that reads a key; empty if every stack does."""
        kind, dot, _ = name.partition(".")
        return kind if dot and kind in self.kinds else ""

    def map_of(self, name: str) -> str:
        """The map that a key is in; empty if it is in none."""
        place, dot, _ = name.partition(".")
        return place if dot and place in self.maps else ""

    def secret(self) -> tuple[str, ...]:
        """The keys whose values must be encrypted."""
        return tuple(name for name, key in self.keys.items() if key.secret)

    def hint(self, unknown: str, machine: str) -> str:
        """The key that an unknown key was probably meant to be, on a stack with this kind of machine."""
        for name in (".".join(unknown.split(".")[:2]), unknown.partition(".")[0]):
            if name in self.keys and name != unknown:
                return f"to set an item of {NAMESPACE}:{name}, run: pulumi config set --path {NAMESPACE}:{unknown}"
        near = self._near(unknown, machine)
        kind = self.kind_of(near)
        other = f", a key of machine {kind}" if kind not in ("", machine) else ""
        return f"did you mean {NAMESPACE}:{near}{other}?" if near else f"see {MANUAL}"

    def _near(self, unknown: str, machine: str) -> str:
        """The key most similar to an unknown one, preferably of the stack's own machine; empty if there is none."""
        import difflib  # noqa: PLC0415 - late: only a mistake needs it

        kind, _, word = unknown.rpartition(".")
        preferred = [name for name in self.keys if self.map_of(name) in ("", kind or machine)]
        others = [name for name in self.keys if name not in preferred]
        for names in (preferred, others):
            # A key's own name counts more than another word for a key of every stack, such as port for http_port.
            for name in [*(each for each in names if word == _short(each)), *names]:
                if word in (_short(name), *self.keys[name].also):
                    return name
        by_word = {_short(name): name for name in (*others, *preferred)}
        matches = difflib.get_close_matches(unknown, self.keys, n=1) or difflib.get_close_matches(word, by_word, n=1)
        return by_word.get(matches[0], matches[0]) if matches else ""


def _group_of_kind(kind: Section) -> Group:
    description = f"{kind.keys.__doc__ or ''} Only machine {kind.name} reads these keys."
    return _group(kind.name, kind.keys, f"Machine {kind.name}", description)


def _group(name: str, keys: type[Keys], title: str, description: str) -> Group:
    full = {f"{name}.{short}": key for short, key in declared(keys).items()}
    return Group(title, description, full, keys, name)


def _short(name: str) -> str:
    return name.rpartition(".")[2]
