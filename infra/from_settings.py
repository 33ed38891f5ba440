"""Converts a stack's settings to the arguments of a deployment; the only module that knows both."""

from __future__ import annotations

from infra.config.settings import Settings
from infra.deployment import source as sources
from infra.deployment.app import AppArgs, Timeouts, TlsArgs
from infra.deployment.source import Source
from infra.protocol import quantities, values
from infra.protocol.app_settings import Dependencies
from infra.protocol.specs import Health, Limits


def app(settings: Settings) -> AppArgs:
    """Build the app's arguments."""
    return AppArgs(
        name=settings.app,
        http_port=settings.http_port,
        domain=settings.canonical,
        aliases=settings.aliases,
        trusted_proxies=settings.trusted_proxies,
        tls=TlsArgs(settings.tls_certificate, settings.tls_key, settings.acme_ca, settings.acme_root),
        hsts=settings.hsts,
        basic_auth=settings.basic_auth,
        command=settings.command,
        python=settings.python,
        packages=settings.packages,
        package_index=settings.package_index,
        dependencies=Dependencies(settings.requirements, settings.extras, settings.groups, settings.pip),
        processes=tuple(settings.processes.values()),
        cron=tuple(settings.cron.values()),
        static=tuple(settings.static.values()),
        persist=settings.persist,
        strategy=settings.release_strategy,
        health=Health(
            path=settings.health_path,
            status=values.status_ranges(settings.health_status),
            timeout=settings.health_timeout,
            request_timeout=settings.health_request_timeout,
        ),
        limits=Limits(
            request_body=quantities.body_limit(settings.request_body_limit),
            request_header=quantities.header_limit(settings.request_header_limit),
            response=settings.request_timeout,
        ),
        timeouts=Timeouts(
            lock=settings.lock_timeout,
            build=settings.build_timeout,
            release=settings.release_timeout,
            drain=settings.drain_timeout,
            stop=settings.stop_timeout,
        ),
        keep_releases=settings.keep_releases,
        rebuild=settings.rebuild,
        metadata_access=settings.metadata_access,
    )


def source(settings: Settings) -> Source:
    """Find the app's source; raises ``RepositoryError``."""
    return sources.find(
        settings.repository,
        settings.directory,
        deploy_key=settings.deploy_key,
        known_hosts=settings.known_hosts,
        allow_missing=settings.allow_missing,
    )
