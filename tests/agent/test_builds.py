"""What serves is what was committed; what fails in a build names its cause; a build gets out of the app's way."""

from pathlib import Path

import pytest

from tests.agent.lab import Lab, Repo

LIB = """\
[project]
name = "mylib"
version = "1"
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[tool.setuptools]
packages = ["mylib"]
"""
APP = """\
import importlib.metadata, mylib
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{mylib.V} {importlib.metadata.version('markupsafe')}\\n".encode()]
"""
PROJECT = """\
[project]
name = "shop"
version = "1"
requires-python = ">=3.11"
dependencies = ["flask==3.1.3", "gunicorn==27.0.1"]
"""


@pytest.fixture(scope="module")
def repo(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """An app with a library of its own in the repository, named by a bare path; the first revision serves."""
    found = Repo.of("flask", tmp_path_factory.mktemp("repo") / "local")
    files: dict[str, str | None] = {
        **{"vendor/mylib/pyproject.toml": LIB, "vendor/mylib/mylib/__init__.py": "V = 'one'\n", "app.py": APP},
        **{"requirements.txt": "gunicorn==27.0.1\nmarkupsafe>=3\nvendor/mylib\n"},
    }
    found.commit("one", files)
    lab.deploy(found, "one").data()
    return found


def test_a_library_in_the_repository_serves_as_it_was_committed(lab: Lab, repo: Repo) -> None:
    assert lab.get()[1].startswith("one ")
    repo.commit("two", {"vendor/mylib/mylib/__init__.py": "V = 'two'\n"})
    lab.deploy(repo, "two").data()
    assert lab.get()[1].startswith("two ")
    repo.commit(
        "three",
        {
            "vendor/mylib/mylib/__init__.py": "V = 'three'\n",
            "requirements.txt": "gunicorn==27.0.1\nmarkupsafe>=3\nmylib @ ./vendor/mylib\n",
        },
    )
    lab.deploy(repo, "three").data()
    assert lab.get()[1].startswith("three ")
    back = lab.deploy(repo, "one")
    assert lab.get()[1].startswith("one ")
    assert "is on this machine: nothing to build, built 20" in back.err
    assert (
        "requirements.txt has 'markupsafe>=3', which is not pinned, so a new build may take newer versions" in back.err
    )
    again = lab.deploy(repo, "one")
    (done,) = [line for line in again.err.splitlines() if " done: " in line]
    assert "is already serving with these settings, built 20" in done
    assert done.endswith("set launchpad:rebuild to another value to build again")
    restarted = lab.run("sudo launchpad-agent restart --app app")
    assert "nothing to build" in restarted.err
    assert "launchpad:rebuild" not in restarted.err
    assert again.data()["changed"] is False


def test_a_commit_is_built_afresh_when_asked_and_when_a_setting_of_the_installer_changes(lab: Lab, repo: Repo) -> None:
    fresh = lab.deploy(repo, "one", rebuild="1").data()
    assert (fresh["built"], fresh["release"]) == (True, f"{repo.revisions['one'][:12]}-2")
    assert lab.deploy(repo, "one", rebuild="1").data()["changed"] is False
    newest = lab.get()[1].split()[1]
    older = lab.deploy(repo, "one", rebuild="1", env={"UV_RESOLUTION": "lowest-direct"})
    assert older.data()["built"] is True
    assert lab.get()[1].split()[1] == "3.0.0" != newest


PINNED: dict[str, str | None] = {
    "app.py": APP.replace("mylib.V", "'pinned'").replace(", mylib", ""),
    "requirements.txt": "gunicorn==27.0.1\nmarkupsafe==3.0.3\n",
}


def test_the_virtualenv_of_a_release_is_its_own_or_proved_to_be_the_same(lab: Lab, repo: Repo) -> None:
    before = set(lab.sudo("ls /srv/app/python/venvs").split())
    for marker in ("pin1", "pin2"):
        repo.commit(marker, PINNED)
        lab.deploy(repo, marker, keep_releases=20).data()
    made = set(lab.sudo("ls /srv/app/python/venvs").split()) - before
    assert len(made) == 1
    (shared,) = made
    assert repo.revisions["pin2"][:12] not in made
    written = "import os, sys; open(os.path.join(sys.prefix, 'written'), 'w')"
    hook = f'#!/bin/sh\nfor venv in /srv/app/python/venvs/*; do $venv/bin/python -c "{written}"; done; true\n'
    repo.commit("pin3", {".launchpad/hooks/before_build": hook}, (".launchpad/hooks/before_build",))
    lab.deploy(repo, "pin3", keep_releases=20).data()
    assert lab.run("sudo find /srv/app/python/venvs -name written").out == ""
    assert lab.sudo(f"find /srv/app/python/venvs/{shared} -type f -links +1") == ""
    repo.commit("pin4", {".launchpad/hooks/before_build": None})


def test_requirements_written_by_the_hook_count(lab: Lab, repo: Repo) -> None:
    hook = "#!/bin/sh\necho markupsafe==3.0.2 > requirements.txt\necho gunicorn==27.0.1 >> requirements.txt\n"
    repo.commit("hook", {**PINNED, ".launchpad/hooks/before_build": hook}, (".launchpad/hooks/before_build",))
    lab.deploy(repo, "hook").data()
    assert lab.get()[1] == "pinned 3.0.2\n"
    repo.commit("nohook", {".launchpad/hooks/before_build": None})
    lab.deploy(repo, "nohook").data()
    assert lab.get()[1] == "pinned 3.0.3\n"


def test_a_lock_that_does_not_fit_is_refused_by_name(lab: Lab, tmp_path: Path) -> None:
    lock = "d=$(mktemp -d) && cat > $d/pyproject.toml && UV_SYSTEM_CERTS=1 /opt/launchpad/uv/bin/uv lock -q --directory $d && cat $d/uv.lock"
    locked = lab.run(lock, PROJECT)
    assert locked.code == 0, locked.err
    repo = Repo.of("flask", tmp_path / "locked")
    repo.commit("fits", {"requirements.txt": None, "pyproject.toml": PROJECT, "uv.lock": locked.out})
    done = lab.deploy(repo, "fits")
    assert done.code == 0, done.err
    assert "installing dependencies (uv.lock)" in done.err
    repo.commit("more", {"pyproject.toml": PROJECT.replace('"gunicorn', '"itsdangerous<2", "gunicorn')})
    done = lab.deploy(repo, "more")
    assert done.code == 1
    why = "Installing the dependencies failed: exit status 1. uv.lock does not fit pyproject.toml: run uv lock and commit it."
    assert done.err.splitlines()[-1] == why
    assert lab.history()[-1]["reason"] == why
    assert "network" not in done.err
    assert lab.marker() == "fits"
    # A machine that installs from elsewhere than where the lock was made takes the lock as it is.
    repo.commit("elsewhere", {"pyproject.toml": PROJECT})
    done = lab.deploy(repo, "elsewhere", package_index="http://127.0.0.1:9/simple")
    assert "does not fit" not in done.err


def test_constraints_by_url_and_includes_from_above_the_apps_directory(lab: Lab, flask: Repo, tmp_path: Path) -> None:
    folder = lab.sudo("mktemp -d").strip()
    lab.sudo(f"sh -c 'echo markupsafe==3.0.2 > {folder}/constraints.txt; chmod 755 {folder}'")
    lab.sudo(f"systemd-run -q --unit=constraints python3 -m http.server -d {folder} --bind 127.0.0.1 8420")
    repo = Repo.of("flask", tmp_path / "mono")
    url = "-c http://127.0.0.1:8420/constraints.txt\n-r ../more/base.txt\n-r '../more/a b.txt'\n"
    files: dict[str, str | None] = {f"web/{name}": (flask.path / name).read_text() for name in ("app.py", "Procfile")}
    files |= {"web/marker": "mono\n", "web/requirements.txt": url, "app.py": None, "Procfile": None}
    files |= {"more/base.txt": "flask==3.1.3\n", "more/a b.txt": "gunicorn==27.0.1\n", "requirements.txt": None}
    repo.commit("mono", files)
    done = lab.deploy(repo, "mono", directory="web")
    assert done.code == 0, done.err
    assert "markupsafe==3.0.2" in done.err
    assert lab.marker() == "mono"
    # Case 18: an index that is asked first, like PyTorch's, has an old copy of what the app wants newer.
    lab.sudo(f"mkdir -p {folder}/simple/itsdangerous")
    page = '<a href="itsdangerous-2.1.2-py3-none-any.whl">itsdangerous-2.1.2-py3-none-any.whl</a>'
    lab.sudo(f"tee {folder}/simple/itsdangerous/index.html", page)
    wanted = "--extra-index-url http://127.0.0.1:8420/simple\nitsdangerous>=2.2\nflask==3.1.3\ngunicorn==27.0.1\n"
    repo.commit("two indexes", {"web/requirements.txt": wanted})
    refused = lab.deploy(repo, "two indexes", directory="web")
    assert "pulumi config set --path launchpad:env.UV_INDEX_STRATEGY unsafe-best-match" in refused.err.splitlines()[-1]
    done = lab.deploy(repo, "two indexes", directory="web", env={"UV_INDEX_STRATEGY": "unsafe-best-match"})
    assert done.code == 0, done.err
    assert "itsdangerous==2.2.0" in done.err


def test_a_failed_build_names_the_package_and_why_last(lab: Lab, repo: Repo) -> None:
    repo.commit("compiled", {"requirements.txt": "gunicorn==27.0.1\npsycopg2-binary==2.9.9\n"})
    done = lab.deploy(repo, "compiled")
    assert done.code == 1
    assert done.err.splitlines()[-1] == (
        "Installing the dependencies failed: exit status 1. psycopg2-binary 2.9.9 has no wheel for Python 3.13, and "
        "compiling it failed: the program pg_config is missing; a newer version may have a wheel, or set "
        "launchpad:python, or launchpad:packages to what compiling needs."
    )
    report = done.err[done.err.index("error: The output ends with:") :]
    assert "<https://www.psycopg.org/docs/install.html>" in report
    assert "psycopg.org" not in done.err.removesuffix(report)
    assert len(report.splitlines()) == 6
    assert lab.history()[-1]["reason"].startswith("Installing the dependencies failed: exit status 1. psycopg2-binary")


def test_a_build_has_low_priority_and_no_metadata_service(lab: Lab, repo: Repo) -> None:
    hook = (
        "#!/bin/sh\necho nice $(nice) $(cat /proc/self/oom_score_adj)\n"
        "grep processes /proc/self/limits\n"
        "systemctl show launchpad-app-task.service -p IPAddressDeny -p CPUWeight -p IOWeight -p MemoryMax\n"
    )
    repo.commit(
        "told",
        {
            "app.py": APP.replace("mylib.V", "'told'").replace(", mylib", ""),
            "requirements.txt": "gunicorn==27.0.1\nmarkupsafe==3.0.3\n",
            ".launchpad/hooks/before_switch": hook,
        },
        (".launchpad/hooks/before_switch",),
    )
    done = lab.deploy(repo, "told")
    assert done.code == 0, done.err
    assert "| nice 15 500" in done.err
    assert "| CPUWeight=20" in done.err
    (limit,) = [line.split() for line in done.err.splitlines() if "| Max processes" in line]
    assert limit[3:5] == ["4096", "4096"]  # a fork bomb ends there, also where there are no cgroup controllers
    (closed,) = [line for line in done.err.splitlines() if "| IPAddressDeny=" in line]
    assert "169.254.169.254/32" in closed
    slot = lab.serving()["slot"]
    assert "169.254.169.254" in lab.run(f"systemctl show app@{slot}.service -p IPAddressDeny").out
    opened = lab.deploy(repo, "told", metadata_access=True)
    assert opened.data()["changed"] is True
    assert "169.254.169.254" not in opened.err
    slot = lab.serving()["slot"]
    assert lab.run(f"systemctl show app@{slot}.service -p IPAddressDeny").out == "IPAddressDeny=\n"
