"""The machine's clone: what is fetched and how, and what a killed run leaves."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.agent.build import checkout, repository
from infra.agent.build.checkout import Placed
from infra.agent.release import leftovers
from infra.agent.system import sh
from infra.agent.system.failure import Failure, Interrupted
from infra.agent.system.layout import App
from infra.protocol.specs import Source
from tests import gitserver, watch

IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="the agent runs as root")]


class Here(App):
    """An app below a folder of the test."""

    folder: Path

    @property
    def home(self) -> Path:
        """Where everything of it lies."""
        return self.folder

    @property
    def scratch(self) -> Path:
        """Where its keys lie."""
        return self.folder / "scratch"


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    monkeypatch.setattr(Here, "folder", tmp_path / "home", raising=False)
    return Here(f"t{os.getpid()}")


def git(path: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *IDENTITY, "-C", str(path), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A folder with the bare repository shop.git: three commits on main, the last with a file of some size."""
    work, served = tmp_path / "work", tmp_path / "served"
    git(tmp_path, "init", "-q", "-b", "main", str(work))
    for number in range(3):
        (work / "big").write_bytes(os.urandom(200_000))
        git(work, "add", ".")
        git(work, "commit", "-q", "-m", f"Commit {number}")
    served.mkdir()
    git(tmp_path, "clone", "-q", "--bare", str(work), str(served / "shop.git"))
    return served


def revision(origin: Path, name: str = "main") -> str:
    return git(origin / "shop.git", "rev-parse", name)


def refs(app: App) -> list[str]:
    return git(app.repository, "for-each-ref", "--format=%(refname)").split()


def until(met: Callable[[], object]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + 20
    while not met():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_no_argument_list_shows_the_password_of_a_url(app: App, origin: Path) -> None:
    canary = f"canary-{secrets.token_hex(6)}"  # its own: all processes of this computer are looked at
    with gitserver.serving(str(origin), f"ci:{canary}/2", pause=0.3) as server, watch.arguments() as seen:
        url = f"http://ci:{canary}%2F2@127.0.0.1:{server.server_port}/shop.git"
        repository.fetch(app, Source("url", url), revision(origin), "main")
    assert repository.has(app, revision(origin))
    assert [line for line in seen if "git-remote-http" in line]
    assert [line for line in seen if canary in line] == []
    assert subprocess.run(["grep", "-r", canary, str(app.home)], check=False, capture_output=True).stdout == b""


@pytest.mark.parametrize(
    ("credentials", "hint"),
    [("", "asks for a user name: the repository is private"), ("ci:wrong@", "credentials in the URL are not accepted")],
)
def test_what_a_private_server_wants_is_said(app: App, origin: Path, credentials: str, hint: str) -> None:
    with gitserver.serving(str(origin), "ci:right") as server:
        url = f"http://{credentials}127.0.0.1:{server.server_port}/shop.git"
        with pytest.raises(Failure) as caught:
            repository.fetch(app, Source("url", url), revision(origin), "main")
    assert hint in str(caught.value)
    assert "wrong" not in str(caught.value)
    assert len(server.asked) <= 2


def test_a_lock_file_does_not_make_a_fetch_take_the_whole_history(app: App, origin: Path) -> None:
    repository.ensure(app)
    lock = app.repository / "shallow.lock"
    lock.touch()
    with gitserver.serving(str(origin)) as server:
        source = Source("url", f"http://127.0.0.1:{server.server_port}/shop.git")
        with pytest.raises(Failure, match=r"shallow\.lock': File exists"):
            repository.fetch(app, source, revision(origin), "main")
        assert sum("command=fetch" in asked for asked in server.asked) == 1
        leftovers.clear(app)
        assert not lock.exists()
        repository.fetch(app, source, revision(origin), "main")
    assert repository.has(app, revision(origin))
    assert not repository.has(app, revision(origin, "main~1"))


@pytest.mark.slow
@pytest.mark.parametrize("how", ["interrupted", "timeout"])
def test_git_cleans_up_when_it_is_stopped_in_the_middle(
    app: App, origin: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    def stop(number: int, _frame: object) -> None:
        raise Interrupted(f"by {number}")

    def interrupt() -> None:
        until(locked.exists)
        os.kill(os.getpid(), signal.SIGUSR1)

    locked = app.repository / "shallow.lock"
    with gitserver.serving(str(origin), hang=True) as server:
        source = Source("url", f"http://127.0.0.1:{server.server_port}/shop.git")
        if how == "timeout":
            repository.ensure(app)
            monkeypatch.setattr(repository, "GIT_TIMEOUT", 2)
            with pytest.raises(Failure, match="git fetch: did not end within 2 s"):
                repository.fetch(app, source, revision(origin), "main")
        else:
            before = signal.signal(signal.SIGUSR1, stop)
            ready = threading.Thread(target=interrupt)
            ready.start()
            try:
                with pytest.raises(Interrupted):
                    repository.fetch(app, source, revision(origin), "main")
            finally:
                ready.join()
                signal.signal(signal.SIGUSR1, before)
        assert not locked.exists()
        assert list(leftovers.processes(repository.DEPLOYING, app.name)) == []


def test_a_program_that_does_not_end_is_killed_with_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sh, "GRACE", 0.3)
    with pytest.raises(Failure, match=r"bash: did not end within 0.5 s"):
        sh.run(["bash", "-c", "trap '' TERM; MARK=stays-7 sleep 60 & sleep 60"], timeout=0.5)
    until(lambda: not list(leftovers.processes("MARK", "stays-7")))


def test_what_a_killed_run_left_is_cleared_away(app: App) -> None:
    repository.ensure(app)
    app.scratch.mkdir()
    (app.scratch / "key").touch()
    (app.repository / "refs/heads/x").mkdir()
    (app.repository / "refs/heads/empty").touch()
    (app.repository / "lfs-incoming").mkdir()
    left = ["shallow.lock", "packed-refs.lock", "refs/heads/x/y.lock", "objects/pack/tmp_pack_abc", "lfs-incoming/x"]
    for name in left:
        (app.repository / name).touch()
    marked = {**os.environ, repository.DEPLOYING: app.name}
    with subprocess.Popen(["sleep", "60"], env=marked) as process:
        leftovers.clear(app)
        assert process.wait() == -signal.SIGTERM
    assert not app.scratch.exists()
    assert [name for name in [*left, "refs/heads/empty"] if (app.repository / name).exists()] == []


def test_keys_that_earlier_versions_left_go_and_nothing_of_another_user(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared, elsewhere = tmp_path / "shared", tmp_path / "elsewhere"
    monkeypatch.setattr(tempfile, "tempdir", str(shared))
    for folder in (shared / "launchpad-ssh-ours", shared / "launchpad-ssh-theirs", shared / "other", elsewhere):
        folder.mkdir(parents=True)
        (folder / "key").touch()
    os.chown(shared / "launchpad-ssh-theirs", 4321, 4321)
    (shared / "launchpad-ssh-link").symlink_to(elsewhere)
    leftovers.clear(app)
    assert sorted(path.name for path in shared.iterdir()) == ["launchpad-ssh-link", "launchpad-ssh-theirs", "other"]
    assert (elsewhere / "key").exists()


def test_a_push_under_way_keeps_its_young_locks(app: App) -> None:
    repository.ensure(app)
    young, old = app.repository / "refs/heads/young.lock", app.repository / "refs/heads/old.lock"
    young.touch()
    old.touch()
    os.utime(old, (0, time.time() - 3600))
    with subprocess.Popen(["sleep", "60"], env={**os.environ, repository.PUSHING: app.name}) as process:
        until(lambda: list(leftovers.processes(repository.PUSHING, app.name)))
        leftovers.clear(app)
        process.kill()
    assert young.exists()
    assert not old.exists()


@pytest.mark.parametrize("damage", ["config", "HEAD", "rubbish in config", "empty HEAD", "objects"])
def test_a_clone_that_was_half_made_is_mended_with_what_it_holds(app: App, origin: Path, damage: str) -> None:
    source = Source("url", f"file://{origin / 'shop.git'}")
    repository.fetch(app, source, revision(origin), "main")
    repository.keep(app, "r1", revision(origin))
    path = app.repository / damage.rsplit(maxsplit=1)[-1]
    if damage == "objects":
        subprocess.run(["rm", "-r", str(path)], check=True)
    elif " " in damage:
        path.write_text("" if "empty" in damage else "[core\n")
    else:
        path.unlink()
    repository.ensure(app)
    assert repository.has(app, revision(origin)) == (damage != "objects")
    assert refs(app) == ["refs/launchpad-kept/releases/r1"]
    repository.fetch(app, source, revision(origin), "main")
    assert repository.has(app, revision(origin))


def test_the_history_of_a_fallback_goes_once_the_release_is_kept(app: App, origin: Path) -> None:
    git(origin / "shop.git", "config", "uploadpack.allowAnySHA1InWant", "false")
    wanted = revision(origin, "main~1")
    source = Source("url", f"file://{origin / 'shop.git'}")
    repository.ensure(app)
    # git's old protocol gives out the tips of branches only, as some servers do.
    git(app.repository, "config", "protocol.version", "0")
    repository.fetch(app, source, wanted, "main")
    assert refs(app) == ["refs/launchpad-kept/fetched"]
    repository.keep(app, "r1", wanted)
    assert refs(app) == ["refs/launchpad-kept/releases/r1"]


def test_settings_of_root_do_not_change_what_is_read_or_written(
    app: App, origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".gitconfig").write_text(
        '[log]\n\tshowSignature = true\n[color]\n\tui = always\n[filter "lfs"]\n\tsmudge = false\n\trequired = true\n'
    )
    work = tmp_path / "work"
    (work / ".gitattributes").write_text("* filter=lfs\n")
    git(work, "add", ".")
    git(work, "commit", "-q", "-m", "Grüße")
    git(work, "push", "-q", str(origin / "shop.git"), "main")
    monkeypatch.setenv("HOME", str(tmp_path))
    repository.fetch(app, Source("url", f"file://{origin / 'shop.git'}"), revision(origin), "main")
    assert repository.subject(app, revision(origin)) == "Grüße"
    checkout.checkout(app, revision(origin), tmp_path / "tree", Placed())
    assert (tmp_path / "tree/big").read_bytes() == (work / "big").read_bytes()
