"""The texts of sshd's drop-ins, and what sshd makes of them together with somebody else's files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.agent.system.layout import PEOPLE_KEYS

MAIN = Path("/etc/ssh/sshd_config")
FOLDER = Path("/etc/ssh/sshd_config.d")
DROPIN = FOLDER / "00-launchpad.conf"
"""It sorts before all others, because sshd takes the first value that it reads."""
PEOPLE = FOLDER / "00-launchpad-people.conf"
HEADER = "# Written by launchpad-agent settings; changes are overwritten by the next launchpad up.\n"
INCLUDE = re.compile(r"^\s*Include\s+.*\bsshd_config\.d/\*\.conf", re.IGNORECASE | re.MULTILINE)
ROOT = {"prohibit-password": {"prohibit-password", "without-password", "forced-commands-only", "no"}, "no": {"no"}}
"""What sshd may say of root's login where we want this: it names one by its former name, and some are stricter."""


def options(users: frozenset[str], algorithms: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """The options of a hardened sshd, by keyword.

    Args:
        users: The accounts that deployments log in as. If root is one, it may, by key.
        algorithms: The algorithms by keyword; one without any stays as it is.
    """
    return {
        "PermitRootLogin": "prohibit-password" if "root" in users else "no",
        "PubkeyAuthentication": "yes",
        "PasswordAuthentication": "no",
        "KbdInteractiveAuthentication": "no",
        "PermitEmptyPasswords": "no",
        "X11Forwarding": "no",
        **{keyword: ",".join(names) for keyword, names in algorithms.items() if names},
    }


def text(chosen: Mapping[str, str]) -> str:
    """The drop-in with options."""
    return HEADER + "".join(f"{keyword} {value}\n" for keyword, value in chosen.items())


def people_text(names: list[str]) -> str:
    """The drop-in that finds people's keys where only root can write, and lets them log in with nothing else."""
    return (
        f"{HEADER}Match User {','.join(names)}\n"
        f"    AuthorizedKeysFile {PEOPLE_KEYS}/%u\n"
        "    PubkeyAuthentication yes\n"
        "    PasswordAuthentication no\n"
        "    KbdInteractiveAuthentication no\n"
    )


def includes_dropins(main: str) -> bool:
    """Whether sshd_config includes the folder of drop-ins."""
    return bool(INCLUDE.search(main))


def effective(shown: str) -> dict[str, str]:
    """What ``sshd -T`` says, by keyword in lower case."""
    fields = (line.split(None, 1) for line in shown.splitlines())
    return {field[0].lower(): field[1].strip() if len(field) > 1 else "" for field in fields if field}


def differences(wanted: Mapping[str, str], found: Mapping[str, str]) -> dict[str, str]:
    """The options that sshd does not have as wanted: by keyword, as it has them."""
    return {
        keyword: found.get(keyword.lower(), "unknown")
        for keyword, value in wanted.items()
        if found.get(keyword.lower(), "") not in (ROOT[value] if keyword == "PermitRootLogin" else {value})
    }


def locks_out_keys(found: Mapping[str, str]) -> bool:
    """Whether a key alone does not suffice to log in."""
    methods = found.get("authenticationmethods", "any").split()
    return not {"any", "publickey"} & set(methods)


@dataclass(frozen=True)
class Line:
    """A line that sets an option: its file, its number, the option and its value, and whether a Match is above it."""

    path: Path
    number: int
    keyword: str
    value: str
    conditional: bool


def lines(path: Path, content: str) -> Iterator[Line]:
    """The lines of a file that set something."""
    conditional = False
    for number, line in enumerate(content.splitlines(), 1):
        words = re.split(r"[\s=]+", line.split("#", 1)[0].strip(), maxsplit=1)
        if words[0].lower() == "match":
            conditional = words[-1].strip().lower() != "all"
        elif words[0]:
            yield Line(path, number, words[0], words[-1], conditional)


def setter(keyword: str, main: str, dropins: Mapping[Path, str]) -> Line | None:
    """The line of somebody else's that sets an option before ours does, or under a Match; None if there is none.

    Args:
        keyword: The option.
        main: The text of sshd_config.
        dropins: The texts of the drop-ins, by their paths.
    """
    included = INCLUDE.search(main)
    before = main[: included.start()].count("\n") if included else 0
    found = [line for line in lines(MAIN, main) if line.conditional or line.number <= before]
    for path in sorted(dropins):
        if path not in (DROPIN, PEOPLE):
            found += [line for line in lines(path, dropins[path]) if line.conditional or path < DROPIN]
    return next((line for line in found if line.keyword.lower() == keyword.lower()), None)
