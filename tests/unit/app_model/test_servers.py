"""Server programs: which ones a command starts, and which are installed because the app does not bring them."""

import pytest

from infra.app_model import plan, servers
from infra.app_model.files import MemoryFiles
from infra.app_model.server_programs import PROGRAMS
from infra.protocol.specs import DeploySpec, Source

FLASK = "from flask import Flask\napp = Flask(__name__)\n"
SOCKET = (
    "from fastapi import FastAPI, WebSocket\napp = FastAPI()\n@app.websocket('/ws')\nasync def ws(s: WebSocket): ...\n"
)


@pytest.mark.parametrize(
    ("command", "programs"),
    [
        ("gunicorn app:app", ["gunicorn"]),
        ("exec gunicorn app:app", ["gunicorn"]),
        ("A=1 B='x y' exec gunicorn app:app", ["gunicorn"]),
        ("python -m uvicorn app:app", ["uvicorn"]),
        ("/usr/bin/python3.13 -m gunicorn app", ["gunicorn"]),
        ("uv run gunicorn app", ["gunicorn"]),
        ("poetry run uvicorn app:app", ["uvicorn"]),
        ("uv run --no-sync granian app:app", ["granian"]),
        ("python manage.py migrate && gunicorn shop.wsgi", ["python", "gunicorn"]),
        ("(sleep 1; hypercorn app:app) | tee log", ["sleep", "hypercorn", "tee"]),
        (".venv/bin/waitress-serve app:app", ["waitress-serve"]),
        ("daphne -b $HOST -p $PORT shop.asgi:application", ["daphne"]),
        ("echo gunicorn", ["echo"]),
        ("an 'unfinished quotation", ["an"]),
        ("", []),
        ("&&", []),
    ],
)
def test_the_programs_of_a_command(command: str, programs: list[str]) -> None:
    assert servers.programs(command) == programs


def added(files: dict[str, str], **spec: object) -> tuple[str, ...]:
    """What is installed beside the app's own dependencies."""
    settings = DeploySpec("app", Source("pushed"), **spec)  # type: ignore[arg-type]
    return plan.plan(MemoryFiles(files), settings).pip


def test_a_server_is_added_where_the_app_names_none() -> None:
    assert added({"app.py": FLASK, "requirements.txt": "flask\n"}) == ("gunicorn==27.0.1",)


def test_the_app_s_own_server_stays() -> None:
    assert added({"app.py": FLASK, "requirements.txt": "flask\ngunicorn==23.0.0\n"}) == ()


@pytest.mark.parametrize(
    ("procfile", "requirements"),
    [
        ("web: hypercorn app:app\n", ("hypercorn==0.18.0",)),
        ("web: waitress-serve --port=$PORT app:app\n", ("waitress==3.0.2",)),
        ("web: daphne -p $PORT app:app\n", ("daphne==4.2.3",)),
        ("web: granian app:app\n", ("granian==2.8.9",)),
        ("web: python app.py\n", ()),
        ("web: gunicorn -k uvicorn.workers.UvicornWorker app:app\n", ("gunicorn==27.0.1", "uvicorn==0.54.0")),
        ("web: gunicorn --worker-class=uvicorn_worker.UvicornWorker app:app\n", ("gunicorn==27.0.1",)),
    ],
)
def test_the_server_that_a_command_names_is_added(procfile: str, requirements: tuple[str, ...]) -> None:
    assert added({"app.py": FLASK, "requirements.txt": "flask\n", "Procfile": procfile}) == requirements


def test_uvicorn_gets_what_websockets_need() -> None:
    assert added({"main.py": SOCKET, "requirements.txt": "fastapi\n"}) == ("uvicorn==0.54.0", "websockets==15.0.1")
    assert added({"main.py": SOCKET, "requirements.txt": "fastapi\nwsproto\n"}) == ("uvicorn==0.54.0",)
    assert added({"main.py": SOCKET, "requirements.txt": "fastapi\nuvicorn\n"}) == ()


def test_each_requirement_is_known_by_the_program_that_it_brings() -> None:
    assert PROGRAMS["waitress==3.0.2"] == "waitress-serve"
    assert PROGRAMS["gunicorn==27.0.1"] == "gunicorn"
