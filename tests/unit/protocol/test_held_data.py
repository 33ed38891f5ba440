"""How much data an app has, in words."""

from __future__ import annotations

import pytest

from infra.protocol import codec
from infra.protocol.held_data import LATEST, HeldData, size_in_words

FIRST, LAST = 1767398400, 1795737600
"""2026-01-03 and 2026-11-27, at midnight."""


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_950, "1.0 MB"),
        (3_440_000_000, "3.4 GB"),
        (10**19, "10,000.0 PB"),
    ],
)
def test_a_size_in_words(size: int, words: str) -> None:
    assert size_in_words(size) == words


@pytest.mark.parametrize(
    ("held", "line"),
    [
        (HeldData("shop", 1204, 35_200_000, FIRST, LAST, complete=True),
         "shop: 1,204 files, 35.2 MB in /srv/shop/data, from 2026-01-03 to 2026-11-27"),
        (HeldData("shop", 1, 5, LAST, LAST + 3600, complete=True),
         "shop: 1 file, 5 bytes in /srv/shop/data, of 2026-11-27"),
        (HeldData("shop", 7, 70, 0, LATEST, complete=False),
         "shop: at least 7 files, 70 bytes in /srv/shop/data, from 1970-01-01 to 9999-12-31"),
        (HeldData("shop", 0, 0, 0, 0, complete=True), "shop: no files in /srv/shop/data"),
        (
            HeldData("shop", 0, 0, 0, 0, complete=True, tables=1, database_size=8_100_000),
            "shop: no files in /srv/shop/data; 1 table, 8.1 MB in its database",
        ),
        (
            HeldData("shop", 0, 0, 0, 0, complete=True, tables=-1),
            "shop: no files in /srv/shop/data; its database does not answer",
        ),
        (HeldData("shop", 0, 0, 0, 0, complete=False), "shop: more than could be counted in /srv/shop/data"),
    ],
)  # fmt: skip
def test_how_much_it_is_and_since_when(held: HeldData, line: str) -> None:
    assert held.line() == line
    assert codec.parse(HeldData, codec.plain(held)) == held


def test_only_what_was_counted_to_its_end_may_be_empty() -> None:
    assert HeldData("shop", 0, 0, 0, 0, complete=True).is_empty
    assert not HeldData("shop", 0, 0, 0, 0, complete=False).is_empty
    assert not HeldData("shop", 1, 0, 0, 0, complete=True).is_empty
    assert not HeldData("shop", 0, 0, 0, 0, complete=True, tables=1).is_empty
