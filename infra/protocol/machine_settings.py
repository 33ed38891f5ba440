"""What a stack wants of the machine beside its app: SSH, updates, time, journal, swap, kernel, people."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from infra.protocol import quantities, values
from infra.protocol.codec import Message, each, value
from infra.protocol.refusal import Refusal

WINDOW = re.compile(r"(?:(Mon|Tue|Wed|Thu|Fri|Sat|Sun) )?([01][0-9]|2[0-3]):([0-5][0-9])")
PUBLIC_KEYS = (
    *("ssh-ed25519", "sk-ssh-ed25519@openssh.com", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384"),
    *("ecdsa-sha2-nistp521", "sk-ecdsa-sha2-nistp256@openssh.com", "ssh-rsa"),
)
"""The types of keys that a person may log in with. An RSA key signs by SHA-2, as every current ssh has it."""
LEAST_JOURNAL, LEAST_SWAP = 16 * 2**20, 64 * 2**20


def window(value: object) -> str:
    """When the machine may restart: a time of the day, with or without a day of the week; empty: never."""
    if not isinstance(value, str) or (value and not WINDOW.fullmatch(value)):
        raise Refusal("a time of the day such as 04:00 or Sun 04:00, or empty")
    return value


def public_key(value: object) -> str:
    """A public SSH key; its comment is dropped.

    What sshd allows before a key (``command="..."``) is refused, and so is a second line: each would be an option or a
    key that nobody sees.
    """
    allowed = "a public SSH key in one line, such as ssh-ed25519 AAAA..., of one of the types " + ", ".join(PUBLIC_KEYS)
    kind, _, rest = value.strip().partition(" ") if isinstance(value, str) else ("", "", "")
    encoded = rest.strip().partition(" ")[0]
    try:
        content = base64.b64decode(encoded, validate=True)
    except ValueError:
        content = b""
    name = kind.encode()
    if (
        kind not in PUBLIC_KEYS
        or "\n" in str(value).strip()
        or not content.startswith(len(name).to_bytes(4, "big") + name)
    ):
        raise Refusal(allowed)
    return f"{kind} {encoded}"


def public_keys(value: object) -> tuple[str, ...]:
    """A list of public SSH keys, at least one."""
    if not isinstance(value, list) or not value:
        raise Refusal("a list of public SSH keys, at least one")
    return tuple(dict.fromkeys(public_key(item) for item in value))


@dataclass(frozen=True)
class Person(Message):
    """Somebody who logs in to the machine and may use the agent: the account's name, and its keys."""

    name: str = value(values.app_name)
    keys: tuple[str, ...] = value(public_keys)


@dataclass(frozen=True)
class SettingsSpec(Message):
    """What one stack wants of the machine. What is false, 0 or empty stays as it is on the machine.

    Attributes:
        owner: The stack, as project/stack. What several stacks want of a machine is put together.
        user: The account that deployments log in as, which must not be locked out.
        ssh: Whether sshd takes keys only, no root, and current algorithms.
        updates: Whether security updates are installed daily.
        reboot: When the machine may restart if an update requires it (see ``window``).
        clock: Whether the clock is synchronised.
        journal: The most bytes that the journal may take.
        swap: The bytes of the swap file.
        kernel: Whether the kernel's settings are hardened.
        people: Who has an account.
        lock_timeout: Seconds to wait for deployments that are under way.
        instance: The machine, so that Pulumi runs the step again for another one.
        program: The agent's digest, so that Pulumi runs the step again when the agent changes.
    """

    TITLE: ClassVar[str] = "The specification of the machine's settings"

    owner: str = value(values.pattern(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+", "a project and a stack, such as shop/prod"))
    user: str = value(values.pattern(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}", "a user name such as root or deploy"))
    ssh: bool = value(values.flag, False)
    updates: bool = value(values.flag, False)
    reboot: str = value(window, "")
    clock: bool = value(values.flag, False)
    journal: int = value(quantities.size(0, 10**15, "a size such as 500M or 2G"), 0)
    swap: int = value(quantities.size(0, 10**15, "a size such as 512M or 2G"), 0)
    kernel: bool = value(values.flag, False)
    people: tuple[Person, ...] = value(each(Person), ())
    lock_timeout: float = value(quantities.seconds(0, 86_400), 300)
    instance: str = value(values.text, "")
    program: str = value(values.text, "")

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Sizes that are too small to be meant, and a person that is there twice."""
        for name, size, least in (("journal", self.journal, LEAST_JOURNAL), ("swap", self.swap, LEAST_SWAP)):
            if 0 < size < least:
                yield name, f"is {size} bytes; it must be 0 or at least {quantities.in_words(least)}"
        names = [person.name for person in self.people]
        if len(set(names)) < len(names):
            yield "people", "holds a name twice; give one person several keys instead"

    def is_empty(self) -> bool:
        """Whether the stack leaves the machine as it is."""
        kept = (self.ssh, self.updates, self.reboot, self.clock, self.journal, self.swap, self.kernel, self.people)
        return not any(kept)
