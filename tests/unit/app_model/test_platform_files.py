"""Hints of other platforms, and commands of the app's own package: how they start here."""

import pytest

from infra.app_model import plan, platform_files
from infra.app_model.files import MemoryFiles
from infra.app_model.sources import Sources
from infra.protocol import paths
from infra.protocol.specs import DeploySpec, Source

SPEC = DeploySpec("app", Source("pushed"))
PROJECT = """\
[project]
name = "parrot"
[project.scripts]
{name} = "parrot.cli:main"
[build-system]
requires = []
"""
SERVER = "import waitress\ndef main():\n    waitress.serve(f, port={port})\n"


@pytest.mark.parametrize(
    ("command", "adapted"),
    [
        ("gunicorn -b 0.0.0.0:8000 app:app", "gunicorn -b $HOST:$PORT app:app"),
        ("gunicorn --bind :8080 app:app", "gunicorn --bind $HOST:$PORT app:app"),
        ("gunicorn --bind=0.0.0.0:$PORT app:app", "gunicorn --bind=$HOST:$PORT app:app"),
        ("gunicorn -b :${PORT:-8080} app:app", "gunicorn -b $HOST:$PORT app:app"),
        ("uvicorn app:app --host 0.0.0.0 --port 80", "uvicorn app:app --host $HOST --port $PORT"),
        ("uvicorn app:app --port=8000", "uvicorn app:app --port=$PORT"),
        ("streamlit run a.py --server.port=8501", "streamlit run a.py --server.port=$PORT"),
        ("uvicorn app:app --port ${PORT:-8000}", "uvicorn app:app --port $PORT"),
        ("gunicorn app:app", "gunicorn app:app"),
    ],
)
def test_an_address_becomes_ours(command: str, adapted: str) -> None:
    assert platform_files.adapted(command) == adapted


@pytest.mark.parametrize(
    ("file", "text", "command"),
    [
        ("Dockerfile", 'FROM x\nCMD ["python", "a.py"]\nCMD ["gunicorn", "-b", "0.0.0.0:80", "x.y:z"]\n', "gunicorn -b $HOST:$PORT x.y:z"),
        ("Dockerfile", "CMD gunicorn \\\n  --workers 3 x:y\n", "gunicorn    --workers 3 x:y"),
        ("Dockerfile", 'ENTRYPOINT ["python"]\nCMD ["odd name.py"]\n', "python 'odd name.py'"),
        ("Dockerfile", 'CMD ["sh", "-c", "uvicorn x:y --port $PORT"]\n', "uvicorn x:y --port $PORT"),
        ("render.yaml", "services:\n  - type: web\n    startCommand: gunicorn x:y\n", "gunicorn x:y"),
        ("render.yaml", "services:\n  - startCommand: 'gunicorn x:y'\n", "gunicorn x:y"),
        ("fly.toml", '[processes]\napp = "uvicorn x:y --port 8080"\n', "uvicorn x:y --port $PORT"),
        ("railway.json", '{"deploy": {"startCommand": "hypercorn x:y"}}', "hypercorn x:y"),
        ("nixpacks.toml", '[start]\ncmd = "python serve_all.py"\n', "python serve_all.py"),
        ("app.yaml", "runtime: python313\nentrypoint: gunicorn -b :$PORT x:y\n", "gunicorn -b $HOST:$PORT x:y"),
    ],
)  # fmt: skip
def test_a_hint_decides_where_nothing_else_does(file: str, text: str, command: str) -> None:
    made = plan.plan(MemoryFiles({file: text}), SPEC)
    assert made.processes["web"] == command
    assert made.decisions[0].reason == f"{file} starts it so"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("Dockerfile", 'CMD ["/entrypoint.sh"]\n'),
        ("Dockerfile", "CMD nginx -g 'daemon off;'\n"),
        ("Dockerfile", "CMD [1, 2]\n"),
        ("Dockerfile", "FROM x\n"),
        ("render.yaml", "startCommand: |\n  a\n"),
        ("railway.json", "[]"),
        ("fly.toml", "= x"),
    ],
)
def test_a_hint_for_another_machine_does_not(file: str, text: str) -> None:
    assert platform_files.find(Sources(MemoryFiles({file: text}))) is None


@pytest.mark.parametrize(
    ("name", "port", "command"),
    [
        ("parrot", "8080", f'python {paths.SERVE} "$VIRTUAL_ENV/bin/parrot"'),
        ("parrot", "int(os.environ['PORT'])", "parrot"),
        ("serve-it", "1", f'python {paths.SERVE} "$VIRTUAL_ENV/bin/serve-it"'),
    ],
)
def test_a_command_of_the_package(name: str, port: str, command: str) -> None:
    files = {
        "pyproject.toml": PROJECT.format(name=name),
        "parrot/__init__.py": "",
        "parrot/cli.py": SERVER.format(port=port),
    }
    made = plan.plan(MemoryFiles(files), SPEC)
    assert made.processes["web"] == command
    assert made.decisions[0].reason == f"pyproject.toml has the command {name}, which listens by itself (waitress)"


def test_a_command_of_setup_cfg() -> None:
    files = {
        "setup.py": "from setuptools import setup\nsetup()\n",
        "setup.cfg": "[options.entry_points]\nconsole_scripts =\n    tool = shop.tool:main\n    web = shop.web:main\n",
        "shop/__init__.py": "",
        "shop/tool.py": "def main(): ...\n",
        "shop/web.py": SERVER.format(port=1),
    }
    assert plan.plan(MemoryFiles(files), SPEC).processes["web"] == f'python {paths.SERVE} "$VIRTUAL_ENV/bin/web"'
