"""Apps of every tool's lock come up with just what is locked, and commands of those tools simply run."""

from pathlib import Path
from typing import Any

import pytest

from tests.agent.lab import Lab, Repo

TELL = """\
import importlib.metadata
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    names = ("flask", "itsdangerous", "gunicorn")
    return [", ".join(f"{name} {importlib.metadata.version(name)}" for name in names).encode()]
"""
PLAIN = """\
import os
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [os.environ["LAUNCHPAD_REVISION"].encode()]
"""
SERVED: dict[str, Any] = {
    "command": "gunicorn tell:app",
    "health": {"path": "/"},
    "dependencies": {"pip": ["gunicorn==27.0.1"]},
}


@pytest.mark.parametrize(
    ("kind", "lock"),
    [
        ("poetry-no-package", "poetry.lock"),
        ("pipenv", "Pipfile.lock"),
        ("pdm", "pdm.lock"),
        ("pylock", "pylock.toml"),
    ],
)
def test_what_is_locked_is_installed_and_shared(lab: Lab, tmp_path: Path, kind: str, lock: str) -> None:
    repo = Repo.of(kind, tmp_path / kind)
    repo.commit("one", {"tell.py": TELL})
    done = lab.deploy(repo, "one", **SERVED)
    assert done.code == 0, done.err
    assert lab.get()[1] == "flask 3.0.3, itsdangerous 2.1.2, gunicorn 27.0.1"
    if kind == "pdm":
        repo.commit("two", {"more.txt": "x"})
        again = lab.deploy(repo, "two", **SERVED)
        assert f"reusing the dependencies of {repo.revisions['one'][:12]} ({lock})" in again.err


def test_a_stale_lock_is_refused_before_anything_is_installed(lab: Lab, tmp_path: Path) -> None:
    repo = Repo.of("poetry-no-package", tmp_path / "stale")
    text = (repo.path / "pyproject.toml").read_text()
    repo.commit(
        "stale", {"pyproject.toml": f'{text}\n[tool.poetry.group.more.dependencies]\nx = "*"\n', "tell.py": TELL}
    )
    done = lab.deploy(repo, "stale", **SERVED)
    assert done.code != 0
    assert "poetry.lock does not fit pyproject.toml: run poetry lock and commit it" in done.err
    assert "installing dependencies" not in done.err


def test_a_member_of_a_workspace_is_installed_from_the_lock_above(lab: Lab, tmp_path: Path) -> None:
    repo = Repo.of("uv-workspace-member", tmp_path / "member")
    repo.commit("member")
    spec: dict[str, Any] = {"directory": "packages/web", "dependencies": {"pip": ["uvicorn==0.54.0"]}}
    done = lab.deploy(repo, "member", command="uvicorn main:app", health={"path": "/docs"}, **spec)
    assert done.code == 0, done.err
    assert "installing dependencies (uv.lock)" in done.err


def test_a_variable_in_a_requirement_reaches_the_build_and_no_output(lab: Lab, tmp_path: Path) -> None:
    library = Repo.of("hostile", tmp_path / "library")
    project = '[project]\nname = "mylib"\nversion = "1"\n[build-system]\nrequires = ["setuptools"]\n'
    library.commit(
        "lib",
        {"pyproject.toml": f'{project}build-backend = "setuptools.build_meta"\n[tool.setuptools]\npackages = []\n'},
    )
    library.git("tag", "tok3n-v1")
    library.git("bundle", "create", str(tmp_path / "lib.bundle"), "--all")
    lab.put("lib.bundle", (tmp_path / "lib.bundle").read_bytes())
    lab.sudo("rm -rf /srv/app/data/mylib.git")
    lab.sudo("git clone --quiet --bare lib.bundle /srv/app/data/mylib.git")
    lab.sudo("chown -R app:app /srv/app/data/mylib.git")
    repo = Repo.of("hostile", tmp_path / "token")
    wanted = "gunicorn==27.0.1\nmylib @ git+file:///srv/app/data/mylib.git@${MY_TOKEN}\n"
    repo.commit("token", {"requirements.txt": wanted, "app.py": PLAIN, "Procfile": "web: gunicorn app:app\n"})
    unset = lab.deploy(repo, "token", health={"path": "/"})
    assert "requirements.txt refers to ${MY_TOKEN}, which is not set: pulumi config set --secret" in unset.err
    done = lab.deploy(repo, "token", health={"path": "/"}, secrets={"MY_TOKEN": "tok3n-v1"})
    assert done.code == 0, done.err
    assert "mylib==1" in done.err
    assert "tok3n" not in done.err
    assert lab.deploy(repo, "token", health={"path": "/"}, secrets={"MY_TOKEN": "tok3n-v1"}).data()["changed"] is False


def test_commands_of_the_tools_run_in_the_virtualenv(lab: Lab, tmp_path: Path) -> None:
    repo = Repo.of("flask", tmp_path / "tools")
    procfile = "web: uv run --frozen --no-sync -- gunicorn app:app\nrelease: poetry run python -m pip --version\n"
    repo.commit("tools", {"Procfile": procfile})
    done = lab.deploy(repo, "tools")
    assert done.code == 0, done.err
    assert "/srv/app/python/venvs/" in done.err.split("release:", 1)[1]
    assert lab.marker() == "tools"
    repo.commit("status", {"Procfile": "web: gunicorn app:app\nrelease: pipenv run sh -c 'exit 7'\n"})
    failed = lab.deploy(repo, "status")
    assert "exit status 7" in failed.err


def test_a_version_from_git_is_known_to_the_build(lab: Lab, tmp_path: Path) -> None:
    repo = Repo.of("setuptools-scm", tmp_path / "scm")
    repo.commit("scm", {"tell.py": TELL.replace('("flask", ', '("clock", ')})
    done = lab.deploy(repo, "scm", **SERVED)
    assert done.code == 0, done.err
    assert lab.get()[1].startswith("clock 0.1.dev1+g")


def test_what_pip_and_uv_are_told_counts_in_the_build(lab: Lab, tmp_path: Path) -> None:
    repo = Repo.of("hostile", tmp_path / "told")
    asserts = "import os, setuptools\nassert 'machine h.example' in open(os.environ['NETRC']).read()\n"
    files: dict[str, str | None] = {
        **{"requirements.txt": "gunicorn==27.0.1\n./lib\n", "app.py": PLAIN, "Procfile": "web: gunicorn app:app\n"},
        **{"lib/setup.py": f"{asserts}setuptools.setup(name='told', version='7')\n"},
        "pyproject.toml": '[tool.uv]\nrequired-version = "==0.9.*"\n',
    }
    repo.commit("told", files)
    netrc = {"NETRC": "machine h.example login a password tok3n-netrc\n"}
    done = lab.deploy(repo, "told", health={"path": "/"}, secrets=netrc)
    assert done.code == 0, done.err
    assert "told==7" in done.err
    repo.commit("never", {"pyproject.toml": '[tool.uv]\nrequired-version = "==0.0.1"\n'})
    never = lab.deploy(repo, "never", health={"path": "/"}, secrets=netrc)
    assert "The app asks for uv ==0.0.1, this machine has" in never.err
    nowhere = lab.deploy(
        repo, "told", health={"path": "/"}, env={"PIP_INDEX_URL": "http://127.0.0.1:9/simple"}, secrets=netrc
    )
    assert nowhere.code != 0
    assert "127.0.0.1:9" in nowhere.err
