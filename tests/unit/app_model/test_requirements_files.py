"""Which requirements files count, in which encodings, and when the project beside them is installed, too."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.app_model.dependencies import additional, choice, encodings, setuptools
from infra.app_model.dependencies.install import Install
from infra.app_model.files import MemoryFiles
from infra.protocol.app_settings import Dependencies

INTO = '"$UV" pip install --python "$VENV/bin/python"'


def plan(
    files: dict[str, str],
    known: tuple[str, ...] = (),
    binary: dict[str, bytes] | None = None,
    **wanted: tuple[str, ...],
) -> Install:
    return choice.install(MemoryFiles(files, binary=binary or {}), Dependencies(**wanted), known)


@pytest.mark.parametrize(
    ("data", "text", "readable"),
    [
        (b"flask\r\n", "flask\n", True),
        (b"\xef\xbb\xbfflask\n", "flask\n", True),
        ("flask # é\n".encode("utf-16"), "flask # é\n", False),
        ("flask\n".encode("utf-16-be"), "f", None),
        (b"\xfe\xff" + "flask\n".encode("utf-16-be"), "flask\n", False),
        (b"# -*- coding: cp1252 -*-\nflask # \x80\n", "# -*- coding: cp1252 -*-\nflask # €\n", False),
        (b"flask # \xe9\n", "flask # é\n", False),
        (b"# coding: rot13\nflask # \xe9\n", "# coding: rot13\nflask # é\n", False),
    ],
)
def test_encodings_that_pip_takes(data: bytes, text: str, readable: bool | None) -> None:
    if readable is not None:
        assert encodings.decode(data) == (text, readable)


@given(st.binary(max_size=60))
def test_no_bytes_are_too_strange(data: bytes) -> None:
    text, _ = encodings.decode(data)
    assert "\r" not in text


def test_uv_gets_a_copy_of_what_it_cannot_read() -> None:
    binary = {"requirements.txt": "-r more.txt\nflask==3.1.3\n".encode("utf-16")}
    found = plan({"more.txt": "click==8\n-c requirements.txt\n"}, binary=binary)
    assert found.commands[1] == f'{INTO} --requirements "$MADE/requirements.txt"'
    assert found.files == {
        "requirements.txt": "-r requirements1.txt\nflask==3.1.3\n",
        "requirements1.txt": "click==8\n-c requirements.txt\n",
    }
    assert (found.packages, found.unproven) == ({"flask": "3.1.3", "click": "8"}, "")


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        (
            {"requirements/prod.txt": "", "requirements/base.txt": "", "requirements/dev.txt": ""},
            "requirements/prod.txt",
        ),
        ({"requirements/base.txt": "", "requirements/dev.txt": ""}, "requirements/base.txt"),
        ({"requirements-prod.txt": "", "requirements-dev.txt": ""}, "requirements-prod.txt"),
        ({"prod.txt": "", "pyproject.toml": "[tool.ruff]\n"}, "prod.txt"),
        ({"prod.txt": "", "pyproject.toml": '[project]\nname = "a"\ndependencies = []\n'}, "pyproject.toml"),
        ({"setup.cfg": "[flake8]\n", "requirements.txt": ""}, "requirements.txt"),
        ({"setup.cfg": "[metadata]\nname = a\n"}, "setup.cfg"),
        ({"setup.py": "from setuptools import setup\nsetup()\n"}, "setup.py"),
        ({"Pipfile": "[packages]\n"}, "Pipfile"),
    ],
)
def test_which_file_decides(files: dict[str, str], kind: str) -> None:
    assert plan(files).kind == kind


def test_requirements_files_by_key() -> None:
    files = {"requirements.txt": "a\n", "requirements/web server.txt": "b==1\n", "c.txt": "c==1\n"}
    found = plan(files, requirements=("requirements/web server.txt", "c.txt"))
    assert found.commands[1] == f"{INTO} --requirements 'requirements/web server.txt' --requirements c.txt"
    assert plan(files, requirements=("gone.txt",)).refused == "requirements: the file gone.txt is not in the repository"


SETUP = 'from setuptools import setup\nneeds = ["click>=8", "flask"]\nsetup(name="a", install_requires=needs)\n'


@pytest.mark.parametrize(
    ("files", "note"),
    [
        (
            {"requirements.txt": "flask\n", "setup.py": SETUP},
            "the project of setup.py is installed, too: it needs click, which the requirements do not name",
        ),
        ({"requirements.txt": "flask\nclick\n", "setup.py": SETUP}, ""),
        ({"requirements.txt": "-e .\n", "setup.py": SETUP}, ""),
        (
            {"requirements.txt": "flask\nclick\n", "setup.py": SETUP, "src/a/__init__.py": ""},
            "the project of setup.py is installed, too: its packages are in src",
        ),
    ],
)
def test_the_project_beside_its_requirements(files: dict[str, str], note: str) -> None:
    found = plan(files)
    assert found.notes == ((note,) if note else ())
    assert (found.commands[-1] == f"{INTO} .") is bool(note)


def test_the_requirements_that_setup_names() -> None:
    cfg = "[options]\ninstall_requires =\n    flask>=3\n    click\n"
    assert setuptools.requirements(MemoryFiles({"setup.cfg": cfg})) == ["flask>=3", "click"]
    assert setuptools.requirements(MemoryFiles({"setup.py": SETUP})) == ["click>=8", "flask"]


@given(st.text(max_size=80))
def test_no_setup_is_too_strange(text: str) -> None:
    setuptools.requirements(MemoryFiles({"setup.py": text, "setup.cfg": text}))


def test_a_variable_that_is_not_set_is_named() -> None:
    files = {"requirements.txt": "x @ git+https://${GITHUB_TOKEN}@h/x.git # ${OTHER}\n"}
    assert plan(files, ("GITHUB_TOKEN",)).variables == ("GITHUB_TOKEN",)
    assert plan(files).refused == (
        "requirements.txt refers to ${GITHUB_TOKEN}, which is not set: "
        "pulumi config set --secret --path launchpad:secrets.GITHUB_TOKEN VALUE"
    )


def test_what_is_installed_on_top() -> None:
    bare = Install("requirements.txt", ("first",))
    wanted = ("waitress>=3", "-gunicorn")
    found = additional.add(bare, {"uvicorn==0.54.0": "uvicorn"}, wanted, ["python -m pip --version"])
    assert found.commands == (
        "first",
        f"{INTO} 'waitress>=3'",
        f'[ -x "$VENV/bin/"uvicorn ] || {INTO} uvicorn==0.54.0',
        f'[ -x "$VENV/bin/pip" ] || {INTO} pip',
    )
    assert found.unproven == "launchpad:pip has 'waitress>=3', which is not pinned"
    assert additional.known(bare, wanted) == {"waitress": "", "gunicorn": ""}
    assert additional.add(bare, {}, (), ["gunicorn app:app"]) == bare


@pytest.mark.parametrize(
    ("command", "needs"),
    [
        *(("pip install x", True), ("cd a && python -m pip list", True), ("python -m spacy download en", True)),
        *(("pipenv run x", False), ("python pip_like.py", False), ("gunicorn pipes:app", False)),
    ],
)
def test_commands_that_need_pip(command: str, needs: bool) -> None:
    assert bool(additional.NEEDS_PIP.search(command)) is needs
