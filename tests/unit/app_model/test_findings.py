"""The health path, the secrets that are made, and the Debian packages, each by its exact value."""

import pytest

from infra.app_model import plan
from infra.app_model.build_plan import BuildPlan
from infra.app_model.files import MemoryFiles
from infra.protocol.specs import DeploySpec, Health, Source

FLASK = "import os\nfrom flask import Flask\napp = Flask(__name__)\n"
FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"


def made(files: dict[str, str], **spec: object) -> BuildPlan:
    """The plan of some files, with the health path left open."""
    usual = {"health": Health(path=""), **spec}
    return plan.plan(MemoryFiles(files), DeploySpec("app", Source("pushed"), **usual))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (FLASK, "/"),
        (f"{FLASK}@app.route('/')\ndef index(): ...\n@app.route('/health')\ndef health(): ...\n", "/"),
        (f"{FLASK}@app.route('/api/users')\ndef users(): ...\n@app.route('/healthz')\ndef health(): ...\n", "/healthz"),
        (f"{FLASK}@app.get('/ping')\ndef ping(): ...\n", "/ping"),
        (f"{FLASK}@app.route('/users')\ndef users(): ...\n", "/"),
        (f"{FLASK}from x import bp\napp.register_blueprint(bp)\n@app.get('/ping')\ndef ping(): ...\n", "/"),
        (f"{FASTAPI}@app.get('/items/{{id}}')\ndef item(id): ...\n", "/docs"),
        (f"{FASTAPI}@app.get('/items')\ndef items(): ...\n@app.get('/health')\ndef health(): ...\n", "/health"),
        (f"{FASTAPI}@app.get('/')\ndef root(): ...\n", "/"),
        (f"{FASTAPI.replace('()', '(docs_url=None)')}@app.get('/items')\ndef items(): ...\n", "/"),
        (f"{FASTAPI}@app.get('/items')\ndef items(): ...\napp.mount('/', object())\n", "/"),
        (
            "from starlette.applications import Starlette\nfrom starlette.routing import Route\napp = Starlette(routes=[Route('/up', f)])\n",
            "/up",
        ),
    ],
)
def test_the_health_path(text: str, path: str) -> None:
    assert made({"app.py": text}).health_path == path


@pytest.mark.parametrize(
    ("patterns", "path"),
    [
        ("path('admin/', admin.site.urls)", "/admin/login/"),
        ("path('admin/', admin.site.urls), path('api/', include('api.urls'))", "/admin/login/"),
        ("path('admin/', admin.site.urls), path('', include('blog.urls'))", "/"),
        ("re_path(r'^$', f), path('admin/', admin.site.urls)", "/"),
        ("re_path(r'^(?P<x>.*)$', f), path('admin/', admin.site.urls)", "/"),
        ("path('secret/', admin.site.urls)", "/"),
        ("path('admin/', admin.site.urls), *router.urls", "/"),
    ],
)
def test_the_health_path_of_django(patterns: str, path: str) -> None:
    urls = f"from django.contrib import admin\nfrom django.urls import include, path, re_path\nurlpatterns = [{patterns}]\n"
    manage = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 's.settings')\n"
    api = "from django.urls import path\nurlpatterns = [path('', 1)]\n"
    files = {"manage.py": manage, "s/settings.py": "ROOT_URLCONF = 's.urls'\n", "s/urls.py": urls, "api/urls.py": api}
    assert made(files).health_path == path


def test_a_set_health_path_wins() -> None:
    text = f"{FLASK}@app.get('/ping')\ndef ping(): ...\n"
    plan = made({"app.py": text}, health=Health(path="/other"))
    assert plan.health_path == "/other"
    assert "launchpad:health_path" not in [decision.key for decision in plan.decisions]
    assert [each.reason for each in made({"app.py": text}).decisions if each.key == "launchpad:health_path"] == [
        "app.py serves /ping, and nothing serves /"
    ]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("os.environ['SECRET_KEY']", ("SECRET_KEY",)),
        ("os.environ.get('SECRET_KEY', 'dev')", ("SECRET_KEY",)),
        ("os.getenv('FLASK_SECRET_KEY')", ("FLASK_SECRET_KEY",)),
        ("from os import environ as e\ne['JWT_SECRET']", ("JWT_SECRET",)),
        ("from os import getenv\ngetenv('SESSION_SECRET')", ("SESSION_SECRET",)),
        ("from decouple import config\nconfig('SECRET_KEY')", ("SECRET_KEY",)),
        ("import environ\nenv = environ.Env()\nenv('DJANGO_SECRET_KEY')", ("DJANGO_SECRET_KEY",)),
        ("from environs import Env\nenv = Env()\nenv.str('SECRET_KEY')", ("SECRET_KEY",)),
        ("app.config.from_prefixed_env()", ("FLASK_SECRET_KEY",)),
        ("from pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    secret_key: str\n    debug: bool", ("SECRET_KEY",)),
        ("from pydantic_settings import BaseSettings as B, SettingsConfigDict\nclass S(B):\n    model_config = SettingsConfigDict(env_prefix='APP_')\n    secret: str", ("APP_SECRET",)),
        ("os.environ['STRIPE_SECRET_KEY'], os.environ['DATABASE_URL'], os.environ['AWS_SECRET_ACCESS_KEY']", ()),
        ("request.args.get('SECRET_KEY')", ()),
        ("app.config['SECRET_KEY'] = 'dev'", ()),
    ],
)  # fmt: skip
def test_the_secrets_that_are_made(text: str, names: tuple[str, ...]) -> None:
    assert made({"app.py": f"{FLASK}{text}\n"}).generated == names


def test_a_secret_that_is_set_is_not_made() -> None:
    text = f"{FLASK}os.environ['SECRET_KEY'], os.environ['JWT_SECRET']\n"
    assert made({"app.py": text}, secrets=(("SECRET_KEY", "x"),), env=(("JWT_SECRET", "y"),)).generated == ()
    shown = [each for each in made({"app.py": text}).decisions if each.subject == "generated secret"]
    assert [each.key for each in shown] == ["launchpad:secrets.JWT_SECRET", "launchpad:secrets.SECRET_KEY"]


@pytest.mark.parametrize(
    ("requirements", "packages"),
    [
        ("flask\n", ()),
        ("Pillow\nlxml\npsycopg2-binary\ncryptography\n", ()),
        ("psycopg2==2.9.10\n", ("libpq-dev", "gcc", "libc6-dev", "python3-dev")),
        ("psycopg\n", ("libpq5",)),
        ("psycopg[binary]\n", ()),
        ("mysqlclient>2\n", ("default-libmysqlclient-dev", "pkg-config", "gcc", "libc6-dev", "python3-dev")),
        ("python_magic\n", ("libmagic1",)),
        ("opencv-python\npdf2image\n", ("libgl1", "libglib2.0-0", "poppler-utils")),
        ("pytesseract\npydub\n", ("ffmpeg", "tesseract-ocr")),
    ],
)
def test_the_debian_packages(requirements: str, packages: tuple[str, ...]) -> None:
    assert made({"app.py": FLASK, "requirements.txt": requirements}).packages == packages


def test_a_package_of_the_settings_is_not_named_again_and_one_can_be_left_out() -> None:
    files = {"app.py": FLASK, "requirements.txt": "psycopg2\npydub\n"}
    assert made(files, packages=("gcc", "-ffmpeg")).packages == ("libpq-dev", "libc6-dev", "python3-dev")
    reasons = [each.reason for each in made(files).decisions if each.subject == "Debian packages"]
    assert reasons == [
        "the app depends on psycopg2: it has no wheel for Linux, and is compiled",
        "the app depends on pydub: it calls a program",
    ]


@pytest.mark.parametrize("kind", ["env", "secrets"])
def test_a_host_of_the_apps_own_is_noted(kind: str) -> None:
    assert made({"app.py": FLASK}, **{kind: (("HOST", "db.example.org"),)}).notes == (
        "the web process gets HOST=127.0.0.1, where it has to listen, and every other process the HOST of the settings; "
        "if web needs that one, too, give it another name",
    )
    assert made({"app.py": FLASK}).notes == ()
