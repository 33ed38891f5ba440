"""Builds the specifications that the agent reads from its standard input.

Inputs of a deployment may be outputs of other resources; here they are already plain text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from infra.deployment.app import AppArgs
from infra.deployment.revision import Revision
from infra.deployment.source import Source
from infra.protocol import codec, specs, timeouts, visitors
from infra.protocol.database import RDS, Server
from infra.protocol.services import Cache
from infra.protocol.specs import DeploySpec, PrepareSpec, Tls


@dataclass(frozen=True)
class Resolved:
    """The values that may be outputs of other resources, once they are known."""

    address: str = ""
    local_port: int = 0
    tls: Tls = field(default_factory=Tls)
    package_index: str = field(default="", repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    basic_auth: Mapping[str, str] = field(default_factory=dict, repr=False)
    generated: tuple[str, ...] = ()
    """The names of secrets that nobody set."""
    data_disk: str = ""
    """Where the machine's disk for data is."""
    data_disk_size: int = 0
    database: Server = field(default_factory=Server)
    """The database server beside the machine."""


def prepare(app: AppArgs, resolved: Resolved, program: str, owner: str = "") -> PrepareSpec:
    """The specification of ``prepare``; ``program`` is the agent's digest, ``owner`` the stack that the app is of."""
    return PrepareSpec(
        app=app.name,
        http_port=app.http_port,
        domain=app.domain,
        aliases=app.aliases,
        trusted_proxies=app.trusted_proxies,
        tls=resolved.tls,
        hsts=app.hsts if app.domain else visitors.NO_HSTS,
        basic_auth=tuple(sorted(resolved.basic_auth.items())),
        packages=tuple(name for name in app.packages if not name.startswith("-")),
        cache=app.cache if app.cache.kind else Cache(),
        limits=app.limits,
        package_index=resolved.package_index,
        lock_timeout=app.timeouts.lock,
        program=program,
        owner=owner,
        data_disk=resolved.data_disk,
        data_disk_size=resolved.data_disk_size,
        database=replace(app.database, server=resolved.database),
    )


def deploy(app: AppArgs, source: Source, revision: Revision, resolved: Resolved, program: str) -> DeploySpec:
    """The specification of ``deploy``; ``program`` is the agent's digest."""
    return DeploySpec(
        app=app.name,
        source=origin(source),
        ref=revision.name,
        directory=source.repository.directory,
        command=app.command,
        python=app.python,
        env=tuple(sorted(resolved.environment.items())),
        secrets=tuple(sorted(resolved.secrets.items())),
        generated=resolved.generated,
        health=replace(app.health, host=app.domain or (app.local_name if resolved.local_port else resolved.address)),
        drain_timeout=app.timeouts.drain,
        stop_timeout=app.timeouts.stop,
        build_timeout=app.timeouts.build,
        release_timeout=app.timeouts.release,
        keep_releases=app.keep_releases,
        lock_timeout=app.timeouts.lock,
        package_index=resolved.package_index,
        allow_missing=source.allow_missing,
        rebuild=app.rebuild,
        url=app.url(resolved.address, resolved.local_port) if app.domain or resolved.address else "",
        domain=app.domain,
        dependencies=app.dependencies,
        processes=app.processes,
        cron=app.cron,
        static=app.static,
        persist=app.persist,
        packages=app.packages,
        strategy=app.strategy,
        metadata_access=app.metadata_access,
        check_services=app.checks_services,
        uses_cache=bool(app.cache.kind),
        database=replace(app.database, server=resolved.database) if app.database.engine == RDS else app.database,
        program=program,
    )


def origin(source: Source) -> specs.Source:
    """Where the machine gets the commit: pushed by the workstation, or fetched from a URL."""
    if source.repository.path is not None:
        return specs.Source("pushed")
    return specs.Source("url", source.repository.url, source.deploy_key, source.known_hosts)


def check(spec: PrepareSpec | DeploySpec) -> None:
    """Check a specification as the agent does.

    Raises:
        MessageError: With every mistake that the agent would find.
    """
    codec.load(type(spec), codec.dump(spec))


def longest(app: AppArgs) -> int:
    """The longest time in seconds that a step on the machine may take: the sum of the timeouts of its parts."""
    allowed = app.timeouts
    fetch = (timeouts.GIT_COMMANDS + 1) * timeouts.GIT + timeouts.CONTENTS
    build = timeouts.PYTHON + allowed.build
    release = allowed.release + timeouts.HOOKS * timeouts.HOOK
    # The other processes stop before the new ones start, and the previous slot stops at the end.
    stop = max([allowed.stop, *(process.stop_timeout for process in app.processes)])
    switch = app.health.timeout + allowed.drain + 2 * stop
    if app.strategy == "recreate":
        # The old release starts again if the new one does not come up.
        switch += app.health.timeout
    return math.ceil(allowed.lock + max(timeouts.PREPARE, fetch + build + release + switch))
