"""The hashes of a site's passwords."""

from infra.agent.proxy import passwords


def test_a_password_gets_a_hash_that_stays_as_long_as_it_is_the_same() -> None:
    (first,) = passwords.hashed((("ana", "correct horse"),), {})
    user, made = first
    assert (user, made[:7]) == ("ana", "$2b$10$")
    assert "correct" not in made
    assert passwords.fits("correct horse", made)
    assert not passwords.fits("correct horsf", made)
    assert not passwords.fits("correct horse", "")
    again = passwords.hashed((("ana", "correct horse"), ("bob", "correct horse")), {"ana": made})
    assert again[0] == first
    assert again[1][1] not in ("", made)
    ((_, changed),) = passwords.hashed((("ana", "Correct horse"),), {"ana": made})
    assert changed != made


def test_a_damaged_hash_is_made_anew() -> None:
    for kept in ("x", "$2b$10$short", "$1$abc$def", "*0"):
        ((_, made),) = passwords.hashed((("ana", "é \U0001f680"),), {"ana": kept})
        assert passwords.fits("é \U0001f680", made)
