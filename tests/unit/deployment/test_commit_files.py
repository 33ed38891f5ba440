"""A commit's files are read from git's objects, exactly as the machine will see them once they are checked out."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from infra.agent.system.app_files import AppFiles
from infra.app_model.files import AppError, Files
from infra.deployment.commit_files import read
from infra.deployment.git_objects import LARGEST

IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org")


def git(path: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *IDENTITY, "-C", str(path), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def work_tree(tmp_path: Path) -> Path:
    tree = tmp_path / "shop"
    (tree / "site" / "shop").mkdir(parents=True)
    (tree / "shared").mkdir()
    (tree / "Procfile").write_bytes(b"\xef\xbb\xbfweb: true\r\n")
    (tree / "shared" / "base.txt").write_text("flask\n")
    (tree / "site" / "manage.py").write_text("main()\n")
    (tree / "site" / "shop" / "settings.py").write_text("DEBUG = True\n")
    (tree / "site" / "latin.txt").write_bytes(b"caf\xe9\n")
    (tree / "site" / "huge.txt").write_bytes(b"x" * (LARGEST + 1))
    (tree / "site" / "base.txt").symlink_to("../shared/base.txt")
    (tree / "site" / "common").symlink_to("../shared")
    (tree / "site" / "around").symlink_to("around")
    (tree / "site" / "up").symlink_to("../../outside")
    (tree / "site" / "passwd").symlink_to("/etc/passwd")
    (tree / "site" / "nowhere").symlink_to("missing")
    git(tmp_path, "init", "-q", "-b", "main", str(tree))
    git(tree, "add", ".")
    git(tree, "commit", "-q", "-m", "one")
    return tree


def answers(files: Files, path: str) -> str | None:
    try:
        return files.text(path)
    except AppError as error:
        return f"refused: {error}"


TEXTS = {
    "manage.py": "main()\n",
    "shop/settings.py": "DEBUG = True\n",
    "../Procfile": "web: true\n",
    "base.txt": "flask\n",
    "common/base.txt": "flask\n",
    "common/../Procfile": "web: true\n",
    "shop": None,
    "": None,
    "manage.py/x": None,
    "missing": None,
    "missing/../manage.py": None,
    "nowhere": None,
    "latin.txt": "refused: latin.txt: is not UTF-8 text (byte 3)",
    "huge.txt": "refused: huge.txt: is larger than 5000000 bytes",
    "around": "refused: around: is a link that leads out of the repository; commit the file itself",
    "up": "refused: up: is a link that leads out of the repository; commit the file itself",
    "passwd": "refused: passwd: is a link that leads out of the repository; commit the file itself",
    "../../x": "refused: ../../x: leads out of the repository, which is all that the machine has",
    "/etc/passwd": "refused: /etc/passwd: leads out of the repository, which is all that the machine has",
}


@pytest.mark.parametrize("path", TEXTS)
def test_the_commit_and_the_machine_read_the_same_text(work_tree: Path, path: str) -> None:
    with read(work_tree, "HEAD", "site") as files:
        assert answers(files, path) == TEXTS[path]
        assert files.up() == 1
    assert answers(AppFiles(work_tree / "site", work_tree), path) == TEXTS[path]


def test_the_commit_and_the_machine_list_the_same_names(work_tree: Path) -> None:
    on_machine = AppFiles(work_tree / "site", work_tree)
    with read(work_tree, "HEAD", "site") as files:
        assert files.names() == {
            "base.txt": False,
            "common": True,
            "huge.txt": False,
            "latin.txt": False,
            "manage.py": False,
            "shop": True,
        }
        assert {**on_machine.names(), "passwd": False} == {**files.names(), "passwd": False}
        for folder in ("shop", "common", "..", "missing", "manage.py", "../..", "up", "/"):
            wanted = {name: folder for name, folder in on_machine.names(folder).items() if name != ".git"}
            assert files.names(folder) == wanted, folder


def test_what_is_not_committed_does_not_count(work_tree: Path) -> None:
    (work_tree / "Procfile").write_text("web: changed\n")
    (work_tree / "new.txt").write_text("new\n")
    with read(work_tree, "HEAD") as files:
        assert files.text("Procfile") == "web: true\n"
        assert files.text("new.txt") is None


def test_files_after_a_file_that_is_too_large_are_still_read(work_tree: Path) -> None:
    with read(work_tree, "HEAD", "site") as files:
        assert answers(files, "huge.txt") == TEXTS["huge.txt"]
        assert files.text("manage.py") == "main()\n"


def test_a_submodule_is_an_empty_folder(work_tree: Path) -> None:
    sha = git(work_tree, "rev-parse", "HEAD")
    git(work_tree, "update-index", "--add", "--cacheinfo", f"160000,{sha},theme")
    git(work_tree, "commit", "-q", "-m", "two")
    with read(work_tree, "HEAD") as files:
        assert files.names()["theme"] is True
        assert files.names("theme") == {}
        assert files.text("theme/page.html") is None


def test_a_commit_that_is_not_there_is_refused_with_the_words_of_git(work_tree: Path) -> None:
    refusal = "The files of the commit 000000000000 cannot be listed; git reports: fatal: "
    with pytest.raises(AppError, match=refusal), read(work_tree, "0" * 40):
        pass


def test_two_processes_list_and_read_ten_thousand_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init", "-q", "-b", "main", ".")
    lines = ["commit refs/heads/main\ncommitter a <a@example.org> 1700000000 +0000\ndata 3\none\n"]
    lines += [f"M 644 inline app/part{n % 100}/file{n}.py\ndata {len(str(n))}\n{n}\n" for n in range(10_000)]
    subprocess.run(["git", "-C", str(tmp_path), "fast-import", "--quiet"], input="".join(lines), text=True, check=True)
    started: list[str] = []
    start = subprocess.Popen.__init__

    def recorded(self: subprocess.Popen[bytes], words: list[str], **options: Any) -> None:
        started.append(" ".join(words))
        start(self, words, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", recorded)
    with read(tmp_path, "main", "app") as files:
        assert len(files.names()) == 100
        assert [files.text(f"part{n % 100}/file{n}.py") for n in range(50)] == [str(n) for n in range(50)]
    assert [re.findall("ls-tree|cat-file", command) for command in started] == [["ls-tree"], ["cat-file"]]
