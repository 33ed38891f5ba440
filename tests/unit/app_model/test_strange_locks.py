"""No lock and no project file is too strange: it is read, or refused in words."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.app_model.dependencies import choice
from infra.app_model.files import MemoryFiles
from infra.protocol.app_settings import Dependencies
from tests.unit.app_model import test_locks as locks

VALUE = re.compile(r'"[^"\n]*"|\[[^\[\]\n]*\]|\{[^{}\n]*\}|true|false|\b\d+\b')
STRANGE = st.sampled_from(
    ['"x"', '""', "1", "1.5", "true", "[]", "[1]", '["x", 2]', "{}", "{ x = 1 }", "[[]]", "1979-05-27", "'a=='"]
)
JSON_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from(["", "x", "==1", "a;b", "./"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["version", "hashes", "markers", "git", "path", "extras", "x"]), inner, max_size=4
        ),
    ),
    max_leaves=12,
)
FILES = {
    "poetry": {"pyproject.toml": locks.POETRY, "poetry.lock": locks.NEW},
    "poetry 1": {
        "pyproject.toml": locks.OLD_PROJECT,
        "poetry.lock": locks.locked_by_poetry(locks.OLD, locks.OLD_PROJECT, "2.0"),
    },
    "poetry without": {"pyproject.toml": locks.POETRY},
    "pdm": {"pyproject.toml": locks.PDM, "pdm.lock": locks.locked_by_pdm(locks.PDM_PACKAGES)},
    "pdm old": {"pyproject.toml": locks.PDM, "pdm.lock": locks.locked_by_pdm(locks.PDM_PACKAGES, "x", "4.4")},
    "pylock": {"pylock.toml": locks.PYLOCK},
    "pipfile": {"Pipfile": locks.PIPFILE},
    "uv": {"pyproject.toml": locks.WORKSPACE["pyproject.toml"], "uv.lock": locks.WORKSPACE["uv.lock"]},
}


@pytest.mark.parametrize("kind", FILES)
@settings(max_examples=60)
@given(data=st.data())
def test_any_value_may_be_any_other(kind: str, data: st.DataObject) -> None:
    files = dict(FILES[kind])
    name = data.draw(st.sampled_from(sorted(files)))
    text = files[name]
    for _ in range(data.draw(st.integers(1, 4))):
        places = list(VALUE.finditer(text))
        place = data.draw(st.sampled_from(places)) if places else None
        if place:
            text = text[: place.start()] + data.draw(STRANGE) + text[place.end() :]
    # Without the hash, nothing is refused before it is read.
    files[name] = text.replace("content-hash", "x").replace("content_hash", "x").replace('"2.1"', '"2.9"')
    choice.install(MemoryFiles(files), Dependencies(extras=("sign",)))
    choice.install(MemoryFiles(files), Dependencies())


@given(JSON_VALUES, JSON_VALUES)
def test_a_lock_of_pipenv_may_hold_anything(default: object, about: object) -> None:
    for text in (
        json.dumps({"_meta": about, "default": default}),
        json.dumps({"default": {"x": default}}),
        json.dumps(default),
    ):
        choice.install(MemoryFiles({"Pipfile.lock": text}), Dependencies())


@given(st.text(max_size=60))
def test_any_text_may_be_in_any_file(text: str) -> None:
    for name in (
        "pyproject.toml",
        "uv.lock",
        "poetry.lock",
        "pdm.lock",
        "Pipfile.lock",
        "pylock.toml",
        "Pipfile",
        "requirements.txt",
        "app.py",
    ):
        choice.install(MemoryFiles({name: text}), Dependencies())
