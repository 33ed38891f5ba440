"""An app that takes the address of its database apart: it is told the parts, or what stands in the way."""

from __future__ import annotations

from typing import Any

import pytest

from infra.app_model import plan, unset_variables
from infra.app_model.build_plan import BuildPlan
from infra.app_model.files import MemoryFiles
from infra.protocol.database import Database
from infra.protocol.specs import DeploySpec, Source

SOCKET = "/run/launchpad-postgresql"
APP = "import os\nfrom flask import Flask\napp = Flask(__name__)\n"
MANAGE = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "site1.settings")\n'
BY_NAME = """
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["POSTGRES_DB"],
        "USER": os.environ.get("POSTGRES_USER", "me"),
        "PASSWORD": env.str("POSTGRES_PASSWORD"),
        "HOST": config("POSTGRES_HOST", default="localhost"),
        "PORT": int(os.getenv("POSTGRES_PORT") or 5432),
    }
}
"""
TOLD = {
    "POSTGRES_DB": "shop",
    "POSTGRES_USER": "shop",
    "POSTGRES_PASSWORD": "",
    "POSTGRES_HOST": SOCKET,
    "POSTGRES_PORT": "5432",
}
ENGINE = BY_NAME.replace(
    '"django.db.backends.postgresql"', 'os.environ.get("SQL_ENGINE", "django.db.backends.sqlite3")'
)
FIXED = """
DATABASES = {"default": {
    "ENGINE": "django.db.backends.postgresql", "NAME": "mydb", "USER": "postgres", "PASSWORD": "secret",
    "HOST": "127.0.0.1", "PORT": "5432",
}}
"""
SQLITE = 'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}\n'
WISH: dict[str, Any] = {"database": Database("postgres")}


def of_django(settings: str, requirements: str = "django\npsycopg[binary]\n", **more: object) -> BuildPlan:
    files = {
        "manage.py": MANAGE,
        "site1/settings.py": f"import os\nfrom environ import Env\nfrom decouple import config\nenv = Env()\n{settings}",
        "site1/wsgi.py": f"{MANAGE}application = get_wsgi_application()\n",
        "requirements.txt": requirements,
    }
    return plan.plan(MemoryFiles(files), DeploySpec("shop", Source("pushed"), **more))  # type: ignore[arg-type]


def of_flask(code: str, **more: object) -> BuildPlan:
    files = MemoryFiles({"app.py": APP + code, "requirements.txt": "flask\npsycopg2-binary\nsqlalchemy\n"})
    return plan.plan(files, DeploySpec("shop", Source("pushed"), **more))  # type: ignore[arg-type]


def told(made: BuildPlan) -> dict[str, str]:
    return {
        name: value for name, value in made.environment.items() if name not in ("DATABASE_URL", "FLASK_RUN_FROM_CLI")
    }


def test_django_is_told_the_parts_of_the_address_under_the_names_that_its_settings_read() -> None:
    made = of_django(BY_NAME, **WISH)
    assert told(made) == TOLD
    assert made.notes == ()
    assert [each.text() for each in made.decisions if each.subject == "database"][1:] == [
        f"database: POSTGRES_DB=shop POSTGRES_USER=shop POSTGRES_PASSWORD= POSTGRES_HOST={SOCKET} POSTGRES_PORT=5432 "
        "(site1/settings.py line 7 takes the database's address from them; to decide otherwise: launchpad:env)"
    ]


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        (ENGINE, {"SQL_ENGINE": "django.db.backends.postgresql", **TOLD}),
        (ENGINE.replace("sqlite3", "postgresql_psycopg2"), TOLD),
        (
            'DATABASES = {"default": {"ENGINE": "django.contrib.gis.db.backends.postgis", "NAME": env("A")}}',
            {"A": "shop"},
        ),
        ('DATABASES = {"default": {"ENGINE": "django.db.backends.mysql", "NAME": env("A")}}', {}),
        ('CACHES = {"default": {"BACKEND": "x", "NAME": env("A")}}', {}),
        (FIXED, {}),
    ],
)
def test_which_variables_of_django_are_told(code: str, wanted: dict[str, str]) -> None:
    assert told(of_django(code, **WISH)) == wanted


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        (
            'import psycopg2\npsycopg2.connect(host=os.environ["H"], dbname=os.environ["D"], user=os.environ["U"])',
            {"H": SOCKET, "D": "shop", "U": "shop"},
        ),
        (
            'from sqlalchemy import URL\nURL.create("postgresql", username=os.getenv("U"), host=os.getenv("H"), '
            'database="x")',
            {"U": "shop", "H": SOCKET},
        ),
        # No host in a URL can be a folder; where there is none, PGHOST counts.
        (
            'U = os.environ["U"]\nP = os.getenv("P", "5432")\n'
            "db = f\"postgresql+psycopg2://{U}:{os.environ['W']}@{os.getenv('H', 'db')}:{P}/{os.environ['D']}\"",
            {"U": "shop", "W": "", "H": "", "P": "5432", "D": "shop"},
        ),
        ("db = f\"postgresql://{os.environ['U']}@db.example.org/shop\"", {}),
        ("db = f\"mysql://{os.environ['U']}@{os.environ['H']}/{os.environ['D']}\"", {}),
        ('import psycopg2\npsycopg2.connect(os.environ["DATABASE_URL"])', {}),
        ('import psycopg2\npsycopg2.connect(host=os.environ["PGHOST"], dbname=os.environ["PGDATABASE"])', {}),
    ],
)
def test_other_code_that_connects_is_told_them_too(code: str, wanted: dict[str, str]) -> None:
    assert told(of_flask(code, **WISH)) == wanted


@pytest.mark.parametrize(
    ("env", "wanted"),
    [
        ({"POSTGRES_HOST": "db.example.org"}, {}),
        ({"POSTGRES_HOST": "$PGHOST"}, {name: value for name, value in TOLD.items() if name != "POSTGRES_HOST"}),
        ({"POSTGRES_PORT": "5433"}, {name: value for name, value in TOLD.items() if name != "POSTGRES_PORT"}),
    ],
)
def test_what_the_settings_say_counts(env: dict[str, str], wanted: dict[str, str]) -> None:
    assert told(of_django(BY_NAME, env=tuple(env.items()), **WISH)) == wanted


DRIVER = "the app's dependencies name no driver for PostgreSQL: add psycopg[binary] to them, or to launchpad:pip"


@pytest.mark.parametrize(
    ("code", "requirements", "note"),
    [
        (
            SQLITE,
            "django\n",
            "launchpad:database is set, but site1/settings.py line 5 names sqlite3; for PostgreSQL: "
            'DATABASES = {"default": dj_database_url.config()}, with dj-database-url in the dependencies',
        ),
        (
            FIXED,
            "django\npsycopg2\n",
            "site1/settings.py line 6 has 'mydb', 'postgres', '127.0.0.1', which is not where launchpad:database is: take "
            "these from the variables PGDATABASE, PGUSER and PGHOST",
        ),
        ("import dj_database_url\nDATABASES = {'default': dj_database_url.config()}", "django\npsycopg\n", ""),
        ("import dj_database_url\nDATABASES = {'default': dj_database_url.config()}", "django\n", DRIVER),
        (BY_NAME, "django\n", DRIVER),
        # One for development, and one for the server.
        (f"if env('DEBUG'):\n    {SQLITE}else:\n    {BY_NAME.strip()}\n", "django\npsycopg\n", ""),
        (f"{SQLITE}if os.getenv('DATABASE_URL'):\n    DATABASES = {{}}\n", "django\npsycopg\n", ""),
    ],
)
def test_the_preview_says_why_a_project_would_not_come_by_the_database(code: str, requirements: str, note: str) -> None:
    assert of_django(code, requirements, **WISH).notes == ((note,) if note else ())


@pytest.mark.parametrize(
    ("code", "env", "told"),
    [
        (FIXED, {}, True),
        (BY_NAME, {}, True),
        (BY_NAME.replace('default="localhost"', 'default="db.example.org"'), {}, False),
        (BY_NAME, {"POSTGRES_HOST": "db.example.org"}, False),
        (FIXED.replace("127.0.0.1", "db.example.org"), {}, False),
        (SQLITE, {}, False),
    ],
)
def test_the_preview_proposes_the_database_to_a_project_that_looks_for_one_on_its_own_machine(
    code: str, env: dict[str, str], *, told: bool
) -> None:
    line = 6 if code == FIXED else 7
    note = (
        f"site1/settings.py line {line} connects to PostgreSQL on the machine itself; with launchpad:database postgres "
        "the machine has a database for this app"
    )
    assert of_django(code, env=tuple(env.items())).notes == ((note,) if told else ())


def test_init_proposes_the_database_for_each_variable_that_is_a_part_of_its_address() -> None:
    code = 'import psycopg2\npsycopg2.connect(host=os.environ["H"], dbname=os.environ["D"])\nos.environ["API"]\n'
    files = MemoryFiles({"app.py": APP + code, "requirements.txt": "flask\npsycopg2\n"})
    spec = DeploySpec("shop", Source("pushed"))
    found = unset_variables.find(files, plan.plan(files, spec), spec)
    assert {each.name: each.on_machine for each in found} == {
        "H": ("database", "postgres"),
        "D": ("database", "postgres"),
        "API": ("", ""),
    }
