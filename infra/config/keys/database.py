"""The keys of the app's database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from infra.config import readers
from infra.config.key import Keys, key


@dataclass(frozen=True, kw_only=True)
class DatabaseKeys(Keys):
    """A database that the app alone reaches: on the machine, from Debian's packages, or on RDS."""

    title: ClassVar[str] = "Database"

    database: str = key(
        readers.engine,
        description="""postgres: a PostgreSQL database on the machine, ready before `release:` and reached by a socket,
            without a password. The app gets DATABASE_URL, PGHOST, PGDATABASE and PGUSER. Emptied later, the database
            stays until the app is removed with delete_data. rds, on machine ec2: the same on a server of RDS, over
            TLS, for all apps of the stack that say so.""",
        example="postgres",
        also=("postgres", "postgresql", "db", "databases", "rds"),
    )
    database_extensions: tuple[str, ...] = key(
        readers.extensions,
        default="[]",
        description="""Extensions that are created in the database: those that PostgreSQL itself has, and those of
            Debian packages in packages. One that is left out later stays.""",
        example='["pg_trgm", "citext"]',
        also=("postgres_extensions", "extensions"),
    )
