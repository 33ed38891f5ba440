"""Whether a stack with data may be destroyed: by what the last update noted, and by what the file says now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from infra.deployment import data_refusal
from infra.deployment.data_changes import DataTerms
from infra.deployment.data_refusal import destroyed_now, remedy, said_in_file
from tests.unit.deployment.test_data_changes import EC2, EMBEDDED, SERVER

PLAIN = replace(SERVER, apps={"shop": False})
SET = "pulumi config set --stack prod launchpad:on_destroy"


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        (EMBEDDED, ""),
        (EMBEDDED, None),
        (EMBEDDED, "delete"),
        (replace(EC2, on_destroy="delete"), "delete"),
        (replace(EC2, on_destroy="delete"), None),
        (replace(EC2, on_destroy="keep"), "keep"),
        (replace(EC2, on_destroy="snapshot"), ""),  # what is noted keeps it
        (EC2, "delete"),  # at once: the machine may be gone
        (PLAIN, "keep"),  # at once: it is kept anyway
        (replace(SERVER, on_destroy="delete"), "delete"),
    ],
)
def test_what_lets_the_stack_go(terms: DataTerms, said: str | None) -> None:
    assert remedy("prod", terms, said) == ""


@pytest.mark.parametrize(
    ("terms", "said", "now"),
    [
        (EC2, "keep", "keep"),
        (EC2, "snapshot", "snapshot"),
        (replace(EC2, on_destroy="delete"), "keep", "keep"),
        (replace(EC2, on_destroy="delete"), "", "empty"),
        (replace(EC2, on_destroy="keep"), "delete", "delete"),
        (PLAIN, "delete", "delete"),
        (SERVER, "keep", "keep"),  # the data of one of its apps would go
        (EMBEDDED, "keep", "keep"),
    ],
)
def test_what_counts_from_the_next_up_on(terms: DataTerms, said: str, now: str) -> None:
    assert remedy("prod", terms, said) == (
        f"launchpad:on_destroy is {now} now, which counts from the next up on. Run launchpad up, then destroy again."
    )


def test_the_choices_where_nothing_is_said() -> None:
    assert remedy("prod", EC2, "") == (
        f"To have it deleted: {SET} delete, then destroy again\n"
        f"To keep it: {SET} keep, then launchpad up, then destroy again\n"
        f"To have it deleted and keep a snapshot: {SET} snapshot, then launchpad up, then destroy again"
    )
    assert remedy("prod", PLAIN, None) == (
        f"To have it deleted: {SET} delete, then launchpad up, then destroy again\n"
        f"To keep it: {SET} keep, then destroy again"
    )


def test_a_protected_server_is_not_deleted_by_a_word_that_no_update_has_seen() -> None:
    protected = replace(EC2, server=True)
    assert remedy("prod", protected, "delete") == (
        "launchpad:on_destroy is delete now, which counts from the next up on. Run launchpad up, then destroy again."
    )
    assert remedy("prod", protected, "").splitlines()[0] == (
        f"To have it deleted: {SET} delete, then launchpad up, then destroy again"
    )
    assert remedy("prod", replace(protected, on_destroy="delete"), "delete") == ""


def test_what_a_destroy_makes_of_it_now() -> None:
    assert destroyed_now("prod", EC2, "") == ""
    assert destroyed_now("prod", EC2, "delete") == "delete"
    assert destroyed_now("prod", PLAIN, "keep") == "keep"
    assert destroyed_now("prod", EMBEDDED, "") == "delete"
    assert destroyed_now("prod", replace(EC2, on_destroy="keep"), "keep") == "keep"


def test_an_app_of_a_server_may_have_its_own_word() -> None:
    assert set(data_refusal.answered(SERVER)) == {"blog"}
    assert set(data_refusal.answered(EC2)) == set()


def test_the_file_says_it_as_text_or_not_at_all(tmp_path: Path) -> None:
    assert said_in_file("prod", tmp_path) is None
    file = tmp_path / "Pulumi.prod.yaml"
    for text, said in (
        ("config:\n  launchpad:on_destroy: keep\n", "keep"),
        ("config:\n  launchpad:app: shop\n", ""),
        ("config:\n", None),
        ("- a list\n", None),
        ("{broken", None),
    ):
        file.write_text(text)
        assert said_in_file("prod", tmp_path) == said


def test_the_words_of_a_refusal() -> None:
    assert data_refusal.refusal("prod", ["shop: 1 file", "blog: 2 files"], "Do that.") == (
        "stack prod holds data:\n  shop: 1 file\n  blog: 2 files\n"
        "No key says what becomes of it, so nothing was deleted.\nDo that."
    )
    later = data_refusal.remedy("prod", replace(EMBEDDED, on_destroy="delete"), "keep")
    assert data_refusal.refusal("prod", ["shop: 1 file"], later) == (
        "stack prod holds data:\n  shop: 1 file\nNothing was deleted.\nlaunchpad:on_destroy is keep now, which counts "
        "from the next up on. Run launchpad up, then destroy again."
    )
    unknown = "stack prod may hold data: no answer\nNo key says what becomes of it, so nothing was deleted.\nDo that."
    assert data_refusal.unknown("prod", "no answer", SERVER, "Do that.") == unknown
    assert data_refusal.unknown("prod", "no answer", EC2, "Do that.") == (
        f"{unknown}\nOf a machine that is gone for good there is nothing to keep: delete lets the rest go."
    )
