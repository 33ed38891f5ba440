"""``uv run`` and its like, without those tools: the command runs as it was meant, with its arguments and exit status."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.agent.process import tool_shim


@pytest.mark.parametrize(
    ("line", "module", "words"),
    [
        ("uv run gunicorn app:app", [], ["gunicorn", "app:app"]),
        ("uv run --frozen --no-sync -- gunicorn --bind x", [], ["gunicorn", "--bind", "x"]),
        (
            "uv --quiet run --group prod --env-file .env python -m x --group y",
            [],
            ["python", "-m", "x", "--group", "y"],
        ),
        ("uv run -m app --port 1", ["python", "-m"], ["app", "--port", "1"]),
        ("uv run --with=x flask run", [], ["flask", "run"]),
        ("poetry -C . run flask run", [], ["flask", "run"]),
        ("pipenv run python -c pass", [], ["python", "-c", "pass"]),
        ("pdm run -p . start", [], ["start"]),
        ("hatch -e prod run serve", [], ["serve"]),
        ("uv sync", None, []),
        ("poetry install", None, []),
        ("pipenv", None, []),
    ],
)
def test_what_is_run(line: str, module: list[str] | None, words: list[str]) -> None:
    tool, *rest = line.split()
    assert tool_shim.command(tool, rest) == (module, words)


def run(tool: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a tool's stand-in under its name in a folder."""
    shim = folder / tool
    shim.write_text(Path(tool_shim.__file__).read_text())
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    return subprocess.run(
        [sys.executable, str(shim), *words], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def test_arguments_and_exit_status_pass_through(tmp_path: Path) -> None:
    done = run(
        "uv", tmp_path, "run", "--no-sync", "python", "-c", "import sys; print(sys.argv[1:]); sys.exit(7)", "a b", "--x"
    )
    assert (done.returncode, done.stdout) == (7, "['a b', '--x']\n")
    (tmp_path / "job.py").write_text("import sys; print(sys.argv)")
    assert run("uv", tmp_path, "run", "job.py", "1").stdout == "['job.py', '1']\n"
    gone = run("poetry", tmp_path, "run", "no-such-program")
    assert (gone.returncode, gone.stderr) == (
        127,
        "poetry run: cannot start no-such-program: No such file or directory\n",
    )
    other = run("uv", tmp_path, "sync")
    assert (other.returncode, "only `uv run COMMAND` works here" in other.stderr) == (127, True)


def test_scripts_that_the_project_defines(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.pdm.scripts]\nhello = {cmd = ["echo", "a b"]}\n[tool.poetry.scripts]\nstart = "job:main"\n'
        '[tool.hatch.envs.default.scripts]\nserve = "echo served"\n'
    )
    (tmp_path / "Pipfile").write_text('[scripts]\nweb = "echo $((1 + 1))"\n')
    (tmp_path / "job.py").write_text("import sys\ndef main():\n    print(sys.argv)\n    return 3\n")
    assert run("pdm", tmp_path, "run", "hello", "c d").stdout == "a b c d\n"
    assert run("pipenv", tmp_path, "run", "web").stdout == "2\n"
    assert run("hatch", tmp_path, "run", "default:serve").stdout == "served\n"
    started = run("poetry", tmp_path, "run", "start", "x")
    assert (started.returncode, started.stdout) == (3, "['start', 'x']\n")
