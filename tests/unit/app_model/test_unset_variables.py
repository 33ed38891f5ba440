"""The variables that an app reads and nobody sets: which, where, and whether it fails without them."""

from typing import Any

import pytest

from infra.app_model import plan, unset_variables
from infra.app_model.files import MemoryFiles
from infra.app_model.unset_variables import Unset
from infra.protocol.database import Database
from infra.protocol.specs import DeploySpec, Source

APP = "import os\nfrom flask import Flask\napp = Flask(__name__)\n"


def found(code: str, **more: object) -> list[Unset]:
    files = MemoryFiles({"app.py": APP + code, "requirements.txt": "flask\ngunicorn\n"})
    spec = DeploySpec("shop", Source("pushed"), **more)  # type: ignore[arg-type]
    return unset_variables.find(files, plan.plan(files, spec), spec)


@pytest.mark.parametrize(
    ("code", "wanted"),
    [
        ('os.environ["API"]', [Unset("API", "app.py line 4", needed=True)]),
        ('from os import environ\nenviron["API"]', [Unset("API", "app.py line 5", needed=True)]),
        ('os.getenv("API")', [Unset("API", "app.py line 4", needed=False)]),
        ('os.environ.get("API")', [Unset("API", "app.py line 4", needed=False)]),
        ('os.getenv("B"); os.getenv("A"); os.environ["C"]', [("C", True), ("A", False), ("B", False)]),
        ('os.getenv("API"); os.environ["API"]', [("API", True)]),
        ('if "API" in os.environ:\n    os.environ["API"]', [("API", False)]),
        ('from decouple import config\nconfig("API")', [("API", True)]),
        ("import dj_database_url\ndj_database_url.config(conn_max_age=600)", [("DATABASE_URL", True)]),
        ('import dj_database_url as d\nd.config(env="DB_URL", ssl_require=False)', [("DB_URL", True)]),
        ('import environ\nenv = environ.Env()\nenv("API"); env.int("COUNT")', [("API", True), ("COUNT", True)]),
        # A default is an answer.
        ('os.getenv("API", "x"); os.environ.get("API", None)', []),
        ('os.getenv("API") or "x"', []),
        ('import dj_database_url\ndj_database_url.config(default="sqlite:///x")', []),
        ('from decouple import config\nconfig("API", default=1); config("API", cast=int, **{})', []),
        ('import environ\nenv = environ.Env()\nenv("API", "x"); env.int("COUNT", default=1)', []),
        # What a server passes to a WSGI app is called environ, too.
        ('def call(environ, start): environ["PATH_INFO"]; environ.get("HTTP_X_SCHEME")', []),
        ('from os import *\nenviron["API"]', [("API", True)]),
        ('if __name__ == "__main__":\n    os.environ["API"]', [("API", True)]),
        # What sets it is no reading.
        ('os.environ["API"] = "x"; del os.environ["API"]', []),
        ('name = "API"; os.environ[name]; os.environ["not a name"]', []),
        # Launchpad and the system set these.
        ('os.environ["PORT"]; os.environ["DATA_DIR"]; os.environ["HOME"]; os.environ["LAUNCHPAD_URL"]', []),
        ('os.environ["SECRET_KEY"]', []),
    ],
)
def test_the_variables_that_nobody_sets(code: str, wanted: list[object]) -> None:
    names = found(code)
    assert (
        names if wanted and isinstance(wanted[0], Unset) else [(each.name, each.needed) for each in names]
    ) == wanted


def test_what_another_module_reads_as_a_program_is_not_read_by_the_app() -> None:
    other = 'import os\nif __name__ == "__main__":\n    os.environ["GITHUB_REF_NAME"]\n'
    files = MemoryFiles({"app.py": f"import version\n{APP}", "version.py": other})
    spec = DeploySpec("shop", Source("pushed"))
    assert unset_variables.find(files, plan.plan(files, spec), spec) == []


def test_what_the_settings_set_is_not_among_them() -> None:
    code = 'os.environ["A"]; os.environ["B"]; os.environ["C"]'
    assert [each.name for each in found(code, env=(("A", "1"),), secrets=(("B", "2"),))] == ["C"]


def test_the_variables_of_the_machines_database_are_set_by_launchpad() -> None:
    code = 'os.environ["DATABASE_URL"]; os.environ["PGHOST"]; os.environ["PGPASSWORD"]'
    assert [each.name for each in found(code, database=Database("postgres"))] == ["PGPASSWORD"]


@pytest.mark.parametrize(
    ("code", "more", "told"),
    [
        ('os.environ["DATABASE_URL"]', {}, True),
        ("import dj_database_url\ndj_database_url.config()", {}, True),
        ('os.environ["DATABASE_URL"]', {"database": Database("postgres")}, False),
        ('os.environ["DATABASE_URL"]', {"secrets": (("DATABASE_URL", "postgres://db/shop"),)}, False),
        ('os.getenv("DATABASE_URL", "sqlite:///x")', {}, False),
    ],
)
def test_the_preview_proposes_a_database_to_an_app_that_reads_its_url_and_has_none(
    code: str, more: dict[str, Any], told: bool
) -> None:
    files = MemoryFiles({"app.py": APP + code, "requirements.txt": "flask\ngunicorn\n"})
    notes = plan.plan(files, DeploySpec("shop", Source("pushed"), **more)).notes
    line = 5 if "import dj" in code else 4
    wanted = (
        f"app.py line {line} reads DATABASE_URL, and nobody sets it; with launchpad:database postgres the machine has a "
        "database for this app"
    )
    assert notes == ((wanted,) if told else ())


@pytest.mark.parametrize(
    ("name", "key"),
    [("DATABASE_URL", "secrets.DATABASE_URL"), ("OPENAI_API_KEY", "secrets.OPENAI_API_KEY"), ("MODE", "env.MODE")],
)
def test_the_key_is_one_for_secrets_where_the_name_sounds_like_one(name: str, key: str) -> None:
    assert Unset(name, "app.py line 1", needed=True).key == key
