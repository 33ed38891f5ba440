"""What outlives a release: what the settings say, and what the app's code writes beside itself."""

import pytest

from infra.app_model import persist, plan, reach
from infra.app_model.build_plan import Decision
from infra.app_model.files import MemoryFiles
from infra.app_model.sources import Sources
from infra.protocol.specs import DeploySpec, Source


def spec(*entries: str, env: tuple[tuple[str, str], ...] = ()) -> DeploySpec:
    """A deploy specification with these entries of ``persist`` and these variables."""
    return DeploySpec(app="shop", source=Source("pushed"), persist=entries, env=env)


def kept(texts: dict[str, str], *entries: str, env: tuple[tuple[str, str], ...] = ()) -> tuple[str, ...]:
    """What is kept of an app with these files."""
    return decided(texts, *entries, env=env)[0]


def decided(
    texts: dict[str, str], *entries: str, env: tuple[tuple[str, str], ...] = ()
) -> tuple[tuple[str, ...], tuple[Decision, ...]]:
    """What is decided for an app that loads all modules of these files."""
    sources = Sources(MemoryFiles(texts))
    return persist.decide(sources, reach.reachable(sources, texts, ()), spec(*entries, env=env))


DJANGO = "from pathlib import Path\nBASE_DIR = Path(__file__).resolve().parent.parent\n"
OLD_DJANGO = "import os\nBASE_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))\n"
SQLITE = 'DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": %s}}\n'
HERE = "import os\nbasedir = os.path.abspath(os.path.dirname(__file__))\n"

CASES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "startproject": ({"shop/settings.py": DJANGO + SQLITE % 'BASE_DIR / "db.sqlite3"'}, ("db.sqlite3",)),
    "an older project": (
        {"shop/settings.py": OLD_DJANGO + SQLITE % 'os.path.join(BASE_DIR, "db.sqlite3")'},
        ("db.sqlite3",),
    ),
    "settings in a package": (
        {
            "shop/settings/base.py": "from pathlib import Path\nROOT_DIR = Path(__file__).parents[2]\n",
            "shop/settings/production.py": "from .base import *\n" + SQLITE % "str(ROOT_DIR / 'var' / 'db.sqlite3')",
        },
        ("var/",),
    ),
    "a database by URL": (
        {
            "shop/settings.py": 'D = {"default": dj_database_url.config("DATABASE_URL", default="sqlite:///db.sqlite3")}\n'
        },
        ("db.sqlite3",),
    ),
    "the folder that the documentation advises": (
        {"shop/settings.py": DJANGO + SQLITE % 'Path(os.environ.get("DATA_DIR", BASE_DIR)) / "db.sqlite3"'},
        (),
    ),
    "FastHTML": (
        {"main.py": "app, rt, todos, Todo = fast_app('data/todos.db', id=int)\n"},
        (".sesskey", "data/"),
    ),
    "FastHTML with a key of its own": ({"main.py": "app = FastHTML(secret_key=key())\n"}, ()),
    "FastHTML with another file": ({"main.py": "app = FastHTML(key_fname='data/key')\n"}, ("data/",)),
    "fastlite": ({"main.py": "from fastlite import database\ndb = database('shop.db')\n"}, ("shop.db",)),
    "a database of an object of the app": (
        {
            "src/main.py": "from pathlib import Path\nDB_FILE = Path(__file__).parent.parent / 'shop.db'\ndb = Store(DB_FILE)\n"
        },
        ("shop.db",),
    ),
    "a database in a typed setting": ({"config.py": "class Config:\n    db_path: str = 'sqlite.db'\n"}, ("sqlite.db",)),
    "a database of which the app reads what the commit has": (
        {"app.py": "GEO_DB = 'geo.db' # sqlite\nreader = Reader(GEO_DB)\nplaces = Database('geo.db')\n", "geo.db": ""},
        (),
    ),
    "a bare name before which the app puts a folder": (
        {
            "shop/app.py": "from pathlib import Path\nDATABASE = 'shop.db'\n"
            "URL = f'sqlite:///{Path(__file__).parent.joinpath(DATABASE)}'\n"
        },
        ("shop/shop.db",),
    ),
    "a script's results": ({"make.py": 'open("report.csv", "w")\n'}, ()),
    "a database that the commit has, and the app searches": (
        {
            "app.py": "import sqlite3\ndef search(q):\n    form.update(q)\n"
            "    return sqlite3.connect('docs.db').execute('SELECT * FROM docs WHERE text MATCH ?', q)\n",
            "docs.db": "",
        },
        (),
    ),
    "a database that the commit has, and the app fills": (
        {
            "app.py": "import sqlite3\ndef add(n):\n    sqlite3.connect('shop.db').execute('INSERT INTO items VALUES (?)', n)\n",
            "shop.db": "",
        },
        ("shop.db",),
    ),
    "what a platform or a build reads": (
        {
            "app.py": "def publish():\n"
            + "".join(
                f"    open('{name}', 'w')\n"
                for name in (
                    "requirements.txt",
                    "runtime.txt",
                    "package.json",
                    "openapi.json",
                    "README.txt",
                    "page.html",
                )
            )
        },
        (),
    ),
    "documentation": ({"app.py": "def write():\n    open('docs/data/api.json', 'w')\n"}, ()),
    "what a package brings": (
        {
            "shop/__init__.py": "",
            "shop/words.py": "from pathlib import Path\nWORDS = Path(__file__).parent / 'words.txt'\n"
            "def renew(text):\n    WORDS.write_text(text)\n",
            "shop/words.txt": "",
        },
        (),
    ),
    "files of a folder that it goes to": (
        {"app.py": "import os\ndef build(folder):\n    os.chdir(folder)\n    open('metadata.json', 'w')\n"},
        (),
    ),
    "one file of a folder in which the commit has others": (
        {
            "app.py": "def save():\n    open('data/todo.json', 'w')\n",
            "data/todo.json": "",
            "data/countries.json": "",
        },
        ("data/todo.json",),
    ),
    "a folder in which the commit has files": (
        {"app.py": "import os\nos.makedirs('data', exist_ok=True)\n", "data/countries.json": ""},
        (),
    ),
    "a folder of which the commit has the name alone": (
        {"app.py": "import os\nos.makedirs('data', exist_ok=True)\n", "data/.gitkeep": ""},
        ("data/",),
    ),
    "a folder below one in which the commit has files": (
        {"app.py": "import os\nos.makedirs('data/new', exist_ok=True)\n", "data/countries.json": ""},
        ("data/new/",),
    ),
    "a log in a package": (
        {"shop/__init__.py": "", "shop/app.py": "h = logging.FileHandler('shop/app.log')\n"},
        ("shop/app.log",),
    ),
    "NiceGUI's storage": (
        {"main.py": "from nicegui import app\nnames = app.storage.user.get('name')\n"},
        (".nicegui/",),
    ),
    "PostgreSQL": (
        {"shop/settings.py": 'DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "shop"}}\n'},
        (),
    ),
    "media": (
        {
            "shop/settings.py": DJANGO
            + 'MEDIA_URL = "media/"\nMEDIA_ROOT = BASE_DIR / "media"\nSTATIC_ROOT = BASE_DIR / "s"\n'
        },
        ("media/",),
    ),
    "media elsewhere": ({"shop/settings.py": 'MEDIA_ROOT = "/var/media"\nSTATICFILES_DIRS = ["static"]\n'}, ()),
    "media among the code's own files": (
        {"shop/settings.py": DJANGO + 'MEDIA_ROOT = BASE_DIR / "assets"\n', "assets/site.css": ""},
        (),
    ),
    "a Django log": (
        {
            "shop/settings.py": DJANGO
            + 'LOGGING = {"handlers": {"f": {"class": "logging.FileHandler", "filename": BASE_DIR / "debug.log"}}}\n'
        },
        ("debug.log",),
    ),
    "Flask's tutorial": (
        {
            "flaskr/__init__.py": (
                "import os\nfrom flask import Flask\n"
                "def create_app():\n"
                "    app = Flask(__name__, instance_relative_config=True)\n"
                '    app.config.from_mapping(DATABASE=os.path.join(app.instance_path, "flaskr.sqlite"))\n'
                "    os.makedirs(app.instance_path)\n"
            ),
            "flaskr/db.py": 'import sqlite3\ndb = sqlite3.connect(current_app.config["DATABASE"])\n',
        },
        ("instance/",),
    ),
    "a package in src": (
        {
            "src/shop/__init__.py": "",
            "src/shop/web/__init__.py": "app = Flask(__name__)\nopen(app.instance_path)\n",
        },
        ("src/instance/",),
    ),
    "Flask-SQLAlchemy": (
        {
            "app.py": (
                "from flask_sqlalchemy import SQLAlchemy\napp = Flask(__name__)\n"
                'app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite:///todo.db"\n'
            )
        },
        ("instance/",),
    ),
    "Grinberg's configuration": (
        {
            "config.py": HERE
            + "class Config:\n    SQLALCHEMY_DATABASE_URI = os.environ.get('DATABASE_URL') or \\\n"
            + "        'sqlite:///' + os.path.join(basedir, 'app.db')\n",
        },
        ("app.db",),
    ),
    "the same with replace": (
        {
            "config.py": HERE
            + "URI = os.environ.get('DATABASE_URL', '').replace('postgres://', 'postgresql://') or \\\n"
            + "        'sqlite:///' + os.path.join(basedir, 'app.db')\n",
        },
        ("app.db",),
    ),
    "an f-string": (
        {"app/db.py": 'sqlite_file_name = "database.db"\nsqlite_url = f"sqlite:///{sqlite_file_name}"\n'},
        ("database.db",),
    ),
    "FastAPI's tutorial": (
        {"sql_app/database.py": 'SQLALCHEMY_DATABASE_URL = "sqlite:///./sql_app.db"\n'},
        ("sql_app.db",),
    ),
    "aiosqlite": (
        {"main.py": 'import aiosqlite\nasync def f():\n    async with aiosqlite.connect("notes.db"): pass\n'},
        ("notes.db",),
    ),
    "an asynchronous URL": ({"main.py": 'e = create_async_engine("sqlite+aiosqlite:///./t.db?x=1")\n'}, ("t.db",)),
    "beside a module": (
        {
            "app.py": "import os, sqlite3\n"
            'DB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "db.sqlite3")\n'
            "def app(environ, start_response):\n    con = sqlite3.connect(DB)\n"
        },
        ("db.sqlite3",),
    ),
    "in memory": ({"app.py": 'sqlite3.connect(":memory:")\nx = "sqlite:///:memory:"\ny = "sqlite://"\n'}, ()),
    "elsewhere on the machine": ({"app.py": 'sqlite3.connect("/var/lib/x.db")\ny = "sqlite:////tmp/y.db"\n'}, ()),
    "above the app": ({"app.py": 'sqlite3.connect("../x.db")\n'}, ()),
    "another thing that connects": ({"app.py": 'redis.connect("cache.db")\nsocket.connect("a")\n'}, ()),
    "uploads": (
        {
            "app.py": 'app = Flask(__name__)\napp.config["UPLOAD_FOLDER"] = os.path.join(app.root_path, "static/uploads")\n'
        },
        ("static/uploads/",),
    ),
    "uploads by update": ({"app.py": 'app.config.update(UPLOAD_FOLDER="uploads")\n'}, ("uploads/",)),
    "a folder that it makes": (
        {"app.py": 'from pathlib import Path\nDATA = Path(__file__).parent / "data"\nDATA.mkdir(exist_ok=True)\n'},
        ("data/",),
    ),
    "a folder that it writes to": (
        {
            "app.py": 'def save(x):\n    with open("data/todo.json", "w") as f:\n        f.write(x)\n',
            "data/todo.json": "[]",
        },
        ("data/",),
    ),
    "a folder that it only reads": (
        {"app.py": 'x = open("data/countries.json").read()\n', "data/countries.json": ""},
        (),
    ),
    "a file that a view writes": ({"app.py": 'def save():\n    open("todo.json", mode="w")\n'}, ("todo.json",)),
    "a file that a script writes": ({"make.py": 'open("report.csv", "w")\n'}, ()),
    "a log": ({"app.py": 'h = logging.handlers.RotatingFileHandler("logs/app.log", maxBytes=1)\n'}, ("logs/",)),
    "no Python": ({"app.py": "print 'sqlite:///x.db'\n"}, ()),
}


@pytest.mark.parametrize("case", CASES)
def test_what_an_app_writes_beside_its_code_is_kept(case: str) -> None:
    texts, expected = CASES[case]
    assert kept(texts) == expected


def test_the_settings_come_first_and_leave_out_what_they_say() -> None:
    texts = {"app.py": 'sqlite3.connect("a.db")\nsqlite3.connect("instance/b.db")\n', "conf/x.txt": "", "v1.2": ""}
    assert kept(texts) == ("a.db", "instance/")
    assert kept(texts, "-a.db") == ("instance/",)
    assert kept(texts, "-instance", "-a.db") == ()
    assert kept(texts, "instance") == ("instance/", "a.db")
    assert kept(texts, "instance/b.db", "-instance") == ("instance/b.db", "a.db")


def test_a_path_is_a_file_or_a_folder_as_in_the_commit_or_by_its_name() -> None:
    texts = {"app.py": "", "conf/x.txt": "", "store.d/y": "", "mydb": ""}
    asked = ["conf", "store.d", "mydb", "new.sqlite3", "new", "odd.json/"]
    assert kept(texts, *asked) == ("conf/", "store.d/", "mydb", "new.sqlite3", "new/", "odd.json/")


def test_a_path_in_another_is_kept_with_it() -> None:
    assert persist.outermost(["a/b.db", "a/", "ab/", "a/c/"]) == ("a/", "ab/")


def test_a_database_that_a_set_variable_names_is_not_kept() -> None:
    texts = {"config.py": 'import os\nURI = os.environ.get("DATABASE_URL", "sqlite:///app.db")\n'}
    assert kept(texts) == ("app.db",)
    assert kept(texts, env=(("OTHER", "x"),)) == ("app.db",)
    assert kept(texts, env=(("DATABASE_URL", "x"),)) == ()


def test_every_path_has_its_reason_and_key() -> None:
    (first, second) = decided({"shop/settings.py": DJANGO + SQLITE % 'BASE_DIR / "db.sqlite3"'}, "media")[1]
    assert (first.subject, first.value, first.reason, first.key) == (
        "kept data",
        "media -> $DATA_DIR/media",
        "set by launchpad:persist",
        "launchpad:persist",
    )
    assert (second.value, second.reason) == (
        "db.sqlite3 -> $DATA_DIR/db.sqlite3",
        "the database of shop/settings.py line 3",
    )


def test_only_what_the_start_leads_to_is_looked_at() -> None:
    writes = 'import sqlite3\ndb = sqlite3.connect("%s.db")\ndb.commit()\n'
    texts = {
        "requirements.txt": "flask\n",
        "app.py": "from flask import Flask\nfrom shop import orders\napp = Flask(__name__)\n",
        "shop/__init__.py": "",
        "shop/orders.py": "from . import (  # the parts\n    stock,\n    tests,\n)\n" + writes % "orders",
        "shop/stock.py": writes % "stock",
        "shop/publish.py": writes % "publish",
        "shop/tests/__init__.py": writes % "tests",
        "test_app.py": "import app\n" + writes % "test",
        "conftest.py": writes % "conftest",
        "scripts/build.py": writes % "build",
        "jobs/nightly.py": writes % "nightly",
        "Procfile": "cron.nightly: 0 3 * * * python jobs/nightly.py\n",
    }
    made = plan.plan(MemoryFiles(texts), spec())
    assert made.persist == ("orders.db", "stock.db", "nightly.db")


def test_a_management_command_counts_if_a_process_runs_it() -> None:
    texts = {
        "requirements.txt": "django\n",
        "manage.py": "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n",
        "shop/settings.py": DJANGO,
        "shop/management/commands/feed.py": "def save():\n    open('feed/data/new.json', 'w')\n",
        "shop/management/commands/seed.py": "def save():\n    open('seed/data/new.json', 'w')\n",
        "Procfile": "web: gunicorn shop.wsgi\nworker: python manage.py feed\n",
    }
    assert plan.plan(MemoryFiles(texts), spec()).persist == ("feed/data/",)


def test_the_module_that_a_server_is_told_by_name_counts() -> None:
    texts = {
        "requirements.txt": "uvicorn\nfastapi\n",
        "run.py": 'import uvicorn\nif __name__ == "__main__":\n    uvicorn.run("shop.main:api", port=1)\n',
        "shop/main.py": 'URL = "sqlite:///shop.db"\n',
    }
    assert plan.plan(MemoryFiles(texts), spec()).persist == ("shop.db",)


def test_what_is_kept_stays_kept_until_somebody_says_otherwise() -> None:
    assert persist.still_kept(("media/",), ("db.sqlite3", "media"), ()) == ("media/", "db.sqlite3")
    assert persist.still_kept((), ("db.sqlite3", "media"), ("-db.sqlite3",)) == ("media",)
    assert persist.still_kept(("data/list.txt",), ("data",), ()) == ("data",)
    assert persist.still_kept(("data/",), ("data/list.txt",), ()) == ("data/",)
