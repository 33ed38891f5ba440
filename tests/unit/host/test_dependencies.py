"""How dependencies are installed, decided by an app's files."""

from pathlib import Path

import pytest

from infra.host import dependencies, interpreter
from infra.host.failure import Failure

PROJECT = '[project]\nname = "a"\nversion = "1"\nrequires-python = ">=3.11"\n'
BUILD = '[build-system]\nrequires = ["setuptools"]\n'


def tree(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_toml", ".toml").replace("_txt", ".txt").replace(
            "_lock", ".lock"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def test_requirements(tmp_path: Path) -> None:
    plan = dependencies.plan(
        tree(tmp_path, requirements_txt="flask\n-r more/dev.txt\n", more__dev_txt="-c lock.txt\nx\n", more__lock_txt="")
    )
    assert (plan.kind, plan.shared) == ("requirements.txt", True)
    assert plan.commands == (
        '"$UV" venv --quiet --python "$PYTHON" "$VENV"',
        '"$UV" pip install --python "$VENV/bin/python" --requirements requirements.txt',
    )
    key = plan.key("3.13")
    assert key == dependencies.plan(tmp_path).key("3.13")
    assert key != plan.key("3.12")
    (tmp_path / "more/lock.txt").write_text("y==1\n")
    assert key != dependencies.plan(tmp_path).key("3.13")


def test_hashes_are_required_where_there_are_some(tmp_path: Path) -> None:
    plan = dependencies.plan(tree(tmp_path, requirements_txt="flask==1 \\\n    --hash=sha256:aa\n"))
    assert plan.commands[1] == (
        '"$UV" pip install --python "$VENV/bin/python" --require-hashes --requirements requirements.txt'
    )


@pytest.mark.parametrize("line", [".", "-e .", "./lib", "lib.whl", "x @ file:///x", "--editable=lib"])
def test_what_lies_in_the_repository_is_not_shared(tmp_path: Path, line: str) -> None:
    assert dependencies.plan(tree(tmp_path, requirements_txt=f"flask\n{line}\n")).shared is False


@pytest.mark.parametrize("line", ["git+https://host/x.git@v1", "flask[async]>=3 ; python_version > '3'", "# ./x"])
def test_what_does_not_is(tmp_path: Path, line: str) -> None:
    assert dependencies.plan(tree(tmp_path, requirements_txt=f"{line}\n")).shared is True


@pytest.mark.parametrize(
    ("project", "lock", "command", "shared"),
    [
        (PROJECT, "x", '"$UV" sync --frozen --no-dev --python "$PYTHON" --no-install-project', True),
        (PROJECT + BUILD, "x", '"$UV" sync --frozen --no-dev --python "$PYTHON"', False),
        (PROJECT, 'source = { editable = "lib" }', '"$UV" sync --frozen --no-dev --python "$PYTHON"', False),
        (PROJECT, None, '"$UV" sync --no-dev --python "$PYTHON" --no-install-project', True),
        (PROJECT + BUILD, None, '"$UV" sync --no-dev --python "$PYTHON"', False),
        (
            PROJECT + BUILD + "[tool.uv]\npackage = false\n",
            "x",
            '"$UV" sync --frozen --no-dev --python "$PYTHON" --no-install-project',
            True,
        ),
        (PROJECT + '[tool.uv.sources]\nb = { path = "b" }\n', None, '"$UV" sync --no-dev --python "$PYTHON"', False),
    ],
)
def test_projects(tmp_path: Path, project: str, lock: str | None, command: str, shared: bool) -> None:
    tree(tmp_path, pyproject_toml=project, **({"uv_lock": lock} if lock else {}))
    plan = dependencies.plan(tmp_path)
    assert (plan.commands, plan.shared, plan.requires_python) == ((command,), shared, ">=3.11")


def test_a_project_of_another_tool_is_built(tmp_path: Path) -> None:
    plan = dependencies.plan(tree(tmp_path, pyproject_toml=BUILD))
    assert plan.commands[1] == '"$UV" pip install --python "$VENV/bin/python" .'


def test_a_lock_wins_over_requirements_and_those_over_a_tools_pyproject(tmp_path: Path) -> None:
    tree(tmp_path, requirements_txt="flask\n", pyproject_toml=PROJECT)
    assert dependencies.plan(tmp_path).kind == "requirements.txt"
    tree(tmp_path, uv_lock="x")
    assert dependencies.plan(tmp_path).kind == "uv.lock"


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({}, "it has none of them"),
        ({"pyproject_toml": "[tool.ruff]\n"}, "its pyproject.toml has neither"),
        ({"pyproject_toml": "[x"}, "pyproject.toml is not TOML"),
        ({"requirements_txt": "-r gone.txt\n"}, "the file gone.txt, which requirements.txt includes"),
    ],
)
def test_mistakes(tmp_path: Path, files: dict[str, str], text: str) -> None:
    with pytest.raises(Failure, match=text):
        dependencies.plan(tree(tmp_path, **files))


def test_a_link_out_of_the_tree_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "app").mkdir()
    (tmp_path / "app/requirements.txt").symlink_to("../secret")
    with pytest.raises(Failure, match="leads out of the repository"):
        dependencies.plan(tmp_path / "app")


@pytest.mark.parametrize(
    ("files", "configured", "found"),
    [
        ({".python-version": "# mine\n\n3.12\n"}, None, ("3.12", ".python-version")),
        ({".python-version": "3.12\n"}, "3.13", ("3.13", "the setting python")),
        ({"runtime.txt": "python-3.11.4\n"}, None, ("3.11.4", "runtime.txt")),
        ({}, None, ("", "")),
    ],
)
def test_which_python(tmp_path: Path, files: dict[str, str], configured: str | None, found: tuple[str, str]) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert interpreter.wanted(tmp_path, configured) == found
