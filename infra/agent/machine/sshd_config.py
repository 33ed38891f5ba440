"""The texts of sshd's drop-ins, and what sshd makes of them together with somebody else's files."""

from __future__ import annotations

import fnmatch
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
    """What ``sshd -T`` says, by keyword in lower case; values of several lines are put together."""
    found: dict[str, str] = {}
    for line in shown.splitlines():
        keyword, _, value = line.strip().partition(" ")
        found[keyword.lower()] = f"{found.get(keyword.lower(), '')} {value.strip()}".strip()
    return found


def closed_to(user: str, found: Mapping[str, str]) -> str:
    """The list of those who may log in at all that lacks an account, whose one group has its name; empty if none does.

    Args:
        user: The account.
        found: What sshd says.
    """
    for keyword in ("AllowUsers", "AllowGroups"):
        allowed = found.get(keyword.lower(), "")
        if allowed and not any(fnmatch.fnmatchcase(user, each.partition("@")[0]) for each in allowed.split()):
            return f"{keyword} {allowed}"
    return ""


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


def setter(keyword: str, main: str, dropins: Mapping[Path, str], *, anywhere: bool = False) -> Line | None:
    """The line of somebody else's that sets an option before ours does, or under a Match; None if there is none.

    Args:
        keyword: The option.
        main: The text of sshd_config.
        dropins: The texts of the drop-ins, by their paths.
        anywhere: Whether a line after ours counts, too, for an option that ours do not set.
    """
    included = INCLUDE.search(main)
    before = main[: included.start()].count("\n") if included else 0
    found = [line for line in lines(MAIN, main) if anywhere or line.conditional or line.number <= before]
    for path in sorted(dropins):
        if path not in (DROPIN, PEOPLE):
            found += [line for line in lines(path, dropins[path]) if anywhere or line.conditional or path < DROPIN]
    return next((line for line in found if line.keyword.lower() == keyword.lower()), None)
