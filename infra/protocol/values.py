"""The rules of single values, which the workstation applies to config and the agent applies to messages.

A rule takes a JSON value and returns the typed one, or raises ``Refusal`` with a phrase that follows "must be".
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from infra.protocol.refusal import Refusal

LONGEST_COMMAND = 100_000
"""Maximum length of a command line in bytes; Linux limits an argument to 128 KiB."""
NAMES_ON_DEBIAN = (
    "root daemon bin sys sync games man lp mail news uucp proxy www-data backup list irc nobody sshd messagebus dhcpcd "
    "adm tty disk kmem dialout fax voice cdrom floppy tape sudo audio dip operator src shadow utmp video sasl plugdev "
    "staff users nogroup input render kvm sgx crontab netdev ssl-cert polkitd tss syslog uuidd tcpdump landscape lxd "
    "caddy deploy admin debian ubuntu "
    "autovt capsule container-getty getty modprobe quotaon serial-getty ssh user user-runtime-dir "
    "postgres postgresql launchpad-postgres "
    "tls launchpad launchpad-proxy launchpad-backup"
)
TAKEN_NAMES = frozenset(NAMES_ON_DEBIAN.split())
"""Users and groups of Debian, of cloud images and of Launchpad, Debian's unit templates, and Launchpad's folders."""
HTTP_URL = r"https?://[^\s\"'`{}\\\x00-\x20\x7f-\U0010ffff]+"
"""Printable ASCII without characters that have a meaning in configuration files."""
HOSTNAME = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
STATUS = re.compile(r"([1-5][0-9]{2})(?:\s*-\s*([1-5][0-9]{2}))?")
RELEASE_PORTS = range(20001, 30000)
"""Loopback ports that the agent assigns to releases."""

Range = tuple[int, int]
"""A range of HTTP status codes, both limits included."""


def text(value: object) -> str:
    """Any text without zero bytes."""
    if not isinstance(value, str) or "\0" in value:
        raise Refusal("text without zero bytes")
    return value


def pattern(regex: str, allowed: str, *, empty: bool = False) -> Callable[[object], str]:
    """Text that matches ``regex`` in full, or empty text if ``empty`` allows it."""

    def read(value: object) -> str:
        if not isinstance(value, str) or "\0" in value or not (re.fullmatch(regex, value) or (empty and not value)):
            raise Refusal(allowed)
        return value

    return read


def choice(*options: str) -> Callable[[object], str]:
    """One of the given words."""

    def read(value: object) -> str:
        if not isinstance(value, str) or value not in options:
            raise Refusal(" or ".join(option or "empty" for option in options))
        return value

    return read


def flag(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise Refusal("true or false")
    return value


def whole(low: int, high: int) -> Callable[[object], int]:
    """A whole number from ``low`` to ``high``, both included."""

    def read(value: object) -> int:
        number = int(value) if isinstance(value, float) and value.is_integer() else value
        if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
            raise Refusal(f"a whole number from {low} to {high}")
        return number

    return read


def words(regex: str, allowed: str) -> Callable[[object], tuple[str, ...]]:
    """A list of words that each match ``regex`` in full; order is kept and duplicates are removed."""

    def read(value: object) -> tuple[str, ...]:
        items = value if isinstance(value, list) else [None]
        if not all(isinstance(item, str) and re.fullmatch(regex, item) for item in items):
            raise Refusal(allowed)
        return tuple(dict.fromkeys(items))

    return read


packages = words(r"-?[a-z0-9][a-z0-9+.-]+", 'a list of Debian packages, such as ["libpq5"]')
"""Names of Debian packages; one with - in front is left out although Launchpad would choose it."""

allow_missing = words("lfs|submodules", 'a list of "lfs" and "submodules"')
"""Contents that a commit may refer to without containing them."""

files = words(r"(?![/-])[^\0\n]+", 'a list of files in the repository, such as ["requirements/production.txt"]')
"""Paths of files, relative to the app's directory."""

names = words(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?", 'a list of names, such as ["prod"]')
"""Names of extras or of dependency groups."""

pip = words(r"-?[A-Za-z0-9][^\0\n]*", 'a list of requirements, such as ["gunicorn==23.0.0"]')
"""Requirements as pip takes them; one with - in front is left out although Launchpad would add it."""

persist = words(
    r"-?(?![/-])(?!(?:.*/)?\.\.?(?:/|$))[^\0\n]+", 'a list of paths in the app\'s directory, such as ["db.sqlite3"]'
)
"""Paths of files and folders below the app's directory; one with - in front is left out."""

python = pattern(r"3\.\d{1,2}(\.\d{1,2})?", "a Python version such as 3.13", empty=True)
"""A version of Python, or empty."""


def list_of_texts(value: object) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list):
        raise Refusal("a list of texts")
    return tuple(text(item) for item in value)


def texts(value: object) -> tuple[tuple[str, str], ...]:
    """A map of texts, as pairs sorted by name."""
    if not isinstance(value, dict):
        raise Refusal("a map of texts")
    return tuple(sorted((text(name), text(item)) for name, item in value.items()))


def app_name(value: object) -> str:
    """The name of an app and its user: a valid Debian user name that is not in use."""
    allowed = "a name of 1 to 24 lower-case letters, digits and -, letter first"
    if not isinstance(value, str) or not re.fullmatch(r"[a-z][a-z0-9-]{0,23}", value):
        raise Refusal(allowed)
    if value in TAKEN_NAMES or value.startswith("systemd"):
        raise Refusal(f"{allowed}, and not one that Debian or Launchpad uses")
    return value


owner = pattern(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,3}", "a name such as launchpad/dev", empty=True)
"""The owner of an app: the stack that it is of, by its project and name."""


def command(value: object) -> str:
    """A command line for bash, or empty."""
    if not isinstance(value, str) or "\0" in value:
        raise Refusal("a command line without zero bytes")
    if len(value.encode(errors="replace")) > LONGEST_COMMAND:
        raise Refusal(f"a command line of at most {LONGEST_COMMAND} bytes; put it into a script")
    return value


def directory(value: object) -> str:
    """A directory inside a repository: relative, without ``..``; empty means the repository's root."""
    path = PurePosixPath(value or ".") if isinstance(value, str) else PurePosixPath("/")
    if path.is_absolute() or {"..", ".git"} & set(path.parts) or "\0" in str(path):
        raise Refusal("a directory inside the repository, relative to its root, without .. and .git")
    return "" if str(path) == "." else str(path)


def host_name(value: object) -> str:
    """A fully qualified host name in lower case."""
    if not isinstance(value, str) or not HOSTNAME.fullmatch(value):
        raise Refusal("a host name such as app.example.org")
    return value


def domain(value: object) -> str:
    """A host name, or empty."""
    return "" if value == "" else host_name(value)


def host_names(value: object) -> tuple[str, ...]:
    """A list of host names."""
    if not isinstance(value, list):
        raise Refusal("a list of host names")
    return tuple(host_name(item) for item in value)


def networks(value: object) -> tuple[str, ...]:
    """A list of IPv4 or IPv6 networks in CIDR notation, host bits zero."""
    allowed = 'a list of networks in CIDR notation with host bits zero, such as ["203.0.113.7/32", "2001:db8::/64"]'
    if not isinstance(value, list) or not all(isinstance(item, str) and "/" in item for item in value):
        raise Refusal(allowed)
    try:
        return tuple(str(ipaddress.ip_network(item.strip())) for item in value)
    except ValueError:
        raise Refusal(allowed) from None


def http_url(value: object) -> str:
    """An http or https URL, or empty."""
    allowed = "a URL that starts with https:// or http://, without spaces, quotes, braces and backslashes"
    if not isinstance(value, str):
        raise Refusal(allowed)
    try:
        parts = urlsplit(value)
        known = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise Refusal(allowed) from None
    if value and not (known and re.fullmatch(HTTP_URL, value)):
        raise Refusal(allowed)
    return value


def url_path(value: object) -> str:
    """An absolute URL path such as /healthz, which may have a query."""
    if not isinstance(value, str) or not re.fullmatch(r"/[!-~]*", value) or "#" in value:
        raise Refusal("a URL path that starts with / and has no spaces, such as /healthz")
    return value


def health_path(value: object) -> str:
    """A URL path, or empty."""
    return "" if value == "" else url_path(value)


def status_ranges(value: object) -> tuple[Range, ...]:
    """HTTP status codes: numbers and ranges, comma-separated, such as 200,204 or 200-399."""
    matches = [STATUS.fullmatch(part.strip()) for part in value.split(",")] if isinstance(value, str) else [None]
    ranges = [(int(match[1]), int(match[2] or match[1])) for match in matches if match]
    if len(ranges) < len(matches) or not all(low <= high for low, high in ranges):
        raise Refusal("HTTP status codes such as 200 or 200,204 or 200-399")
    return tuple(ranges)


def status_text(ranges: tuple[Range, ...]) -> str:
    """Status codes as text, for example "200, 301-302"."""
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in ranges)


def port_taken(port: int) -> str:
    """What a machine reserves a public port for; empty if the app may use it."""
    if port == 443:
        return "HTTPS, which a domain turns on"
    if port == 22:
        return "SSH"
    return "releases on the machine (20001 to 29999)" if port in RELEASE_PORTS else ""
