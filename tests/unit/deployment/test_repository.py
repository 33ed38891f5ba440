"""Which commit a revision stands for, and what is said where there is none."""

import os
import secrets
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.common import git_ssh, printable
from infra.common.git_url import credentials, without_password
from infra.deployment import push
from infra.deployment.repository import Repository, RepositoryError, find, git_environment
from infra.deployment.revision import resolve
from tests import gitserver, watch

IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org")


def git(path: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *IDENTITY, "-C", str(path), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def work_tree(tmp_path: Path) -> Path:
    path = tmp_path / "shop"
    (path / "site").mkdir(parents=True)
    (path / "site" / "Procfile").write_text("web: true\n")
    git(tmp_path, "init", "-q", "-b", "main", str(path))
    git(path, "add", ".")
    git(path, "commit", "-q", "-m", "First: with a colon")
    git(path, "tag", "-a", "v1", "-m", "annotated")
    return path


def test_head_branch_tag_and_short_commit_of_a_local_repository(work_tree: Path) -> None:
    sha = git(work_tree, "rev-parse", "HEAD")
    source = find(str(work_tree), "")
    for name in ("HEAD", "main", "v1", sha, sha[:8]):
        revision = resolve(source, name)
        assert (revision.sha, revision.name, revision.subject) == (sha, name, "First: with a colon")


def test_folder_inside_a_work_tree_is_the_root_of_the_app(work_tree: Path) -> None:
    source = find(str(work_tree / "site"), "")
    assert (source.path, source.url, source.directory) == (work_tree / "site", "", "site")
    assert resolve(source, "HEAD").sha == git(work_tree, "rev-parse", "HEAD")


def test_folder_that_is_not_committed_is_refused(work_tree: Path) -> None:
    (work_tree / "new").mkdir()
    with pytest.raises(RepositoryError, match="has no folder 'new'; commit it, or correct the key"):
        resolve(find(str(work_tree / "new"), ""), "HEAD")


def test_a_directory_that_is_a_file_is_refused(work_tree: Path) -> None:
    with pytest.raises(RepositoryError, match="has no folder 'site/Procfile'; commit it, or correct the key"):
        resolve(find(str(work_tree), "site/Procfile"), "HEAD")


def test_unknown_revision_names_key_value_and_repository(work_tree: Path) -> None:
    with pytest.raises(RepositoryError) as caught:
        resolve(find(str(work_tree), ""), "mian")
    assert str(caught.value) == (
        f"launchpad:revision is 'mian', which {work_tree} does not have; "
        "it must be a branch, a tag or a commit in it (git log shows them). "
        "To deploy what the repository has at HEAD: pulumi config rm launchpad:revision"
    )


def test_repository_without_a_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    with pytest.raises(RepositoryError, match="which has no commit yet; commit the app there"):
        resolve(find(str(tmp_path), ""), "HEAD")


def test_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match=r"launchpad:repository is '.*nowhere', but .*nowhere does not exist"):
        find(str(tmp_path / "nowhere"), "")


def test_folder_that_is_no_repository(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="is not in a git repository; create one with: git init"):
        find(str(tmp_path), "")


@pytest.fixture
def server(work_tree: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A remote repository that git reaches by a rewritten URL, without any network."""
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.file://{work_tree}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://git.invalid/shop.git")
    return find("https://git.invalid/shop.git", "sub")


def test_remote_head_branch_and_annotated_tag_are_the_commit(server: Repository, work_tree: Path) -> None:
    sha = git(work_tree, "rev-parse", "HEAD")
    assert (server.path, server.directory) == (None, "sub")
    assert [resolve(server, name).sha for name in ("HEAD", "main", "v1")] == [sha, sha, sha]


def test_remote_full_sha_needs_no_question() -> None:
    assert resolve(find("https://git.invalid/never-asked.git", ""), "ab" * 20).sha == "ab" * 20


def test_remote_unknown_revision(server: Repository) -> None:
    with pytest.raises(
        RepositoryError, match=r"launchpad:revision is 'mian', which https://git.invalid/shop.git does not have"
    ):
        resolve(server, "mian")


def test_remote_that_is_not_there_says_so_without_the_password() -> None:
    gone = find("https://ci:canary-42@127.0.0.1:1/shop.git", "")
    with pytest.raises(RepositoryError) as caught:
        resolve(gone, "main")
    assert "launchpad:repository is 'https://[secret]@127.0.0.1:1/shop.git', which cannot be read" in str(caught.value)
    assert "canary-42" not in str(caught.value)


def test_ssh_url_without_known_hosts_is_refused() -> None:
    with pytest.raises(RepositoryError, match="launchpad:known_hosts is empty"):
        resolve(find("git@git.invalid:shop.git", ""), "main")


def test_no_argument_list_shows_the_password_of_a_url(work_tree: Path) -> None:
    canary = f"canary-{secrets.token_hex(6)}"  # its own: all processes of this computer are looked at
    git(work_tree, "clone", "-q", "--bare", ".", "shop.git")
    with gitserver.serving(str(work_tree), f"ci:{canary}/2", pause=0.3) as server, watch.arguments() as seen:
        source = find(f"http://ci:{canary}%2F2@127.0.0.1:{server.server_port}/shop.git", "")
        found = resolve(source, "main")
    assert found.sha == git(work_tree, "rev-parse", "main")
    assert [line for line in seen if "git-remote-http" in line]
    assert [line for line in seen if canary in line] == []


def test_credentials_are_taken_out_of_a_url_decoded() -> None:
    assert credentials("https://ci:p%40ss@git.invalid/x.git") == ("https://git.invalid/x.git", "ci", "p@ss")
    assert credentials("https://ci:p@ss@git.invalid/x.git") == ("https://git.invalid/x.git", "ci", "p@ss")
    assert credentials("https://token@git.invalid/x.git") == ("https://git.invalid/x.git", "token", "")
    assert credentials("https://git.invalid/a@b") == ("https://git.invalid/a@b", "", "")
    assert credentials("git@git.invalid:x.git") == ("git@git.invalid:x.git", "", "")
    assert credentials("ssh://git@git.invalid/x.git") == ("ssh://git@git.invalid/x.git", "", "")


def test_an_ssh_url_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(RepositoryError, match="is an SSH URL with a password in it") as caught:
        find("ssh://git:canary-42@git.invalid/shop.git", "")
    assert "canary-42" not in str(caught.value)
    assert find("ssh://git@git.invalid:22/a@b.git", "").url == "ssh://git@git.invalid:22/a@b.git"


def test_deploy_key_is_a_private_file_that_goes_away() -> None:
    source = find("git@git.invalid:shop.git", "")
    with git_environment(source, "KEY", "git.invalid ssh-ed25519 AAAA") as environment:
        command = environment["GIT_SSH_COMMAND"]
        key = Path(command.split(" -i ")[1].split()[0])
        assert key.read_text() == "KEY\n"
        assert key.stat().st_mode & 0o777 == 0o600
        assert "StrictHostKeyChecking=yes" in command
        assert command.startswith("ssh -F none ")
    assert not key.exists()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pw@host/x.git", "https://[secret]@host/x.git"),
        ("https://token@host/x.git", "https://[secret]@host/x.git"),
        ("https://user:p@ss@host/x.git", "https://[secret]@host/x.git"),
        ("https://host/x.git", "https://host/x.git"),
        ("git@host:x.git", "git@host:x.git"),
    ],
)
def test_without_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


PERSONAL = """\
[log]
	showSignature = true
[push]
	gpgSign = true
	recurseSubmodules = on-demand
	pushOption = ci.skip
	default = nothing
	followTags = true
[commit]
	gpgsign = true
[core]
	pager = false
	fsmonitor = true
[pager]
	show = false
[color]
	ui = always
[format]
	pretty = raw
[i18n]
	logOutputEncoding = latin1
[status]
	short = true
	branch = true
	showUntrackedFiles = no
[submodule]
	recurse = true
[safe]
	bareRepository = explicit
[ssh]
	variant = plink
[protocol]
	allow = never
[url "https://elsewhere.invalid/"]
	insteadOf = ssh://deploy@198.18.0.2/
	pushInsteadOf = ssh://deploy@198.18.0.2/
"""


@pytest.fixture
def personal(tmp_path: Path, work_tree: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person whose settings change what git does, inside a hook of another repository; the work tree's HEAD is signed."""
    home = tmp_path / "home"
    home.mkdir()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(home / "key")], check=True)
    signing = ("-c", "gpg.format=ssh", "-c", f"user.signingkey={home / 'key'}")
    git(work_tree, *signing, "commit", "-q", "-S", "--allow-empty", "-m", "Grüße")
    git(tmp_path, "init", "-q", "other")
    (home / ".gitconfig").write_text(PERSONAL)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "other" / "index"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "other"))
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de")
    return work_tree


def head(path: Path) -> str:
    """The commit in a repository's HEAD, without asking git."""
    return (path / ".git" / (path / ".git" / "HEAD").read_text().removeprefix("ref: ").strip()).read_text().strip()


def test_personal_settings_change_nothing_of_what_is_read(personal: Path) -> None:
    (personal / "new.py").touch()
    revision = resolve(find(str(personal), ""), "HEAD")
    assert (revision.sha, revision.subject) == (head(personal), "Grüße")
    assert revision.warnings == (f"1 file of {personal} is not committed (new.py); it is not deployed",)


def test_personal_settings_change_nothing_of_what_is_pushed(
    personal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    bare = tmp_path / "machine.git"
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    subprocess.run(["git", "init", "-q", "--bare", str(bare)], env=plain, check=True)
    ssh = tmp_path / "ssh"
    ssh.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/asked\nunset GIT_DIR\nexec git receive-pack {bare}\n')
    ssh.chmod(0o755)
    monkeypatch.setattr(git_ssh, "environment", lambda *_: {"GIT_SSH_COMMAND": str(ssh), "GIT_SSH_VARIANT": "ssh"})
    push.deliver(delivery(str(personal), head(personal)))
    assert capfd.readouterr() == ("", "")
    assert (bare / "refs" / "launchpad" / head(personal)).read_text().strip() == head(personal)
    assert "deploy@198.18.0.2" in (tmp_path / "asked").read_text()


def delivery(repository: str, revision: str) -> push.Delivery:
    return push.Delivery(repository, "shop", revision, "deploy", "198.18.0.2", 22, "ssh-ed25519 A", "KEY")


def test_a_push_that_fails_ends_with_what_git_said(
    work_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\necho 'no space left' >&2\nexit 1\n")
    ssh.chmod(0o755)
    monkeypatch.setattr(git_ssh, "environment", lambda *_: {"GIT_SSH_COMMAND": str(ssh), "GIT_SSH_VARIANT": "ssh"})
    with pytest.raises(push.PushError) as caught:
        push.deliver(delivery(str(work_tree), head(work_tree)))
    said = str(caught.value).splitlines()
    assert said[0] == "no space left"
    assert said[-1] == f"could not push {head(work_tree)[:12]} of {work_tree} to 198.18.0.2"
    assert "KEY" not in str(caught.value)
    assert capfd.readouterr().err.startswith("no space left\n")


def test_a_push_that_hangs_is_ended(work_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\nexec cat >/dev/null\n")  # ends with its input, as ssh does
    ssh.chmod(0o755)
    monkeypatch.setattr(git_ssh, "environment", lambda *_: {"GIT_SSH_COMMAND": str(ssh), "GIT_SSH_VARIANT": "ssh"})
    with pytest.raises(push.PushError, match="could not push"):
        push.deliver(delivery(str(work_tree), head(work_tree)), timeout=1)


def test_a_bare_repository_is_read_although_a_setting_forbids_it(personal: Path, tmp_path: Path) -> None:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    plain["GIT_CONFIG_GLOBAL"] = "/dev/null"
    words = ["git", "clone", "-q", "--bare", str(personal), str(tmp_path / "bare.git")]
    subprocess.run(words, env=plain, check=True)
    assert resolve(find(str(tmp_path / "bare.git"), ""), "main").sha == head(personal)


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a repository to another user")
def test_a_repository_of_another_user_brings_gits_own_remedy(
    work_tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    subprocess.run(["chown", "-R", "4321", str(work_tree)], check=True)
    with pytest.raises(RepositoryError) as caught:
        find(str(work_tree), "")
    said = str(caught.value)
    assert "belongs to another user, and git reports: fatal: detected dubious ownership in repository" in said
    assert said.endswith(f"git config --global --add safe.directory {work_tree}")
    assert "git init" not in said


def test_a_damaged_repository_brings_gits_own_words(work_tree: Path) -> None:
    (work_tree / ".git" / "config").write_text("[core\n")
    with pytest.raises(RepositoryError, match="cannot be read by git, which reports: fatal: bad config line 1"):
        find(str(work_tree), "")


def test_a_file_is_no_repository(work_tree: Path) -> None:
    with pytest.raises(RepositoryError, match="Procfile is a file; name the folder of a git repository"):
        find(str(work_tree / "site" / "Procfile"), "")


def test_a_computer_without_git_is_told_so(work_tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(work_tree))
    with pytest.raises(RepositoryError, match="git is not on the PATH of this computer; install it: sudo apt-get"):
        find(str(work_tree), "")


def commit_with(path: Path, message: bytes) -> None:
    """Put a commit with just this message on HEAD."""
    tree = git(path, "write-tree")
    who = b"a <a@example.org> 1700000000 +0000"
    text = b"tree %s\nauthor %s\ncommitter %s\n\n%s" % (tree.encode(), who, who, message)
    words = ["git", "-C", str(path), "hash-object", "-t", "commit", "-w", "--stdin"]
    made = subprocess.run(words, input=text, capture_output=True, check=True).stdout.decode().strip()
    git(path, "update-ref", "HEAD", made)


@pytest.mark.parametrize(
    ("message", "subject"),
    [
        (b"caf\xe9\n", "caf\N{REPLACEMENT CHARACTER}"),
        ("Fix\u2028it\u0085now".encode(), "Fix it now"),
        (b"\x1b[31mred\x07\x00", "\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}"),
        (b"x" * 10_000, "x" * 199 + "\N{HORIZONTAL ELLIPSIS}"),
        (b"", ""),
    ],
)
def test_a_subject_of_any_bytes_is_one_line(work_tree: Path, message: bytes, subject: str) -> None:
    commit_with(work_tree, message)
    assert resolve(find(str(work_tree), ""), "HEAD").subject == subject


@given(st.text(st.characters()))
def test_printable_is_one_line_that_a_terminal_does_not_obey(text: str) -> None:
    line = printable.one_line(text)
    assert len((line + "x").splitlines()) == 1
    assert len(line) <= printable.LONGEST
    assert not any(ord(letter) < 32 or 126 < ord(letter) < 160 for letter in line)
    line.encode()
    assert printable.one_line(line) == line


def test_a_tag_comes_before_a_branch_of_its_name_here_and_there(work_tree: Path, server: Repository) -> None:
    first = git(work_tree, "rev-parse", "HEAD")
    git(work_tree, "tag", "light")
    git(work_tree, "commit", "-q", "--allow-empty", "-m", "Second")
    second = git(work_tree, "rev-parse", "HEAD")
    for name in ("v1", "light"):
        git(work_tree, "branch", name, second)
        for source in (find(str(work_tree), ""), Repository(server.name, None, server.url, "")):
            found = resolve(source, name)
            assert found.sha == first
            assert found.warnings == (
                f"{source.name} has a tag and a branch named {name}; the tag is deployed, as git prefers tags. "
                f"To deploy the branch, set launchpad:revision to heads/{name}",
            )
            assert resolve(source, f"heads/{name}").sha == resolve(source, f"refs/heads/{name}").sha == second


def test_uncommitted_files_of_the_app_are_told(work_tree: Path) -> None:
    (work_tree / ".gitignore").write_text("*.log\n")
    git(work_tree, "add", ".")
    git(work_tree, "commit", "-q", "-m", "Second")
    (work_tree / "elsewhere.py").touch()
    (work_tree / "site" / "x.log").touch()
    source = find(str(work_tree / "site"), "")
    assert resolve(source, "HEAD").warnings == ()
    (work_tree / "site" / "Procfile").write_text("web: false\n")
    (work_tree / "site" / "static").mkdir()
    (work_tree / "site" / "static" / "n\new.css").touch()
    assert resolve(source, "main").warnings == (
        f"2 files of {work_tree / 'site'} are not committed (site/Procfile, site/static/n ew.css); they are not deployed",
    )
    assert resolve(source, "v1").warnings == ()


def test_an_unreadable_index_stops_no_deployment(work_tree: Path) -> None:
    (work_tree / ".git" / "index").write_text("rubbish")
    assert resolve(find(str(work_tree), ""), "HEAD").warnings == ()


POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 12345\n"


@pytest.fixture
def lacking(work_tree: Path) -> Path:
    """A repository with files of Git LFS and a submodule, in the app's directory and outside it."""
    (work_tree / "site" / "big file.bin").write_text(POINTER)
    (work_tree / "outside.bin").write_text(POINTER)
    (work_tree / "site" / "about.txt").write_text(f"A pointer begins with: {POINTER}")
    (work_tree / "site" / ".gitattributes").write_text("*.bin filter=lfs\n*.txt filter=lfs\n")
    git(work_tree, "add", ".")
    git(work_tree, "update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},site/theme")
    git(work_tree, "commit", "-q", "-m", "Lacking")
    return work_tree


def test_lfs_pointers_and_submodules_are_refused_by_name(lacking: Path) -> None:
    with pytest.raises(RepositoryError) as caught:
        resolve(find(str(lacking), ""), "HEAD")
    said = str(caught.value)
    assert "holds Git LFS pointers in place of 2 files (outside.bin, site/big file.bin)" in said
    assert "pulumi config set --path 'launchpad:allow_missing[0]' lfs" in said
    assert "has 1 submodule (site/theme): the app would find its folder empty" in said
    assert "pulumi config set --path 'launchpad:allow_missing[1]' submodules" in said


def test_only_what_the_apps_directory_lacks_counts(lacking: Path) -> None:
    with pytest.raises(RepositoryError, match=r"in place of 1 file \(site/big file.bin\)"):
        resolve(find(str(lacking / "site"), ""), "HEAD")
    shutil.rmtree(lacking / "site")
    git(lacking, "rm", "-rq", "--cached", "site")
    (lacking / "api").mkdir()
    (lacking / "api" / "Procfile").touch()
    git(lacking, "add", ".")
    git(lacking, "commit", "-q", "-m", "Moved")
    assert resolve(find(str(lacking / "api"), ""), "HEAD").warnings == ()


@pytest.mark.parametrize("directory", ["site/theme", "site/theme/app"])
def test_a_directory_in_a_submodule_is_refused_by_name(lacking: Path, directory: str) -> None:
    with pytest.raises(RepositoryError, match="in the submodule 'site/theme'; set launchpad:repository to"):
        resolve(find(str(lacking), directory), "HEAD", allow_missing=("submodules",))


def test_what_may_be_missing_is_a_warning(lacking: Path) -> None:
    source = find(str(lacking / "site"), "")
    with pytest.raises(RepositoryError, match="has 1 submodule") as caught:
        resolve(source, "HEAD", allow_missing=("lfs",))
    assert "LFS" not in str(caught.value)
    lfs, submodules, *_ = resolve(source, "HEAD", allow_missing=("lfs", "submodules")).warnings
    assert "holds Git LFS pointers in place of 1 file (site/big file.bin)" in lfs
    assert "has 1 submodule (site/theme)" in submodules
