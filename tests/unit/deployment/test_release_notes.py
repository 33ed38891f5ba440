"""The resource that says what goes out: by what the state keeps, and by the repository's commits."""

import subprocess
from pathlib import Path

import pytest

from infra.deployment.release_notes import ReleaseNotesProvider, commits


def repository(path: Path) -> tuple[str, str]:
    """A repository with two commits; their names."""
    shas = []
    subprocess.run(["git", "init", "--quiet", str(path)], check=True)
    for subject in ("One", "Two"):
        identity = ("-c", "user.name=T", "-c", "user.email=t@example.org")
        subprocess.run(["git", "-C", str(path), *identity, "commit", "-q", "--allow-empty", "-m", subject], check=True)
        shas.append(subprocess.check_output(["git", "-C", str(path), "rev-parse", "HEAD"], text=True).strip())
    return shas[0], shas[1]


def test_the_commits_between_are_listed(tmp_path: Path) -> None:
    one, two = repository(tmp_path)
    assert commits(str(tmp_path), one, two) == [f"{two[:7]} Two"]
    assert list(commits(str(tmp_path), "0" * 40, two)) == []
    assert list(commits("", one, two)) == []


def test_what_goes_out_is_said_when_the_inputs_are_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one, two = repository(tmp_path)
    before = {"app": "shop", "repository": str(tmp_path), "revision": one}
    provider = ReleaseNotesProvider()
    assert provider.check(before, before).failures == []
    assert capsys.readouterr().out == ""
    provider.check(before, {**before, "revision": two, "variables": None})
    assert capsys.readouterr().out == f"What goes out with shop:\n  1 commit since {one[:12]}:\n    {two[:7]} Two\n"


def test_another_folder_of_the_same_repository_changes_nothing() -> None:
    provider = ReleaseNotesProvider()
    old = {"app": "shop", "repository": "/a", "revision": "1"}
    assert provider.diff("", old, {**old, "repository": "/b"}).changes is False
    assert provider.diff("", old, {**old, "revision": "2"}).changes is True
