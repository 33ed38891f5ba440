"""The keys of the app's cache."""

import pytest

from infra import from_settings
from infra.config.parse import SettingsError
from infra.deployment import specifications
from infra.deployment.specifications import Resolved
from infra.protocol.services import Cache
from tests.unit.config.reading import parse


def of(raw: dict[str, str]) -> Cache:
    return specifications.prepare(from_settings.app(parse(raw)), Resolved(), "").cache


def test_valkey_is_another_word_and_auto_leaves_the_memory_to_the_machine() -> None:
    assert of({"cache": "redis"}) == of({"cache": "valkey", "cache_memory": "auto"}) == Cache("redis")
    asked = {"cache": "redis", "cache_memory": "64M", "cache_policy": "noeviction"}
    assert of(asked) == Cache("redis", 64 * 2**20, "noeviction")


def test_without_a_cache_the_other_keys_change_nothing_on_the_machine() -> None:
    assert of({"cache_memory": "64M", "cache_policy": "noeviction"}) == Cache()


@pytest.mark.parametrize("size", ["7M", "1", "64 apples", "", "0"])
def test_a_size_that_holds_nothing_is_told(size: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse({"cache": "redis", "cache_memory": size})
    assert caught.value.problems == [
        f"launchpad:cache_memory is {size!r}; it must be auto, or a size such as 64M or 1G, at least 8M"
    ]
