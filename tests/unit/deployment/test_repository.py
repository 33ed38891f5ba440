"""Which commit a revision stands for, and what is said where there is none."""

import subprocess
from pathlib import Path

import pytest

from infra.deployment.repository import Repository, RepositoryError, find, git_environment, resolve, without_password

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


def test_unknown_revision_names_key_value_and_repository(work_tree: Path) -> None:
    with pytest.raises(RepositoryError) as caught:
        resolve(find(str(work_tree), ""), "mian")
    assert str(caught.value) == (
        f"launchpad:revision is 'mian', which {work_tree} does not have; "
        "it must be a branch, a tag or a commit in it (git log shows them)"
    )


def test_repository_without_a_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    with pytest.raises(RepositoryError, match="which has no commit yet; commit the app there"):
        resolve(find(str(tmp_path), ""), "HEAD")


def test_path_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match=r"launchpad:repository is '.*nowhere', but .*nowhere does not exist"):
        find(str(tmp_path / "nowhere"), "")


def test_folder_that_is_no_repository(tmp_path: Path) -> None:
    with pytest.raises(RepositoryError, match="is not in a git repository; make it one with: git init"):
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


def test_password_goes_in_by_the_environment() -> None:
    source = find("https://ci:canary-42@git.invalid/shop.git", "")
    assert source.name == "https://[secret]@git.invalid/shop.git"
    with git_environment(source, "", "") as environment:
        assert environment["GIT_CONFIG_KEY_0"] == "url.https://ci:canary-42@git.invalid/shop.git.insteadOf"
        assert environment["GIT_CONFIG_VALUE_0"] == source.name


def test_deploy_key_is_a_private_file_that_goes_away() -> None:
    source = find("git@git.invalid:shop.git", "")
    with git_environment(source, "KEY", "git.invalid ssh-ed25519 AAAA") as environment:
        command = environment["GIT_SSH_COMMAND"]
        key = Path(command.split(" -i ")[1].split()[0])
        assert key.read_text() == "KEY\n"
        assert key.stat().st_mode & 0o777 == 0o600
        assert "StrictHostKeyChecking=yes" in command
    assert not key.exists()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://user:pw@host/x.git", "https://[secret]@host/x.git"),
        ("https://token@host/x.git", "https://[secret]@host/x.git"),
        ("https://host/x.git", "https://host/x.git"),
        ("git@host:x.git", "git@host:x.git"),
    ],
)
def test_without_password(url: str, shown: str) -> None:
    assert without_password(url) == shown
