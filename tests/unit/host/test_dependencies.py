"""How dependencies are installed, decided by an app's files."""

from pathlib import Path

import pytest

from infra.host import dependencies, interpreter
from infra.host.failure import Failure

PROJECT = '[project]\nname = "a"\nversion = "1"\nrequires-python = ">=3.11"\n'
BUILD = '[build-system]\nrequires = ["setuptools"]\n'
SELF = '[[package]]\nname = "a"\nversion = "1"\nsource = { virtual = "." }\n'
LOCK = SELF + '[[package]]\nname = "b"\nversion = "1"\nsource = { registry = "https://mirror.example.org/simple" }\n'
SYNC = '"$UV" sync --frozen --no-dev --python "$PYTHON"'


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
        tree(tmp_path, requirements_txt="a==1\n-r more/x.txt\n", more__x_txt="-c lock.txt\nb==2\n", more__lock_txt="")
    )
    assert (plan.kind, plan.unproven) == ("requirements.txt", "")
    assert plan.commands == (
        '"$UV" venv --quiet --python "$PYTHON" "$VENV"',
        '"$UV" pip install --python "$VENV/bin/python" --requirements requirements.txt',
    )
    (tmp_path / "more/lock.txt").write_text("y==1\n")
    assert plan.content != dependencies.plan(tmp_path).content


def test_hashes_are_required_where_there_are_some(tmp_path: Path) -> None:
    plan = dependencies.plan(tree(tmp_path, requirements_txt="x==1 \\\n    --hash=sha256:aa\n"))
    assert "--require-hashes" in plan.commands[1]
    plan = dependencies.plan(tree(tmp_path, requirements_txt="x==1  # made by pip-compile --hash=no\n"))
    assert "--require-hashes" not in plan.commands[1]


@pytest.mark.parametrize(
    "line",
    [
        *(".", "-e .", "./lib", "lib.whl", "x @ file:///x", "--editable=lib", "vendor/mylib", "mylib @ ./vendor/mylib"),
        *("-f ./vendor", "git+https://host/x.git@v1", "flask>=3", "flask", "flask==3.*", "-r https://host/r.txt"),
    ],
)
def test_what_may_be_other_tomorrow_gets_a_virtualenv_of_its_own(tmp_path: Path, line: str) -> None:
    plan = dependencies.plan(tree(tmp_path, requirements_txt=f"flask==3.1.3\n{line}\n"))
    assert plan.unproven == f"requirements.txt has {line!r}, which is not pinned"


@pytest.mark.parametrize("line", ["flask[async]==3.1 ; python_version > '3'", "# ./x", "-i https://host/simple"])
def test_what_is_pinned_is_shared(tmp_path: Path, line: str) -> None:
    assert dependencies.plan(tree(tmp_path, requirements_txt=f"{line}\n")).unproven == ""


def test_settings_of_uv_are_no_part_of_the_proof(tmp_path: Path) -> None:
    tree(tmp_path, requirements_txt="", pyproject_toml='[tool.uv]\nfind-links = ["vendor"]\n')
    assert dependencies.plan(tmp_path).unproven == "pyproject.toml has settings of uv"
    tree(tmp_path, pyproject_toml="", uv_toml="")
    assert dependencies.plan(tmp_path).unproven == "there is a uv.toml"
    tree(tmp_path, web__requirements_txt="")
    assert dependencies.plan(tmp_path / "web", tmp_path).unproven == "there is a uv.toml"


@pytest.mark.parametrize(
    ("project", "lock", "command", "unproven"),
    [
        (PROJECT, LOCK, f"{SYNC} --no-install-project", ""),
        (PROJECT + BUILD, LOCK, SYNC, "the app is installed as a package"),
        (PROJECT + BUILD + "[tool.uv]\npackage = false\n", LOCK, f"{SYNC} --no-install-project", ""),
        (
            PROJECT,
            LOCK + '[[package]]\nname = "lib"\nsource = { editable = "lib" }\n',
            f"{SYNC} --no-install-project",
            "uv.lock has lib from editable, not from a registry",
        ),
        (
            PROJECT,
            LOCK + '[[package]]\nname = "lib"\nsource = { registry = "vendor" }\n',
            f"{SYNC} --no-install-project",
            "uv.lock has lib from registry, not from a registry",
        ),
        (
            PROJECT + '[tool.uv]\nfind-links = ["vendor"]\n',
            LOCK,
            f"{SYNC} --no-install-project",
            "pyproject.toml has the setting find-links of uv",
        ),
        (
            PROJECT,
            None,
            '"$UV" sync --no-dev --python "$PYTHON" --no-install-project',
            "pyproject.toml has no lock",
        ),
        (PROJECT + BUILD, None, '"$UV" sync --no-dev --python "$PYTHON"', "pyproject.toml has no lock"),
    ],
)
def test_projects(tmp_path: Path, project: str, lock: str | None, command: str, unproven: str) -> None:
    tree(tmp_path, pyproject_toml=project, **({"uv_lock": lock} if lock else {}))
    plan = dependencies.plan(tmp_path)
    assert (plan.commands[-1], plan.unproven, plan.requires_python) == (command, unproven, ">=3.11")


def test_a_lock_is_compared_by_itself_and_without_network_where_that_can_be(tmp_path: Path) -> None:
    plan = dependencies.plan(tree(tmp_path, pyproject_toml=PROJECT, uv_lock=LOCK))
    assert plan.indexes == ("https://mirror.example.org/simple",)
    assert "lock --check --offline" in plan.commands[0]
    tree(tmp_path, uv_lock=LOCK + '[[package]]\nname = "x"\nsource = { git = "https://host/x?rev=main#abc" }\n')
    assert "lock --check --python" in dependencies.plan(tmp_path).commands[0]
    tree(tmp_path, uv_lock=LOCK, pyproject_toml=PROJECT + 'dynamic = ["dependencies"]\n')
    assert "lock --check --python" in dependencies.plan(tmp_path).commands[0]


def test_a_project_of_another_tool_is_built(tmp_path: Path) -> None:
    plan = dependencies.plan(tree(tmp_path, pyproject_toml=BUILD))
    assert plan.commands[1] == '"$UV" pip install --python "$VENV/bin/python" .'
    assert plan.unproven == "the app is installed as a package"


def test_locks_that_are_not_read_are_named(tmp_path: Path) -> None:
    tree(tmp_path, pyproject_toml=BUILD, poetry_lock="", Pipfile_lock="")
    note = "poetry.lock, Pipfile.lock is not read; pyproject.toml decides which versions are installed"
    assert dependencies.plan(tmp_path).note == note


def test_a_lock_wins_over_requirements_and_those_over_a_tools_pyproject(tmp_path: Path) -> None:
    tree(tmp_path, requirements_txt="flask\n", pyproject_toml=PROJECT)
    assert dependencies.plan(tmp_path).kind == "requirements.txt"
    tree(tmp_path, uv_lock=LOCK)
    assert dependencies.plan(tmp_path).kind == "uv.lock"


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({}, "it has none of them"),
        ({"pyproject_toml": "[tool.ruff]\n"}, "its pyproject.toml has neither"),
        ({"pyproject_toml": "[x"}, "pyproject.toml is not TOML"),
        ({"pyproject_toml": "project = 1\n"}, "pyproject.toml: project must be a table, not int"),
        ({"pyproject_toml": PROJECT + "[tool]\nuv = []\n"}, "pyproject.toml: tool.uv must be a table, not list"),
        ({"pyproject_toml": PROJECT, "uv_lock": "package = 1\n"}, "uv.lock has no list of packages"),
        ({"requirements_txt": "-r gone.txt\n"}, "the file gone.txt, which requirements.txt includes"),
        ({"requirements_txt": "-r /etc/passwd\n"}, "/etc/passwd: leads out of the repository"),
        ({"requirements_txt": "-r ../x.txt\n"}, r"\.\./x\.txt: leads out of the repository"),
    ],
)
def test_mistakes(tmp_path: Path, files: dict[str, str], text: str) -> None:
    with pytest.raises(Failure, match=text):
        dependencies.plan(tree(tmp_path, **files))


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


@pytest.mark.parametrize(
    "request_",
    [
        "3.13",
        "3",
        "3.14t",
        "cpython@3.12",
        "cpython-3.12.1",
        "pypy3.10",
        ">=3.11,<3.14",
        "~=3.12",
        "==3.12.*",
        "3.14.0rc1",
    ],
)
def test_a_version_is_a_request_for_a_python(request_: str) -> None:
    assert interpreter.VERSION.fullmatch(request_)


@pytest.mark.parametrize(
    "request_", ["system", "shop-env", "tmp", "python3", "/tmp/x", "..", "3.13/../../tmp", "cpython", "", "-3", "٣.١٣"]
)
def test_root_runs_no_program_that_a_repository_names(tmp_path: Path, request_: str) -> None:
    (tmp_path / ".python-version").write_text(f"{request_}\n")
    if request_:
        with pytest.raises(Failure, match="which names no version"):
            interpreter.find(tmp_path, None, "")
    assert not interpreter.VERSION.fullmatch(request_)
