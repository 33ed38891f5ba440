"""How an app starts: the right command for each framework and each form that people write, from its files alone."""

import re

import pytest

from infra.app_model import plan
from infra.app_model.files import AppError, MemoryFiles
from infra.protocol import paths
from infra.protocol.app_settings import Process
from infra.protocol.specs import DeploySpec, Source

SERVE = f"python {paths.SERVE}"
FLASK = "from flask import Flask\napp = Flask(__name__)\n"
FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"
FACTORY = "import flask\ndef create_app(test_config=None):\n    app = flask.Flask(__name__)\n    return app\n"
MANAGE = "import os\ndef main():\n    os.environ.setdefault('DJANGO_SETTINGS_MODULE', '{}')\n"
WSGI = MANAGE + "from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"
TORNADO = """\
import asyncio
import tornado.web
def make_app():
    return tornado.web.Application([])
async def main():
    app = make_app()
    app.listen(8888)
    await asyncio.Event().wait()
if __name__ == "__main__":
    asyncio.run(main())
"""

COMMANDS: list[tuple[str, dict[str, str], str]] = [
    ("Flask in app.py", {"app.py": FLASK}, "gunicorn --threads 4 app:app"),
    ("Flask in main.py", {"main.py": FLASK}, "gunicorn --threads 4 main:app"),
    ("Flask in hello.py", {"hello.py": FLASK}, "gunicorn --threads 4 hello:app"),
    ("Flask with run at once", {"app.py": f"{FLASK}app.run()\n"}, "gunicorn --threads 4 app:app"),
    (
        "Flask called application",
        {"app.py": FLASK.replace("app =", "application =")},
        "gunicorn --threads 4 app:application",
    ),
    (
        "Flask called by its name",
        {"app.py": "import flask as f\nsite: f.Flask = f.Flask('x')\n"},
        "gunicorn --threads 4 app:site",
    ),
    ("Flask, wrapped", {"app.py": f"{FLASK}from x import Fix\napp = Fix(app)\n"}, "gunicorn --threads 4 app:app"),
    (
        "Flask, own class",
        {"app.py": "from flask import Flask\nclass Shop(Flask): pass\napp = Shop('x')\n"},
        "gunicorn --threads 4 app:app",
    ),
    (
        "Flask in a try",
        {"app.py": "from flask import Flask\ntry:\n    app = Flask('x')\nfinally:\n    pass\n"},
        "gunicorn --threads 4 app:app",
    ),
    (
        "Flask under if __name__ only",
        {"app.py": f"{FACTORY}if __name__ == '__main__':\n    app = create_app()\n    app.run()\n"},
        "gunicorn --threads 4 'app:create_app()'",
    ),
    (
        "wsgi.py before app.py",
        {"app.py": FLASK, "wsgi.py": "from app import app as application\n"},
        "gunicorn --threads 4 wsgi:application",
    ),
    (
        "wsgi.py that calls a factory",
        {"shop/__init__.py": FACTORY, "wsgi.py": "from shop import create_app\napp = create_app()\n"},
        "gunicorn --threads 4 wsgi:app",
    ),
    ("a factory in a package", {"shop/__init__.py": FACTORY}, "gunicorn --threads 4 'shop:create_app()'"),
    (
        "a factory of a submodule",
        {"shop/__init__.py": "", "shop/app.py": FACTORY},
        "gunicorn --threads 4 'shop.app:create_app()'",
    ),
    (
        "a factory with arguments",
        {
            "shop/__init__.py": FACTORY.replace("=None", ""),
            "run.py": "from shop import create_app\napp = create_app('x')\n",
        },
        "gunicorn --threads 4 run:app",
    ),
    (
        "a factory through another",
        {
            "app.py": "from shop import make\ndef create_app():\n    return make(1)\n",
            "shop.py": FACTORY.replace("create_app", "make"),
        },
        "gunicorn --threads 4 'app:create_app()'",
    ),
    ("make_app", {"app.py": FACTORY.replace("create_app", "make_app")}, "gunicorn --threads 4 'app:make_app()'"),
    ("an app in a package", {"shop/__init__.py": FLASK}, "gunicorn --threads 4 shop:app"),
    (
        "a relative import",
        {"shop/__init__.py": "", "shop/app.py": "from .core import app\n", "shop/core.py": FLASK},
        "gunicorn --threads 4 shop.app:app",
    ),
    ("src without a package", {"src/app.py": FLASK}, "gunicorn --threads 4 --pythonpath src app:app"),
    ("src with a package", {"src/shop/__init__.py": FLASK}, "gunicorn --threads 4 --pythonpath src shop:app"),
    ("src that is a package", {"src/__init__.py": "", "src/app.py": FLASK}, "gunicorn --threads 4 src.app:app"),
    (
        "a folder of modules",
        {"backend/app.py": f"import models\n{FLASK}", "backend/models.py": ""},
        "gunicorn --threads 4 --pythonpath backend app:app",
    ),
    (
        "a folder that imports itself",
        {"backend/app.py": f"import backend.models\n{FLASK}", "backend/models.py": ""},
        "gunicorn --threads 4 backend.app:app",
    ),
    ("tests are no app", {"tests/app.py": FLASK, "web/app.py": FLASK}, "gunicorn --threads 4 web.app:app"),
    (
        "APIFlask",
        {"app.py": "from apiflask import APIFlask\napp = APIFlask(__name__)\n"},
        "gunicorn --threads 4 app:app",
    ),
    (
        "Dash with server",
        {"app.py": "import dash\napp = dash.Dash()\nserver = app.server\n"},
        "gunicorn --threads 4 app:server",
    ),
    (
        "Dash on Flask",
        {"app.py": "from flask import Flask\nfrom dash import Dash\nserver = Flask('x')\napp = Dash(server=server)\n"},
        "gunicorn --threads 4 app:server",
    ),
    (
        "Dash without server",
        {"app.py": "from dash import Dash\napp = Dash()\nif __name__ == '__main__':\n    app.run(debug=True)\n"},
        "gunicorn --threads 4 --pythonpath /usr/local/lib/launchpad/serve"
        " \"launchpad_serve:attribute('app:app.server')\"",
    ),
    ("Quart", {"app.py": "from quart import Quart\napp = Quart(__name__)\n"}, "uvicorn app:app"),
    (
        "Quart with run at once",
        {"app.py": "from quart import Quart\napp = Quart(__name__)\napp.run()\n"},
        f"{SERVE} app.py",
    ),
    ("FastAPI in main.py", {"main.py": FASTAPI}, "uvicorn main:app"),
    ("FastAPI in app/main.py", {"app/__init__.py": "", "app/main.py": FASTAPI}, "uvicorn app.main:app"),
    ("FastAPI in app/main.py, no package", {"app/main.py": FASTAPI}, "uvicorn app.main:app"),
    ("FastAPI in src/app/main.py", {"src/app/main.py": FASTAPI}, "uvicorn --app-dir src app.main:app"),
    (
        "FastAPI, src in the imports",
        {"src/main.py": f"from src.x import y\n{FASTAPI}", "src/x.py": ""},
        "uvicorn src.main:app",
    ),
    (
        "FastAPI two folders down",
        {
            "backend/app/main.py": f"from app.x import y\n{FASTAPI}",
            "backend/app/__init__.py": "",
            "backend/app/x.py": "",
        },
        "uvicorn --app-dir backend app.main:app",
    ),
    (
        "FastAPI factory",
        {"main.py": "from fastapi import FastAPI\ndef create_app() -> FastAPI:\n    return FastAPI()\n"},
        "uvicorn --factory main:create_app",
    ),
    (
        "FastAPI with uvicorn.run at once",
        {"main.py": f"import uvicorn\n{FASTAPI}uvicorn.run(app, port=8000)\n"},
        f"{SERVE} main.py",
    ),
    (
        "FastAPI with uvicorn.run as a program",
        {"main.py": f"import uvicorn\n{FASTAPI}if __name__ == '__main__':\n    uvicorn.run(app)\n"},
        "uvicorn main:app",
    ),
    (
        "FastAPI under Socket.IO",
        {"main.py": f"import socketio\n{FASTAPI}socket_app = socketio.ASGIApp(socketio.AsyncServer(), app)\n"},
        "uvicorn main:app",
    ),
    ("Starlette", {"main.py": "from starlette.applications import Starlette\napp = Starlette()\n"}, "uvicorn main:app"),
    ("Litestar", {"app.py": "from litestar import Litestar\napp = Litestar([])\n"}, "uvicorn app:app"),
    ("BlackSheep", {"server.py": "from blacksheep import Application\napp = Application()\n"}, "uvicorn server:app"),
    ("FastHTML", {"main.py": "from fasthtml.common import *\napp, rt = fast_app()\nserve()\n"}, "uvicorn main:app"),
    ("Sanic", {"server.py": "from sanic import Sanic\napp = Sanic('x')\n"}, "uvicorn server:app"),
    ("Falcon", {"app.py": "import falcon\napp = application = falcon.App()\n"}, "gunicorn --threads 4 app:app"),
    ("Falcon, async", {"app.py": "import falcon.asgi\napp = falcon.asgi.App()\n"}, "uvicorn app:app"),
    ("Bottle", {"app.py": "from bottle import Bottle\napp = Bottle()\n"}, "gunicorn --threads 4 app:app"),
    (
        "Bottle that runs at once",
        {"app.py": "from bottle import route, run\nrun(host='localhost', port=8080)\n"},
        "gunicorn --threads 4 \"bottle:load_app('app')\"",
    ),
    (
        "Pyramid",
        {
            "app.py": "from pyramid.config import Configurator\nwith Configurator() as config:\n    app = config.make_wsgi_app()\n"
        },
        "gunicorn --threads 4 app:app",
    ),
    (
        "Pyramid, the first example",
        {
            "app.py": "from wsgiref.simple_server import make_server\nfrom pyramid.config import Configurator\nif __name__ == '__main__':\n    app = Configurator().make_wsgi_app()\n    make_server('0.0.0.0', 6543, app).serve_forever()\n"
        },
        f"{SERVE} app.py",
    ),
    (
        "a WSGI function",
        {"wsgi.py": "def application(environ, start_response):\n    return []\n"},
        "gunicorn --threads 4 wsgi:application",
    ),
    ("an ASGI function", {"asgi.py": "async def app(scope, receive, send):\n    pass\n"}, "uvicorn asgi:app"),
    ("Streamlit", {"streamlit_app.py": "import streamlit as st\nst.write(1)\n"}, "streamlit run streamlit_app.py"),
    ("Streamlit, any name", {"hello.py": "import streamlit as st\nst.write(1)\n"}, "streamlit run hello.py"),
    (
        "Streamlit with parts",
        {"app.py": "import streamlit\nimport aside\n", "aside.py": "import streamlit\n"},
        "streamlit run app.py",
    ),
    ("Streamlit with a strange name", {"My Home.py": "import streamlit\n"}, "streamlit run 'My Home.py'"),
    (
        "Gradio",
        {"app.py": "import gradio as gr\ndemo = gr.Interface(str, 'text', 'text')\ndemo.launch()\n"},
        "python app.py",
    ),
    ("NiceGUI", {"main.py": "from nicegui import ui\nui.label('x')\nui.run()\n"}, f"{SERVE} --nicegui main.py"),
    ("Chainlit", {"app.py": "import chainlit as cl\n"}, "chainlit run app.py --headless --host $HOST --port $PORT"),
    (
        "aiohttp",
        {"main.py": "from aiohttp import web\napp = web.Application()\nweb.run_app(app)\n"},
        f"{SERVE} main.py",
    ),
    (
        "aiohttp with a factory",
        {
            "main.py": "from aiohttp import web\nasync def init():\n    return web.Application()\nif __name__ == '__main__':\n    web.run_app(init())\n"
        },
        f"{SERVE} main.py",
    ),
    ("Tornado", {"main.py": TORNADO}, f"{SERVE} --tornado main.py"),
    (
        "Tornado that reads PORT",
        {"main.py": TORNADO.replace("8888", "int(os.environ.get('PORT', 1))")},
        f"{SERVE} --tornado main.py",
    ),
    (
        "http.server that reads PORT",
        {
            "app.py": "import os\nfrom http.server import HTTPServer\nHTTPServer(('', int(os.environ['PORT'])), None).serve_forever()\n"
        },
        "python app.py",
    ),
    (
        "a package that is a program",
        {"chat/__init__.py": "", "chat/__main__.py": TORNADO},
        f"{SERVE} --tornado -m chat",
    ),
    (
        "a command of the app's package, whose module listens but starts nothing when it is run",
        {
            "pyproject.toml": "[project]\nname = 'shop'\nversion = '1'\n[project.scripts]\nshop = 'shop.cli:cli'\n[build-system]\nrequires = ['hatchling']\n",
            "shop/__init__.py": "",
            "shop/cli.py": "import hooks\nimport uvicorn\nfrom rich.traceback import install\ninstall()\ndef install(): ...\ndef cli():\n    uvicorn.run(None)\nhooks.register(cli)\n",
        },
        f'{SERVE} "$VIRTUAL_ENV/bin/shop"',
    ),
    (
        "a program that starts its own function as it is run",
        {"app.py": "import uvicorn\ndef go():\n    uvicorn.run(None)\ngo()\n"},
        f"{SERVE} app.py",
    ),
    (
        "Django",
        {
            "manage.py": MANAGE.format("mysite.settings"),
            "mysite/settings.py": "WSGI_APPLICATION = 'mysite.wsgi.application'\n",
            "mysite/wsgi.py": WSGI.format("mysite.settings"),
        },
        "gunicorn --threads 4 mysite.wsgi:application",
    ),
    (
        "Django without the setting",
        {
            "manage.py": MANAGE.format("mysite.settings"),
            "mysite/settings.py": "",
            "mysite/wsgi.py": WSGI.format("mysite.settings"),
        },
        "gunicorn --threads 4 mysite.wsgi:application",
    ),
    (
        "Django without wsgi.py",
        {"manage.py": MANAGE.format("settings"), "settings.py": ""},
        "gunicorn --threads 4 'django.core.wsgi:get_wsgi_application()'",
    ),
    (
        "Django in a folder",
        {
            "shop/manage.py": MANAGE.format("mysite.settings"),
            "shop/mysite/settings.py": "WSGI_APPLICATION = 'mysite.wsgi.application'\n",
            "shop/mysite/wsgi.py": "",
        },
        "gunicorn --threads 4 --chdir shop mysite.wsgi:application",
    ),
    (
        "Django Channels",
        {
            "manage.py": MANAGE.format("s.settings"),
            "s/settings.py": "ASGI_APPLICATION = 's.asgi.application'\n",
            "s/asgi.py": "",
        },
        "uvicorn s.asgi:application",
    ),
    (
        "Django, settings that include others",
        {
            "manage.py": MANAGE.format("c.settings.local"),
            "c/settings/local.py": "from .base import *\n",
            "c/settings/base.py": "WSGI_APPLICATION = 'c.wsgi.application'\n",
            "c/wsgi.py": WSGI.format("c.settings.production"),
        },
        "gunicorn --threads 4 c.wsgi:application",
    ),
    (
        "manage.py of Flask",
        {"manage.py": "from flask_script import Manager\n", "app.py": FLASK},
        "gunicorn --threads 4 app:app",
    ),
    ("a file with a mistake beside", {"a.py": "def (:\n", "app.py": FLASK}, "gunicorn --threads 4 app:app"),
]


def settings(**spec: object) -> DeploySpec:
    """Settings with some of their fields."""
    return DeploySpec("app", Source("pushed"), **spec)  # type: ignore[arg-type]


@pytest.mark.parametrize(("files", "command"), [pytest.param(*case[1:], id=case[0]) for case in COMMANDS])
def test_the_start_command(files: dict[str, str], command: str) -> None:
    assert plan.plan(MemoryFiles(files), settings()).processes["web"] == command


def test_the_reason_names_the_file_and_what_is_in_it() -> None:
    decided = plan.plan(MemoryFiles({"app.py": FLASK}), settings()).decisions[0]
    assert (decided.subject, decided.value) == ("start command", "gunicorn --threads 4 app:app")
    assert decided.reason == "app.py has a Flask app called app"
    assert decided.key == "launchpad:command"


def test_an_ambiguous_app_says_what_else_it_might_be() -> None:
    decided = plan.plan(MemoryFiles({"app.py": FLASK, "main.py": FASTAPI}), settings()).decisions[0]
    assert decided.reason == "app.py has a Flask app called app; main.py might be meant as well"


DATABASE = "import sqlite3\nclass Store:\n    def __init__(self):\n        self.rows = sqlite3.connect('a.db')\n"


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"app.py": f"import sqlite3\n{FLASK}rows = sqlite3.connect('a.db')\n"}, "gunicorn app:app"),
        ({"app.py": f"from store import rows\n{FLASK}", "store.py": f"{DATABASE}rows = Store()\n"}, "gunicorn app:app"),
        ({"app.py": f"from store import Store\n{FLASK}rows = Store()\n", "store.py": DATABASE}, "gunicorn app:app"),
        (
            {"app.py": f"import sqlite3\n{FLASK}rows = sqlite3.connect('a.db', check_same_thread=False)\n"},
            "gunicorn --threads 4 app:app",
        ),
        (
            {"app.py": f"import sqlite3\n{FLASK}def f(): rows = sqlite3.connect('a.db')\n"},
            "gunicorn --threads 4 app:app",
        ),
        ({"app.py": f"{DATABASE}{FLASK}def f(): rows = Store()\n"}, "gunicorn --threads 4 app:app"),
    ],
)
def test_a_connection_of_one_thread_is_used_in_no_other(files: dict[str, str], command: str) -> None:
    made = plan.plan(MemoryFiles(files), settings())
    assert made.processes["web"] == command
    assert ("with one thread" in made.decisions[0].reason) is (command == "gunicorn app:app")


def test_a_written_command_wins_and_keeps_its_run() -> None:
    files = MemoryFiles({"app.py": f"{FLASK}app.run()\n", "Procfile": "web: python app.py\n"})
    written = plan.plan(files, settings())
    assert (written.processes, written.environment) == ({"web": "python app.py"}, {})
    found = plan.plan(MemoryFiles({"app.py": FLASK}), settings())
    assert found.environment == {"FLASK_RUN_FROM_CLI": "true"}


def test_django_migrates_where_nothing_else_says_what_runs_before_a_release() -> None:
    files = {"shop/manage.py": MANAGE.format("s.settings"), "shop/s/settings.py": "DATABASES = {'default': {}}\n"}
    decided = plan.plan(MemoryFiles(files), settings())
    assert decided.processes["release"] == "python shop/manage.py migrate --noinput"
    keys = [decision.key for decision in decided.decisions]
    assert keys[:2] == ["launchpad:command", "launchpad:processes.release"]
    written = plan.plan(MemoryFiles({**files, "Procfile": "web: gunicorn s.wsgi\n"}), settings())
    assert written.processes == {"web": "gunicorn s.wsgi"}


MIGRATIONS = {"migrations/env.py": "", "migrations/versions/1a_first.py": ""}
MIGRATING = "from flask_migrate import Migrate\n"
ALEMBIC = {
    "app.py": FASTAPI,
    "requirements.txt": "fastapi\nalembic\n",
    "alembic.ini": "[alembic]\nscript_location = %(here)s/db/versions_of\n[loggers]\nkeys = root\n",
    "db/versions_of/env.py": "",
    "db/versions_of/versions/1a_first.py": "",
}


@pytest.mark.parametrize(
    ("files", "release"),
    [
        ({"app.py": MIGRATING + FLASK, **MIGRATIONS}, "flask --app app:app db upgrade"),
        (
            {"run.py": "from shop import app\n", "shop/__init__.py": MIGRATING + FLASK, **MIGRATIONS},
            "flask --app run:app db upgrade",
        ),
        ({"app.py": MIGRATING + FACTORY, **MIGRATIONS}, "flask --app 'app:create_app()' db upgrade"),
        (
            {"src/app.py": MIGRATING + "import x\n" + FACTORY, "src/x.py": "", **MIGRATIONS},
            "flask --app 'src/app.py:create_app()' db upgrade",
        ),
        ({"app.py": MIGRATING + FLASK, "migrations/env.py": ""}, None),
        ({"app.py": FLASK, **MIGRATIONS}, None),
        ({"app.py": MIGRATING + FLASK, **MIGRATIONS, "Procfile": "web: gunicorn app:app\n"}, None),
        (ALEMBIC, "alembic upgrade head"),
        ({**ALEMBIC, "requirements.txt": "fastapi\n"}, None),
        ({**ALEMBIC, "alembic.ini": "[alembic]\nscript_location = elsewhere\n"}, None),
        ({**ALEMBIC, "alembic.ini": "no section\n"}, None),
    ],
)
def test_the_database_is_migrated_before_a_release(files: dict[str, str], release: str | None) -> None:
    made = plan.plan(MemoryFiles(files), settings())
    assert made.processes.get("release") == release


def test_a_migration_says_why_and_can_be_left_out() -> None:
    files = MemoryFiles({"app.py": MIGRATING + FLASK, **MIGRATIONS})
    decided = plan.plan(files, settings()).decisions[1]
    assert (decided.subject, decided.key) == ("release command", "launchpad:processes.release")
    reason = (
        "app.py uses Flask-Migrate, and migrations has migrations, and nothing else says what runs before a release"
    )
    assert decided.reason == reason
    assert "release" not in plan.plan(files, settings(processes=(Process("release", disabled=True),))).processes


@pytest.mark.parametrize(
    ("texts", "migrates"),
    [
        ({"s/settings.py": "DEBUG = True\n"}, False),
        ({"s/settings.py": "from .base import *\n", "s/base.py": "from .settings import *\n"}, False),
        ({"s/settings.py": "from .base import *\n", "s/base.py": "DATABASES = {'default': {}}\n"}, True),
        ({"s/settings.py": "from .base import *\n", "s/base.py": "DATABASES: dict[str, str] = {}\n"}, False),
        ({"s/settings.py": "DATABASES = {}\nDATABASES['default'] = dj_database_url.config()\n"}, True),
        ({"s/settings.py": "from elsewhere.settings import *\n"}, True),
        ({"s/settings.py": "import heroku\nheroku.settings(locals())\n"}, True),
        ({}, True),
    ],
)
def test_django_without_a_database_has_nothing_to_migrate(texts: dict[str, str], migrates: bool) -> None:
    decided = plan.plan(MemoryFiles({"manage.py": MANAGE.format("s.settings"), **texts}), settings())
    assert ("release" in decided.processes) is migrates


def test_django_migrates_with_the_settings_that_it_serves_with() -> None:
    files = {"manage.py": MANAGE.format("c.local"), "c/local.py": "WSGI_APPLICATION = 'c.wsgi.application'\n"}
    files["c/wsgi.py"] = WSGI.format("c.production")
    assert plan.plan(MemoryFiles(files), settings()).environment == {"DJANGO_SETTINGS_MODULE": "c.production"}


def test_a_mistake_in_the_syntax_is_named_where_nothing_is_found() -> None:
    broken = "from flask import Flask\napp = Flask(__name__)\n\n@app.route('/'\ndef hello():\n    return 'hi'\n"
    with pytest.raises(AppError) as refused:
        plan.plan(MemoryFiles({"app.py": broken, "requirements.txt": "flask\n"}), settings())
    line = str(refused.value).splitlines()[1]
    assert re.fullmatch(r"Python 3\.\d+ cannot read app\.py, line 4: '\(' was never closed\.", line)


def test_a_mistake_in_a_file_that_is_not_needed_says_nothing() -> None:
    plan.plan(MemoryFiles({"app.py": FLASK, "old.py": "print 'hi'\n", "requirements.txt": "flask\n"}), settings())


@pytest.mark.parametrize(
    "line",
    [
        "app.config.from_object('config.Config')",
        "app.config.from_object('config')",
        'app.config.from_object(f"config.{name}")',
        "app.config.from_pyfile('config.py')",
    ],
)
def test_the_configuration_that_flask_loads_by_its_name_belongs_to_the_app(line: str) -> None:
    config = "import os\nclass Config:\n    SECRET_KEY = os.environ.get('SECRET_KEY')\nDATABASE_PATH = 'shop.db'\n"
    made = plan.plan(MemoryFiles({"app.py": f"{FLASK}{line}\n", "config.py": config}), settings())
    assert (made.generated, made.persist) == (("SECRET_KEY",), ("shop.db",))
