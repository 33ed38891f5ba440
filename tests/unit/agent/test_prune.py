"""Which releases go."""

from infra.agent.release import prune


def test_superfluous_releases() -> None:
    last = {"a": 1, "b": 2, "c": 3, "d": 4}
    assert prune.superfluous("abcd", last, 2, "d") == {"a", "b"}
    assert prune.superfluous("abcd", last, 2, "a") == {"b", "c"}
    assert prune.superfluous("abcd", last, 1, "b") == {"a", "c", "d"}
    assert prune.superfluous("abcd", last, 9, "d") == set()
