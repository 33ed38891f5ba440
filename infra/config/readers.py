"""Readers of single config values: each takes the text that Pulumi stores and returns a typed value.

Most adapt the rules of infra/protocol, which the agent applies too. A reader raises ``ValueError`` with a phrase that
follows "must be": what is allowed, never the value itself.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable
from typing import Any, TypeVar

from infra import ssh
from infra.protocol import database, pem, quantities, values

T = TypeVar("T")
Word = TypeVar("Word", bound=str)

Reader = Callable[[str], T]
Rule = Callable[[object], T]

app_name = values.app_name
url_path = values.url_path
health_path = values.health_path
certificates = pem.certificates
tls_key = pem.tls_key
ssh_key = pem.ssh_key


def stripped(rule: Rule[T]) -> Reader[T]:
    """A text rule that ignores surrounding white space."""
    return lambda value: rule(value.strip())


text = stripped(values.text)
command = stripped(values.command)
directory = stripped(values.directory)
http_url = stripped(values.http_url)
python = stripped(values.python)
engine = stripped(database.engine)


def pattern(regex: str, allowed: str, *, empty: bool = False) -> Reader[str]:
    """Text that matches ``regex`` in full, or empty text if ``empty`` allows it."""
    return stripped(values.pattern(regex, allowed, empty=empty))


def choice(*options: Word) -> Reader[Word]:
    """One of the given words."""
    rule = values.choice(*options)
    known: dict[str, Word] = {option: option for option in options}
    return lambda value: known[rule(value)]


def number(rule: Rule[T]) -> Reader[T]:
    """A number rule; text that is not a number reaches the rule unchanged."""

    def read(value: str) -> T:
        value = value.strip()
        return rule(int(value) if re.fullmatch(r"-?[0-9]{1,9}", value) else value)

    return read


def whole_number(low: int, high: int) -> Reader[int]:
    """A whole number from ``low`` to ``high``, both included."""
    return number(values.whole(low, high))


def seconds(low: float, high: float) -> Reader[float]:
    """A time from ``low`` to ``high`` seconds, both included: a number of seconds, or a text such as 90s, 5m, 1h."""
    return number(quantities.seconds(low, high))


def host_key(value: str) -> str:
    """The public host key of an SSH server, or empty."""
    return ssh.host_key(value) if value.strip() else ""


def written(rule: Rule[object]) -> Reader[str]:
    """A rule that only checks; the value keeps its written form."""

    def read(value: str) -> str:
        rule(value.strip())
        return value.strip()

    return read


body_limit = written(quantities.body_limit)
header_limit = written(quantities.header_limit)


def listed(rule: Rule[T]) -> Reader[T]:
    """A list rule, applied to the JSON that Pulumi stores."""

    def read(value: str) -> T:
        try:
            return rule(json.loads(value))
        except json.JSONDecodeError:
            return rule(value)

    return read


packages = listed(values.packages)
allow_missing = listed(values.allow_missing)
files = listed(values.files)
names = listed(values.names)
pip = listed(values.pip)
persist = listed(values.persist)
extensions = listed(database.extensions)
cidrs = listed(values.networks)


def megabytes(least: int) -> Reader[str]:
    """A size such as 512M or 2G, of at least ``least`` megabytes, in its written form."""

    def read(value: str) -> str:
        size = re.fullmatch(r"([1-9][0-9]{0,5})([MG])", value.strip())
        if not size or int(size[1]) * (1024 if size[2] == "G" else 1) < least:
            raise ValueError(f"a size such as 512M or 2G, at least {least}M")
        return value.strip()

    return read


def none_or_megabytes(least: int) -> Reader[str]:
    """The same, or 0."""
    size = megabytes(least)

    def read(value: str) -> str:
        try:
            return "0" if value.strip() == "0" else size(value)
        except ValueError as error:
            raise ValueError(f"0 or {error}") from None

    return read


def flag(value: str) -> bool:
    """Read true or false."""
    return values.flag({"true": True, "false": False}.get(value.lower(), value))


def status_codes(value: str) -> str:
    """HTTP status codes: numbers and ranges, comma-separated, such as 200,204 or 200-399."""
    values.status_ranges(value)
    return value.replace(" ", "")


def domains(value: str) -> str:
    """Fully qualified host names, comma-separated or as a list, in lower case and without spaces; or empty."""
    if not value.strip():
        return ""
    if value.strip().startswith("["):
        value = ",".join(values.list_of_texts(json_of(value, list, "host names such as example.org, www.example.org")))
    names = tuple(values.host_name(name.strip().lower()) for name in value.split(","))
    if len(set(names)) < len(names):
        raise ValueError("host names that differ from each other, such as example.org, www.example.org")
    return ",".join(names)


def json_of(value: str, kind: type, allowed: str, **options: Callable[[str], Any]) -> Any:
    """Parse JSON of a given type.

    Args:
        value: The JSON text.
        kind: The expected type, such as ``list`` or ``dict``.
        allowed: The phrase of the error, which follows "must be".
        options: Keyword arguments of ``json.loads``.

    Raises:
        ValueError: The text is not JSON, or is JSON of another type.
    """
    try:
        data = json.loads(value, **options)  # type: ignore[arg-type]
    except ValueError:
        raise ValueError(allowed) from None
    if not isinstance(data, kind):
        raise ValueError(allowed)
    return data


def cidr(value: object) -> str:
    """A network in CIDR notation, host bits zero; raises ``ValueError`` without a phrase."""
    if not isinstance(value, str) or "/" not in value:
        raise ValueError
    return str(ipaddress.ip_network(value.strip()))


def gigabytes(low: int, high: int) -> Reader[int]:
    """A size in whole gigabytes from ``low`` to ``high``, both included, such as 20G; returns the number."""

    def read(value: str) -> int:
        if not re.fullmatch(r"[1-9][0-9]{0,5}G", value.strip()) or not low <= int(value.strip()[:-1]) <= high:
            raise ValueError(f"a size from {low}G to {high}G, such as 20G")
        return int(value.strip()[:-1])

    return read


def network(value: str) -> str:
    """A private IPv4 network with room for subnets: /16 to /24."""
    allowed = "a private IPv4 network from /16 to /24 with host bits zero, such as 10.64.0.0/16"
    try:
        parsed = ipaddress.IPv4Network(value.strip())
    except ValueError:
        raise ValueError(allowed) from None
    if not parsed.is_private or not 16 <= parsed.prefixlen <= 24:
        raise ValueError(allowed)
    return str(parsed)


def tags(value: str) -> dict[str, str]:
    """A map of AWS tags, sorted by name; limits from the AWS tagging documentation."""
    allowed = "a map of up to 40 tags: names of 1 to 128 characters that do not begin with aws:, values of up to 256"
    data = json_of(value, dict, allowed)
    for name, item in data.items():
        if not 1 <= len(name) <= 128 or name.lower().startswith("aws:") or not isinstance(item, str | int | float):
            raise ValueError(allowed)
        if len(str(item)) > 256 or len(data) > 40:
            raise ValueError(allowed)
    return {name: item if isinstance(item, str) else json.dumps(item) for name, item in sorted(data.items())}
