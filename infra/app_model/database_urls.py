"""What SQLAlchemy does not understand of the URLs among an app's variables, told before it fails on the machine."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from infra.app_model.python_source import Module
from infra.protocol import service_urls
from infra.protocol.specs import DeploySpec

USERS = ("sqlalchemy", "flask_sqlalchemy", "sqlmodel")
"""What an app imports that uses SQLAlchemy."""
OLD = "postgres"
"""The scheme that Heroku gives, and that SQLAlchemy takes no more since 1.4."""
USUAL = {"postgresql": "psycopg2", "mysql": "mysqldb", "mariadb": "mysqldb"}
"""The driver that SQLAlchemy takes where the URL names none."""
PACKAGES: dict[str, tuple[str, ...]] = {
    "psycopg2": ("psycopg2", "psycopg2-binary"),
    "psycopg": ("psycopg",),
    "asyncpg": ("asyncpg",),
    "pg8000": ("pg8000",),
    "mysqldb": ("mysqlclient",),
    "pymysql": ("pymysql",),
    "mysqlconnector": ("mysql-connector-python",),
    "aiomysql": ("aiomysql",),
    "asyncmy": ("asyncmy",),
}
"""The packages with the drivers. Source: SQLAlchemy's documentation of its dialects."""
MENDED = ("postgres://", "+psycopg", "+asyncpg", "+pg8000", "+pymysql", "drivername")
"""What is in code that changes such a URL before it uses it."""


def notes(modules: Sequence[Module], packages: Collection[str], spec: DeploySpec) -> tuple[str, ...]:
    """What a person should know; no note has a URL.

    Args:
        modules: The modules that the app's processes load.
        packages: The names of its dependencies.
        spec: The settings.
    """
    uses = any(name.partition(".")[0] in USERS for module in modules for name in module.mentioned)
    if not uses or any(module.has(*MENDED) for module in modules):
        return ()
    kinds = (("env", spec.env), ("secrets", spec.secrets))
    return tuple(
        f"launchpad:{kind}.{name} begins with {note}"
        for kind, variables in kinds
        for name, value in variables
        if service_urls.NAME.fullmatch(name)
        for note in _notes(value.partition("://")[0], packages)
    )


def _notes(scheme: str, packages: Collection[str]) -> Iterator[str]:
    dialect, _, driver = scheme.partition("+")
    if dialect == OLD:
        yield f"{scheme}://, which SQLAlchemy does not know; write postgresql://"
        return
    driver = driver or USUAL.get(dialect, "")
    if dialect not in USUAL or any(package in packages for package in PACKAGES.get(driver, packages)):
        return
    there = [other for other in service_urls.DRIVERS[service_urls.SCHEMES[dialect][0]] if _is_there(other, packages)]
    if there:
        yield (
            f"{scheme}://, for which SQLAlchemy takes {driver}, and the app depends on {there[0]}; write "
            f"{dialect}+{there[0]}://"
        )


def _is_there(driver: str, packages: Collection[str]) -> bool:
    return any(package in packages for package in PACKAGES.get(driver, ()))
