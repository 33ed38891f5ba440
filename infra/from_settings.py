"""Converts an app's settings to the arguments of a deployment; the only module that knows both."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pulumi

from infra.config import entries
from infra.config.settings import AppSettings, Settings
from infra.deployment import app_plan, preload
from infra.deployment import source as sources
from infra.deployment.app import AppArgs, Timeouts, TlsArgs
from infra.deployment.app_plan import Planned
from infra.deployment.arguments import DeploymentArgs
from infra.deployment.data_changes import DataTerms
from infra.deployment.repository import RepositoryError
from infra.deployment.revision import Revision
from infra.deployment.source import Source
from infra.machines.contract import Machine
from infra.machines.kind import Kind
from infra.machines.registry import KINDS, is_given
from infra.protocol import quantities, values
from infra.protocol.app_settings import Dependencies
from infra.protocol.backups import BackupSpec, Keep
from infra.protocol.database import RDS, Database
from infra.protocol.machine_settings import SettingsSpec
from infra.protocol.services import Cache
from infra.protocol.specs import Health, Limits

JOURNAL = 500 * 2**20
"""Bytes that the journal takes at most where nothing else is set, of a machine that the program makes."""
MOST_AT_ONCE = 8
"""Repositories that are asked at the same time."""


def app(settings: AppSettings, *, deleted: bool = False) -> AppArgs:
    """Build the app's arguments.

    Args:
        settings: The app's settings.
        deleted: Whether its data goes with it, whatever its own key says.
    """
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
        cache=Cache(settings.cache, settings.cache_memory, settings.cache_policy),
        checks_services=settings.check_services,
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
        database=Database(settings.database, settings.database_extensions),
        deletes_data=settings.delete_data or deleted,
    )


@dataclass(frozen=True)
class WantedApp:
    """An app whose repository has been asked: what is to be deployed, before there is a machine for it."""

    app: AppArgs
    source: Source
    revision: Revision
    planned: Planned
    settings: AppSettings

    def on(self, machine: Machine) -> DeploymentArgs:
        """The arguments of its deployment to a machine."""
        env, secrets = self.settings.env, self.settings.secrets
        return DeploymentArgs(self.app, machine, self.source, self.revision, env, secrets, self.planned)


def apps(settings: Settings) -> tuple[list[WantedApp], str]:
    """Ask the repositories of all apps, at the same time, and plan their builds.

    Returns:
        The apps that can be deployed, and why the others cannot; a program ends with that once it has declared the
        former, so that no app keeps another from being deployed.

    Raises:
        RunError: Why none can be deployed.
    """
    preload.begin([KINDS[settings.machine].launched_by])
    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        asked = [pool.submit(wanted, each, deleted=deletes_data(settings, each)) for each in settings.each_app]
    found, mistakes = [], []
    for each, future in zip(settings.each_app, asked, strict=True):
        try:
            found.append(future.result())
        except (RepositoryError, pulumi.RunError) as mistake:
            mistakes.append(entries.placed(settings, each.app, str(mistake)))
    refused = "\n".join(dict.fromkeys(mistakes))
    if not found:
        raise pulumi.RunError(refused)
    return found, refused


def wanted(settings: AppSettings, *, deleted: bool = False) -> WantedApp:
    """Ask an app's repository and plan its build.

    Args:
        settings: The app's settings.
        deleted: Whether its data goes with it, whatever its own key says.

    Raises:
        RepositoryError: The repository cannot be read, or lacks the revision.
        RunError: The app cannot be deployed.
    """
    found = source(settings)
    revision = found.resolve(settings.revision)
    args = app(settings, deleted=deleted)
    planned = app_plan.read(args, found, revision, settings.env, settings.secrets)
    return WantedApp(args, found, revision, planned, settings)


def source(settings: AppSettings) -> Source:
    """Find the app's source; raises ``RepositoryError``."""
    return sources.find(
        settings.repository,
        settings.directory,
        deploy_key=settings.deploy_key,
        known_hosts=settings.known_hosts,
        allow_missing=settings.allow_missing,
    )


def backups(settings: Settings, owner: str) -> BackupSpec | None:
    """What the stack wants to be backed up; None: nothing.

    Args:
        settings: The settings.
        owner: The stack, as project/stack.
    """
    keys = settings.backup
    if not keys.repository:
        return None
    return BackupSpec(
        owner=owner,
        apps=tuple(each.app for each in settings.each_app),
        repository=keys.repository,
        password=keys.password,
        private_key=keys.private_key,
        host_key=keys.host_key,
        access_key=keys.access_key,
        secret_key=keys.secret_key,
        schedule=keys.schedule,
        keep=Keep(**keys.keep),
        lock_timeout=settings.lock_timeout,
    )


def owner() -> str:
    """The stack that the program is for, as project/stack."""
    return f"{pulumi.get_project()}/{pulumi.get_stack()}"


def deletes_data(settings: Settings, app: AppSettings) -> bool:
    """Whether an app's data is deleted when the app is taken off the machine.

    A machine that stays is destroyed by taking its apps off it, so that ``on_destroy`` says that of all of them.
    """
    return app.delete_data or (settings.on_destroy == "delete" and is_given(settings.machine))


def data_terms(settings: Settings, kind: Kind, machine: Machine) -> DataTerms:
    """What the stack says of its data.

    Args:
        settings: The settings.
        kind: The kind of machine.
        machine: The machine.
    """
    return DataTerms(
        kind=kind.name,
        stays=kind.given,
        on_destroy=settings.on_destroy,
        unsaid=kind.unsaid,
        able=[word for word in kind.on_destroy if word != "keep"] if machine.database is not None else kind.on_destroy,
        apps={each.app: deletes_data(settings, each) for each in settings.each_app},
        disk=machine.data_disk is not None,
        place=kind.place(settings),
        databases=sorted(each.app for each in settings.each_app if each.database),
        server=machine.database is not None,
        on_server=sorted(each.app for each in settings.each_app if each.database == RDS),
    )


def machine_settings(settings: Settings, kind: Kind, machine: Machine) -> SettingsSpec:
    """What the stack wants of the machine itself.

    Args:
        settings: The settings.
        kind: The kind of machine. One that is there already stays as its owner has it, unless a key says otherwise.
        machine: The machine.
    """
    auto = not kind.given

    def on(switch: str) -> bool:
        return auto if switch == "auto" else switch == "true"

    journal = settings.journal_size
    return SettingsSpec(
        owner=owner(),
        user=machine.ssh.user,
        ssh=on(settings.ssh_hardening),
        updates=on(settings.automatic_updates),
        reboot=settings.reboot_window,
        clock=on(settings.time_sync),
        journal=(JOURNAL if auto else 0) if journal == "auto" else quantities.in_bytes(journal),
        swap=quantities.in_bytes(settings.swap),
        kernel=on(settings.kernel_hardening),
        people=tuple(settings.people.values()),
        lock_timeout=settings.lock_timeout,
    )
