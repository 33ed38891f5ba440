"""What an app prints is shown without anything that a terminal would obey."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.common.printable import lines


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m and\ttab", "red and\ttab"),
        ("\x1b]0;a title\x07\x1b[2Jcleared", "cleared"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPstring\x1b\\ \x1bc\x1b(B.", " ."),
        ("10 %\r20 %\r", "20 %"),
        ("one\r\ntwo", "one\ntwo"),
        ("bell\x07 \x9b31m \u202egnp", "bell\ufffd \ufffd31m \ufffdgnp"),
        ("ends in\x1b", "ends in\ufffd"),
    ],
)
def test_a_terminal_obeys_nothing_that_an_app_prints(text: str, shown: str) -> None:
    assert lines(text) == shown


@given(st.text(st.sampled_from("ab1;[]\x1b\x07\x9b\r\n\t\\(\u202e"), max_size=40))
def test_no_control_character_is_left_of_any_text(text: str) -> None:
    assert not set(lines(text)) & set("\x1b\x07\x9b\r\u202e")
