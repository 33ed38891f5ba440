"""The URL of an app's database on the machine names the driver where SQLAlchemy would take one that is not there."""

from __future__ import annotations

import pytest

from infra.agent.process import environments
from infra.agent.process.environments import Tree
from infra.agent.system.layout import App
from infra.app_model import plan
from infra.app_model.build_plan import BuildPlan, Decision
from infra.app_model.files import MemoryFiles
from infra.protocol.database import Database
from infra.protocol.specs import DeploySpec, Source

APP = "import os\nfrom flask import Flask\napp = Flask(__name__)\n"
USES = "from sqlalchemy import create_engine\nengine = create_engine(os.environ['DATABASE_URL'])\n"
PLACE = "://shop@/shop?host=/run/launchpad-postgresql"
SPEC = DeploySpec("shop", Source("pushed"), database=Database("postgres"))


def planned(requirements: str, code: str = USES, spec: DeploySpec = SPEC) -> BuildPlan:
    files = MemoryFiles({"app.py": APP + code, "requirements.txt": f"flask\nsqlalchemy\n{requirements}\n"})
    return plan.plan(files, spec)


@pytest.mark.parametrize(
    ("requirements", "code", "scheme"),
    [
        ("psycopg2-binary", USES, "postgresql"),
        ("psycopg[binary]", USES, "postgresql+psycopg"),
        ("asyncpg", USES, "postgresql+asyncpg"),
        ("psycopg2\nasyncpg", USES, "postgresql"),
        ("", USES, "postgresql"),
        ("asyncpg", "import asyncpg\nURL = os.environ['DATABASE_URL']\n", "postgresql"),
        ("asyncpg", f"{USES}# .replace('postgresql://', 'postgresql+asyncpg://')\n", "postgresql"),
    ],
)
def test_the_url_names_the_driver_where_that_is_needed(requirements: str, code: str, scheme: str) -> None:
    made = planned(requirements, code)
    tree = Tree("r", "v", App("shop").releases / "r", App("shop").virtualenvs / "v")
    given = environments.release(App("shop"), SPEC, tree, made.environment)
    assert given["DATABASE_URL"] == f"{scheme}{PLACE}"
    assert given["PGHOST"] == "/run/launchpad-postgresql"
    (shown,) = [each for each in made.decisions if each.subject == "database"]
    assert shown.value == f"DATABASE_URL={scheme}{PLACE}"


def test_the_reason_is_in_the_preview() -> None:
    (shown,) = [each for each in planned("asyncpg").decisions if each.subject == "database"]
    assert shown == Decision(
        "database",
        f"DATABASE_URL=postgresql+asyncpg{PLACE}",
        "launchpad:database is set, and SQLAlchemy would take psycopg2, which the app does not depend on",
        "launchpad:database",
    )


def test_without_the_key_nothing_is_decided() -> None:
    made = planned("asyncpg", spec=DeploySpec("shop", Source("pushed")))
    assert "DATABASE_URL" not in made.environment
    assert not [each for each in made.decisions if each.subject == "database"]


def test_other_variables_may_be_made_of_those_of_the_database() -> None:
    spec = DeploySpec(
        "shop",
        Source("pushed"),
        env=(("ASYNC_URL", "postgresql+asyncpg://$PGUSER@/$PGDATABASE?host=$PGHOST"),),
        database=Database("postgres"),
    )
    tree = Tree("r", "v", App("shop").releases / "r", App("shop").virtualenvs / "v")
    assert environments.release(App("shop"), spec, tree)["ASYNC_URL"] == f"postgresql+asyncpg{PLACE}"
