"""Workers: an app that keeps its state in memory has one, and the reason says where; any other has several."""

import pytest

from infra.app_model import plan
from infra.app_model.files import MemoryFiles
from infra.protocol.specs import DeploySpec, Source

APP = "from flask import Flask\napp = Flask(__name__)\n"
STATE = "which is in the memory of one worker"
SOCKETS = "serves WebSockets, which only the worker knows that has them"

ONE: list[tuple[str, dict[str, str], str]] = [
    (
        "append",
        {"app.py": f"{APP}todos = []\ndef add(x):\n    todos.append(x)\n"},
        f"app.py: add() changes todos, {STATE}",
    ),
    (
        "a key",
        {"app.py": f"{APP}users = {{}}\ndef put(k):\n    users[k] = 1\n"},
        f"app.py: put() changes users, {STATE}",
    ),
    ("inside", {"app.py": f"{APP}l = [{{}}]\ndef f(i):\n    l[i]['done'] = 1\n"}, f"app.py: f() changes l, {STATE}"),
    ("del", {"app.py": f"{APP}users = dict()\ndef rm(k):\n    del users[k]\n"}, f"app.py: rm() changes users, {STATE}"),
    ("+=", {"app.py": f"{APP}n = {{'a': 1}}\ndef up():\n    n['a'] += 1\n"}, f"app.py: up() changes n, {STATE}"),
    (
        "a set",
        {"app.py": f"{APP}seen: set[str] = set()\ndef f(x):\n    seen.add(x)\n"},
        f"app.py: f() changes seen, {STATE}",
    ),
    (
        "defaultdict",
        {"app.py": f"from collections import defaultdict\n{APP}d = defaultdict(int)\ndef f(x):\n    d[x] += 1\n"},
        f"app.py: f() changes d, {STATE}",
    ),
    (
        "global",
        {"app.py": f"{APP}visits = 0\ndef f():\n    global visits\n    visits += 1\n"},
        f"app.py: f() changes the global visits, {STATE}",
    ),
    (
        "next",
        {"app.py": f"import itertools\n{APP}ids = itertools.count()\ndef f():\n    return next(ids)\n"},
        f"app.py: f() changes ids, {STATE}",
    ),
    (
        "another module",
        {"app.py": f"from store import items\n{APP}def add(x):\n    items.append(x)\n", "store.py": "items = []\n"},
        f"app.py: add() changes items of store.py, {STATE}",
    ),
    (
        "a module's name",
        {"app.py": f"import store\n{APP}def add(x):\n    store.items.append(x)\n", "store.py": "items = []\n"},
        f"app.py: add() changes items of store.py, {STATE}",
    ),
    (
        "loading what a visitor sends",
        {"app.py": f"{APP}rows = []\ndef load(row):\n    rows.append(row)\n"},
        f"app.py: load() changes rows, {STATE}",
    ),
    (
        "a dotted name in a deep module",
        {
            "app.py": f"from shop import views\n{APP}",
            "shop/__init__.py": "",
            "shop/views.py": "from . import store\ndef add(x):\n    store.items.append(\n        x)\n",
            "shop/store.py": "if True:\n    items: list[str] = []\n",
        },
        f"shop/views.py: add() changes items of shop/store.py, {STATE}",
    ),
    (
        "a key on several lines",
        {"app.py": f"{APP}users = {{}}\ndef put(k):\n    users[\n        k\n    ] = 1\n"},
        f"app.py: put() changes users, {STATE}",
    ),
    (
        "an imported name that is called otherwise",
        {
            "app.py": f"from store import items as rows\n{APP}def add(x):\n    rows.append(x)\n",
            "store.py": "items = []\n",
        },
        f"app.py: add() changes items of store.py, {STATE}",
    ),
    (
        "an object",
        {
            "app.py": f"{APP}class Repo:\n    def __init__(self):\n        self.rows = {{}}\n    def add(self, k):\n        self.rows[k] = 1\nrepo = Repo()\n"
        },
        f"app.py: Repo.add() changes repo.rows, {STATE}",
    ),
    (
        "a random key",
        {"app.py": f"import os\n{APP}app.secret_key = os.urandom(24)\n"},
        "app.py: app.secret_key is another one in each worker",
    ),
    (
        "a random key in the config",
        {"app.py": f"import secrets\n{APP}app.config['SECRET_KEY'] = secrets.token_hex()\n"},
        "app.py: app.config['SECRET_KEY'] is another one in each worker",
    ),
    (
        "a database in memory",
        {"app.py": f"import sqlite3\n{APP}db = sqlite3.connect(':memory:')\n"},
        "app.py has a database in the memory of one worker",
    ),
    (
        "a scheduler",
        {
            "app.py": f"from apscheduler.schedulers.background import BackgroundScheduler\n{APP}s = BackgroundScheduler()\n"
        },
        "app.py starts a BackgroundScheduler, which would run each job in each worker",
    ),
    (
        "Socket.IO",
        {"app.py": f"from flask_socketio import SocketIO\n{APP}s = SocketIO(app)\n"},
        "app.py uses Flask-SocketIO, whose clients have to meet the same worker each time",
    ),
    (
        "websockets",
        {"main.py": "from fastapi import FastAPI\napp = FastAPI()\n@app.websocket('/ws')\nasync def chat(s): ...\n"},
        f"main.py: chat() {SOCKETS}",
    ),
]

SEVERAL: list[tuple[str, str]] = [
    ("nothing", ""),
    ("a key that is made where none is set", "import os\napp.secret_key = os.getenv('SECRET_KEY') or os.urandom(24)\n"),
    ("a constant", "COLOURS = ['red']\ndef f():\n    return COLOURS[0]\n"),
    ("a local of that name", "rows = []\ndef f():\n    rows = []\n    rows.append(1)\n"),
    ("a parameter of that name", "rows = []\ndef f(rows):\n    rows.append(1)\n"),
    ("filled at import", "rows = []\nrows.append(1)\n"),
    ("made later", "db = None\ndef connect():\n    global db\n    db = object()\n"),
    ("a cache", "page_cache = {}\ndef f(k):\n    page_cache[k] = 1\n"),
    ("as a program", "if __name__ == '__main__':\n    rows = []\ndef f(rows):\n    rows.append(1)\n"),
    ("filled when it starts", "plugins_found = []\ndef load_plugins():\n    plugins_found.append(1)\nload_plugins()\n"),
    ("a setting", "def make(app):\n    app.config['X'] = 1\n"),
]


def settings(**spec: object) -> DeploySpec:
    """Settings with some of their fields."""
    return DeploySpec("app", Source("pushed"), **spec)  # type: ignore[arg-type]


@pytest.mark.parametrize(("files", "reason"), [pytest.param(*case[1:], id=case[0]) for case in ONE])
def test_state_in_memory_means_one_worker(files: dict[str, str], reason: str) -> None:
    made = plan.plan(MemoryFiles(files), settings())
    assert made.one_worker == reason
    shown = next(decision for decision in made.decisions if decision.subject == "workers")
    assert (shown.value, shown.reason, shown.key) == ("1", reason, "launchpad:env.WEB_CONCURRENCY")


@pytest.mark.parametrize("text", [pytest.param(case[1], id=case[0]) for case in SEVERAL])
def test_anything_else_may_have_several(text: str) -> None:
    assert plan.plan(MemoryFiles({"app.py": f"{APP}{text}"}), settings()).one_worker == ""


def test_the_setting_wins() -> None:
    files = MemoryFiles({"app.py": f"{APP}todos = []\ndef add(x):\n    todos.append(x)\n"})
    made = plan.plan(files, settings(env=(("WEB_CONCURRENCY", "3"),)))
    assert (made.one_worker, [each for each in made.decisions if each.subject == "workers"]) == ("", [])


def test_a_program_of_the_app_s_own_starts_once_whatever_the_machine_has() -> None:
    files = MemoryFiles({"app.py": APP, "Procfile": "web: python app.py\n"})
    assert plan.plan(files, settings()).one_worker == "python is no server that starts workers"
