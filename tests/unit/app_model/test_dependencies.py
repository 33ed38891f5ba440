"""How dependencies are installed, decided by an app's files."""

import shlex

import pytest

from infra.app_model.dependencies import choice
from infra.app_model.dependencies.install import Install
from infra.app_model.files import MemoryFiles
from infra.protocol.app_settings import Dependencies

PROJECT = '[project]\nname = "a"\nversion = "1"\nrequires-python = ">=3.11"\n'
BUILD = '[build-system]\nrequires = ["setuptools"]\n'
SELF = """\
[[package]]
name = "a"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "b" }, { name = "lib" }, { name = "win", marker = "sys_platform == 'win32'" }]
"""
LOCK = SELF + '[[package]]\nname = "b"\nversion = "1"\nsource = { registry = "https://mirror.example.org/simple" }\n'
SYNC = '"$UV" sync --frozen --no-dev --python "$PYTHON"'


def plan(files: dict[str, str], directory: str = "", **wanted: tuple[str, ...]) -> Install:
    return choice.install(MemoryFiles(files, directory), Dependencies(**wanted))


def test_requirements() -> None:
    files = {"requirements.txt": "a==1\n-r more/x.txt\nC_d\n", "more/x.txt": "-c lock.txt\nb==2\n", "more/lock.txt": ""}
    found = plan(files)
    assert (found.kind, found.unproven) == ("requirements.txt", "requirements.txt has 'C_d', which is not pinned")
    assert found.commands == (
        '"$UV" venv --quiet --python "$PYTHON" "$VENV"',
        '"$UV" pip install --python "$VENV/bin/python" --requirements requirements.txt',
    )
    assert found.packages == {"a": "1", "b": "2", "c-d": ""}
    assert found.content != plan({**files, "more/lock.txt": "y==1\n"}).content


def test_hashes_are_required_where_there_are_some() -> None:
    assert "--require-hashes" in plan({"requirements.txt": "x==1 \\\n    --hash=sha256:aa\n"}).commands[1]
    commands = plan({"requirements.txt": "x==1  # made by pip-compile --hash=no\n"}).commands
    assert "--require-hashes" not in commands[1]


@pytest.mark.parametrize(
    "line",
    [
        *(".", "-e .", "./lib", "lib.whl", "x @ file:///x", "--editable=lib", "vendor/mylib", "mylib @ ./vendor/mylib"),
        *("-f ./vendor", "git+https://host/x.git@v1", "flask>=3", "flask", "flask==3.*", "-r https://host/r.txt"),
    ],
)
def test_what_may_be_other_tomorrow_gets_a_virtualenv_of_its_own(line: str) -> None:
    found = plan({"requirements.txt": f"flask==3.1.3\n{line}\n"})
    assert found.unproven == f"requirements.txt has {line!r}, which is not pinned"


@pytest.mark.parametrize("line", ["flask[async]==3.1 ; python_version > '3'", "# ./x", "-i https://host/simple"])
def test_what_is_pinned_is_shared(line: str) -> None:
    assert plan({"requirements.txt": f"{line}\n"}).unproven == ""


def test_settings_of_uv_are_no_part_of_the_proof() -> None:
    files = {"requirements.txt": "", "pyproject.toml": '[tool.uv]\nfind-links = ["vendor"]\n'}
    assert plan(files).unproven == "pyproject.toml has settings of uv"
    files = {"requirements.txt": "", "web/requirements.txt": "", "uv.toml": ""}
    assert plan(files).unproven == "there is a uv.toml"
    assert plan(files, "web").unproven == "there is a uv.toml"


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
def test_projects(project: str, lock: str | None, command: str, unproven: str) -> None:
    found = plan({"pyproject.toml": project, **({"uv.lock": lock} if lock else {})})
    assert (found.commands[-1], found.unproven, found.requires_python) == (command, unproven, ">=3.11")


def test_a_lock_is_compared_by_itself_and_without_network_where_that_can_be() -> None:
    found = plan({"pyproject.toml": PROJECT, "uv.lock": LOCK})
    assert found.indexes == ("https://mirror.example.org/simple",)
    assert found.packages == {"b": "1"}
    assert "lock --check --offline" in found.commands[0]
    more = '[[package]]\nname = "x"\nsource = { git = "https://host/x?rev=main#abc" }\n'
    assert "lock --check --python" in plan({"pyproject.toml": PROJECT, "uv.lock": LOCK + more}).commands[0]
    dynamic = PROJECT + 'dynamic = ["dependencies"]\n'
    assert "lock --check --python" in plan({"pyproject.toml": dynamic, "uv.lock": LOCK}).commands[0]


def test_a_project_of_another_tool_is_built() -> None:
    found = plan({"pyproject.toml": BUILD})
    assert found.commands[1] == '"$UV" pip install --python "$VENV/bin/python" .'
    assert found.unproven == "the app is installed as a package"


def test_locks_that_are_not_used_are_named() -> None:
    found = plan({"pyproject.toml": PROJECT, "uv.lock": LOCK, "poetry.lock": "", "Pipfile.lock": ""})
    assert found.notes == ("poetry.lock, Pipfile.lock is not used: uv.lock decides which versions are installed",)


def test_a_lock_wins_over_requirements_and_those_over_a_tools_pyproject() -> None:
    files = {"requirements.txt": "flask\n", "pyproject.toml": PROJECT}
    assert plan(files).kind == "requirements.txt"
    assert plan({**files, "uv.lock": LOCK}).kind == "uv.lock"


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({}, "it has none of them"),
        ({"pyproject.toml": "[tool.ruff]\n"}, "it has none of them"),
        ({"app.py": "import json\nimport flask\n"}, "it has none of them, and app.py imports flask."),
        ({"app.py": "import json\n", "environment.yml": ""}, "it has environment.yml, which is conda's"),
        ({"pyproject.toml": "[x"}, "pyproject.toml is not TOML"),
        ({"pyproject.toml": "project = 1\n"}, "pyproject.toml: project must be a table, not int"),
        ({"pyproject.toml": PROJECT + "[tool]\nuv = []\n"}, "pyproject.toml: tool.uv must be a table, not list"),
        ({"pyproject.toml": PROJECT, "uv.lock": "package = 1\n"}, "uv.lock has no list of packages"),
        ({"requirements.txt": "-r gone.txt\n"}, "the file gone.txt, which requirements.txt includes"),
    ],
)
def test_mistakes(files: dict[str, str], text: str) -> None:
    assert text in plan(files).refused


MANAGE = """\
import os
import sys

def main():
    try:
        from django.core.management import execute_from_command_line
    except ImportError as exc:
        raise ImportError("Couldn't import Django.") from exc
    execute_from_command_line(sys.argv)
"""


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        (
            '"""\nDjango settings for mysite project.\n\nGenerated by \'django-admin startproject\' using Django 5.2.8.\n"""',
            "django~=5.2.8",
        ),
        ('"""\nGenerated by \'django-admin startproject\' using Django 6.0.\n"""', "django~=6.0.0"),
        ("DEBUG = True\n", "django"),
    ],
)
def test_what_startproject_writes_gets_django_of_its_version(settings: str, wanted: str) -> None:
    found = plan({"manage.py": MANAGE, "mysite/__init__.py": "", "mysite/settings.py": settings})
    assert found.refused == ""
    assert found.commands[1] == f'"$UV" pip install --python "$VENV/bin/python" {shlex.quote(wanted)}'
    assert (found.kind, found.unproven, found.packages) == (wanted, f"{wanted} is not pinned", {"django": ""})
    assert found.notes == (
        f"no file names what the app depends on: write {wanted} and what else it needs into requirements.txt",
    )


def test_a_project_with_requirements_gets_no_other_django() -> None:
    assert plan({"manage.py": MANAGE, "requirements.txt": "django==4.2\n"}).kind == "requirements.txt"


def test_a_module_beside_manage_py_that_needs_more_is_refused_as_without_it() -> None:
    assert "app.py imports flask" in plan({"manage.py": MANAGE, "app.py": "import flask\n"}).refused
