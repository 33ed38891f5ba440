"""An app, independent of the machine that it runs on and of the deployed commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi

from infra.protocol import visitors
from infra.protocol.app_settings import CronJob, Dependencies, Process, StaticFiles
from infra.protocol.database import Database
from infra.protocol.services import Cache
from infra.protocol.specs import Health, Limits


@dataclass(frozen=True)
class TlsArgs:
    """The origin of the app's certificate. All empty: the proxy's default, public ACME servers."""

    certificate: pulumi.Input[str] = ""
    """PEM, the app's own certificate first."""

    key: pulumi.Input[str] = field(default="", repr=False)
    """PEM; a secret."""

    acme_ca: str = ""
    """The directory URL of another ACME server."""

    acme_root: pulumi.Input[str] = ""
    """The root certificates (PEM) for checking that server's own certificate."""


@dataclass(frozen=True)
class Timeouts:
    """The timeouts of the parts of a deployment, in seconds."""

    lock: float = 300
    """For waiting until another deployment of the app ends."""

    build: float = 1800
    """For installing the app's dependencies."""

    release: float = 600
    """For the ``release:`` command, such as a migration."""

    drain: float = 30
    """For the previous release to complete its requests after the switch."""

    stop: float = 30
    """For a process to end after SIGTERM."""


@dataclass(frozen=True)
class AppArgs:
    """An app: its build, its start command, its health check, its public address."""

    name: str
    """Its name on the machine and the name of its user. Each app on a machine has its own."""

    http_port: int = 80
    """The public port of the proxy. Each app on a machine has its own, unless the apps have domains."""

    domain: str = ""
    """The host name for HTTPS on port 443; empty: HTTP at the machine's address."""

    aliases: tuple[str, ...] = ()
    """More host names, which redirect to ``domain``."""

    trusted_proxies: tuple[str, ...] = ()
    """Networks (CIDR) of a CDN or load balancer in front, whose X-Forwarded headers are believed."""

    tls: TlsArgs = field(default_factory=TlsArgs)

    hsts: int = visitors.HSTS
    """Seconds for which browsers insist on HTTPS, with a domain; -1 for no such header."""

    basic_auth: Mapping[str, pulumi.Input[str]] = field(default_factory=dict, repr=False)
    """Passwords by user, without which nobody sees the site; secrets."""

    command: str = ""
    """The start command of the web process; empty: the Procfile's ``web:`` line, or what the agent detects."""

    python: str = ""
    """A Python version such as 3.13; empty: the repository's choice, else the machine's Python."""

    packages: tuple[str, ...] = ()
    """Debian packages that it needs."""

    package_index: pulumi.Input[str] = field(default="", repr=False)
    """The URL of an index to use instead of PyPI. It may contain a password, so it is treated as a secret."""

    dependencies: Dependencies = field(default_factory=Dependencies)
    """Which dependencies are installed, where the app's files leave a choice."""

    processes: tuple[Process, ...] = ()
    """What its processes run, where that differs from the Procfile."""

    cron: tuple[CronJob, ...] = ()
    """Its scheduled jobs, in addition to the Procfile's."""

    static: tuple[StaticFiles, ...] = ()
    """The folders that the proxy serves by itself, in addition to those that the agent finds."""

    persist: tuple[str, ...] = ()
    """The paths in its directory that outlive a release, in addition to those that the agent finds."""

    cache: Cache = field(default_factory=Cache)
    """The cache that the machine runs for it alone."""

    checks_services: bool = True
    """Whether a deployment first asks the servers that its variables name."""

    strategy: str = "blue-green"
    """How a release takes over: ``blue-green``, or ``recreate`` for an app that cannot run twice."""

    health: Health = field(default_factory=lambda: Health(path=""))
    """When a release counts as healthy. The deployment fills in ``host``."""

    limits: Limits = field(default_factory=Limits)
    """Limits of the proxy."""

    timeouts: Timeouts = field(default_factory=Timeouts)
    keep_releases: int = 5
    """Number of releases kept on the machine for a rollback."""

    rebuild: str = ""
    """Any text; changing it rebuilds the same commit."""

    metadata_access: bool = False
    """Whether the app may access the cloud's metadata service, which serves the machine's credentials."""

    database: Database = field(default_factory=Database)
    """The database that it gets on its machine, if any."""

    deletes_data: bool = False
    """Whether what it keeps in ``$DATA_DIR`` goes with it when it is taken off a machine that stays."""

    @property
    def public_port(self) -> int:
        """The port that visitors connect to."""
        return 443 if self.domain else self.http_port

    @property
    def local_name(self) -> str:
        """Its name on the workstation's loopback: every name below ``localhost`` is this computer (RFC 6761)."""
        return f"{self.name}.localhost"

    def local_port(self, ports: Mapping[str, str] | None) -> int:
        """The port of the workstation's loopback that leads to the app; 0 if there is none, or it has a domain.

        Args:
            ports: The machine's ``local_ports``.
        """
        return 0 if self.domain else int((ports or {}).get(str(self.http_port), 0))

    def url(self, address: str, local_port: int = 0) -> str:
        """The app's public URL.

        Args:
            address: The machine's IPv4 address.
            local_port: The port of the workstation's loopback that leads to the app; 0 if there is none.
        """
        if self.domain:
            return f"https://{self.domain}/"
        if local_port:
            return f"http://{self.local_name}:{local_port}/"
        return f"http://{address}/" if self.http_port == 80 else f"http://{address}:{self.http_port}/"

    def health_url(self, address: str, local_port: int = 0, *, path: str = "/") -> str:
        """The URL of the health check at the app's public address.

        Args:
            address: As in ``url``.
            local_port: As in ``url``.
            path: The path that the app model chose, for an app whose own settings say none.
        """
        return self.url(address, local_port).rstrip("/") + (self.health.path or path)
