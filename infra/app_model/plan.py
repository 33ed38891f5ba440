"""Makes the build plan of an app from its files and the settings."""

from __future__ import annotations

import dataclasses

from infra.app_model import (
    cache,
    database_urls,
    debian_packages,
    django_settings,
    generated_secrets,
    health_path,
    jobs,
    migrations,
    one_thread,
    one_worker,
    own_database,
    persist,
    processes,
    reach,
    servers,
    start,
    static_files,
    unset_variables,
)
from infra.app_model.build_plan import BuildPlan
from infra.app_model.dependencies import additional, choice, workspace
from infra.app_model.files import Files
from infra.app_model.server_programs import PROGRAMS
from infra.app_model.sources import Sources
from infra.protocol.specs import DeploySpec


def plan(files: Files, spec: DeploySpec) -> BuildPlan:
    """Decide everything about an app.

    Args:
        files: The files of the commit, or of a release that is built from it.
        spec: The settings, which always win.

    Raises:
        AppError: The files are not right, or nothing says how the app starts.
    """
    known = [name for name, _ in (*spec.env, *spec.secrets)]
    install = choice.install(files, spec.dependencies, known)
    sources = Sources(files)
    found = one_thread.serve(sources, start.find(sources))
    found = migrations.add(sources, found, additional.known(install, spec.dependencies.pip))
    commands = processes.commands(files, spec, found.commands, () if found.commands else sources.mistakes())
    modules = reach.reachable(sources, found.files or [found.path], commands.values())
    if commands["web"] == found.command:
        install = dataclasses.replace(install, refused=workspace.refusal(files, install, spec.dependencies, found.path))
    pip, why_pip = servers.added(commands, additional.known(install, spec.dependencies.pip), modules)
    alone, why_alone = one_worker.choose(sources, modules, commands["web"], spec)
    path, why_path = health_path.choose(modules, found.framework)
    packages, why_packages = debian_packages.choose(install, spec)
    scheduled = jobs.jobs(files, spec)
    of_jobs = [job.command for job in scheduled.cron]
    all_modules = list(dict.fromkeys([*modules, *reach.reachable(sources, (), of_jobs)]))
    generated, why_generated = generated_secrets.choose(all_modules, spec)
    kept, why_kept = persist.decide(sources, all_modules, spec)
    served = static_files.plan(sources, spec, kept, commands.get("release", ""))
    cached = cache.decide(all_modules, additional.known(install, spec.dependencies.pip), spec)
    of_database = own_database.decide(all_modules, additional.known(install, spec.dependencies.pip), spec)
    every = [*commands.values(), *of_jobs]
    install = additional.add(install, {line: PROGRAMS[line] for line in pip}, spec.dependencies.pip, every)
    return BuildPlan(
        framework=found.framework,
        install=install,
        processes=commands,
        cron=scheduled.cron,
        environment={**found.variables(commands), **cached.environment, **of_database.environment},
        pip=pip,
        packages=packages,
        generated=generated,
        one_worker=alone,
        health_path=spec.health.path or path,
        collect=served.collect,
        static=served.static,
        persist=kept,
        decisions=(
            *found.decisions(commands),
            *choice.decisions(install),
            *why_pip,
            *why_alone,
            *(() if spec.health.path else why_path),
            *why_packages,
            *why_generated,
            *cached.decisions,
            *of_database.decisions,
            *scheduled.decisions,
            *served.decisions,
            *why_kept,
        ),
        notes=(
            *install.notes,
            *processes.notes(spec),
            *scheduled.notes,
            *served.notes,
            *cached.notes,
            *database_urls.notes(all_modules, additional.known(install, spec.dependencies.pip), spec),
            *django_settings.notes(sources, spec),
            *unset_variables.notes(all_modules, spec),
            *of_database.notes,
        ),
    )
