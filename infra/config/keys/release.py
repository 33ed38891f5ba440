"""The keys that control a release: its health check, its timeouts, the number of releases to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from infra.config import readers
from infra.config.key import Keys, key


@dataclass(frozen=True, kw_only=True)
class ReleaseKeys(Keys):
    """The health check of a release, the timeouts of each step, and the number of releases kept for a rollback."""

    title: ClassVar[str] = "Releases"

    health_path: str = key(
        readers.health_path,
        description="""Path that a release must answer before it receives traffic. Empty: the one that the app has for
            this, such as /healthz, else /.""",
        example="/healthz",
        also=("healthcheck", "health_check", "health_url"),
    )
    health_status: str = key(
        readers.status_codes,
        default="200-399",
        description="HTTP status codes that count as healthy, such as 200 or 200,204 or 200-399.",
        example='"200,204"',
    )
    health_timeout: float = key(
        readers.seconds(1, 3600),
        default="60",
        description="""Time that a release may take from its start to its first healthy answer, in seconds or as 2m
            (1 second to 1 hour).""",
        also=("start_timeout", "boot_timeout"),
    )
    health_request_timeout: float = key(
        readers.seconds(0.1, 3600),
        default="5",
        description="Time that one answer to the health check may take, in seconds or as 500ms.",
    )
    check_services: bool = key(
        readers.flag,
        default="true",
        description="""Whether a deployment first asks the PostgreSQL, MySQL and Redis servers that URLs in env and
            secrets name, such as DATABASE_URL: one that the machine cannot reach, or that refuses the password, ends
            it before anything is built. false for servers that sleep until an app calls.""",
        also=("check_servers", "check_database", "service_check"),
    )
    build_timeout: float = key(
        readers.seconds(1, 86400),
        default="1800",
        description="""Time that installing the app's dependencies may take, in seconds or as 1h (1 second to 1
            day).""",
        also=("install_timeout",),
    )
    release_timeout: float = key(
        readers.seconds(1, 86400),
        default="600",
        description="""Time that the Procfile's release process may take, in seconds or as 2h (1 second to 1 day).
            A long migration needs more than the default.""",
        also=("migration_timeout", "migrate_timeout"),
    )
    stop_timeout: float = key(
        readers.seconds(1, 3600),
        default="30",
        description="""Time that a process may take to end after SIGTERM, in seconds or as 5m (1 second to 1 hour);
            after that systemd kills it. A worker that finishes its current job needs as long as its longest job.""",
        also=("kill_timeout", "grace_period"),
    )
    drain_timeout: float = key(
        readers.seconds(0, 3600),
        default="30",
        description="""Time that the old release gets to finish its requests after the switch, in seconds or as
            2m (0 to 1 hour).""",
        also=("drain",),
    )
    keep_releases: int = key(
        readers.whole_number(1, 100),
        default="5",
        description="Number of releases kept on the machine for a rollback (1 to 100).",
        also=("keep", "retain", "releases"),
    )
    lock_timeout: float = key(
        readers.seconds(0, 86400),
        default="300",
        description="Time that a deployment waits for another one to end, in seconds or as 10m (0 to 1 day).",
        also=("wait",),
    )
