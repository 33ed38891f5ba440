"""Nothing that an app does makes root change anything outside the app, and nothing keeps a deployment from ending."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.agent.lab import APPS, Done, Lab, Repo

HOSTILE = (APPS / "hostile/hostile.py").read_text()
BACKEND = """\
import os, subprocess, sys, zipfile
def get_requires_for_build_wheel(config_settings=None):
    return []
def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    os.chdir(os.environ["PWD_OF_APP"]) if "PWD_OF_APP" in os.environ else None
    subprocess.run([sys.executable, os.path.join(os.path.dirname(__file__), "hostile.py")])
    name = "evil-1-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as wheel:
        wheel.writestr("evil.py", "")
        wheel.writestr("evil-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: evil\\nVersion: 1\\n")
        wheel.writestr("evil-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("evil-1.dist-info/RECORD", "")
    return name
"""
PROJECT = """\
[project]
name = "evil"
version = "1"
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
EVIL: dict[str, str | None] = {
    "evil/pyproject.toml": PROJECT,
    "evil/backend.py": BACKEND,
    "evil/hostile.py": HOSTILE,
    "requirements.txt": "flask==3.1.3\ngunicorn==27.0.1\n./evil\n",
}
HOOK = "#!/bin/sh\n/usr/bin/python3 hostile.py\n"
LISTED = "-printf '%p %y %m %U %G %s %l %T@\\n'"
WATCHED = "/var/lib/victim /etc /usr/local /opt/launchpad/uv/bin"
OURS = "-path /etc/launchpad -o -path /etc/systemd -o -path /usr/local/lib/launchpad"


def outside(lab: Lab) -> str:
    """Everything that no deployment of the app has to do with: names, kinds, modes, owners, sizes, times, contents."""
    listed = lab.sudo(f"find {WATCHED} /srv/shop \\( {OURS} \\) -prune -o {LISTED}")
    contents = lab.sudo("sh -c 'find /var/lib/victim /srv/shop -type f -exec sha256sum {} + | sort'")
    return f"{listed}\n{contents}"


def serving_virtualenv(lab: Lab) -> str:
    """The serving release's virtualenv and tree: names, modes, owners, sizes and contents."""
    status = lab.serving()
    tree = f"/srv/app/releases/{status['release']}"
    venv = lab.sudo(f"readlink {tree}/.venv").strip()
    assert venv.startswith("/srv/app/python/venvs/")
    listed = lab.sudo(f"find {tree} {venv} -printf '%p %y %m %U %s %l\\n'")
    return listed + lab.sudo(f"sh -c 'find {tree} {venv} -type f -exec sha256sum {{}} + | sort'")


@pytest.fixture(scope="module")
def repo(machine: Lab, flask: Repo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repo]:
    """A machine with a victim, another app, and the app in a good and in hostile revisions; the good one serves."""
    machine.prepare().data()
    machine.prepare(app="shop", http_port=8080).data()
    machine.deploy(flask, "one", app="shop").data()
    machine.sudo(
        "sh -c 'mkdir -p /var/lib/victim/folder; echo precious > /var/lib/victim/file; chmod 666 /var/lib/victim/file'"
    )
    machine.sudo("sh -c 'chmod 700 /var/lib/victim/folder; echo x > /var/lib/victim/folder/file'")
    found = Repo.of("flask", tmp_path_factory.mktemp("repo") / "hostile")
    code = (found.path / "app.py").read_text() + "\nimport hostile\nhostile.in_background()\n"
    found.commit("good", {"app.py": code, "hostile.py": HOSTILE})
    found.commit("backend", EVIL)
    found.commit("hook", {".launchpad/hooks/before_build": HOOK}, (".launchpad/hooks/before_build",))
    switch = (".launchpad/hooks/before_switch", ".launchpad/hooks/after_switch")
    found.commit("switch", {".launchpad/hooks/before_build": None, **dict.fromkeys(switch, HOOK)}, switch)
    found.commit("calm", {**dict.fromkeys(switch), "requirements.txt": "flask==3.1.3\ngunicorn==27.0.1\n"})
    machine.deploy(found, "good").data()
    yield found


def ends_unharmed(lab: Lab, repo: Repo, marker: str, **spec: Any) -> Done:
    """Deploy; whatever comes of it, it comes in time, and neither the outside nor what served has changed."""
    before, served, marks = outside(lab), serving_virtualenv(lab), lab.marker()
    done = lab.deploy(repo, marker, health={"path": "/healthz", "timeout": 10}, build_timeout=120, **spec)
    assert outside(lab) == before
    assert "a defect in launchpad-agent" not in done.err, done.err
    if done.code:
        assert done.err.splitlines()[-1]
        assert (lab.marker(), serving_virtualenv(lab)) == (marks, served)
    return done


@pytest.mark.parametrize("marker", ["switch", "backend", "hook", "calm"])
def test_hostile_code_in_a_build_and_in_hooks_reaches_nothing(lab: Lab, repo: Repo, marker: str) -> None:
    served = serving_virtualenv(lab)
    release = lab.serving()["release"]
    done = ends_unharmed(lab, repo, marker)
    if done.code == 0 and marker == "backend":
        assert lab.marker() == "backend"
        assert lab.sudo(f"test -d /srv/app/releases/{release} && echo there") == "there\n"
        lab.deploy(repo, "good").data()
        assert serving_virtualenv(lab) == served


def test_prepare_prune_and_clearing_reach_nothing_either(lab: Lab, repo: Repo) -> None:
    before = outside(lab)
    repo.commit("again", EVIL)
    ends_unharmed(lab, repo, "again")
    lab.deploy(repo, "calm", keep_releases=1)
    assert lab.prepare().code == 0
    # From here on the app races no more: it would keep its own releases from coming up.
    lab.sudo("touch /srv/app/data/calm")
    repo.commit("full", {"requirements.txt": "flask==3.1.3\ngunicorn==27.0.1\n", "more": "x"})
    lab.sudo("sh -c 'fallocate -l $(($(df --output=avail -B1 /srv | tail -1) - 60000000)) /var/filler'")
    done = lab.deploy(repo, "full", keep_releases=1)
    lab.sudo("rm /var/filler")
    assert "clearing the caches" in done.err
    assert lab.run("sudo ls -A /srv/app/python/cache/uv/locked").code != 0
    if done.code:
        assert "The disk is nearly full: " in done.err
        assert "Raise launchpad:embedded.disk or launchpad:ec2.disk, lower launchpad:keep_releases" in done.err
        assert lab.deploy(repo, "full", keep_releases=1).code == 0
    assert lab.marker() == "full"
    assert outside(lab) == before
    assert len(lab.sudo("ls /srv/app/releases").split()) <= 2
    assert len(lab.sudo("ls /srv/app/python/venvs").split()) <= 2


def test_a_machine_of_an_earlier_version_is_mended(lab: Lab, repo: Repo) -> None:
    lab.sudo("systemctl stop 'app@*'")
    lab.sudo("chown app:app /srv/app/python /srv/app/python/venvs /srv/app/releases")
    app = "setpriv --reuid=app --regid=app --clear-groups"
    lab.sudo(
        f"{app} sh -c 'cd /srv/app/python; mv venvs old; mv cache gone; ln -s /var/lib/victim venvs; ln -s /etc cache'"
    )
    before = outside(lab)
    assert "directories" in lab.prepare().data()["changed"]
    assert lab.prepare().data()["changed"] == []
    assert outside(lab) == before
    assert lab.sudo("stat -c '%F %a %U:%G %n' /srv/app/python /srv/app/python/venvs /srv/app/python/cache") == (
        "directory 755 root:root /srv/app/python\n"
        "directory 755 root:root /srv/app/python/venvs\n"
        "directory 750 app:app /srv/app/python/cache\n"
    )
    assert lab.sudo("stat -c '%a %U:%G' /srv/app/releases") == "750 root:app\n"
    repo.commit("mended", {"requirements.txt": "flask==3.1.3\ngunicorn==27.0.1\n", "more": "y"})
    lab.deploy(repo, "mended").data()
    assert lab.marker() == "mended"
    assert outside(lab) == before


def test_a_fifo_in_place_of_a_file_that_root_reads_does_not_keep_it_waiting(lab: Lab, repo: Repo) -> None:
    hook = "#!/bin/sh\nrm -rf Procfile && mkfifo Procfile\n"
    repo.commit("fifo", {".launchpad/hooks/before_build": hook}, (".launchpad/hooks/before_build",))
    done = ends_unharmed(lab, repo, "fifo")
    assert done.code == 1
    assert "Procfile: is neither a file nor a directory" in done.err
    swap = "#!/bin/sh\nrm -rf requirements.txt && ln -s /etc/shadow requirements.txt\n"
    repo.commit("shadow", {".launchpad/hooks/before_build": swap}, (".launchpad/hooks/before_build",))
    done = ends_unharmed(lab, repo, "shadow")
    assert "requirements.txt: is a link that leads out of the repository" in done.err


def test_an_app_directory_that_becomes_a_link_is_refused(lab: Lab, repo: Repo) -> None:
    hook = "#!/bin/sh\ncd .. && mv web away && ln -s /var/lib/victim web\n"
    files = {f"web/{name}": (repo.path / name).read_text() for name in ("app.py", "hostile.py", "Procfile")}
    files |= {"web/requirements.txt": "gunicorn==27.0.1\n", "web/.launchpad/hooks/before_build": hook}
    repo.commit("linked", dict(files), ("web/.launchpad/hooks/before_build",))
    done = ends_unharmed(lab, repo, "linked", directory="web")
    assert done.code == 1
    assert lab.marker() == "mended"


def test_counting_the_data_follows_nothing_and_ends(lab: Lab) -> None:
    def counted() -> tuple[int, int]:
        (found,) = lab.run("sudo launchpad-agent data --json --app app").data()["apps"]
        assert found["complete"]
        return found["files"], found["size"]

    files, size = counted()
    made = "ln -s /etc etc; ln -s . loop; mkfifo fifo; mkdir -p a/b; chmod 0 a; truncate -s 5000000000 sparse"
    lab.sudo(f"setpriv --reuid=app --regid=app --clear-groups sh -c 'cd /srv/app/data && {made}'")
    assert counted() == (files + 1, size + 5_000_000_000)
