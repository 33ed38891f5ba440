"""The keys about who may see a site, and about how long browsers insist on HTTPS."""

import json

import pytest

from infra.config import visitors
from infra.config.parse import SettingsError
from tests.unit.config.reading import parse

DAY = 86_400
HSTS = "a time such as 30d or 2y, at most 10y; 0 to have browsers forget it; or false"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30d", 30 * DAY), (" 1 Y ", 365 * DAY), ("10y", 3650 * DAY), ("0", 0), ("0d", 0), ("false", -1), ("False", -1)],
)
def test_how_long_browsers_insist_on_https(text: str, seconds: int) -> None:
    assert visitors.hsts(text) == seconds


@pytest.mark.parametrize("text", ["", "true", "30", "-1d", "11y", "3651d", "1h", "max-age=5", "1.5d"])
def test_what_is_no_time_to_insist_on_https(text: str) -> None:
    with pytest.raises(ValueError, match="a time such as") as caught:
        visitors.hsts(text)
    assert str(caught.value) == HSTS


def test_without_a_word_it_is_a_month_and_nobody_needs_a_password() -> None:
    settings = parse({})
    assert (settings.hsts, settings.basic_auth) == (30 * DAY, {})


@pytest.mark.parametrize(
    ("text", "users"),
    [
        ('{"bob": "two", "ana": "one"}', {"ana": "one", "bob": "two"}),
        ("ana:one:two", {"ana": "one:two"}),
        ('{"ana": 1234, "bob": 0.50}', {"ana": "1234", "bob": "0.50"}),
        ("{}", {}),
    ],
)
def test_passwords_are_a_map_or_one_user(text: str, users: dict[str, str]) -> None:
    assert visitors.passwords(text) == users


def test_wrong_passwords_are_told_by_user_and_not_shown() -> None:
    raw = {"basic_auth": json.dumps({"ana": "canary\n42", "b b": "canary-43"})}
    with pytest.raises(SettingsError) as caught:
        parse(raw, frozenset({"basic_auth"}))
    user = "named with up to 64 letters, digits and . _ @ + -, letter or digit first"
    assert caught.value.problems == [
        "launchpad:basic_auth.ana is [secret]; it must be a password: printable text, not empty",
        f"launchpad:basic_auth.b b is [secret]; it must be {user}",
    ]
    with pytest.raises(SettingsError) as caught:
        parse({"basic_auth": "canary-44"}, frozenset({"basic_auth"}))
    allowed = "a map of users and passwords, such as launchpad:basic_auth.ana, or one USER:PASSWORD"
    assert caught.value.problems == [f"launchpad:basic_auth is [secret]; it must be {allowed}"]
