"""How an app is told of its database: by a URL that the library which it uses takes as it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.app_model import database_parts
from infra.app_model.build_plan import Decision
from infra.app_model.database_parts import Part, Place
from infra.app_model.database_urls import MENDED, PACKAGES, USERS, USUAL
from infra.app_model.python_source import Module
from infra.protocol import database, service_urls
from infra.protocol.specs import DeploySpec

KEY = "launchpad:database"
DIALECT: Final = "postgresql"
ENGINE = "django.db.backends.postgresql"
DJANGO = "psycopg", "psycopg-binary", "psycopg2", "psycopg2-binary"
"""The drivers that Django takes."""


@dataclass(frozen=True)
class DatabaseUse:
    """What an app has to do with its database.

    Attributes:
        environment: Variables that are otherwise than usual.
        decisions: What was decided.
        notes: What a person should know.
    """

    environment: dict[str, str] = field(default_factory=dict)
    decisions: tuple[Decision, ...] = ()
    notes: tuple[str, ...] = ()


def decide(modules: Sequence[Module], packages: Collection[str], spec: DeploySpec) -> DatabaseUse:
    """Decide which URL the app gets.

    Args:
        modules: The modules that its processes load.
        packages: The names of its dependencies.
        spec: The settings.
    """
    places = database_parts.find(modules)
    given = dict((*spec.env, *spec.secrets))
    if not spec.database.engine:
        return DatabaseUse(notes=tuple(_proposals(places, given)))
    environment: dict[str, str] = {}
    decisions = [_of_url(modules, packages, spec, environment)]
    for place in places:
        own = {} if _is_elsewhere(place, given) else _told(place, spec)
        if new := {name: value for name, value in own.items() if name not in given and name not in environment}:
            environment |= new
            shown = " ".join(f"{name}={value}" for name, value in new.items())
            reason = f"{place.where} takes the database's address from them"
            decisions.append(Decision("database", shown, reason, "launchpad:env"))
    return DatabaseUse(environment, tuple(decisions), tuple(_notes(modules, places, packages, spec)))


def proposed(modules: Sequence[Module], given: Collection[str]) -> set[str]:
    """The variables from which the app takes the address of a PostgreSQL that the machine can have.

    Args:
        modules: The modules that its processes load.
        given: The variables that are set.
    """
    places = database_parts.find(modules)
    return {name for place in places if not place.is_other for name in place.variables.values() if name not in given}


def _of_url(
    modules: Sequence[Module], packages: Collection[str], spec: DeploySpec, environment: dict[str, str]
) -> Decision:
    """What is decided of the URL, which goes into the environment if it is another than usual."""
    usual, name = database.planned_url(spec.app, spec.database), "DATABASE_URL"
    driver = _driver(modules, packages)
    if not driver:
        return Decision("database", f"{name}={usual}", f"{KEY} is set", KEY)
    environment[name] = usual.replace(f"{DIALECT}:", f"{DIALECT}+{driver}:", 1)
    reason = f"{KEY} is set, and SQLAlchemy would take {USUAL[DIALECT]}, which the app does not depend on"
    return Decision("database", f"{name}={environment[name]}", reason, KEY)


def _told(place: Place, spec: DeploySpec) -> dict[str, str]:
    """What the variables of a place are told, by their names.

    A host in a URL cannot be a folder; where there is none, libpq and asyncpg follow PGHOST. A server elsewhere may not
    be there yet when the plan is made, so that its address is told by the variables that will have it.
    """
    if place.is_other:
        return {}
    elsewhere = spec.database.engine == database.RDS
    host = "$PGHOST" if elsewhere else "" if place.is_url else database.SOCKET
    port = "$PGPORT" if elsewhere else "5432"
    values: Mapping[Part, str] = {"name": spec.app, "user": spec.app, "password": "", "host": host, "port": port}
    told = {variable: values[part] for part, variable in place.variables.items() if part in values}
    engine = place.variables.get("engine", "")
    if place.is_django and engine and "postg" not in place.fixed.get("engine", ""):
        told[engine] = ENGINE
    return {name: value for name, value in told.items() if name not in database.VARIABLES[spec.database.engine]}


def _is_elsewhere(place: Place, given: Mapping[str, str]) -> bool:
    """Whether the settings name another server for a place."""
    host = given.get(place.variables.get("host", ""), "")
    return bool(host) and "PGHOST" not in host and host != database.SOCKET


def _proposals(places: Sequence[Place], given: Mapping[str, str]) -> Iterator[str]:
    """A note for an app that connects to a PostgreSQL on its own machine, where nobody runs one."""
    for place in places:
        engine = place.fixed.get("engine", DIALECT)
        set_ = any(name in given for name in place.variables.values())
        if not place.is_other and "postg" in engine and place.is_local and not set_:
            yield (
                f"{place.where} connects to PostgreSQL on the machine itself; with {KEY} postgres the machine has a "
                "database for this app"
            )
            return


def _notes(
    modules: Sequence[Module], places: Sequence[Place], packages: Collection[str], spec: DeploySpec
) -> Iterator[str]:
    """Why an app would not come by its database, as far as the code says so."""
    django = [place for place in places if place.is_django]
    reads = any(module.has(*database.COMMON, "dj_database_url", "env.db") for module in modules)
    for place in django if not reads and all(place.is_other for place in django) else ():
        yield (
            f"{KEY} is set, but {place.where} names {place.fixed['engine'].rpartition('.')[2]}; for PostgreSQL: "
            f'DATABASES = {{"default": dj_database_url.config()}}, with dj-database-url in the dependencies'
        )
    for place in places:
        values: dict[Part, str] = {"name": spec.app, "user": spec.app, "host": database.SOCKET}
        if spec.database.engine == database.RDS:
            values |= {"host": "", "port": ""}  # none that could be known
        fixed = {part: text for part, text in place.fixed.items() if part in values and part not in place.variables}
        if not place.is_other and (wrong := [text for part, text in fixed.items() if text not in ("", values[part])]):
            yield (
                f"{place.where} has {', '.join(map(repr, wrong))}, which is not where {KEY} is: take these from the "
                f"variables PGDATABASE, PGUSER{', PGHOST and PGPORT' if 'port' in values else ' and PGHOST'}"
            )
    uses = reads or any(not place.is_other for place in django)
    if "django" in packages and uses and not {*DJANGO} & {*packages}:
        yield ("the app's dependencies name no driver for PostgreSQL: add psycopg[binary] to them, or to launchpad:pip")


def _driver(modules: Sequence[Module], packages: Collection[str]) -> str:
    """The driver that SQLAlchemy has to be told; empty where it takes the right one, or the code names one."""
    uses = any(name.partition(".")[0] in USERS for module in modules for name in module.mentioned)
    if not uses or any(module.has(*MENDED) for module in modules):
        return ""
    there = [driver for driver in service_urls.DRIVERS[DIALECT] if any(p in packages for p in PACKAGES.get(driver, ()))]
    return "" if USUAL[DIALECT] in there or not there else there[0]
