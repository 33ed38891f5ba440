"""What SQLAlchemy does not understand of a URL is told in the preview."""

import pytest

from infra.app_model import plan
from infra.app_model.files import MemoryFiles
from infra.protocol.specs import DeploySpec, Source

APP = "import os\nfrom flask import Flask\napp = Flask(__name__)\n"
USES = "from sqlalchemy import create_engine\nengine = create_engine(os.environ['DATABASE_URL'])\n"
AT = "://me:canary@db/shop"
SET = "launchpad:secrets.DATABASE_URL begins with"


def noted(scheme: str, requirements: str, code: str = USES) -> list[str]:
    files = MemoryFiles({"app.py": APP + code, "requirements.txt": f"flask\n{requirements}\n"})
    spec = DeploySpec("shop", Source("pushed"), secrets=(("DATABASE_URL", scheme + AT), ("HOME_URL", "postgres" + AT)))
    return [note for note in plan.plan(files, spec).notes if " begins with " in note]


@pytest.mark.parametrize(
    ("scheme", "requirements", "note"),
    [
        ("postgres", "psycopg2", f"{SET} postgres://, which SQLAlchemy does not know; write postgresql://"),
        (
            "postgresql",
            "psycopg[binary]",
            f"{SET} postgresql://, for which SQLAlchemy takes psycopg2, and the app depends on psycopg; write "
            "postgresql+psycopg://",
        ),
        (
            "postgresql+asyncpg",
            "psycopg2-binary",
            f"{SET} postgresql+asyncpg://, for which SQLAlchemy takes asyncpg, and the app depends on psycopg2; write "
            "postgresql+psycopg2://",
        ),
        (
            "mysql",
            "PyMySQL",
            f"{SET} mysql://, for which SQLAlchemy takes mysqldb, and the app depends on pymysql; write mysql+pymysql://",
        ),
    ],
)
def test_what_sqlalchemy_does_not_take_is_told(scheme: str, requirements: str, note: str) -> None:
    assert noted(scheme, requirements) == [note]
    assert "canary" not in note


@pytest.mark.parametrize(
    ("scheme", "requirements", "code"),
    [
        ("postgresql", "psycopg2-binary", USES),
        ("postgresql+psycopg", "psycopg", USES),
        ("postgresql+asyncpg", "asyncpg\npsycopg2", USES),
        ("postgresql+psycopg_async", "psycopg", USES),
        # A lock may bring the driver, of which a plain list says nothing.
        ("postgresql", "shop-database", USES),
        ("postgres", "psycopg2", "import psycopg2\n"),
        ("postgres", "psycopg2", USES + "url = url.replace('postgres://', 'postgresql://')\n"),
        ("sqlite", "psycopg", USES),
    ],
)
def test_what_it_takes_is_no_matter(scheme: str, requirements: str, code: str) -> None:
    assert noted(scheme, requirements, code) == []
