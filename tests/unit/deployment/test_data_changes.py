"""What becomes of a stack's data by a change of the stack, line by line."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest

from infra.deployment import data_changes
from infra.deployment.data_changes import Change, DataTerms, changes
from infra.protocol.held_data import HeldData

EC2 = DataTerms(
    kind="ec2",
    stays=False,
    on_destroy="",
    unsaid="",
    able=("delete", "keep", "snapshot"),
    apps={"shop": False, "blog": True},
    disk=True,
    place={"ec2.region": "eu-central-1", "ec2.vpc_id": "", "ec2.subnet_id": ""},
    instance="i-1",
)
SERVER = replace(EC2, kind="server", stays=True, able=("delete", "keep"), disk=False, place={"server.host": "a.org"})
EMBEDDED = replace(EC2, kind="embedded", unsaid="delete", able=("delete",), disk=False, place={})
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
REPLACED = "DATA: the machine is replaced: "


def lines(before: DataTerms, after: DataTerms) -> list[tuple[str, bool]]:
    return [(each.line, each.unsaid) for each in changes(before, after)]


def test_without_a_change_nothing_is_said() -> None:
    for terms in (EC2, SERVER, EMBEDDED):
        assert lines(terms, terms) == []
        assert lines(terms, replace(terms, apps={**terms.apps, "new": False})) == []


@pytest.mark.parametrize(
    ("before", "after", "line", "unsaid"),
    [
        (EC2, {"instance": UNKNOWN}, REPLACED + "the disk with the data of blog and shop goes over to the new one", False),
        (replace(EC2, disk=False), {"instance": UNKNOWN}, REPLACED + "the data of blog and shop is DELETED", True),
        (replace(EC2, disk=False, on_destroy="delete"), {"instance": "i-2"},
         REPLACED + "the data of blog and shop is DELETED", False),
        (replace(EC2, disk=False, on_destroy="keep"), {"instance": "i-2"},
         REPLACED + "the data of blog and shop is DELETED", True),
        (EMBEDDED, {"instance": UNKNOWN}, REPLACED + "the data of blog and shop is DELETED", False),
        (SERVER, {"instance": "s-2", "place": {"server.host": "b.org"}},
         "DATA: launchpad:server.host is another, and so is the machine: the data of blog and shop stays on the former one",
         False),
        (SERVER, {"instance": "s-2"}, REPLACED + "the data of blog and shop stays on the former one", False),
        (EC2, {"disk": False}, "DATA: the machine loses its disk for data: the data of blog and shop is DELETED", True),
        (replace(EC2, on_destroy="keep"), {"disk": False},
         "DATA: the machine loses its disk for data: the data of blog and shop stays", False),
        (replace(EC2, on_destroy="snapshot"), {"disk": False},
         "DATA: the machine loses its disk for data: the data of blog and shop is DELETED, and a snapshot of it stays",
         False),
        (replace(EC2, apps={"shop": False}), {"place": {**EC2.place, "ec2.region": "eu-west-1"}, "instance": UNKNOWN},
         "DATA: launchpad:ec2.region is another, and so is the machine: the data of shop is DELETED", True),
        (replace(EC2, apps={"a": False, "b": False, "c": False}, on_destroy="keep"),
         {"place": {"ec2.region": "x", "ec2.vpc_id": "y", "ec2.subnet_id": "z"}},
         "DATA: launchpad:ec2.region, launchpad:ec2.vpc_id, launchpad:ec2.subnet_id is another, and so is the machine: "
         "the data of a, b and c stays", False),
    ],
)  # fmt: skip
def test_another_machine_and_what_it_makes_of_the_data(
    before: DataTerms, after: dict[str, object], line: str, unsaid: bool
) -> None:
    assert lines(before, replace(before, **after)) == [(line, unsaid)]  # type: ignore[arg-type]


def test_another_kind_of_machine_takes_the_data_along_unless_a_key_says_otherwise() -> None:
    moved = replace(SERVER, apps={"shop": False})
    what = "DATA: the machine is no longer of kind ec2 but server: the data of blog and shop"
    assert lines(EC2, moved)[0] == (f"{what} is DELETED", True)
    assert lines(replace(EC2, on_destroy="keep"), replace(moved, on_destroy="keep"))[0] == (f"{what} stays", False)
    assert lines(EC2, replace(moved, on_destroy="delete"))[0] == (f"{what} is DELETED", False)
    # What a new kind means where nothing is said does not count for the data of the former one.
    assert changes(EC2, EMBEDDED)[0].unsaid
    assert not changes(EMBEDDED, EC2)[0].unsaid
    assert lines(SERVER, EC2)[0] == (
        "DATA: the machine is no longer of kind server but ec2: the data of blog and shop stays on the former one",
        False,
    )


def test_apps_that_go_and_what_would_become_of_the_others() -> None:
    assert lines(EC2, replace(EC2, apps={})) == [
        ("DATA: app blog is taken off the machine: its data in /srv/blog/data is DELETED", False),
        ("DATA: app shop is taken off the machine: its data in /srv/shop/data stays", False),
    ]
    assert lines(EC2, replace(EC2, apps={"shop": True, "blog": False})) == [
        ("DATA: when app blog is taken off the machine, its data in /srv/blog/data stays", False),
        ("DATA: when app shop is taken off the machine, its data in /srv/shop/data is DELETED", False),
    ]


def test_a_database_that_is_taken_away_stays_and_is_told_of() -> None:
    before = replace(EC2, databases=["shop"])
    told = ("DATA: app shop no longer has its database: what is in it stays on the machine, unused", False)
    assert lines(before, EC2) == [told]
    assert lines(EC2, before) == []
    assert lines(before, replace(EC2, apps={"blog": True})) == [
        ("DATA: app shop is taken off the machine: its data in /srv/shop/data stays", False)
    ]


RDS = replace(EC2, databases=["shop"], server=True)
GONE = "DATA: the database server on RDS: "


def test_a_database_server_that_nobody_wants_is_protected_until_a_key_said_so_before() -> None:
    after = replace(RDS, databases=[], server=False)
    unwanted = f"{GONE}no app wants it, and it would be deleted, from which it is protected"
    for kept in ("", "keep"):
        found = changes(replace(RDS, on_destroy=kept), replace(after, on_destroy="delete"))
        assert Change(unwanted, protected=True) in found
    assert lines(replace(RDS, on_destroy="delete"), replace(after, on_destroy="delete")) == [
        (f"{GONE}no app wants it, and it is DELETED", False)
    ]
    assert lines(replace(RDS, on_destroy="snapshot"), replace(after, on_destroy="snapshot")) == [
        (f"{GONE}no app wants it, and it is DELETED, and a snapshot of it stays", False)
    ]


def test_another_kind_of_database_is_an_empty_one_and_the_preview_says_so() -> None:
    here, there = replace(RDS, on_server=[]), replace(RDS, on_server=["shop"])
    told = ("DATA: app shop gets another database, an empty one: what is in the former stays there, unused", False)
    assert lines(here, there) == lines(there, here) == [told]
    assert lines(there, there) == []


def test_a_database_server_does_not_go_over_to_another_network() -> None:
    elsewhere = replace(RDS, place={**RDS.place, "ec2.vpc_id": "vpc-1"})
    protected = [each.line for each in changes(RDS, elsewhere) if each.protected]
    assert protected == [
        f"{GONE}a server elsewhere takes its place, and it would be deleted, from which it is protected"
    ]
    assert lines(RDS, replace(RDS, instance="i-2")) == [
        (REPLACED + "the disk with the data of blog and shop goes over to the new one", False)
    ]
    assert changes(EC2, RDS) == []


def test_the_refusal_says_how_it_can_be_done() -> None:
    found = changes(RDS, replace(RDS, server=False))
    assert data_changes.protection("prod", found) == (
        f"{GONE}no app wants it, and it would be deleted, from which it is protected\n"
        "To have it deleted, with a last snapshot: take back what you changed, pulumi config set --stack prod "
        "launchpad:on_destroy snapshot, launchpad up, and then change it. With delete in place of snapshot, nothing of "
        "it stays."
    )


def test_terms_of_a_state_from_before_there_were_servers_are_read() -> None:
    known = asdict(RDS)
    del known["server"]
    assert DataTerms.of(known) == replace(RDS, server=False)
    assert DataTerms.of({"kind": "ec2"}) is None


def test_an_app_that_goes_with_its_machine_is_told_of_once() -> None:
    found = lines(replace(EC2, disk=False), replace(EC2, disk=False, instance="i-2", apps={"shop": False}))
    assert found == [(REPLACED + "the data of blog and shop is DELETED", True)]


@pytest.mark.parametrize(
    ("before", "after", "fate"),
    [
        ("", "delete", "is DELETED"),
        ("delete", "", "keeps the stack from being destroyed"),
        ("delete", "keep", "stays"),
        ("keep", "snapshot", "is DELETED, and a snapshot of it stays"),
    ],
)
def test_another_word_for_a_destroy(before: str, after: str, fate: str) -> None:
    found = lines(replace(EC2, on_destroy=before), replace(EC2, on_destroy=after))  # type: ignore[arg-type]
    assert found == [(f"DATA: when the stack is destroyed, its data {fate}", False)]


def test_to_say_what_is_meant_anyway_is_no_change() -> None:
    assert lines(EMBEDDED, replace(EMBEDDED, on_destroy="delete")) == []


def test_a_refusal_names_what_goes_and_the_key() -> None:
    found = [Change("DATA: it goes", unsaid=True), Change("DATA: another line")]
    assert data_changes.refusal("prod", found, ["shop: 1 file"]) == (
        "DATA: it goes\n"
        "  shop: 1 file\n"
        "No key says that it may be deleted. To have it deleted: pulumi config set --stack prod launchpad:on_destroy delete\n"
        "To keep it, take back what you changed; docs/data.md tells what deletes data."
    )


def test_what_a_destroy_makes_of_each_apps_data() -> None:
    shop, blog = (HeldData(app, 1, 5, 0, 0, complete=True) for app in ("shop", "blog"))
    about = "1 file, 5 bytes in /srv/{0}/data, of 1970-01-01"
    assert data_changes.of_held(shop, EC2, "snapshot") == (
        f"DATA: shop: {about.format('shop')}: is DELETED, and a snapshot of it stays"
    )
    assert data_changes.of_held(shop, SERVER, "keep") == f"DATA: shop: {about.format('shop')}: stays"
    assert data_changes.of_held(blog, SERVER, "") == f"DATA: blog: {about.format('blog')}: is DELETED"
    assert data_changes.of_unknown("", "no answer") == (
        "DATA: what there may be keeps the stack from being destroyed; how much that is, nobody knows: no answer"
    )


def test_terms_are_read_from_a_state_that_has_them() -> None:
    assert DataTerms.of({**asdict(EC2), "host": "x"}) == EC2
    assert DataTerms.of({}) is None
