"""Error pages of a commit: what is taken over of them, and what is not."""

import os
from pathlib import Path

import pytest

from infra.agent.build import error_pages
from infra.agent.system.failure import Failure


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of the pages in an app below the top of its repository."""
    made = tmp_path / "web" / error_pages.PLACE
    made.mkdir(parents=True)
    return made


def read(tmp_path: Path) -> dict[str, bytes]:
    return error_pages.read(tmp_path / "web", tmp_path)


def test_pages_are_read_as_they_are_and_all_else_is_left_out(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "502.html").write_bytes(b"\xff\x00 <h1>502</h1>")
    (folder / "maintenance.html").write_bytes(b"")
    assert read(tmp_path) == {"502.html": b"\xff\x00 <h1>502</h1>", "maintenance.html": b""}
    assert capsys.readouterr().err == ""
    (folder / "logo.png").write_bytes(b"x")
    (folder / "200.html").write_bytes(b"x")
    assert sorted(read(tmp_path)) == ["502.html", "maintenance.html"]
    assert "holds 200.html, logo.png, which is left out: a page is called a status from 400 to 599" in (
        capsys.readouterr().err
    )


def test_most_apps_have_none(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    assert read(tmp_path) == {}
    (tmp_path / "web/.launchpad").write_text("a file")
    assert read(tmp_path) == {}


def test_nothing_is_followed_waited_for_or_read_without_end(folder: Path, tmp_path: Path) -> None:
    page = folder / "502.html"
    page.symlink_to("/etc/passwd")
    with pytest.raises(Failure, match=r"502\.html is a link, or no file at all; commit the page itself"):
        read(tmp_path)
    page.unlink()
    os.mkfifo(page)
    with pytest.raises(Failure, match=r"502\.html is a link, or no file at all"):
        read(tmp_path)
    page.unlink()
    with page.open("wb") as stream:
        stream.truncate(2**40)
    with pytest.raises(Failure, match=r"502\.html is larger than 1000000 bytes"):
        read(tmp_path)


def test_a_folder_that_leads_out_of_the_commit_is_refused(folder: Path, tmp_path: Path) -> None:
    folder.rmdir()
    folder.symlink_to("/etc")
    with pytest.raises(Failure, match="is a link that leads out of the repository"):
        read(tmp_path)
