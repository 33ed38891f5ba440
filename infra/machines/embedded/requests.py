"""The requests to the driver: one class per verb, which names the class of its answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from infra.machines.embedded.answers import BaseImage, Checked, Kept, Machines, Removed, Swept
from infra.machines.embedded.state import SIZE, DataState, MachineSpec, MachineState, Owner
from infra.protocol import values
from infra.protocol.codec import Message, value
from infra.protocol.refusal import Refusal

Pairs = tuple[tuple[str, str], ...]
A = TypeVar("A", bound=Message)

ID = values.pattern(r"[a-z][a-z0-9-]{0,14}", "a machine's id: at most 15 lower-case letters, digits and -")
"""A machine's id, which is also the name of a directory, a network interface and a lock."""


def path(value: object) -> Path:
    """An absolute path."""
    if not values.text(value).startswith("/"):
        raise Refusal("an absolute path")
    return Path(str(value))


@dataclass(frozen=True)
class Place(Message):
    """The directories of machines and base images, and the proxies that this computer uses."""

    TITLE: ClassVar[str] = "The place of the machines"

    machines: Path = value(path, write=str)
    cache: Path = value(path, write=str)
    proxies: Pairs = value(values.texts, (), write=dict)
    """Variables such as ``https_proxy``."""


@dataclass(frozen=True)
class Request(Message, Generic[A]):
    """A request to the driver; ``A`` is the class of the answer."""

    VERB: ClassVar[str]
    ANSWER: ClassVar[type[Message]]


@dataclass(frozen=True)
class Ensure(Request[MachineState]):
    """Create the machine if it does not exist, start it, and apply this firewall, memory, processors and disk size."""

    TITLE: ClassVar[str] = "The request to make a machine"
    VERB: ClassVar[str] = "ensure"
    ANSWER: ClassVar[type[Message]] = MachineState

    id: str = value(ID)
    owner: Owner = value(Owner)
    hostname: str = value(values.text)
    user_data: str = value(values.text, secret=True)
    spec: MachineSpec = value(MachineSpec)
    data_owner: Owner = value(Owner, Owner())
    """Whose the disk for data is by the stack's state, wherever its clone was moved since; empty: the owner's."""


@dataclass(frozen=True)
class Resume(Request[MachineState]):
    """Start a machine that restarts from inside, with all that it had."""

    TITLE: ClassVar[str] = "The request to start a machine again"
    VERB: ClassVar[str] = "resume"
    ANSWER: ClassVar[type[Message]] = MachineState

    id: str = value(ID)


@dataclass(frozen=True)
class Inspect(Request[MachineState]):
    """Report the state of a machine."""

    TITLE: ClassVar[str] = "The request to look at a machine"
    VERB: ClassVar[str] = "inspect"
    ANSWER: ClassVar[type[Message]] = MachineState

    id: str = value(ID)


@dataclass(frozen=True)
class Check(Request[Checked]):
    """Report the state of a machine, and whether it can be created with this suite and disk, or its disk can grow."""

    TITLE: ClassVar[str] = "The request to check a machine"
    VERB: ClassVar[str] = "check"
    ANSWER: ClassVar[type[Message]] = Checked

    id: str = value(ID)
    suite: str = value(values.text)
    disk: int = value(SIZE)
    data_disk: int | None = value(SIZE, None)
    """None: it is not known yet."""

    data_owner: Owner = value(Owner, Owner())
    """Whose the disk for data has to be; empty: there is none, or that is not known yet."""


@dataclass(frozen=True)
class Destroy(Request[Removed]):
    """Remove a machine, but not its disk for data."""

    TITLE: ClassVar[str] = "The request to remove a machine"
    VERB: ClassVar[str] = "destroy"
    ANSWER: ClassVar[type[Message]] = Removed

    id: str = value(ID)


@dataclass(frozen=True)
class Sweep(Request[Swept]):
    """Remove every machine of a stack, including those that Pulumi does not know."""

    TITLE: ClassVar[str] = "The request to remove a stack's machines"
    VERB: ClassVar[str] = "sweep"
    ANSWER: ClassVar[type[Message]] = Swept

    clone: str = value(values.text)
    project: str = value(values.text)
    stack: str = value(values.text)
    data: bool = value(values.flag, False)
    """Whether the disks for data go that were kept when the stack was destroyed."""


@dataclass(frozen=True)
class ClaimData(Request[DataState]):
    """Have a stack own the disk for data of its machine, which need not exist yet."""

    TITLE: ClassVar[str] = "The request for a disk for data"
    VERB: ClassVar[str] = "claim-data"
    ANSWER: ClassVar[type[Message]] = DataState

    id: str = value(ID)
    owner: Owner = value(Owner)
    on_destroy: str = value(values.choice("", "delete", "keep", "snapshot"), "")


@dataclass(frozen=True)
class InspectData(Request[DataState]):
    """Report the state of a disk for data."""

    TITLE: ClassVar[str] = "The request to look at a disk for data"
    VERB: ClassVar[str] = "inspect-data"
    ANSWER: ClassVar[type[Message]] = DataState

    id: str = value(ID)


@dataclass(frozen=True)
class ReleaseData(Request[DataState]):
    """Do with a disk for data what its stack says that becomes of it; its machine is gone."""

    TITLE: ClassVar[str] = "The request to give up a disk for data"
    VERB: ClassVar[str] = "release-data"
    ANSWER: ClassVar[type[Message]] = DataState

    id: str = value(ID)
    on_destroy: str = value(values.choice("", "delete", "keep", "snapshot"), "")


@dataclass(frozen=True)
class AdoptData(Request[DataState]):
    """Give a stack a disk for data that nobody uses, or a copy of a snapshot."""

    TITLE: ClassVar[str] = "The request to hand over a disk for data"
    VERB: ClassVar[str] = "adopt-data"
    ANSWER: ClassVar[type[Message]] = DataState

    source: str = value(values.pattern(r"[a-z][a-z0-9-]{0,40}", "the id of a disk for data, or of a snapshot"))
    owner: Owner = value(Owner)
    abandoned: bool = value(values.flag, False)
    """Whether the disk may be that of a clone that is gone, whose machine is removed then."""


@dataclass(frozen=True)
class Adopt(Request[Machines]):
    """Let the next run of a stack take over its machines, whose keys its state has lost."""

    TITLE: ClassVar[str] = "The request to adopt a stack's machines"
    VERB: ClassVar[str] = "adopt"
    ANSWER: ClassVar[type[Message]] = Machines

    clone: str = value(values.text)
    project: str = value(values.text)
    stack: str = value(values.text)


@dataclass(frozen=True)
class ListMachines(Request[Machines]):
    """List the machines on this computer."""

    VERB: ClassVar[str] = "list"
    ANSWER: ClassVar[type[Message]] = Machines


@dataclass(frozen=True)
class ListUsers(Request[Machines]):
    """List the machines that use a base image of the cache."""

    VERB: ClassVar[str] = "in-use"
    ANSWER: ClassVar[type[Message]] = Machines


@dataclass(frozen=True)
class ProvideBase(Request[BaseImage]):
    """Build the base image of a suite, unless it is in the cache."""

    VERB: ClassVar[str] = "base"
    ANSWER: ClassVar[type[Message]] = BaseImage

    suite: str = value(values.text)


@dataclass(frozen=True)
class CleanCache(Request[Kept]):
    """Remove the base images that no machine uses."""

    VERB: ClassVar[str] = "clean"
    ANSWER: ClassVar[type[Message]] = Kept
