"""A remote commit's files are fetched for the preview: without history, with the credentials, once."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import local
from infra.deployment import remote_files, source
from infra.deployment.git_objects import UnreadableCommitError
from tests import gitserver

IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
PASSWORD = "canary-5/1"


def git(path: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *IDENTITY, "-C", str(path), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(local, "project", lambda: tmp_path / "project")
    return tmp_path / "project/.launchpad/repositories"


@pytest.fixture
def served(tmp_path: Path) -> Path:
    """A bare repository with two commits, in which servers may leave files out."""
    tree = tmp_path / "work"
    (tree / "site").mkdir(parents=True)
    git(tmp_path, "init", "-q", "-b", "main", str(tree))
    (tree / "old.py").write_text("old\n")
    git(tree, "add", ".")
    git(tree, "commit", "-q", "-m", "one")
    git(tree, "rm", "-q", "old.py")
    (tree / "site/app.py").write_text("app\n")
    (tree / "Procfile").write_text("web: true\n")
    (tree / "site/lock").symlink_to("../uv.lock")
    (tree / "uv.lock").write_text("lock\n")
    (tree / "photo.jpg").write_bytes(b"x" * 100_000)
    git(tree, "add", ".")
    git(tree, "commit", "-q", "-m", "two")
    git(tmp_path, "clone", "-q", "--bare", str(tree), str(tmp_path / "served/shop.git"))
    git(tmp_path / "served/shop.git", "config", "uploadpack.allowFilter", "true")
    git(tmp_path / "served/shop.git", "config", "uploadpack.allowAnySHA1InWant", "true")
    return tmp_path / "served"


@pytest.fixture
def server(served: Path) -> Iterator[gitserver.Server]:
    with gitserver.serving(str(served), f"ci:{PASSWORD}") as server:
        yield server


def found(server: gitserver.Server, login: str = "ci:canary-5%2F1", directory: str = "site") -> source.Source:
    return source.find(f"http://{login}@127.0.0.1:{server.server_port}/shop.git", directory)


def test_the_files_that_a_plan_is_made_of_come_with_two_fetches_and_no_history(
    server: gitserver.Server, served: Path, project: Path
) -> None:
    sha = git(served / "shop.git", "rev-parse", "main")
    with remote_files.read(found(server), sha) as files:
        fetches = sum("command=fetch" in asked for asked in server.asked)
        assert fetches == 2
        assert (files.text("app.py"), files.text("../Procfile"), files.text("lock")) == (
            "app\n",
            "web: true\n",
            "lock\n",
        )
        assert files.names("..") == {"Procfile": False, "photo.jpg": False, "site": True, "uv.lock": False}
        assert sum("command=fetch" in asked for asked in server.asked) == fetches
        # What was not expected is fetched when it is read.
        assert files.text("../photo.jpg") == "x" * 100_000
    server.asked.clear()
    with remote_files.read(found(server), sha) as files:
        assert files.text("app.py") == "app\n"
    assert server.asked == []
    (folder,) = project.iterdir()
    assert git(folder, "rev-list", "--count", sha) == "1"
    assert subprocess.run(["grep", "-r", "canary", str(project)], check=False).returncode == 1


def test_a_server_that_leaves_nothing_out_gives_all_files(server: gitserver.Server, served: Path) -> None:
    git(served / "shop.git", "config", "uploadpack.allowFilter", "false")
    with remote_files.read(found(server), git(served / "shop.git", "rev-parse", "main")) as files:
        assert files.text("app.py") == "app\n"
        assert files.text("../photo.jpg") == "x" * 100_000


def test_credentials_that_are_not_accepted_are_the_reason(server: gitserver.Server, served: Path) -> None:
    sha = git(served / "shop.git", "rev-parse", "main")
    with pytest.raises(UnreadableCommitError) as caught, remote_files.read(found(server, "ci:wrong"), sha):
        pass
    assert str(caught.value).startswith(
        "its files cannot be fetched to this computer: fatal: Authentication failed for"
    )


def test_a_server_that_hangs_is_left_in_time(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_files, "TIMEOUT", 1)
    sha = git(served / "shop.git", "rev-parse", "main")
    began = time.monotonic()
    with (
        gitserver.serving(str(served), hang=True) as server,
        pytest.raises(UnreadableCommitError) as caught,
        remote_files.read(found(server), sha),
    ):
        pass
    assert str(caught.value) == "its files did not arrive on this computer within 1 s"
    assert time.monotonic() - began < 60
