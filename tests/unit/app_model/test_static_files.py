"""Which static files an app has: what Django's settings say in their many forms, and what the settings of the stack say."""

from typing import Any

import pytest

from infra.app_model import django_settings, static_files
from infra.app_model import plan as app_plan
from infra.app_model.build_plan import Decision
from infra.app_model.files import AppError, MemoryFiles
from infra.app_model.module_values import ModuleValues, in_app
from infra.app_model.sources import Sources
from infra.app_model.static_files import Plan
from infra.app_model.static_words import COLLECTED
from infra.protocol.app_settings import StaticFiles
from infra.protocol.specs import DeploySpec, Source

MANAGE = """\
import os, sys
def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
"""
STARTPROJECT = """\
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
DEBUG = True
INSTALLED_APPS = ["django.contrib.admin", "django.contrib.staticfiles"]
MIDDLEWARE = ["django.middleware.security.SecurityMiddleware"]
STATIC_URL = "static/"
ROOT_URLCONF = "project.urls"
WSGI_APPLICATION = "project.wsgi.application"
"""
WSGI = 'import os\nos.environ.setdefault("DJANGO_SETTINGS_MODULE", "{}")\n'
WHITENOISE = 'MIDDLEWARE += ["whitenoise.middleware.WhiteNoiseMiddleware"]\n'
COLLECT = "python manage.py collectstatic --noinput"
MEDIA = 'MEDIA_URL = "/media/"\nMEDIA_ROOT = BASE_DIR / "media"\n'
URLS = "urlpatterns = [] + static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT)\n"


def memory(texts: dict[str, str]) -> Sources:
    return Sources(MemoryFiles(texts))


def settings(**spec: Any) -> DeploySpec:
    return DeploySpec("app", Source("pushed"), **spec)


def plan(more: str = "", spec: DeploySpec | None = None, persist: tuple[str, ...] = (), **files: str) -> Plan:
    """The plan of what django-admin startproject makes, with more lines of settings and more files."""
    texts = {"manage.py": MANAGE, "project/settings.py": STARTPROJECT + more}
    texts |= {name.replace("__", "/") + ".py": text for name, text in files.items()}
    return static_files.plan(memory(texts), spec or settings(), persist)


def test_django_admin_startproject_has_its_static_files_collected_and_served() -> None:
    assert plan() == Plan(
        COLLECT,
        (StaticFiles("/static/", COLLECTED),),
        (
            Decision(
                "collectstatic",
                COLLECT,
                "project.settings has django.contrib.staticfiles and no STATIC_ROOT, so they go to a folder of Launchpad's",
                "launchpad:env.DISABLE_COLLECTSTATIC",
            ),
            Decision("static files", "/static/ by the proxy", "what collectstatic collects", "launchpad:static"),
        ),
    )


@pytest.mark.parametrize(
    ("more", "prefix"),
    [
        ('STATIC_ROOT = "staticfiles"', "/static/"),
        ('STATIC_ROOT = BASE_DIR / "staticfiles"', "/static/"),
        ('STATIC_ROOT = os.path.join(BASE_DIR, "static")', "/static/"),
        ('STATIC_ROOT = env("STATIC_ROOT", default="x")', "/static/"),
        ('STATIC_URL = "/assets/"', "/assets/"),
        ('STATIC_URL = "assets/v1/"', "/assets/v1/"),
        ('STATIC_URL = env.str("STATIC_URL", default="/s/")', "/s/"),
        ('STATIC_URL = os.environ.get("STATIC_URL", "/s/")', "/s/"),
        ('STATIC_URL: str = "/typed/"', "/typed/"),
        ('if not DEBUG:\n    STATIC_URL = "/if/"', "/if/"),
        ('try:\n    STATIC_URL = "/try/"\nexcept ImportError:\n    pass', "/try/"),
        ('FORCE = "/forced"\nSTATIC_URL = FORCE + "/static/"', "/forced/static/"),
        ('FORCE = "/forced"\nSTATIC_URL = f"{FORCE}/static/"', "/forced/static/"),
    ],
)
def test_forms_of_settings_whose_files_the_proxy_serves(more: str, prefix: str) -> None:
    found = plan(f"{more}\n")
    assert (found.collect, found.static) == (COLLECT, (StaticFiles(prefix, COLLECTED),))


@pytest.mark.parametrize(
    "more",
    [
        'STATIC_URL = "https://cdn.example.org/static/"\n',  # to a bucket, for which it is run all the same
        'STATIC_URL = f"https://{HOST}/static/"\n',
        WHITENOISE,
        'MIDDLEWARE = ["whitenoise.middleware.WhiteNoiseMiddleware", *MIDDLEWARE]\n',
        'MIDDLEWARE.insert(1, "whitenoise.middleware.WhiteNoiseMiddleware")\n',
    ],
)
def test_files_that_are_collected_and_left_to_the_app(more: str) -> None:
    found = plan(more)
    assert found.collect == COLLECT
    assert found.static == ()


@pytest.mark.parametrize(
    "files",
    [
        {"app.py": "from flask import Flask\napp = Flask(__name__)\n", "static/site.css": ""},
        {"manage.py": "from flask.cli import main\nmain()\n"},
        {"manage.py": MANAGE.replace("project.settings", ""), "project/settings.py": STARTPROJECT},
        {"manage.py": MANAGE, "project/settings.py": STARTPROJECT.replace("django.contrib.staticfiles", "api")},
        {"manage.py": MANAGE, "project/settings.py": STARTPROJECT.replace('"django.contrib.staticfiles"', "# no")},
        {"manage.py": MANAGE, "project/settings.py": "not python ("},
        {},
    ],
)
def test_apps_that_collect_nothing(files: dict[str, str]) -> None:
    assert static_files.plan(memory(files), settings()) == Plan()


def test_collectstatic_takes_the_settings_that_serve() -> None:
    split = {
        "manage.py": MANAGE.replace("project.settings", "config.settings.local"),
        "config/settings/base.py": STARTPROJECT.replace("project.", "config."),
        "config/settings/local.py": "from .base import *\n",
        "config/settings/production.py": 'from .base import *\nSTATIC_URL = "/p/"\n' + WHITENOISE,
        "config/wsgi.py": WSGI.format("config.settings.production"),
    }
    found = static_files.plan(memory(split), settings())
    assert found.collect == f"DJANGO_SETTINGS_MODULE=config.settings.production {COLLECT}"
    assert found.static == ()
    given = settings(env=(("DJANGO_SETTINGS_MODULE", "config.settings.local"),))
    found = static_files.plan(memory(split), given)
    assert (found.collect, found.static) == (COLLECT, (StaticFiles("/static/", COLLECTED),))


def test_a_project_one_folder_down() -> None:
    found = static_files.plan(memory({"src/manage.py": MANAGE, "src/project/settings.py": STARTPROJECT}), settings())
    assert found.collect == "python src/manage.py collectstatic --noinput"


def test_disable_collectstatic_is_honoured_whatever_its_value() -> None:
    found = plan(spec=settings(env=(("DISABLE_COLLECTSTATIC", "0"),)))
    why = Decision("collectstatic", "not run", "DISABLE_COLLECTSTATIC is set", "launchpad:env")
    assert found == Plan("", (), (why,))


def test_the_preview_says_who_serves_what_is_collected() -> None:
    said = {
        "": "/static/ by the proxy",
        WHITENOISE: "/static/ by the app",
        'STATIC_URL = "//cdn/"\n': "not by the proxy",
    }
    for more, value in said.items():
        assert [each.value for each in plan(more).decisions] == [COLLECT, value]


def test_the_settings_of_the_stack_win() -> None:
    given = (StaticFiles("/static/", ""), StaticFiles("/docs/", "site/build"))
    found = plan(spec=settings(static=given))
    assert found.static == (StaticFiles("/docs/", "site/build"),)
    assert [each.value for each in found.decisions] == [COLLECT, "/static/ by the app", "/docs/ from site/build"]


@pytest.mark.parametrize(
    ("folder", "persist", "served"),
    [
        ("dist/./assets", (), "dist/assets"),
        ("$DATA_DIR/media", (), "$DATA_DIR/media"),
        ("${DATA_DIR}/media/", (), "$DATA_DIR/media"),
        ("media", ("media",), "$DATA_DIR/media"),
        ("files/public", ("files",), "$DATA_DIR/files/public"),
        ("mediathek", ("media",), "mediathek"),
    ],
)
def test_folders_of_the_settings(folder: str, persist: tuple[str, ...], served: str) -> None:
    spec = settings(static=(StaticFiles("/x/", folder),))
    assert static_files.plan(memory({}), spec, persist).static == (StaticFiles("/x/", served),)


@pytest.mark.parametrize(
    "folder", ["/etc", "../other", "a/../..", "$HOME/x", "$DATA_DIR/../x", "$DATA_DIR", "$DATA_DIRx", ".", "a/.."]
)
def test_folders_that_are_no_place_for_public_files(folder: str) -> None:
    with pytest.raises(AppError, match=r"^launchpad:static: /x/: "):
        static_files.plan(memory({}), settings(static=(StaticFiles("/x/", folder),)))


def test_uploads_are_served_if_they_outlive_releases_and_the_app_publishes_them() -> None:
    media = StaticFiles("/media/", "$DATA_DIR/media")
    assert media in plan(MEDIA, persist=("media",), project__urls=URLS).static
    assert (
        media
        in plan('MEDIA_URL = "media/"\nMEDIA_ROOT = os.environ["DATA_DIR"] + "/media"\n', project__urls=URLS).static
    )
    assert media not in plan(MEDIA, project__urls=URLS).static
    private = plan(MEDIA, persist=("media",))
    assert media not in private.static
    assert private.notes == (
        'uploads in MEDIA_ROOT are not served; if they are public, set launchpad:static to {"/media/": "$DATA_DIR/media"}',
    )


@pytest.mark.parametrize(
    ("expression", "path"),
    [
        ('Path(__file__).resolve().parent.parent / "media"', "media"),
        ('Path(__file__).parents[1] / "a" / "b"', "a/b"),
        ('pathlib.Path(__file__).parent.joinpath("x", "y")', "project/x/y"),
        ('os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "media")', "media"),
        ('str(Path(__file__).parent.parent / "db.sqlite3")', "db.sqlite3"),
        ('f"{Path(__file__).parent}/x"', "project/x"),
        ("environ.Path(__file__) - 2", "."),
        ('(environ.Path(__file__) - 2).path("media")', "media"),
        ('(environ.Path(__file__) - 2)("media")', None),
        ('os.getenv("UNSET", "media")', "media"),
        ('os.environ["SET"]', "here"),
        ('env("SET", default="there")', "here"),
        ('config("UNSET", default="there")', "there"),
        ('os.environ["UNSET"]', None),
        ('Path(__file__).parent.parent.parent / "up"', None),
        ('"/var/www/media"', None),
        ("compute()", None),
        ("[1, 2]", None),
    ],
)
def test_paths_in_settings(expression: str, path: str | None) -> None:
    files = memory({"project/settings.py": f"X = {expression}\n"})
    assert in_app(ModuleValues(files, "project.settings", {"SET": "here"}).get("X")) == path


def test_names_that_depend_on_themselves_have_no_value() -> None:
    files = memory({"a.py": "from b import *\nX = Y\nY = X\n", "b.py": "from a import *\nZ = Z\n"})
    values = ModuleValues(files, "a", {})
    assert [values.get(name) for name in "XYZ"] == [None, None, None]


def test_no_secret_is_part_of_what_is_shown() -> None:
    """A hostile repository may build any setting from the secrets that the app gets."""
    lines = """\
import os
STATIC_URL = "/" + os.environ["TOKEN"] + "/"
MEDIA_URL = os.environ.get("TOKEN", "media/")
MEDIA_ROOT = os.environ["DATA_DIR"] + "/" + os.getenv("TOKEN", "media")
"""
    found = plan(lines, settings(secrets=(("TOKEN", "hunter2"),)), project__urls=URLS)
    assert "hunter2" not in repr(found)
    assert found.static == ()
    open_to_all = plan(lines, settings(env=(("TOKEN", "v2"),)), project__urls=URLS)
    assert [item.prefix for item in open_to_all.static] == ["/v2/", "/v2/"]


@pytest.mark.parametrize(
    ("line", "env", "is_on"),
    [
        ("DEBUG = True", {}, True),
        ("DEBUG = False", {}, False),
        ('DEBUG = os.environ.get("DEBUG", "True") == "True"', {}, True),
        ('DEBUG = os.environ.get("DEBUG", "True") == "True"', {"DEBUG": "False"}, False),
        ('DEBUG = os.environ.get("DEBUG") == "True"', {}, False),
        ('DEBUG = env.bool("DEBUG", default=True)', {}, True),
        ('DEBUG = env.bool("DEBUG", default=False)', {"DEBUG": "on"}, True),
        ('DEBUG = config("DEBUG", cast=bool)', {}, False),
    ],
)
def test_a_django_app_that_shows_its_errors_to_visitors_is_noted(line: str, env: dict[str, str], is_on: bool) -> None:
    texts = {"manage.py": MANAGE, "project/settings.py": STARTPROJECT + line}
    notes = django_settings.notes(memory(texts), settings(env=tuple(env.items())))
    told = "DEBUG is on in project.settings: each error shows a visitor the app's code and settings; set it to False"
    assert notes == ((told,) if is_on else ())


def test_an_app_of_another_framework_has_no_settings_of_django() -> None:
    assert django_settings.notes(memory({"app.py": "DEBUG = True\n"}), settings()) == ()


def test_the_plan_has_the_note_on_debug() -> None:
    texts = {"manage.py": MANAGE, "project/settings.py": STARTPROJECT, "requirements.txt": "django\n"}
    assert app_plan.plan(MemoryFiles(texts), settings()).notes[-1].startswith("DEBUG is on in project.settings: ")
