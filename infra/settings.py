"""Typed, validated settings of a stack, read from Pulumi config; every mistake is reported at once, by key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.firewall import Firewall, plan
from infra.keys import DEFAULTS, NAMESPACE, READERS, SECRET
from infra.mistakes import across, hint
from infra.stackfile import read_otherwise
from infra.variables import WrongItems

CREDENTIALS = re.compile(r"//[^/@]+@")
LONGEST_SHOWN = 200
EMBEDDED_NETWORK = "198.18.0.0/15"
"""RFC 2544: the range that embedded machines take their addresses from, so only this computer can reach them."""


class SettingsError(Exception):
    """One or more mistakes in a stack's config; ``problems`` holds a line for each."""

    def __init__(self, problems: list[str]) -> None:
        count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        super().__init__("\n".join([f"{count} in the config of this stack:", *(f"  - {line}" for line in problems)]))
        self.problems = problems


@dataclass(frozen=True)
class Settings:
    """What a stack is to be; the meaning of each key stands in Pulumi.yaml."""

    machine: str
    app: str
    repository: str
    revision: str
    directory: str
    allow_missing: tuple[str, ...]
    deploy_key: str = field(repr=False)
    known_hosts: str
    command: str
    python: str
    packages: tuple[str, ...]
    package_index: str = field(repr=False)
    rebuild: str
    metadata_access: bool
    env: dict[str, str]
    secrets: dict[str, str] = field(repr=False)
    health_path: str
    health_status: str
    health_timeout: int
    http_port: int
    domain: str
    acme_ca: str
    acme_root: str
    tls_certificate: str
    tls_key: str = field(repr=False)
    request_body_limit: str
    request_timeout: int
    web_cidrs: tuple[str, ...]
    ssh_cidrs: tuple[str, ...]
    ssh_from_anywhere: bool
    rules: tuple[dict[str, Any], ...]
    drain_timeout: int
    keep_releases: int
    lock_timeout: int
    memory: str
    disk: str
    cpus: int
    region: str
    instance_type: str
    volume: int
    ami: str
    monitoring: bool
    termination_protection: bool
    vpc_id: str
    subnet_id: str
    vpc_cidr: str
    tags: dict[str, str]
    preflight: bool
    ssh_via: str

    @property
    def web_ports(self) -> tuple[int, ...]:
        """The public ports of the proxy: the HTTP port, and 443 with a domain."""
        return (self.http_port, 443) if self.domain else (self.http_port,)

    @property
    def firewall(self) -> Firewall:
        """The machine's security group."""
        own = (EMBEDDED_NETWORK,) if self.machine == "embedded" else ()
        return plan(self.web_ports, self.web_cidrs, self.ssh_cidrs or own, self.rules)


def parse(
    raw: Mapping[str, str],
    secret_keys: frozenset[str] = frozenset(),
    clear: tuple[str, ...] = (),
    stack_file: str = "",
) -> Settings:
    """Settings from config values as Pulumi holds them (structured ones as JSON), keyed without the namespace.

    ``clear`` names the variables of ``secrets`` that the stack's file holds unencrypted; ``stack_file`` is its text.
    Raises ``SettingsError`` with every mistake found. Values of secret keys never appear in it.
    """
    problems = [
        f"{NAMESPACE}:{key} is not a key of this program; {hint(key)}" for key in sorted(set(raw) - set(READERS))
    ]
    read: dict[str, Any] = {}
    for key, reader in READERS.items():
        value = raw.get(key, DEFAULTS.get(key, ""))
        hidden = key in secret_keys or key in SECRET or "PRIVATE KEY" in value
        try:
            read[key] = reader(value)
        except WrongItems as wrong:
            problems += [
                f"{NAMESPACE}:{key}.{item.name} is {_shown(item.value, hidden)}; it must be {item.allowed}"
                for item in wrong.items
            ]
        except ValueError as allowed:
            problems.append(f"{NAMESPACE}:{key} is {_shown(value, hidden)}; it must be {allowed}")
        if key in SECRET and value not in ("", "{}") and key not in secret_keys:
            problems.append(f"{NAMESPACE}:{key} is stored in the clear; set it again with: pulumi config set --secret")
    problems += [
        f"{NAMESPACE}:secrets holds {name} in the clear, and so does Pulumi.<stack>.yaml; take it for known to others, "
        f"change it, and set the new one with: pulumi config set --secret --path {NAMESPACE}:secrets.{name}"
        for name in clear
    ]
    problems += [
        f"{NAMESPACE}:{key} is written {written} without quotes, and YAML reads that as {otherwise}; put it in quotes"
        for key, written, otherwise in read_otherwise(stack_file, NAMESPACE, raw)
        if key not in SECRET and key not in secret_keys
    ]
    problems += across(read)
    if problems:
        raise SettingsError(problems)
    return Settings(**read)


def _shown(value: object, hidden: bool) -> str:
    """A value for a message: nothing of a secret, and not the whole of a long one."""
    whole = "[secret]" if hidden else CREDENTIALS.sub("//[secret]@", repr(value))
    return whole if len(whole) <= LONGEST_SHOWN else f"{whole[:LONGEST_SHOWN]}... ({len(str(value))} characters)"


def load() -> Settings:
    """The settings of the stack that Pulumi runs.

    Raises ``SettingsError``. Reads the config that Pulumi hands to the program, secret values too, so that they can be
    checked before any resource is made; they stay out of every message.
    """
    # Imported here to keep the pure parts importable without Pulumi's second of start-up.
    import pulumi  # noqa: PLC0415
    from pulumi.runtime import config  # noqa: PLC0415

    held = {**config.get_config_env(), **config.CONFIG.get()}
    prefix = f"{NAMESPACE}:"
    raw = {key.removeprefix(prefix): str(value) for key, value in held.items() if key.startswith(prefix)}
    file = Path(f"Pulumi.{pulumi.get_stack()}.yaml")
    written = file.read_text() if file.is_file() else ""
    secret_keys = frozenset(key for key in raw if config.is_config_secret(prefix + key))
    return parse(raw, secret_keys, in_the_clear(written), written)


def in_the_clear(stack_file: str) -> tuple[str, ...]:
    """The variables of ``secrets`` that a stack's file holds unencrypted.

    Pulumi itself takes the whole map for secret as soon as one of them is.
    """
    import yaml  # noqa: PLC0415 - as above

    secrets = ((yaml.safe_load(stack_file) or {}).get("config") or {}).get(f"{NAMESPACE}:secrets")
    if not isinstance(secrets, dict) or set(secrets) == {"secure"}:
        return ()
    return tuple(str(name) for name, value in secrets.items() if not (isinstance(value, dict) and "secure" in value))
