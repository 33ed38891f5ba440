"""Checks that involve several keys of any stack: each is a function that yields the violations of one rule.

The docstring states the rule; docs/settings.md lists it. A check is skipped if a key that it reads is invalid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from infra.config.incomplete import Unread
from infra.config.key import NAMESPACE
from infra.config.settings import AppSettings, Settings
from infra.protocol import database, pem, service_urls, values
from infra.protocol.backups import misfits
from infra.protocol.database import Database

S = TypeVar("S", bound=AppSettings)
Check = Callable[[Settings], Iterator[str]]
AppCheck = Callable[[AppSettings], Iterator[str]]

WIDEST_PREFIX = 8
"""Shortest prefix that is not "anywhere": wider SSH networks need ``ssh_from_anywhere``.

Source: Checkov CKV_AWS_24, AWS Security Hub FSBP EC2.13.
"""


def mistakes(checks: Iterable[Callable[[S], Iterator[str]]], settings: S) -> Iterator[str]:
    """Run the checks and yield the violations, one line each."""
    for check in checks:
        try:
            yield from check(settings)
        except Unread:
            continue


def repository_given(settings: AppSettings) -> Iterator[str]:
    """A repository is set."""
    if not settings.repository:
        yield f"{NAMESPACE}:repository is empty; it must be a local path or an https or ssh URL of a git repository"


def ssh_not_from_everywhere(settings: Settings) -> Iterator[str]:
    """ssh_cidrs holds no network wider than a /8, unless ssh_from_anywhere is true."""
    open_to_all = [cidr for cidr in settings.ssh_cidrs if _wide(cidr)]
    if open_to_all and not settings.ssh_from_anywhere:
        yield (
            f"{NAMESPACE}:ssh_cidrs holds {open_to_all[0]}, which covers most of the internet; name your own network, "
            f"or set {NAMESPACE}:ssh_from_anywhere to true if this is intentional"
        )


def rules_not_wider_than_ssh(settings: Settings) -> Iterator[str]:
    """No additional rule opens port 22 to a network wider than a /8, unless ssh_from_anywhere is true."""
    open_to_all = [
        rule.cidr
        for rule in settings.rules
        if rule.protocol == "tcp" and rule.from_port <= 22 <= rule.to_port and _wide(rule.cidr)
    ]
    if open_to_all and not settings.ssh_from_anywhere:
        yield (
            f"{NAMESPACE}:rules opens port 22 (SSH) to {open_to_all[0]}, which covers most of the internet; "
            f"exclude port 22, or set {NAMESPACE}:ssh_from_anywhere to true if this is intentional"
        )


def variables_once(settings: AppSettings) -> Iterator[str]:
    """No variable is in both env and secrets."""
    if twice := sorted(set(settings.env) & set(settings.secrets)):
        yield f"{NAMESPACE}:env and {NAMESPACE}:secrets both hold {', '.join(twice)}; keep each name in one of them"


def cache_or_its_url(settings: AppSettings) -> Iterator[str]:
    """REDIS_URL is not set where cache is, which sets it."""
    for name in ("env", "secrets"):
        if settings.cache and "REDIS_URL" in getattr(settings, name):
            yield (
                f"{NAMESPACE}:{name}.REDIS_URL is set, and so is {NAMESPACE}:cache, which sets it to the machine's own "
                "cache; keep one of them"
            )


def server_urls_sound(settings: AppSettings) -> Iterator[str]:
    """URLs of PostgreSQL, MySQL and Redis servers in env and secrets are well formed, if check_services is true."""
    for kind in ("env", "secrets") if settings.check_services else ():
        for name, value in getattr(settings, kind).items():
            if service_urls.NAME.fullmatch(name) and (wrong := service_urls.mistake(value)):
                yield f"{NAMESPACE}:{kind}.{name} {wrong}"


def database_alone(settings: AppSettings) -> Iterator[str]:
    """With database, neither env nor secrets sets DATABASE_URL or a variable of libpq that database sets."""
    wanted = Database(settings.database)
    for kind, variables in (("env", settings.env), ("secrets", settings.secrets)):
        for name in database.contradictions(wanted, variables):
            yield f"{NAMESPACE}:{kind}.{name} {database.contradiction(wanted)}"


def database_named(settings: AppSettings) -> Iterator[str]:
    """With database, the app's name is none that PostgreSQL has for something else."""
    if settings.database and (why := database.unusable(settings.app, Database(settings.database))):
        yield f"{NAMESPACE}:app {why}"


def extensions_with_database(settings: AppSettings) -> Iterator[str]:
    """database_extensions is set only together with database."""
    if settings.database_extensions and not settings.database:
        yield f"{NAMESPACE}:database_extensions is set but {NAMESPACE}:database is empty; set it to postgres"


def certificate_with_its_key(settings: AppSettings) -> Iterator[str]:
    """tls_certificate and tls_key are set together, and the key belongs to the certificate."""
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        yield f"{NAMESPACE}:tls_certificate and {NAMESPACE}:tls_key must be set together; one of them is empty"
    elif settings.tls_key and (why := pem.misfit(settings.tls_certificate, settings.tls_key)):
        yield f"{NAMESPACE}:tls_key {why} {NAMESPACE}:tls_certificate; set both again, the app's own certificate first"


def certificate_for_every_name(settings: AppSettings) -> Iterator[str]:
    """tls_certificate is for every host name in domain."""
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate and key and not pem.misfit(certificate, key):
        for name in pem.uncovered(certificate, key, settings.domains):
            yield (
                f"{NAMESPACE}:tls_certificate is not for {name}, which is in {NAMESPACE}:domain; "
                "set a certificate that has it among its names"
            )


def one_certificate(settings: AppSettings) -> Iterator[str]:
    """tls_certificate and acme_ca are not both set."""
    if settings.tls_certificate and settings.acme_ca:
        yield f"{NAMESPACE}:tls_certificate and {NAMESPACE}:acme_ca are both set; keep one of them"


def root_with_its_server(settings: AppSettings) -> Iterator[str]:
    """acme_root is set only together with acme_ca."""
    if settings.acme_root and not settings.acme_ca:
        yield f"{NAMESPACE}:acme_root is set but {NAMESPACE}:acme_ca is empty; set the root's ACME server"


def certificate_for_a_domain(settings: AppSettings) -> Iterator[str]:
    """tls_certificate and acme_ca are set only together with a domain."""
    for key, value in (("tls_certificate", settings.tls_certificate), ("acme_ca", settings.acme_ca)):
        if value and not settings.domain:
            yield f"{NAMESPACE}:{key} is set but {NAMESPACE}:domain is empty; set the domain of the certificate"


def port_free(settings: AppSettings) -> Iterator[str]:
    """http_port is not 22, 443 or 20001 to 29999, which the machine uses itself."""
    if taken := values.port_taken(settings.http_port):
        yield f"{NAMESPACE}:http_port is {settings.http_port}, which is reserved for {taken}; choose another"


def people_are_no_apps(settings: Settings) -> Iterator[str]:
    """No name in people is an app's: each app has a user of its name."""
    for name in sorted(settings.people.keys() & {app.app for app in settings.each_app}):
        yield f"{NAMESPACE}:people.{name} has the name of an app, which is a user of the machine; choose another name"


def backup_complete(settings: Settings) -> Iterator[str]:
    """backup.repository has a backup.password, and the keys that its kind needs and no others."""
    yield from (f"{NAMESPACE}:backup.{name} {wrong}" for name, wrong in misfits(settings.backup))


OF_STACK: tuple[Check, ...] = (ssh_not_from_everywhere, rules_not_wider_than_ssh, people_are_no_apps, backup_complete)
"""The checks of what a stack has once, however many apps there are."""

OF_APP: tuple[AppCheck, ...] = (
    repository_given,
    variables_once,
    cache_or_its_url,
    server_urls_sound,
    database_alone,
    database_named,
    extensions_with_database,
    certificate_with_its_key,
    certificate_for_every_name,
    one_certificate,
    root_with_its_server,
    certificate_for_a_domain,
    port_free,
)
"""The checks of each app."""

CHECKS: tuple[Check, ...] = (*OF_APP[:1], *OF_STACK, *OF_APP[1:])
"""The checks of a stack with one app, in the order in which violations are reported."""


def _wide(cidr: str) -> bool:
    """Whether a network covers most of the internet."""
    return int(cidr.rpartition("/")[2]) < WIDEST_PREFIX
