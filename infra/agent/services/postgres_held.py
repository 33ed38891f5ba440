"""How much an app has in its PostgreSQL database, for who counts the data of apps."""

from __future__ import annotations

from infra.agent.services import postgres, rds
from infra.agent.system.layout import App

TABLES = """SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema';"""
"""The tables of a database that are not PostgreSQL's own."""


def apps() -> list[App]:
    """The apps that have a database."""
    return [App(name) for name in sorted({*postgres.noted(), *(app.name for app in rds.apps())})]


def tables(app: App) -> tuple[int, int]:
    """How many tables an app has in its database, and its bytes; none where it has no database.

    -1 tables where PostgreSQL does not say.
    """
    if not postgres.has_database(app):
        return 0, 0
    found = postgres.state(app)
    if found is None or found["size"] is None:
        return -1, 0
    done = postgres.ask(app, TABLES, app.name)
    count = done.out.strip()
    return (int(count), found["size"]) if done.ok and count.isdigit() else (-1, 0)
