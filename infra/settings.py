"""Typed, validated settings of a stack, read from Pulumi config; every mistake is reported at once, by key."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra import rules, values
from infra.firewall import Firewall, plan

NAMESPACE = "launchpad"
EMBEDDED_NETWORK = "198.18.0.0/15"
"""RFC 2544: the range that embedded machines take their addresses from, so only this computer can reach them."""

WIDEST_PREFIX = 8
"""SSH networks wider than a /8 are taken for "anywhere" and need ``ssh_from_anywhere`` (CKV_AWS_24, FSBP EC2.13)."""

SECRET = ("secrets", "deploy_key", "tls_key")
"""Keys whose value must be set with ``pulumi config set --secret``."""


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
    deploy_key: str = field(repr=False)
    known_hosts: str
    command: str
    python: str
    packages: tuple[str, ...]
    package_index: str = field(repr=False)
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


READERS: dict[str, values.Reader] = {
    "machine": values.choice("embedded", "ec2"),
    "app": values.app_name,
    "repository": values.text,
    "revision": values.pattern(r"[^\s~^:?*\[\\-][^\s:?*\[\\]*", "a branch, a tag or a commit"),
    "directory": values.relative_directory,
    "deploy_key": values.text,
    "known_hosts": values.text,
    "command": values.text,
    "python": values.pattern(r"3\.\d{1,2}(\.\d{1,2})?", "a Python version such as 3.13"),
    "packages": values.words(r"[a-z0-9][a-z0-9+.-]+", 'a list of Debian packages, such as ["libpq5"]'),
    "package_index": values.http_url,
    "env": values.environment,
    "secrets": values.environment,
    "health_path": values.url_path,
    "health_status": values.status_codes,
    "health_timeout": values.whole_number(1, 3600),
    "http_port": values.whole_number(1, 65535),
    "domain": values.domain,
    "acme_ca": values.http_url,
    "acme_root": values.text,
    "tls_certificate": values.text,
    "tls_key": values.text,
    "request_body_limit": values.pattern(r"[1-9][0-9]{0,5}(KB|MB|GB)", "a size such as 512KB, 10MB or 1GB"),
    "request_timeout": values.whole_number(1, 86400),
    "web_cidrs": values.cidrs,
    "ssh_cidrs": values.cidrs,
    "ssh_from_anywhere": values.flag,
    "rules": rules.read,
    "drain_timeout": values.whole_number(0, 3600),
    "keep_releases": values.whole_number(1, 100),
    "lock_timeout": values.whole_number(0, 86400),
    "memory": values.megabytes(128),
    "disk": values.megabytes(512),
    "cpus": values.whole_number(0, 1024),
    "region": values.pattern(r"[a-z]{2}(-[a-z]+)+-[0-9]", "an AWS region such as eu-central-1"),
    "instance_type": values.pattern(
        r"[a-z][a-z0-9-]*\.[a-z0-9-]+", "an EC2 instance type such as t3.small or t4g.small"
    ),
    "volume": values.gigabytes(8, 16384),
    "ami": values.pattern(r"ami-[0-9a-f]{8,17}", "the id of an image such as ami-0123456789abcdef0"),
    "monitoring": values.flag,
    "termination_protection": values.flag,
    "vpc_id": values.pattern(r"vpc-[0-9a-f]{8,17}", "the id of a VPC such as vpc-0123456789abcdef0"),
    "subnet_id": values.pattern(r"subnet-[0-9a-f]{8,17}", "the id of a subnet such as subnet-0123456789abcdef0"),
    "vpc_cidr": values.network,
    "tags": values.tags,
    "preflight": values.flag,
    "ssh_via": values.choice("direct", "ssm"),
}

DEFAULTS: dict[str, str] = {
    "machine": "embedded",
    "app": "app",
    "repository": "./app",
    "revision": "HEAD",
    "packages": "[]",
    "env": "{}",
    "secrets": "{}",
    "health_path": "/",
    "health_status": "200-399",
    "health_timeout": "60",
    "http_port": "80",
    "request_body_limit": "10MB",
    "request_timeout": "60",
    "web_cidrs": '["0.0.0.0/0", "::/0"]',
    "ssh_cidrs": "[]",
    "ssh_from_anywhere": "false",
    "rules": "[]",
    "drain_timeout": "30",
    "keep_releases": "5",
    "lock_timeout": "300",
    "memory": "1G",
    "disk": "4G",
    "cpus": "0",
    "instance_type": "t3.small",
    "volume": "20G",
    "monitoring": "true",
    "termination_protection": "false",
    "vpc_cidr": "10.64.0.0/16",
    "tags": "{}",
    "preflight": "true",
    "ssh_via": "direct",
}
"""What a key is when nobody sets it; the keys not listed are empty. Pulumi.yaml says the same, held by a test."""


def parse(raw: Mapping[str, str], secret_keys: frozenset[str] = frozenset(), clear: tuple[str, ...] = ()) -> Settings:
    """Settings from config values as Pulumi holds them (structured ones as JSON), keyed without the namespace.

    ``clear`` names the variables of ``secrets`` that the stack's file holds unencrypted.
    Raises ``SettingsError`` with every mistake found. Values of secret keys never appear in it.
    """
    problems = [
        f"{NAMESPACE}:{key} is not a key of this program; {_hint(key)}" for key in sorted(set(raw) - set(READERS))
    ]
    read: dict[str, Any] = {}
    for key, reader in READERS.items():
        value = raw.get(key, DEFAULTS.get(key, ""))
        shown = "[secret]" if key in secret_keys or key in SECRET else repr(value)
        try:
            read[key] = reader(value)
        except ValueError as allowed:
            problems.append(f"{NAMESPACE}:{key} is {shown}; it must be {allowed}")
        if key in SECRET and value not in ("", "{}") and key not in secret_keys:
            problems.append(f"{NAMESPACE}:{key} is stored in the clear; set it again with: pulumi config set --secret")
    problems += [
        f"{NAMESPACE}:secrets holds {name} in the clear, and so does Pulumi.<stack>.yaml; take it for known to others, "
        f"change it, and set the new one with: pulumi config set --secret --path {NAMESPACE}:secrets.{name}"
        for name in clear
    ]
    problems += _across(read)
    if problems:
        raise SettingsError(problems)
    return Settings(**read)


def _hint(key: str) -> str:
    """What an unknown key may have been meant for."""
    name, dot, _ = key.partition(".")
    if dot and name in READERS:
        return f"to set a part of {NAMESPACE}:{name} use: pulumi config set --path {NAMESPACE}:{key}"
    near = difflib.get_close_matches(key, READERS, n=1)
    return f"did you mean {NAMESPACE}:{near[0]}?" if near else "see Pulumi.yaml"


def _across(read: Mapping[str, Any]) -> list[str]:
    """Mistakes that only two keys together make."""
    found = []
    if not read.get("repository", "x"):
        found.append(
            f"{NAMESPACE}:repository is empty; it must be a local path or an https or ssh URL of a git repository"
        )
    open_to_all = [cidr for cidr in read.get("ssh_cidrs", ()) if int(cidr.rpartition("/")[2]) < WIDEST_PREFIX]
    if open_to_all and not read.get("ssh_from_anywhere"):
        found.append(
            f"{NAMESPACE}:ssh_cidrs holds {open_to_all[0]}, much of the internet; name your own network, "
            f"or set {NAMESPACE}:ssh_from_anywhere to true if you mean it"
        )
    doors = [
        rule["cidr"]
        for rule in read.get("rules", ())
        if rule["protocol"] == "tcp"
        and rule["from_port"] <= 22 <= rule["to_port"]
        and int(rule["cidr"].rpartition("/")[2]) < WIDEST_PREFIX
    ]
    if doors and not read.get("ssh_from_anywhere"):
        found.append(
            f"{NAMESPACE}:rules opens port 22, SSH, to {doors[0]}, much of the internet; leave it out of the ports, "
            f"or set {NAMESPACE}:ssh_from_anywhere to true if you mean it"
        )
    twice = sorted(set(read.get("env", ())) & set(read.get("secrets", ())))
    if twice:
        found.append(
            f"{NAMESPACE}:env and {NAMESPACE}:secrets both hold {', '.join(twice)}; keep each name in one of them"
        )
    if bool(read.get("tls_certificate")) != bool(read.get("tls_key")):
        found.append(f"{NAMESPACE}:tls_certificate and {NAMESPACE}:tls_key go together; one of them is empty")
    for key in ("tls_certificate", "acme_ca"):
        if read.get(key) and not read.get("domain"):
            found.append(f"{NAMESPACE}:{key} is set but {NAMESPACE}:domain is empty; set the domain that it is for")
    if read.get("machine") == "ec2":
        found += _across_ec2(read)
    elif read.get("ssh_via") == "ssm":
        found.append(f"{NAMESPACE}:ssh_via is 'ssm', which is for machine ec2 only; it must be direct")
    ports = [22, 443] if read.get("domain") else [22]
    if read.get("http_port") in ports:
        found.append(f"{NAMESPACE}:http_port is {read['http_port']}, which is taken by SSH or HTTPS; choose another")
    return found


def _across_ec2(read: Mapping[str, Any]) -> list[str]:
    """Mistakes that only machine ec2 makes of a key."""
    found = []
    if not read.get("region", "x"):
        found.append(f"{NAMESPACE}:region is empty; it must be the AWS region of the machine, such as eu-central-1")
    if not read.get("ssh_cidrs", "x") and read.get("ssh_via", "direct") == "direct":
        found.append(
            f"{NAMESPACE}:ssh_cidrs is empty, so no deployment could reach the machine; it must hold your own network, "
            f'such as ["203.0.113.7/32"], or {NAMESPACE}:ssh_via be ssm'
        )
    if bool(read.get("vpc_id")) != bool(read.get("subnet_id")):
        found.append(f"{NAMESPACE}:vpc_id and {NAMESPACE}:subnet_id go together; one of them is empty")
    return found


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
    clear = in_the_clear(file.read_text()) if file.is_file() else ()
    return parse(raw, frozenset(key for key in raw if config.is_config_secret(prefix + key)), clear)


def in_the_clear(stack_file: str) -> tuple[str, ...]:
    """The variables of ``secrets`` that a stack's file holds unencrypted.

    Pulumi itself takes the whole map for secret as soon as one of them is.
    """
    import yaml  # noqa: PLC0415 - as above

    secrets = ((yaml.safe_load(stack_file) or {}).get("config") or {}).get(f"{NAMESPACE}:secrets")
    if not isinstance(secrets, dict) or set(secrets) == {"secure"}:
        return ()
    return tuple(str(name) for name, value in secrets.items() if not (isinstance(value, dict) and "secure" in value))
