"""What a local commit refers to is found on this computer and pushed along, or refused by name."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from infra import local
from infra.common.missing import Missing
from infra.deployment import commit_files, gather, push_contents
from infra.deployment.gather import Gathered
from infra.deployment.push_contents import ContentsError
from infra.deployment.repository import RepositoryError, find
from infra.deployment.revision import resolve

IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "protocol.file.allow=always")
LOGO = os.urandom(300_000)
DIGEST = hashlib.sha256(LOGO).hexdigest()
POINTER = f"version https://git-lfs.github.com/spec/v1\noid sha256:{DIGEST}\nsize 300000\n"


def git(path: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *IDENTITY, "-C", str(path), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


def store(git_folder: Path) -> Path:
    """Where git lfs keeps the file."""
    path = git_folder / "lfs/objects" / DIGEST[:2] / DIGEST[2:4] / DIGEST
    path.parent.mkdir(parents=True)
    path.write_bytes(LOGO)
    return path


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(local, "project", lambda: tmp_path / "project")
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    return tmp_path / "project"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A repository with a submodule in a submodule, the inner one with a file of Git LFS."""
    for name in ("deep", "theme", "shop"):
        git(tmp_path, "init", "-q", "-b", "main", name)
        (tmp_path / name / f"{name}.txt").write_text(f"{name}\n")
        if name == "deep":
            (tmp_path / name / "logo.bin").write_text(POINTER)
        git(tmp_path / name, "add", ".")
        git(tmp_path / name, "commit", "-q", "-m", name)
    git(tmp_path / "theme", "submodule", "--quiet", "add", str(tmp_path / "deep"), "in/deep")
    git(tmp_path / "theme", "commit", "-q", "-m", "deep")
    git(tmp_path / "shop", "submodule", "--quiet", "add", "--name", "the theme", str(tmp_path / "theme"), "site/theme")
    git(tmp_path / "shop", "commit", "-q", "-m", "theme")
    git(tmp_path / "shop", "submodule", "--quiet", "update", "--init", "--recursive")
    return tmp_path / "shop"


def head(path: Path) -> str:
    return git(path, "rev-parse", "HEAD")


def pushed(path: Path, machine: Path, directory: str = "") -> dict[str, str]:
    """What a push brings to a machine's repository, by name."""
    git(path, "init", "-q", "--bare", str(machine))
    revision = head(path)
    with push_contents.prepared(path, revision, directory, ()) as contents:
        words = ["git", "-C", str(path), "push", "-q", str(machine), f"+{revision}:refs/launchpad/{revision}"]
        subprocess.run([*words, *contents.refspecs], env={**os.environ, **contents.variables}, check=True)
    git(machine, "fsck", "--strict", "--connectivity-only")
    refs = git(machine, "for-each-ref", "--format=%(refname)", "refs/launchpad-contents").split()
    assert refs in ([], [f"refs/launchpad-contents/pushed/{revision}"])
    rows = git(machine, "ls-tree", refs[0]).splitlines() if refs else []
    return {name: head.split()[2] for head, _, name in (row.partition("\t") for row in rows)}


def lay_bare(shop: Path) -> None:
    """Remove the work trees of the submodules: only .git/modules is left."""
    git(shop, "submodule", "--quiet", "deinit", "--all", "--force")


def embed(shop: Path) -> None:
    """Have the submodules' git directories in their work trees, as git had them once."""
    for path in ("site/theme/in/deep", "site/theme"):
        tree = shop / path
        folder = Path(git(tree, "rev-parse", "--absolute-git-dir"))
        (tree / ".git").unlink()
        git(shop, "config", "--file", str(folder / "config"), "--unset", "core.worktree")
        folder.rename(tree / ".git")


@pytest.mark.parametrize("change", [None, lay_bare, embed])
def test_submodules_and_their_lfs_files_go_along(shop: Path, tmp_path: Path, change: object) -> None:
    if callable(change):
        change(shop)
    inner = shop / "site/theme/.git" if change is embed else shop / ".git/modules/the theme"
    inner = shop / "site/theme/in/deep/.git" if change is embed else inner / "modules/in/deep"
    store(inner)
    names = pushed(shop, tmp_path / "machine.git")
    theme, deep = head(tmp_path / "theme"), head(tmp_path / "deep")
    assert set(names) == {theme, deep, DIGEST}
    machine = tmp_path / "machine.git"
    assert names[theme] == git(tmp_path / "theme", "rev-parse", "HEAD^{tree}")
    assert git(machine, "cat-file", "blob", f"{names[deep]}:deep.txt") == "deep"
    content = subprocess.run(
        ["git", "-C", str(machine), "cat-file", "blob", names[DIGEST]], capture_output=True, check=True
    )
    assert content.stdout == LOGO
    assert list((tmp_path / "project/.launchpad/build").iterdir()) == []


def test_a_linked_work_tree_finds_what_the_main_one_has(shop: Path, tmp_path: Path) -> None:
    store(shop / ".git/modules/the theme/modules/in/deep")
    git(shop, "worktree", "add", "--quiet", "--detach", str(tmp_path / "linked: here"))
    assert len(pushed(tmp_path / "linked: here", tmp_path / "machine.git")) == 3


def test_what_lies_outside_the_apps_directory_stays(shop: Path, tmp_path: Path) -> None:
    (shop / "app").mkdir()
    (shop / "app/app.py").touch()
    git(shop, "add", ".")
    git(shop, "commit", "-q", "-m", "app")
    assert pushed(shop, tmp_path / "machine.git", "app") == {}
    assert resolve(find(str(shop / "app"), ""), "HEAD").warnings == ()


def test_a_commit_that_refers_to_nothing_is_pushed_alone(shop: Path, tmp_path: Path) -> None:
    assert gather.gather(tmp_path / "deep", head(shop), "") == Gathered()


def test_what_is_not_here_is_refused_with_the_command_that_fetches_it(shop: Path) -> None:
    with pytest.raises(RepositoryError) as caught:
        resolve(find(str(shop), ""), "HEAD")
    assert str(caught.value) == (
        f"launchpad:repository is {str(shop)!r}, and its commit {head(shop)[:12]} holds Git LFS pointers in place of "
        "1 file (site/theme/in/deep/logo.bin): the app would read texts of 130 bytes. They are not in this clone's "
        "store of Git LFS either. Fetch them (git lfs fetch), commit the files themselves (git lfs migrate export), or "
        "deploy without them: pulumi config set --path 'launchpad:allow_missing[0]' lfs"
    )
    subprocess.run(
        ["rm", "-r", str(shop / ".git/modules/the theme/modules"), str(shop / "site/theme/in/deep")], check=True
    )
    with pytest.raises(RepositoryError) as caught:
        resolve(find(str(shop), ""), "HEAD", allow_missing=("lfs",))
    assert str(caught.value) == (
        f"launchpad:repository is {str(shop)!r}, and its commit {head(shop)[:12]} has 1 submodule (site/theme/in/deep): "
        "the app would find its folder empty. Their commits are not on this computer. Fetch them (git submodule update "
        "--init --recursive), or deploy without them: "
        "pulumi config set --path 'launchpad:allow_missing[1]' submodules"
    )
    warnings = resolve(find(str(shop), ""), "HEAD", allow_missing=("lfs", "submodules")).warnings
    assert warnings == (
        f"commit {head(shop)[:12]} of {shop} has 1 submodule (site/theme): the app would find its folder empty",
    )


def test_git_lfs_fetches_what_its_store_lacks_at_the_push(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    fetched = tmp_path / "deep.bin"
    fetched.write_bytes(LOGO)
    target = f"{shop}/.git/modules/the theme/modules/in/deep/lfs/objects/{DIGEST[:2]}/{DIGEST[2:4]}"
    script = f'#!/bin/sh\necho "$PWD $*" >> {tmp_path}/calls\nmkdir -p "{target}" && cp {fetched} "{target}/{DIGEST}"\n'
    (tmp_path / "bin/git-lfs").write_text(script)
    (tmp_path / "bin/git-lfs").chmod(0o755)
    assert resolve(find(str(shop), ""), "HEAD").warnings == ()
    assert not (tmp_path / "calls").exists()
    assert DIGEST in pushed(shop, tmp_path / "machine.git")
    calls = (tmp_path / "calls").read_text()
    assert calls == f"{shop}/site/theme/in/deep fetch origin {head(tmp_path / 'deep')}\n"


def test_what_is_committed_in_a_submodules_place_is_no_repository_to_run_git_in(shop: Path, tmp_path: Path) -> None:
    """Another commit that is checked out may have a bare repository there, whose configuration names programs."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git-lfs").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin/git-lfs").chmod(0o755)
    place = shop / "site/theme/in/deep"
    assert gather.gather(shop, head(shop), "").fetchable == ((place, head(place)),)
    commit = head(place)
    shutil.rmtree(place)
    git(tmp_path, "init", "-q", "--bare", str(place))
    git(place, "config", "lfs.storage", str(tmp_path / "elsewhere"))
    store(tmp_path / "elsewhere").parents[4].rename(tmp_path / "stored")
    (tmp_path / "stored/lfs").rename(tmp_path / "elsewhere")
    found = gather.gather(shop, head(shop), "")
    assert found.submodules["site/theme/in/deep"] == commit
    assert (found.fetchable, found.lacking.lfs) == ((), ("site/theme/in/deep/logo.bin",))


def test_a_fetch_of_git_lfs_that_brings_nothing_is_an_error_of_the_push(shop: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git-lfs").write_text("#!/bin/sh\necho 'batch response: Repository not found' >&2\nexit 2\n")
    (tmp_path / "bin/git-lfs").chmod(0o755)
    with pytest.raises(
        ContentsError, match=r"git lfs fetch failed in .*/site/theme/in/deep: batch response: Repository not found"
    ):
        pushed(shop, tmp_path / "machine.git")


def test_the_plan_is_made_of_the_submodules_files_too(shop: Path) -> None:
    with commit_files.read_all(shop, head(shop), "site", ("lfs",)) as files:
        assert files.text("theme/theme.txt") == "theme\n"
        assert files.text("theme/in/deep/deep.txt") == "deep\n"
        assert files.names("theme/in") == {"deep": True}
        assert files.text("theme/in/deep/../../theme.txt") == "theme\n"
    with commit_files.read_all(shop, head(shop), "site", ("submodules",)) as files:
        assert files.names("theme") == {}
    with commit_files.read(shop, head(shop), "site") as files:
        assert files.names() == {"theme": True}


@pytest.mark.parametrize("name", ["../../secret", "/etc", "a/../../../secret"])
def test_a_submodules_name_leads_to_no_other_repository(shop: Path, tmp_path: Path, name: str) -> None:
    git(tmp_path, "init", "-q", "--bare", "secret")
    git(tmp_path / "deep", "push", "-q", str(tmp_path / "secret"), "main")
    place = gather.Place("HEAD", (shop / ".git",), None)
    assert list(gather._folders_of_submodule(place, name, None)) == []


def test_a_path_with_a_colon_or_a_quote_is_one_store() -> None:
    assert gather.alternates([Path("/a:b"), Path('/c"d\\e')]) == {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": '"/a:b":"/c\\"d\\\\e"'
    }
    assert gather.alternates([]) == {}


def test_left_out_kinds_are_not_looked_for(shop: Path) -> None:
    gathered = gather.gather(shop, head(shop), "", ("lfs",))
    assert gathered.left_out == Missing(("site/theme/in/deep/logo.bin",))
    assert (gathered.lacking, gathered.files) == (Missing(), {})
    assert list(gathered.submodules) == ["site/theme", "site/theme/in/deep"]
