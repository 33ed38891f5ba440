"""The machine's clone: fetches that are killed in the middle, credentials, odd commits, and who is recorded."""

import hashlib
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra import local
from infra.deployment import push
from tests.agent.lab import APP, USER, Lab, Repo, begin_deployment, deploy_spec

SERVER = Path(__file__).parent.parent / "gitserver.py"
GOOD, SLOW, HANGING = 8421, 8422, 8423
CREDENTIALS = "ci:canary-4/2"
COMMAND = f"sudo launchpad-agent deploy --app {APP} --revision"


@pytest.fixture(scope="module")
def remote(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repo]:
    """The flask app, three commits, in a repository that servers on the machine give out: good, slow and hanging ones."""
    repo = Repo.of("flask", tmp_path_factory.mktemp("remote") / "flask")
    for marker in ("first", "second", "third"):
        repo.commit(marker, {"ballast": f"{marker} {'x' * 100_000}"})
    lab.put("gitserver.py", SERVER.read_bytes())
    lab.sudo("install -D gitserver.py /srv/git/gitserver.py")
    lab.sudo("git init -q --bare --initial-branch=main /srv/git/app.git")
    give_out(lab, repo)
    for port, pause, hang in ((GOOD, 0, 0), (SLOW, 0.5, 0), (HANGING, 0, 1)):
        server = f"python3 /srv/git/gitserver.py /srv/git {port} {CREDENTIALS} {pause} {hang}"
        lab.sudo(f"systemd-run -q --unit=git-{port} {server}")
    yield repo
    lab.sudo(f"systemctl stop git-{GOOD} git-{SLOW} git-{HANGING}")


def give_out(lab: Lab, repo: Repo) -> None:
    """Bring the repository's branch main to the servers."""
    lab.push(repo, repo.git("rev-parse", "main"))
    lab.sudo(f"git -C /srv/{APP}/repo.git push -q -f /srv/git/app.git {repo.git('rev-parse', 'main')}:refs/heads/main")
    lab.sudo(f"rm -rf /srv/{APP}/repo.git")


def spec(port: int, **more: Any) -> str:
    """A specification that fetches from one of the servers."""
    url = f"http://{CREDENTIALS.replace('/', '%2F')}@127.0.0.1:{port}/app.git"
    return deploy_spec(source={"kind": "url", "url": url}, **more)


def until(lab: Lab, command: str) -> None:
    """Wait until a command on the machine succeeds."""
    end = time.monotonic() + 30
    while lab.run(command).code != 0:
        assert time.monotonic() < end, command
        time.sleep(0.1)


def test_no_process_of_the_machine_shows_the_password_of_a_url(lab: Lab, remote: Repo) -> None:
    watch = (
        "for i in $(seq 200); do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | tr '\\n' ' '; echo; sleep 0.05; "
        "test -e /run/seen && break; done > watched"
    )
    lab.run(f"rm -f watched; sudo rm -f /run/seen; nohup sh -c '{watch.replace(chr(39), chr(34))}' >/dev/null 2>&1 &")
    done = lab.run(f"{COMMAND} {remote.revisions['first']}", spec(SLOW))
    lab.sudo("touch /run/seen")
    assert done.code == 0, done.err
    seen = lab.run("cat watched").out
    assert "git-remote-http http://127.0.0.1:8422/app.git" in seen
    assert "gitserver.py /srv/git 8422 ci:canary-4/2" in seen
    # The servers themselves are told the password by an argument.
    assert seen.count("canary-4") == seen.count("gitserver.py /srv/git 84")
    assert "canary-4" not in done.err + done.out
    left = lab.run("sudo grep -rl canary-4 /srv/app /etc/launchpad /var/lib/launchpad /run/launchpad /tmp")
    assert left.out == ""


@pytest.mark.parametrize("way", ["cancel", "kill", "kill git"])
def test_a_fetch_that_is_ended_leaves_nothing_in_the_way(lab: Lab, remote: Repo, way: str) -> None:
    built = f"/srv/{APP}/releases/{remote.revisions['third'][:12]}*"  # only root may look there
    lab.sudo(f"sh -c 'rm -rf /srv/{APP}/repo.git {built}'")
    process = begin_deployment(lab, remote.revisions["third"], spec(HANGING), "fetch: ")
    lock = f"sudo test -e /srv/{APP}/repo.git/shallow.lock"
    mine = "pgrep -f 'git --git-dir [/]srv/app/repo.git|git-remote-[h]ttp'"
    until(lab, lock)
    assert lab.run(mine).code == 0
    if way == "cancel":
        lab.sudo(f"launchpad-agent cancel --app {APP}")
    elif way == "kill":
        lab.sudo("kill -9 $(pgrep -n -f 'python3 .*[l]aunchpad-agent deploy')")
    else:
        lab.sudo("kill -9 $(pgrep -o -f '^git --git-dir [/]srv/app/repo.git')")
    assert process.wait(60) != 0
    assert lab.marker() == "first"
    until(lab, f"! {mine}")
    assert lab.run(lock).code == (0 if way == "kill git" else 1)
    done = lab.run(f"{COMMAND} {remote.revisions['third']}", spec(GOOD))
    assert done.code == 0, done.err
    assert lab.run(mine).code == 1
    assert ("heal: removing repo.git/shallow.lock" in done.err) == (way == "kill git")
    assert "with its history" not in done.err
    assert lab.run(f"sudo git -C /srv/{APP}/repo.git cat-file -e {remote.revisions['second']}").code != 0
    assert lab.marker() == "third"
    assert lab.run(f"{COMMAND} {remote.revisions['first']}", spec(GOOD)).code == 0


def test_odd_subjects_are_recorded_and_shown_in_one_line(lab: Lab, remote: Repo) -> None:
    subject = "Fix\u2028it\u0085\x1b[31m caf".encode() + b"\xe9 " + b"x" * 10_000
    shown = "Fix it \N{REPLACEMENT CHARACTER}[31m caf\N{REPLACEMENT CHARACTER} xxx"
    tree = remote.git("rev-parse", "HEAD^{tree}")
    who = b"a <a@example.org> 1700000000 +0000"
    commit = b"tree %s\nauthor %s\ncommitter %s\n\n%s" % (tree.encode(), who, who, subject)
    words = ["git", "-C", str(remote.path), "hash-object", "-t", "commit", "-w", "--stdin"]
    made = subprocess.run(words, input=commit, capture_output=True, check=True).stdout.decode().strip()
    remote.revisions["odd"] = made
    done = lab.deploy(remote, "odd")
    assert done.code == 0, done.err
    assert done.data()["subject"].startswith(shown)
    assert lab.history()[-1]["result"] == "ok"
    assert lab.history()[-1]["subject"].startswith(shown)
    table = lab.sudo(f"launchpad-agent releases --app {APP}")
    assert len(table.splitlines()) == len(lab.history()) + 1
    for text in (done.out, done.err, table, lab.sudo(f"launchpad-agent status --app {APP}")):
        assert not any(ord(letter) < 32 or 126 < ord(letter) < 160 for letter in text.replace("\n", ""))
    assert lab.deploy(remote, "odd").data()["changed"] is False


def test_who_deploys_is_never_guessed(lab: Lab, remote: Repo) -> None:
    lab.deploy(remote, "second").data()
    assert lab.history()[-1]["who"] == "tester@desk"
    again = lab.run(f"{COMMAND} {remote.revisions['second']}", deploy_spec(env={"A": "1"}))
    assert again.code == 0, again.err
    assert lab.history()[-1]["who"].startswith("deploy from 198.")
    assert lab.history()[-1]["who"].endswith(", pushed by tester@desk")


def test_lfs_pointers_and_submodules_are_refused_before_the_build(lab: Lab, remote: Repo) -> None:
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"
    remote.commit("lacking", {"logo.bin": pointer, ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"})
    remote.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},theme")
    remote.git("commit", "-q", "--amend", "--no-edit")
    remote.revisions["lacking"] = remote.git("rev-parse", "HEAD")
    give_out(lab, remote)
    refused = lab.run(f"{COMMAND} {remote.revisions['lacking']}", spec(GOOD))
    assert refused.code == 1
    assert "holds Git LFS pointers in place of 1 file (logo.bin): the app would read texts of 130 bytes" in refused.err
    assert "has 1 submodule (theme): the app would find its folder empty" in refused.err
    assert "build: release" not in refused.err
    assert lab.marker() == "second"
    allowed = lab.run(f"{COMMAND} {remote.revisions['lacking']}", spec(GOOD, allow_missing=["lfs", "submodules"]))
    assert allowed.code == 0, allowed.err
    assert "warning: the commit has 1 submodule (theme)" in allowed.err
    assert lab.marker() == "lacking"


@dataclass(frozen=True)
class Theme:
    """A submodule's repository here, whose file ``logo.bin`` is in Git LFS, and that file."""

    path: Path
    commit: str
    logo: bytes


@pytest.fixture(scope="module")
def theme(tmp_path_factory: pytest.TempPathFactory) -> Theme:
    logo = secrets.token_bytes(30_000_000)
    digest = hashlib.sha256(logo).hexdigest()
    repo = Repo(tmp_path_factory.mktemp("theme"))
    repo.git("init", "--quiet", "--initial-branch=main")
    repo.git("config", "user.name", "Test")
    repo.git("config", "user.email", "test@example.org")
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(logo)}\n"
    commit = repo.commit("theme", {"logo.bin": pointer, "page.html": "themed\n"})
    kept = repo.path / ".git/lfs/objects" / digest[:2] / digest[2:4] / digest
    kept.parent.mkdir(parents=True)
    kept.write_bytes(logo)
    return Theme(repo.path, commit, logo)


def digest_on_machine(lab: Lab, revision: str) -> str:
    return lab.sudo(f"sha256sum /srv/{APP}/releases/{revision[:12]}/theme/logo.bin").split()[0]


def with_theme(repo: Repo, theme: Theme, marker: str) -> str:
    """Commit the theme as a submodule of the repository, checked out as git does."""
    if not (repo.path / "theme").exists():
        repo.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(theme.path), "theme")
        repo.git("config", "--file", ".gitmodules", "submodule.theme.url", "../theme.git")
        objects = "lfs/objects"
        shutil.copytree(theme.path / ".git" / objects, repo.path / ".git/modules/theme" / objects)
    return repo.commit(marker)


def test_a_server_gives_out_a_submodule_and_its_lfs_file(lab: Lab, remote: Repo, theme: Theme) -> None:
    digest = hashlib.sha256(theme.logo).hexdigest()
    remote.git("checkout", "--quiet", "-B", "main", remote.revisions["second"])
    revision = with_theme(remote, theme, "themed")
    lab.sudo("sh -c 'mkdir -p /srv/git/lfs && git init -q --bare --initial-branch=main /srv/git/theme.git'")
    lab.put("logo.bin", theme.logo)
    lab.sudo(f"mv logo.bin /srv/git/lfs/{digest}")
    lab.push(Repo(theme.path), theme.commit)
    lab.sudo(f"git -C /srv/{APP}/repo.git push -q -f /srv/git/theme.git {theme.commit}:refs/heads/main")
    give_out(lab, remote)
    done = lab.run(f"{COMMAND} {revision}", spec(GOOD))
    assert done.code == 0, done.err
    assert "fetch: submodule theme" in done.err
    assert "fetch: 1 file of Git LFS, 30.0 MB" in done.err
    assert "canary-4" not in done.err + done.out
    assert digest_on_machine(lab, revision) == digest
    assert lab.sudo(f"cat /srv/{APP}/releases/{revision[:12]}/theme/page.html") == "themed\n"
    assert lab.sudo(f"stat -c %U /srv/{APP}/releases/{revision[:12]}/theme/logo.bin") == f"{APP}\n"
    again = lab.run(f"{COMMAND} {revision}", spec(GOOD, rebuild="again"))
    assert again.code == 0, again.err
    assert "fetch: " not in again.err


def test_a_local_repository_brings_a_submodule_and_its_lfs_file(
    lab: Lab, remote: Repo, theme: Theme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "project", lambda: tmp_path)
    lab.sudo(f"rm -rf /srv/{APP}/repo.git")
    host_key = (lab.folder / "known_hosts").read_text().partition(" ")[2].strip()
    private_key = (lab.folder / "key").read_text()
    for marker in ("pushed", "again"):
        revision = with_theme(remote, theme, marker)
        before = lab.sudo(f"sh -c 'test -d /srv/{APP}/repo.git && du -sk /srv/{APP}/repo.git || echo 0'").split()[0]
        push.deliver(push.Delivery(str(remote.path), APP, revision, USER, lab.address, 22, host_key, private_key))
        size = int(lab.sudo(f"du -sk /srv/{APP}/repo.git").split()[0]) - int(before)
        assert (size > 29_000) == (marker == "pushed"), size
        done = lab.run(f"{COMMAND} {revision}", deploy_spec())
        assert done.code == 0, done.err
        assert digest_on_machine(lab, revision) == hashlib.sha256(theme.logo).hexdigest()
