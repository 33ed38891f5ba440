"""Whatever is in an app's files: a plan or an ``AppError``, and neither a crash nor a loop."""

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.app_model import plan
from infra.app_model.files import AppError, MemoryFiles
from infra.protocol.specs import DeploySpec, Health, Source

NAMES = st.sampled_from(["app", "create_app", "main", "server", "f", "shop", "self", "items", "Flask", "config"])
WORDS = st.sampled_from(
    [
        *("from", "import", "def", "class", "return", "if", "__name__ == '__main__'", "app", "=", "(", ")", "[", "]"),
        *(".", ",", ":", "\n", "\n    ", "Flask", "flask", "shop", "create_app", "*", "@", "'x'", "global", "self"),
        *("environ", "start_response", "lambda", "async", "await", "try", "except", "with", "{", "}", "**", "run"),
    ]
)
PATHS = st.sampled_from(
    [
        *("app.py", "wsgi.py", "main.py", "manage.py", "shop/__init__.py", "shop/app.py", "src/app.py", "app/main.py"),
        *("shop/settings.py", "settings.py", "Procfile", "requirements.txt", "pyproject.toml", "shop/shop/manage.py"),
        *("Dockerfile", "render.yaml", "fly.toml", "app.json", "a b.py", "é.py"),
    ]
)
PIECES = st.sampled_from(
    [
        "from flask import Flask\napp = Flask(__name__)\n",
        "from shop import *\nfrom shop.app import app, create_app as make\n",
        "from . import app\nfrom .app import create_app\nfrom ... import x\n",
        "def create_app():\n    return create_app()\n",
        "app = app\n",
        "from app import app\n",
        "from wsgi import app as application\n",
        "app = make()\n",
        "def make(x=1):\n    app = make()\n    return app\n",
        "class Shop(Shop): pass\napp = Shop()\n",
        "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n",
        "from shop.settings import *\nfrom settings import *\nWSGI_APPLICATION = 'shop.app.app'\n",
        "a, (b, c), *d = 1, (2, 3), 4\na = b = c\nx[0], y.z = f()\n",
        "import streamlit as st\n",
        "def f():\n    global items\n    items[0][1].x.append(1)\nitems = []\n",
        "import a.b.c as d, e.f\n",
        "app.run()\n",
        "@app.get('/health')\n@app\n@app.x.y(1)\nasync def h(*, a, b=1, **k): ...\n",
    ]
)
TEXTS = st.one_of(st.text(), st.lists(WORDS).map(" ".join), st.lists(PIECES).map("".join))


@settings(max_examples=300)
@given(st.dictionaries(PATHS, TEXTS))
def test_any_files_give_a_plan_or_a_reason(files: dict[str, str]) -> None:
    spec = DeploySpec("app", Source("pushed"), health=Health(path=""))
    try:
        made = plan.plan(MemoryFiles({"requirements.txt": "", **files}), spec)
    except AppError:
        return
    assert made.processes["web"]
    assert all(decision.subject and decision.value and decision.reason and decision.key for decision in made.decisions)


DEEP = {
    "brackets": "app = " + "(" * 5000 + ")" * 5000,
    "minus": "app = " + "-" * 100_000 + "1",
    "attributes": "app = a" + ".b" * 50_000,
    "calls": "app = f" + "()" * 50_000,
    "sums": "app = 1" + " + 1" * 50_000,
    "either": "app = " + "a if b else " * 900 + "c",
    "if": "".join("    " * depth + "if x:\n" for depth in range(90)) + "    " * 90 + "app = 1\n",
    "elif": "if x:\n    pass\n" + "elif x:\n    pass\n" * 3000,
    "zero": "app = 1\0",
    "large": "x = 1\n" * 100_000,
    "surrogate": "app = '\ud800'",
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_no_depth_and_no_size_is_too_much(text: str) -> None:
    files = MemoryFiles({"app.py": text, "main.py": "from flask import Flask\napp = Flask('x')\n"})
    made = plan.plan(files, DeploySpec("app", Source("pushed")))
    assert made.processes["web"] == "gunicorn --threads 4 main:app"


def test_nothing_of_the_app_is_run(tmp_path: object) -> None:
    text = f"open({str(tmp_path)!r} + '/ran', 'w')\nraise SystemExit\nfrom flask import Flask\napp = Flask('x')\n"
    assert ast.parse(text)
    plan.plan(MemoryFiles({"app.py": text}), DeploySpec("app", Source("pushed")))
    assert list(tmp_path.iterdir()) == []  # type: ignore[attr-defined]
