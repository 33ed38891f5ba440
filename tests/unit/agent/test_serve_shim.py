"""The program that serves what no server program can: the first port of an app's program becomes $PORT."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.agent.process import serve_shim

BIND = """\
import socket, sys
def listen(host, port, family=socket.AF_INET, kind=socket.SOCK_STREAM):
    with socket.socket(family, kind) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        return bound.getsockname()[:2]
"""


def served(folder: Path, text: str, *words: str, name: str = "main.py") -> str:
    """What a program prints that is served on port 20001."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    done = subprocess.run(
        [sys.executable, str(serve_shim.__file__), *(words or (name,))],
        cwd=folder,
        env={**os.environ, "HOST": "127.0.0.1", "PORT": "20001"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("call", "address"),
    [
        ("listen('0.0.0.0', 8080)", "('127.0.0.1', 20001)"),
        ("listen('', 8080)", "('127.0.0.1', 20001)"),
        ("listen('::', 8080, socket.AF_INET6)", "('::1', 20001)"),
        ("[listen('', 8080), listen('localhost', 8080)][1]", "('127.0.0.1', 20001)"),
        ("[listen('', 8080), listen('127.0.0.1', 20002)][1]", "('127.0.0.1', 20002)"),
        ("listen('127.0.0.1', 20002, kind=socket.SOCK_DGRAM)", "('127.0.0.1', 20002)"),
        ("listen('127.0.0.1', 0)[1] != 20001", "True"),
    ],
)
def test_the_first_port_is_ours_and_no_other(tmp_path: Path, call: str, address: str) -> None:
    assert served(tmp_path, f"{BIND}print({call})\n") == address


def test_a_program_runs_as_one_with_its_own_folder_and_arguments(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner/beside.py").write_text("NAME = 'beside'\n")
    text = "import sys, beside\nif __name__ == '__main__':\n    print(beside.NAME, sys.argv)\n"
    assert served(tmp_path, text, "inner/main.py", "--x", name="inner/main.py") == "beside ['inner/main.py', '--x']"


def test_a_module_runs_from_the_app_s_folder(tmp_path: Path) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/__init__.py").write_text("")
    text = "from . import __name__ as package\nprint(package, __name__)\n"
    assert served(tmp_path, text, "-m", "shop", name="shop/__main__.py") == "shop __main__"


def test_what_is_imported_beside_it_is_the_app_s(tmp_path: Path) -> None:
    (tmp_path / "slots.py").write_text("NAME = 'the app'\n")
    assert served(tmp_path, "import slots\nprint(slots.NAME)\n") == "the app"


def test_an_event_loop_that_would_bind_by_itself_is_left_out(tmp_path: Path) -> None:
    text = "try:\n    import uvloop\nexcept ImportError:\n    print('none')\n"
    assert served(tmp_path, text) == "none"


def test_nicegui_gets_our_address_whatever_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "nicegui").mkdir()
    (tmp_path / "nicegui/__init__.py").write_text("")
    (tmp_path / "nicegui/ui.py").write_text("def run(**settings):\n    print(sorted(settings.items()))\n")
    text = "from nicegui import ui\nui.run(title='x', port=8080)\n"
    (tmp_path / "main.py").write_text(text)
    done = subprocess.run(
        [sys.executable, str(serve_shim.__file__), "--nicegui", "main.py"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "HOST": "127.0.0.1", "PORT": "20001"},
        capture_output=True,
        text=True,
        check=True,
    )
    expected = [("host", "127.0.0.1"), ("port", 20001), ("reload", False), ("show", False), ("title", "x")]
    assert done.stdout.strip() == str(expected)


def test_an_attribute_of_an_object_is_an_app_for_gunicorn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dash_of_a_test.py").write_text("class app:\n    class inner:\n        server = 'the server'\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert serve_shim.attribute("dash_of_a_test:app.inner.server") == "the server"
