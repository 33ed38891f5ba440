"""The corpus bench's pure parts: its list, where a mirror has a repository, the row of an app."""

from pathlib import Path

import pytest

from bench import corpus
from bench.corpus import App, CorpusError, Seen
from tests.visitor import Answer, Form

LIST = """\
[[app]]
url = "https://git.example.org/you/shop.git"
revision = "v1"
keys = { directory = "backend", env = { DEBUG = "1" } }

[[app]]
url = "https://git.example.org/you/blog"
"""


def test_the_list_names_urls_and_the_keys_of_a_stack() -> None:
    assert corpus.read(LIST) == [
        App("https://git.example.org/you/shop.git", {"directory": "backend", "env": {"DEBUG": "1"}, "revision": "v1"}),
        App("https://git.example.org/you/blog", {}),
    ]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[app]\n", "the list is not TOML"),
        ("[[app]]\nkeys = {}\n", "app 1 of the list must have a url"),
        ('[[app]]\nurl = "https://a/b"\nkey = {}\n', "app 1 of the list must have a url"),
        ('[[app]]\nurl = "https://a/b"\n[[app]]\nurl = "https://a/b"\nkeys = 1\n', "app 2 of the list"),
    ],
)
def test_a_wrong_list_is_refused_with_the_place(text: str, why: str) -> None:
    with pytest.raises(CorpusError, match=why):
        corpus.read(text)


def test_a_mirror_has_the_repository_by_its_owner_or_by_its_name_alone(tmp_path: Path) -> None:
    app = App("https://git.example.org/you/shop.git")
    assert corpus.places(app.url) == ("you/shop.git", "you/shop", "shop.git", "shop")
    assert corpus.repository(app, None, tmp_path) == app.url
    with pytest.raises(CorpusError, match=r"has none of you/shop\.git, you/shop, shop\.git, shop"):
        corpus.repository(app, tmp_path, tmp_path)


def test_a_row_shows_what_a_person_sees() -> None:
    app = App("https://git.example.org/you/shop.git", {"directory": "web", "pip": ["gunicorn"]})
    seen = Seen(app, 12.4, 200, {"/a.css": 200, "/b.js": 404}, "/add: 500", "Shop")
    assert seen.cells() == (
        *("you/shop", "directory=web pip=['gunicorn']", "12", "200", "1 of 2, /b.js 404", "/add: 500", "Shop"),
    )
    failed = Seen(App(app.url), 3, words="nothing says how it starts")
    assert failed.cells() == ("you/shop", "none", "3", "failed", "", "", "nothing says how it starts")
    assert corpus.table([("app", "words"), ("you/shop", "a|b\nc")]) == (
        "| app | words |\n| --- | --- |\n| you/shop | a/b c |"
    )


def test_a_cause_is_the_last_line_after_the_error() -> None:
    said = "release: failed (1.0 s)\nerror: release: It is not healthy.\nLast lines:\n  no such file\n\nIt ended.\n"
    assert corpus.cause(said) == "It ended."
    assert corpus.cause("error: one line\n") == "one line"
    assert corpus.cause("") == "nothing was said"


def test_the_first_form_that_posts_is_filled_in() -> None:
    page = '<form action="/find"><input name="q"></form><form method="POST"><input name="t" value="1"><input name="w"></form>'
    form = corpus.first_form(Answer("/", 200, {}, page.encode()))
    assert form == Form("", "post", {"t": "1", "w": ""})
    assert corpus.filled(form) == {"t": "1", "w": "launchpad"}
