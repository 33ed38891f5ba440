"""Masking: no secret in any text of strangers, and nothing that a program has to parse is changed by one."""

import base64
import io
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.agent.process import launch_file
from infra.agent.release import history, status
from infra.agent.system import files, say
from infra.agent.system.layout import App
from infra.agent.system.redact import MASK, PARSED, Redactor, is_hidden

ROOT = Path(__file__).parents[3]

WORDS = ["true", "false", "null", "release", "blue", "done", "587", "3.13", "abc", "0", '"', "{", ": ", "subject", "[]"]
LETTERS = st.text(st.characters(exclude_characters="[]"), max_size=30)
SECRETS = st.lists(LETTERS | st.sampled_from(WORDS), max_size=6)
KEYS = st.sampled_from([*sorted(PARSED), "subject", "warnings", "reason", "seconds", "built"]) | st.text(max_size=8)


def result(secrets: list[str]) -> st.SearchStrategy[Any]:
    """Any result, with secrets in its texts, its keys and beside each other."""
    text = st.lists(st.text(max_size=10) | st.sampled_from([*secrets, *WORDS]), max_size=5).map("".join)
    leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | text
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | text, inner, max_size=4),
        max_leaves=12,
    )


def shape(value: Any, key: str = "") -> Any:
    """All of a result but its foreign texts."""
    if isinstance(value, dict):
        return {name: shape(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [shape(item, key) for item in value]
    return "text" if isinstance(value, str) and key not in PARSED else value


def foreign(value: Any, key: str = "") -> list[str]:
    """Every foreign text in a result."""
    if isinstance(value, dict):
        return [text for name, item in value.items() for text in foreign(item, name)]
    if isinstance(value, list):
        return [text for item in value for text in foreign(item, key)]
    return [value] if isinstance(value, str) and key not in PARSED else []


def printed(secrets: list[str], value: Any) -> str:
    """What ``say.result`` writes to stdout."""
    known, out = say.redactor, sys.stdout
    say.redactor, sys.stdout = Redactor(secrets), io.StringIO()
    try:
        say.result(value)
        return sys.stdout.getvalue()
    finally:
        say.redactor, sys.stdout = known, out


@pytest.mark.slow
@given(st.data(), SECRETS)
def test_a_result_keeps_its_shape_whatever_the_secrets_are(data: st.DataObject, secrets: list[str]) -> None:
    value = data.draw(result(secrets))
    masked = json.loads(printed(secrets, value))
    assert shape(masked) == shape(value)
    for text in foreign(masked):
        assert not [secret for secret in secrets if is_hidden(secret) and secret in text and secret not in MASK]


@given(SECRETS, st.text())
def test_a_text_without_secrets_stays_as_it_is(secrets: list[str], text: str) -> None:
    cleaned = Redactor(secrets).clean(text)
    assert cleaned == text or MASK in cleaned


@pytest.mark.parametrize(
    "value", ["true", "False", "none", "release", "blue", "done", "587", "-1", "3.13", "ab", " ", "Info"]
)
def test_a_value_that_hides_nothing_is_not_masked(value: str) -> None:
    assert Redactor([value]).clean(f"x{value}y {value}") == f"x{value}y {value}"


@pytest.mark.parametrize("value", ["abc", "hunter2", "123456", "12-34", "true1", "a.*b", "(((", "x" * 100_000])
def test_other_values_are_masked(value: str) -> None:
    assert Redactor([value]).clean(f"<{value}>") == f"<{MASK}>"


def test_secrets_that_overlap_leave_nothing_of_each_other() -> None:
    assert Redactor(["abcdef", "defghi"]).clean("<abcdefghi>") == f"<{MASK}>"
    assert Redactor(["abab"]).clean("<ababab>") == f"<{MASK}>"
    assert Redactor(["abc", "xabcx"]).clean("xabcx abc") == f"{MASK} {MASK}"


def test_every_line_of_a_secret_of_several_lines_is_masked() -> None:
    secret = "-----BEGIN KEY-----\nMIIabcdefgh\nQg==\n-----END KEY-----\n"
    assert (
        Redactor([secret]).clean("-----BEGIN KEY-----\nMIIabcdefgh\n| Qg==") == f"-----BEGIN KEY-----\n{MASK}\n| {MASK}"
    )


@pytest.mark.parametrize("secret", ["pä55 w'ö\"rd+/=?&", "s3cr3t/+", "two\nlines", 'a"b\\c d', "<a>&'b'"])
def test_spellings_that_programs_print(secret: str) -> None:
    cleaned = Redactor([secret])
    before, after = random.Random(1).randbytes(4), b":x"
    for text in (
        *(json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret)),
        *(base64.b64encode(before[:count] + secret.encode() + after).decode() for count in range(4)),
        base64.urlsafe_b64encode(b"user:" + secret.encode()).decode(),
    ):
        assert MASK in cleaned.clean(text), text


def test_half_a_character_does_not_cost_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    say.result({"subject": "a\ud800b"})
    say.line("c\udcffd")
    done = capsys.readouterr()
    assert json.loads(done.out) == {"subject": "a\ud800b"}
    assert done.err == "c\\udcffd\n"


def test_a_table_keeps_releases_and_revisions_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.agent.system.layout.STATE", tmp_path)
    monkeypatch.setattr(say, "redactor", Redactor(["123456"]))
    monkeypatch.setattr(status, "status", lambda _app: {"release": "ab123456cdef"})
    app = App("app")
    number = history.begin(
        app, revision="ab123456cdef" + "0" * 28, subject="Use 123456", who="me", release="ab123456cdef", what="deploy"
    )
    history.end(app, number, result="ok", seconds=1)
    number = history.begin(app, revision="cd123456cdef" + "0" * 28, subject="Fail", who="me", what="deploy")
    history.end(app, number, result="failed", seconds=1)
    _, failed, line = status.releases_text(app, runs=True).splitlines()
    assert line.startswith("*  ab123456cdef  20")
    assert line.endswith(f"Use {MASK}")
    assert failed.startswith("   cd123456cdef  20")


def test_a_former_value_of_a_secret_stays_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("SETTINGS", "STATE", "UNITS"):
        monkeypatch.setattr(f"infra.agent.system.layout.{folder}", tmp_path / folder)
    monkeypatch.setattr(files, "directory", lambda path, *_: path.mkdir(parents=True, exist_ok=True))
    app = App("app")
    for value in ("first-value", "second-value", "second-value", "third-value"):
        env = {"TOKEN": value, "DEBUG": "x"}
        launch_file.write(app, "blue", launch_file.Launch(("x",), "/", env, secrets=("TOKEN",)))
    assert launch_file.secret_values(app) == ["first-value", "second-value", "third-value"]
    assert app.former_secrets.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("part", ["x", "a:", "https://", "u:p@", "a@", "ab1;"])
def test_cleaning_a_long_line_of_an_app_comes_to_an_end(part: str) -> None:
    # The time once grew with the square of the length: this would have taken hours.
    code = (
        "import sys; from infra.agent.system.redact import Redactor; Redactor(['hunter2']).clean(sys.argv[1] * 500_000)"
    )
    subprocess.run([sys.executable, "-c", code, part], check=True, timeout=120, cwd=ROOT)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("token=s3cr3t/+ ok", "token=[secret] ok"),
        ("url ?t=s3cr3t%2F%2B", "url ?t=[secret]"),
        ("a 'two\\nlined value' b", "a '[secret]' b"),
        ("lined value", "[secret]"),
        ("https://user:pw@host/x ssh://git@host git@host:x", "https://[secret]@host/x ssh://git@host git@host:x"),
        ("https://ghp_abc@host/x", "https://[secret]@host/x"),
        ("1 is no secret", "1 is no secret"),
    ],
)
def test_redact(text: str, clean: str) -> None:
    assert Redactor(["s3cr3t/+", "two\nlined value", "1", ""]).clean(text) == clean


def test_longer_secrets_first() -> None:
    assert Redactor(["abc", "abcdef"]).clean("abcdef abc") == "[secret] [secret]"


def test_colours_in_the_middle_of_a_secret_do_not_show_it(capsys: pytest.CaptureFixture[str]) -> None:
    say.redactor.add("hunter2-canary")
    say.detail("it is hun\x1b[31mter2-can\x1b[0mary")
    assert capsys.readouterr().err == "         | it is [secret]\n"
