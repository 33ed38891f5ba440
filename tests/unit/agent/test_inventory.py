"""What a person is told about when a release was built."""

import dataclasses
import time
from pathlib import Path

import pytest

from infra.agent.build.inventory import Built

PINNED = Built("a", "aa", "Say it", Path("/r"), Path("/v"), "k", served=True, released_with="", when=60)
MAY_DIFFER = (
    "a new build may take newer versions of dependencies: set launchpad:rebuild to another value to build again"
)


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.mark.parametrize(
    ("unproven", "text"),
    [
        ("", "built 1970-01-01 00:01 UTC"),
        ("there is a pyproject.toml above the app's directory", f"built 1970-01-01 00:01 UTC; {MAY_DIFFER}"),
        (
            "requirements.txt has 'flask', which is not pinned",
            f"built 1970-01-01 00:01 UTC; requirements.txt has 'flask', which is not pinned, so {MAY_DIFFER}",
        ),
    ],
)
def test_a_build_that_may_differ_is_explained_without_launchpads_inner_reasons(unproven: str, text: str) -> None:
    assert dataclasses.replace(PINNED, unproven=unproven).age() == text
