"""Readers of single config values: each takes what Pulumi config holds and returns a typed value.

A reader raises ``ValueError`` with a phrase that follows "must be": what is allowed, never the value itself.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

Reader = Callable[[str], Any]

LONGEST_COMMAND = 100_000
NAMES_ON_DEBIAN = (
    "root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc nobody sshd messagebus dhcpcd "
    "adm tty disk kmem dialout fax voice cdrom floppy tape sudo audio dip operator src shadow utmp video sasl plugdev "
    "staff users nogroup input render kvm sgx crontab netdev ssl-cert polkitd tss syslog uuidd tcpdump landscape lxd "
    "caddy deploy admin debian ubuntu "
    "autovt capsule container-getty getty modprobe quotaon serial-getty ssh user user-runtime-dir "
    "tls launchpad"
)
TAKEN_NAMES = frozenset(NAMES_ON_DEBIAN.split())
"""Users and groups that Debian, cloud images and we have on a machine, its unit templates, our own folders."""
HTTP_URL = r"https?://[^\s\"'`{}\\\x00-\x20\x7f-\U0010ffff]+"
"""Printable ASCII that ends no word of a configuration. infra/host/spec.py has the same."""
HOSTNAME = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


def text(value: str) -> str:
    """Any text, without surrounding white space."""
    if "\0" in value:
        raise ValueError("text without zero bytes")
    return value.strip()


def command(value: str) -> str:
    """A command line for bash, or empty."""
    if len(value.encode(errors="replace")) > LONGEST_COMMAND:
        raise ValueError(f"a command line of at most {LONGEST_COMMAND} bytes; put it into a script")
    return text(value)


def pattern(regex: str, allowed: str, *, empty: bool = False) -> Reader:
    """Text that matches ``regex`` whole, or empty where that is said to be right."""

    def read(value: str) -> str:
        value = value.strip()
        if "\0" in value or not (re.fullmatch(regex, value) or (empty and not value)):
            raise ValueError(allowed)
        return value

    return read


def app_name(value: str) -> str:
    """A name that the machine can give to a user of its own: Debian's user names, none that it has already."""
    allowed = "a name of 1 to 24 lower-case letters, digits and -, letter first"
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,23}", value):
        raise ValueError(allowed)
    if value in TAKEN_NAMES or value.startswith("systemd"):
        raise ValueError(f"{allowed}, and none that Debian or Launchpad uses itself")
    return value


def choice(*options: str) -> Reader:
    """One of the given words."""

    def read(value: str) -> str:
        if value not in options:
            raise ValueError(" or ".join(options))
        return value

    return read


def whole_number(low: int, high: int) -> Reader:
    """A whole number from ``low`` to ``high``, both allowed."""

    def read(value: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,9}", value.strip()) or not low <= int(value) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(value)

    return read


def megabytes(least: int) -> Reader:
    """A size such as 512M or 2G, of at least ``least`` megabytes; kept as it is written."""

    def read(value: str) -> str:
        found = re.fullmatch(r"([1-9][0-9]{0,5})([MG])", value.strip())
        if not found or int(found[1]) * (1024 if found[2] == "G" else 1) < least:
            raise ValueError(f"a size such as 512M or 2G, at least {least}M")
        return value.strip()

    return read


def flag(value: str) -> bool:
    """true or false."""
    if value.lower() not in ("true", "false"):
        raise ValueError("true or false")
    return value.lower() == "true"


def url_path(value: str) -> str:
    """An absolute URL path such as /healthz, with a query if need be."""
    if not re.fullmatch(r"/[!-~]*", value) or "#" in value:
        raise ValueError("a URL path that starts with / and has no spaces, such as /healthz")
    return value


def status_codes(value: str) -> str:
    """HTTP status codes: numbers and ranges, comma-separated, such as 200,204 or 200-399."""
    for part in value.split(","):
        low, _, high = part.strip().partition("-")
        if not all(re.fullmatch(r"[1-5][0-9]{2}", code) for code in (low, high or low)) or int(low) > int(high or low):
            raise ValueError("HTTP status codes such as 200 or 200,204 or 200-399")
    return value.replace(" ", "")


def relative_directory(value: str) -> str:
    """A directory inside a repository: relative, with no way out; empty means the repository's root."""
    path = PurePosixPath(value.strip() or ".")
    if path.is_absolute() or {"..", ".git"} & set(path.parts) or "\0" in value:
        raise ValueError("a directory inside the repository, relative to its root, without .. and .git")
    return "" if str(path) == "." else str(path)


def domain(value: str) -> str:
    """A fully qualified host name in lower case, or empty."""
    value = value.strip().lower()
    if value and not HOSTNAME.fullmatch(value):
        raise ValueError("a host name such as app.example.org")
    return value


def http_url(value: str) -> str:
    """An http or https URL, or empty."""
    value = value.strip()
    allowed = "a URL that starts with https:// or http://, without spaces, quotes, braces and backslashes"
    try:
        parts = urlsplit(value)
        known = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError(allowed) from None
    if value and not (known and re.fullmatch(HTTP_URL, value)):
        raise ValueError(allowed)
    return value


def json_of(value: str, kind: type, allowed: str, **how: Callable[[str], Any]) -> Any:
    """JSON of the given kind, such as list or dict; ``how`` goes to ``json.loads``."""
    try:
        data = json.loads(value, **how)  # type: ignore[arg-type]
    except ValueError:
        raise ValueError(allowed) from None
    if not isinstance(data, kind):
        raise ValueError(allowed)
    return data


def cidr(value: object) -> str:
    """One network in CIDR notation."""
    if not isinstance(value, str) or "/" not in value:
        raise ValueError
    return str(ipaddress.ip_network(value.strip()))


def cidrs(value: str) -> tuple[str, ...]:
    """A list of IPv4 or IPv6 networks in CIDR notation, host bits zero."""
    allowed = 'a list of networks in CIDR notation with host bits zero, such as ["203.0.113.7/32", "2001:db8::/64"]'
    try:
        return tuple(cidr(item) for item in json_of(value, list, allowed))
    except ValueError:
        raise ValueError(allowed) from None


def gigabytes(low: int, high: int) -> Reader:
    """A size in whole gigabytes such as 20G, both limits allowed; read as a number."""

    def read(value: str) -> int:
        if not re.fullmatch(r"[1-9][0-9]{0,5}G", value.strip()) or not low <= int(value.strip()[:-1]) <= high:
            raise ValueError(f"a size from {low}G to {high}G, such as 20G")
        return int(value.strip()[:-1])

    return read


def network(value: str) -> str:
    """One private IPv4 network that has room for a network of subnets."""
    allowed = "a private IPv4 network from /16 to /24 with host bits zero, such as 10.64.0.0/16"
    try:
        found = ipaddress.IPv4Network(value.strip())
    except ValueError:
        raise ValueError(allowed) from None
    if not found.is_private or not 16 <= found.prefixlen <= 24:
        raise ValueError(allowed)
    return str(found)


def tags(value: str) -> dict[str, str]:
    """A map of AWS tags."""
    allowed = "a map of up to 40 tags: names of 1 to 128 characters that do not begin with aws:, values of up to 256"
    data = json_of(value, dict, allowed)
    for name, item in data.items():
        if not 1 <= len(name) <= 128 or name.lower().startswith("aws:") or not isinstance(item, str | int | float):
            raise ValueError(allowed)
        if len(str(item)) > 256 or len(data) > 40:
            raise ValueError(allowed)
    return {name: item if isinstance(item, str) else json.dumps(item) for name, item in sorted(data.items())}


def words(regex: str, allowed: str) -> Reader:
    """A list of words that each match ``regex`` whole."""

    def read(value: str) -> tuple[str, ...]:
        items = json_of(value, list, allowed)
        if not all(isinstance(item, str) and re.fullmatch(regex, item) for item in items):
            raise ValueError(allowed)
        return tuple(items)

    return read
