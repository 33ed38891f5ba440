"""The static files of a release: which are copied, which are left out, and which are shared with another release."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.agent.build import collect, public_files
from infra.agent.build.collect import Collected
from infra.agent.build.public_files import Stage
from infra.agent.system import files as files_module
from infra.agent.system.failure import Failure
from infra.app_model import static_words
from infra.protocol.app_settings import StaticFiles, url_prefix
from infra.protocol.refusal import Refusal


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield handle
    finally:
        os.close(handle)


def tree(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def write(folder: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def staged(path: Path, prefix: str, folder: Path, before: Path | None = None) -> Stage:
    stage = Stage(path, before)
    with opened(folder) as handle:
        stage.add(prefix, handle)
    return stage


def test_regular_files_are_copied_and_nothing_else(tmp_path: Path) -> None:
    texts = {
        "site.css": "css",
        "js/index-BxP3kW9q.js": "js",
        ".env": "secret",
        ".git/config": "x",
        "a/.b/c": "x",
        "what?.css": "x",
    }
    source = write(tmp_path / "source", texts)
    (source / "passwd").symlink_to("/etc/passwd")
    (source / "etc").symlink_to("/etc")
    (source / "again").symlink_to("site.css")
    os.mkfifo(source / "pipe")
    stage = staged(tmp_path / "new", "/static/", source)
    assert tree(tmp_path / "new") == {"urls/static/site.css": "css", "immutable/static/js/index-BxP3kW9q.js": "js"}
    assert (stage.count, stage.left_out) == (2, 4)
    assert (tmp_path / "new/urls/static/site.css").stat().st_mode & 0o7777 == 0o644


@pytest.mark.parametrize("prefix", ["/../../etc/cron.d/", "/static/../../x/", "/./", "/", "//", "/.hidden/", "/a b/"])
def test_no_url_of_the_apps_has_root_write_elsewhere(prefix: str, tmp_path: Path) -> None:
    source = write(tmp_path / "source", {"job": "* * * * * root true"})
    with pytest.raises(Failure, match="cannot be the beginning of URLs"):
        staged(tmp_path / "new", prefix, source)
    assert tree(tmp_path) == {"source/job": "* * * * * root true"}


@pytest.mark.parametrize(
    "url", ["/../../../../etc/cron.d/", "..", "static/../x/", "/.", "/a/./b/", "/.git/", "/", "//x/"]
)
def test_a_static_url_that_leads_elsewhere_is_none(url: str) -> None:
    assert static_words.prefix_of(url) == ""


@pytest.mark.parametrize("prefix", ["/../etc/", "/a/../b/", "/./", "/.hidden/"])
def test_the_settings_name_no_such_url_either(prefix: str) -> None:
    with pytest.raises(Refusal):
        url_prefix(prefix)


def test_the_folder_with_the_longer_url_goes_first(tmp_path: Path) -> None:
    docs = write(tmp_path / "docs", {"a.txt": "docs"})
    source = write(tmp_path / "source", {"docs/a.txt": "static", "docs/b.txt": "b", "a.txt/c": "c"})
    stage = staged(tmp_path / "new", "/static/docs/", docs)
    with opened(source) as handle:
        stage.add("/static/", handle)
    assert tree(tmp_path / "new/urls/static") == {"docs/a.txt": "docs", "docs/b.txt": "b", "a.txt/c": "c"}


def test_equal_files_are_shared_with_the_release_before(tmp_path: Path) -> None:
    texts = {"same.css": "same", "other.css": "old", "gone.css": "x"}
    staged(tmp_path / "one", "/s/", write(tmp_path / "a", texts))
    write(tmp_path / "one/urls/s", {"same.css.gz": "packed", "other.css.gz": "packed"})
    staged(tmp_path / "two", "/s/", write(tmp_path / "b", {"same.css": "same", "other.css": "new"}), tmp_path / "one")
    assert tree(tmp_path / "two/urls/s") == {"same.css": "same", "same.css.gz": "packed", "other.css": "new"}
    assert (tmp_path / "two/urls/s/same.css").samefile(tmp_path / "one/urls/s/same.css")
    assert (tmp_path / "one/urls/s/other.css").read_text() == "old"


def test_of_what_compresses_them_only_what_can_be_that_is_taken(tmp_path: Path) -> None:
    stage = staged(
        tmp_path / "new", "/s/", write(tmp_path / "source", {"a.css": "a" * 100, "b.css": "b", "c.css.gz": "own"})
    )
    made = {
        "urls/s/a.css.gz": "small",
        "urls/s/a.css.br": "small",
        "urls/s/a.css": "changed",
        "urls/s/b.css.gz": "not smaller",
        "urls/s/c.css.gz": "x",
        "urls/s/none.css.gz": "x",
        "urls/s/.gz": "x",
        "evil.gz": "x",
        "urls/s/d/e.css.gz": "x",
    }
    packed = write(tmp_path / "packed", made)
    (packed / "urls/s/a.css.zst").symlink_to("/etc/hostname")
    with opened(packed) as handle:
        stage.add_compressed(handle)
    assert tree(tmp_path / "new/urls/s") == {
        "a.css": "a" * 100,
        "a.css.br": "small",
        "a.css.gz": "small",
        "b.css": "b",
        "c.css.gz": "own",
    }


def test_a_file_with_holes_does_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "source"
    source.mkdir()
    with (source / "holes").open("wb") as stream:
        stream.truncate(10**12)
    monkeypatch.setattr(files_module, "free_bytes", lambda _path: 10**11)
    with pytest.raises(OSError, match="No space left") as caught:
        staged(tmp_path / "new", "/s/", source)
    assert caught.value.errno == errno.ENOSPC


def test_folders_in_folders_and_files_have_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / "deep"
    (deep / "/".join(["d"] * (public_files.DEEPEST + 1))).mkdir(parents=True)
    with pytest.raises(Failure, match=r"^launchpad:static: .* more than 50 folders in each other$"):
        staged(tmp_path / "new", "/s/", deep)
    monkeypatch.setattr(public_files, "MOST_FILES", 2)
    with pytest.raises(Failure, match=r"^launchpad:static: there are more than 2 files$"):
        staged(tmp_path / "other", "/s/", write(tmp_path / "many", {"a": "", "b": "", "c": ""}))


def test_names_have_an_end_whatever_they_are_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path / "source", {"a": ""})
    (source / "link").symlink_to("a")
    (source / "empty/folder").mkdir(parents=True)
    monkeypatch.setattr(public_files, "MOST_ENTRIES", 3)
    with pytest.raises(Failure, match=r"^launchpad:static: there are more than 3 files and folders$"):
        staged(tmp_path / "new", "/s/", source)


@pytest.mark.parametrize("text", ["[" * 1_000_000, "{", "1", None])
def test_a_report_of_collectstatic_may_be_anything(text: str | None) -> None:
    assert collect._read(text) == Collected()


def test_folders_below_data_are_noted_down_by_their_urls(tmp_path: Path) -> None:
    Stage(tmp_path).add_data((StaticFiles("/media/", "$DATA_DIR/media"), StaticFiles("/a/b/", "$DATA_DIR/c/d")))
    assert tree(tmp_path) == {
        "data/media/=here": "",
        "data/a/b/=here": "",
        "data.json": '{\n "/a/b/": "c/d",\n "/media/": "media"\n}\n',
    }


WITHOUT = "To build without it, set launchpad:env.DISABLE_COLLECTSTATIC to 1."
TRACEBACK = ["Traceback (most recent call last):", '  File "manage.py", line 9, in <module>']


@pytest.mark.parametrize(
    ("lines", "cause"),
    [
        ([], WITHOUT),
        (
            [*TRACEBACK, "ModuleNotFoundError: No module named 'x.y'"],
            f"ModuleNotFoundError: No module named 'x.y'. {WITHOUT}",
        ),
        (
            [*TRACEBACK, "ModuleNotFoundError: No module named 'x'"],
            "ModuleNotFoundError: No module named 'x'. No dependency that was installed brings x: set launchpad:pip to the "
            'package that does, such as ["x"], or launchpad:groups or launchpad:extras if the app has it in one of those. '
            + WITHOUT,
        ),
        (
            [*TRACEBACK, "KeyError: 'SECRET_KEY'"],
            "KeyError: 'SECRET_KEY'. If the app needs the variable SECRET_KEY, set launchpad:env or launchpad:secrets. "
            + WITHOUT,
        ),
        (
            [*TRACEBACK, "django.core.exceptions.ImproperlyConfigured: Set the DATABASE_URL environment variable"],
            "django.core.exceptions.ImproperlyConfigured: Set the DATABASE_URL environment variable. If the app needs the "
            f"variable DATABASE_URL, set launchpad:env or launchpad:secrets. {WITHOUT}",
        ),
        (
            ["decouple.UndefinedValueError: API_KEY not found. Declare it as envvar or define a default value."],
            "decouple.UndefinedValueError: API_KEY not found. Declare it as envvar or define a default value. If the app "
            f"needs the variable API_KEY, set launchpad:env or launchpad:secrets. {WITHOUT}",
        ),
        (["CommandError: An error occurred", "done"], f"CommandError: An error occurred. {WITHOUT}"),
    ],
)
def test_the_cause_of_a_failed_collectstatic(lines: list[str], cause: str) -> None:
    assert collect.cause(lines) == cause
