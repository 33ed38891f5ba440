"""The specifications that the workstation sends to the agent, for ``prepare`` and ``deploy``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from infra.protocol import data_disk as disks
from infra.protocol import database as databases
from infra.protocol import pem, quantities, values, visitors
from infra.protocol.app_settings import CronJob, Dependencies, Process, StaticFiles
from infra.protocol.codec import Message, each, value
from infra.protocol.database import Database
from infra.protocol.services import Cache
from infra.protocol.variables import Variables, variables

DAY = 86_400


@dataclass(frozen=True)
class Limits(Message):
    """Limits of the proxy.

    Attributes:
        request_body: Bytes of the longest request body.
        request_header: Bytes of the longest request header.
        response: Seconds that the app may take to begin its response.
    """

    request_body: int = value(quantities.body_limit, 10_000_000)
    request_header: int = value(quantities.header_limit, 16_000)
    response: float = value(quantities.seconds(1, DAY), 60)


@dataclass(frozen=True)
class Tls(Message):
    """The origin of certificates. All empty: Caddy's default public ACME servers."""

    certificate: str = value(pem.certificates, "")
    key: str = value(pem.tls_key, "", secret=True)
    acme_ca: str = value(values.http_url, "")
    acme_root: str = value(pem.certificates, "")

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Fields that contradict each other."""
        if bool(self.certificate) != bool(self.key):
            yield "", "certificate and key must be set together; one of them is empty"
        if self.certificate and self.acme_ca:
            yield "", "certificate and acme_ca are both set; keep one of them"


@dataclass(frozen=True)
class PrepareSpec(Message):
    """What ``prepare`` sets up on the machine for an app."""

    TITLE: ClassVar[str] = "The prepare specification"

    app: str = value(values.app_name)
    http_port: int = value(values.whole(1, 65535), 80)
    domain: str = value(values.domain, "")
    aliases: tuple[str, ...] = value(values.host_names, ())
    trusted_proxies: tuple[str, ...] = value(values.networks, ())
    tls: Tls = value(Tls, Tls())
    hsts: int = value(visitors.hsts, visitors.NO_HSTS)
    """Seconds for which browsers insist on HTTPS; ``visitors.NO_HSTS`` for no header."""
    basic_auth: visitors.Passwords = value(visitors.passwords, (), secret=True, write=dict)
    packages: tuple[str, ...] = value(values.packages, ())
    cache: Cache = value(Cache, Cache())
    limits: Limits = value(Limits, Limits())
    package_index: str = value(values.http_url, "", repr=False)
    lock_timeout: float = value(quantities.seconds(0, DAY), 300)
    program: str = value(values.text, "")
    """The agent's digest, so that Pulumi runs the step again when the agent changes."""
    owner: str = value(values.owner, "")
    """The stack that the app is of, such as launchpad/dev. Empty: it claims nothing, and changes no other's claim."""
    data_disk: str = value(disks.place, disks.NONE)
    """Where the machine's disk for data is (see ``infra.protocol.data_disk``)."""
    data_disk_size: int = value(values.whole(0, 2**20), 0)
    """Its size in GB, so that Pulumi runs the step again, which grows the file system, when the disk has grown."""
    database: Database = value(Database, Database())

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """A reserved port, TLS or more host names without a domain, and a host name that is there twice."""
        if taken := values.port_taken(self.http_port):
            yield "http_port", f"is {self.http_port}, which is reserved for {taken}; choose another"
        if self.tls != Tls() and not self.domain:
            yield "tls", "is set but domain is empty; set the domain of the certificate"
        if self.aliases and not self.domain:
            yield "aliases", "is set but domain is empty; set the host name that they redirect to"
        if len({self.domain, *self.aliases}) <= len(self.aliases):
            yield "aliases", "holds a host name twice, or the domain itself; name each host name once"
        if self.database.engine and (why := databases.unusable(self.app, self.database)):
            yield "app", why


@dataclass(frozen=True)
class Source(Message):
    """The origin of commits: pushed to the machine's bare repository, or fetched by the machine from ``url``."""

    kind: str = value(values.choice("pushed", "url"))
    url: str = value(
        values.pattern(r"[^-\s][^\s]*", "a URL such as https://..., ssh://... or git@host:path", empty=True),
        "",
        repr=False,
    )
    deploy_key: str = value(pem.ssh_key, "", secret=True)
    known_hosts: str = value(values.text, "")

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """A fetch without a URL."""
        if self.kind == "url" and not self.url:
            yield "url", "is missing"


@dataclass(frozen=True)
class Health(Message):
    """When a release counts as healthy. Times in seconds."""

    path: str = value(values.health_path, "/")
    """Empty: what the app model chooses."""
    status: tuple[values.Range, ...] = value(values.status_ranges, ((200, 399),), write=values.status_text)
    timeout: float = value(quantities.seconds(1, 3600), 60)
    request_timeout: float = value(quantities.seconds(0.1, 3600), 5)
    host: str = value(values.pattern(r"[A-Za-z0-9.:\[\]-]+", "a host name or an address", empty=True), "")

    def accepts(self, status: int) -> bool:
        """Whether an answer with this status is a healthy one."""
        return any(low <= status <= high for low, high in self.status)

    def expected(self) -> str:
        """The accepted status codes in words."""
        return values.status_text(self.status)


@dataclass(frozen=True)
class DeploySpec(Message):
    """One deployment: where its commit comes from, and how it is to run."""

    TITLE: ClassVar[str] = "The deploy specification"

    app: str = value(values.app_name)
    source: Source = value(Source)
    ref: str = value(values.text, "")
    directory: str = value(values.directory, "")
    command: str = value(values.command, "")
    python: str = value(values.python, "")
    env: Variables = value(variables, (), write=dict)
    secrets: Variables = value(variables, (), secret=True, write=dict)
    generated: tuple[str, ...] = value(values.list_of_texts, ())
    """Which of ``secrets`` were generated: a value that the machine has stays, as the state may have been lost."""
    health: Health = value(Health, Health())
    drain_timeout: float = value(quantities.seconds(0, 3600), 30)
    stop_timeout: float = value(quantities.seconds(1, 3600), 30)
    build_timeout: float = value(quantities.seconds(1, DAY), 1800)
    release_timeout: float = value(quantities.seconds(1, DAY), 600)
    keep_releases: int = value(values.whole(1, 100), 5)
    lock_timeout: float = value(quantities.seconds(0, DAY), 300)
    who: str = value(values.text, "")
    package_index: str = value(values.http_url, "", repr=False)
    allow_missing: tuple[str, ...] = value(values.allow_missing, ())
    rebuild: str = value(values.text, "")
    url: str = value(values.http_url, "")
    domain: str = value(values.domain, "")
    dependencies: Dependencies = value(Dependencies, Dependencies())
    processes: tuple[Process, ...] = value(each(Process), ())
    cron: tuple[CronJob, ...] = value(each(CronJob), ())
    static: tuple[StaticFiles, ...] = value(each(StaticFiles), ())
    persist: tuple[str, ...] = value(values.persist, ())
    packages: tuple[str, ...] = value(values.packages, ())
    strategy: str = value(values.choice("blue-green", "recreate"), "blue-green")
    metadata_access: bool = value(values.flag, False)
    check_services: bool = value(values.flag, True)
    """Whether the servers that the variables name are asked before anything is built."""
    uses_cache: bool = value(values.flag, False)
    """Whether the machine runs a cache for the app, which ``prepare`` sets up."""
    database: Database = value(Database, Database())
    program: str = value(values.text, "")
    """The agent's digest, as in ``PrepareSpec``."""

    def mistakes(self) -> Iterator[tuple[str, str]]:
        """Variables that are in both maps, or are those of the machine's database."""
        for name in sorted(dict(self.env).keys() & dict(self.secrets).keys()):
            yield f"secrets.{name}", "is also in env; keep it in one of them"
        for kind, own in (("env", self.env), ("secrets", self.secrets)):
            for name in databases.contradictions(self.database, dict(own)):
                yield f"{kind}.{name}", databases.contradiction(self.database)
