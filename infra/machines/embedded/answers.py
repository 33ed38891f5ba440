"""The answers of the driver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from infra.machines.embedded.state import DataState, MachineState
from infra.protocol import values
from infra.protocol.codec import Message, each, value


@dataclass(frozen=True)
class Checked(Message):
    """The state of a machine, and what prevents creating it or growing its disk."""

    TITLE: ClassVar[str] = "The driver's answer to a check"

    machine: MachineState = value(MachineState)
    problems: tuple[str, ...] = value(values.list_of_texts, ())
    restarts_to_grow: bool = value(values.flag, False)


@dataclass(frozen=True)
class Machines(Message):
    """A list of machines, of disks for data, and of snapshots of such disks."""

    TITLE: ClassVar[str] = "The driver's list of machines"

    machines: tuple[MachineState, ...] = value(each(MachineState), ())
    disks: tuple[DataState, ...] = value(each(DataState), ())
    snapshots: tuple[DataState, ...] = value(each(DataState), ())


@dataclass(frozen=True)
class Removed(Message):
    """The ids of the machines that were removed."""

    TITLE: ClassVar[str] = "The driver's answer about what it removed"

    machines: tuple[str, ...] = value(values.list_of_texts, ())


@dataclass(frozen=True)
class Swept(Message):
    """The ids of the machines of a stack that were removed, and of those whose disk for data was."""

    TITLE: ClassVar[str] = "The driver's answer about what it removed of a stack"

    machines: tuple[str, ...] = value(values.list_of_texts, ())
    disks: tuple[str, ...] = value(values.list_of_texts, ())


@dataclass(frozen=True)
class BaseImage(Message):
    """The base image's directory, and whether it already existed."""

    TITLE: ClassVar[str] = "The driver's answer about the base image"

    directory: str = value(values.text)
    cached: bool = value(values.flag)


@dataclass(frozen=True)
class Kept(Message):
    """The directories of the base images that were kept because machines use them."""

    TITLE: ClassVar[str] = "The driver's answer about the cache"

    images: tuple[str, ...] = value(values.list_of_texts, ())


@dataclass(frozen=True)
class Failed(Message):
    """The reason for which the driver did not carry out a request."""

    TITLE: ClassVar[str] = "The driver's error"

    error: str = value(values.text)
