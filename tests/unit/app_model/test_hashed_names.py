"""Which names of files hold a hash, so that a browser may keep the file for a year."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.app_model.hashed_names import is_hashed


@pytest.mark.parametrize(
    "name",
    [
        "app.55e7cbb9ba48.css",  # Django's ManifestStaticFilesStorage, WhiteNoise
        "main.8a9f3c1d.js",  # webpack
        "main.0123456789abcdef0123.chunk.js",
        "logo.5d5d9eefa31e5e13a6610d9fa7a283bb.svg",
        "jquery.min.1a2b3c4d5e6f.js.map",
        "index-BxP3kW9q.js",  # Vite, Rollup
        "index-D_3kW-9Q.css",
        "chunk-ABC2DEF4.js",  # esbuild
        "app-4f2A9b1C.js.map",
    ],
)
def test_names_with_a_hash(name: str) -> None:
    assert is_hashed(name)


@pytest.mark.parametrize(
    "name",
    [
        "app.css",
        "jquery-3.7.1.min.js",
        "user-settings.js",
        "app-MainView.js",
        "app-Version2.js",
        "report-20240131.pdf",
        "report.20240131.pdf",
        "icon.12345678.png",
        "a.deadbeef.css",  # a word, perhaps; a hash without any digit is rare
        "fontawesome-webfont.woff2",
        "55e7cbb9ba48.css",  # a name and nothing else may be a number of anything
        "55e7cbb9ba48",
        "",
    ],
)
def test_names_that_may_be_given_to_another_content(name: str) -> None:
    assert not is_hashed(name)


@given(st.text(string.ascii_lowercase + "-_", max_size=30), st.sampled_from(["css", "js", "png"]))
def test_no_word_is_a_hash(word: str, suffix: str) -> None:
    assert not is_hashed(f"{word}.{suffix}")


@given(st.text(string.digits + "-.", max_size=30))
def test_no_number_is_a_hash(number: str) -> None:
    assert not is_hashed(f"app-{number}.js")
