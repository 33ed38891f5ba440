"""Host names that do not point at the machine: what is said of each, and that nothing else is."""

from __future__ import annotations

import socket
import threading

import pytest

from infra.deployment.host_names import FRONTED, Addresses, Lookups, lookup, warnings

HERE = "203.0.113.7"
KNOWN: dict[str, Addresses | None] = {
    HERE: frozenset({HERE}),
    "10.0.0.5": frozenset({"10.0.0.5"}),
    "vps.example.org": frozenset({HERE, "2001:db8::7"}),
    "here.org": frozenset({HERE}),
    "both.org": frozenset({"198.51.100.4", HERE, "2001:db8::9"}),
    "elsewhere.org": frozenset({"2001:db8::9", "198.51.100.4"}),
    "v6.org": frozenset({"2001:db8::7"}),
    "nowhere.org": frozenset(),
    "timeout.org": None,
}
ELSEWHERE = (
    "launchpad:domain: elsewhere.org resolves to 198.51.100.4, 2001:db8::9, and not to this machine. Set its A record "
    f"to {HERE}; until then visitors do not find the app by this name"
)
NOWHERE = (
    f"launchpad:domain: nowhere.org does not resolve. Set its A record to {HERE}; until then visitors do not find the app "
    "by this name"
)
ACME = ", and ACME issues no certificate for it."


def said(*names: str, machine: str = HERE, acme: bool = True) -> list[str]:
    return warnings(Lookups(KNOWN.__getitem__), names, machine, acme=acme)


def test_one_warning_for_each_name_that_does_not_point_at_the_machine() -> None:
    names = ("here.org", "elsewhere.org", "both.org", "nowhere.org", "timeout.org")
    assert said(*names) == [f"{ELSEWHERE}{ACME} {FRONTED}", f"{NOWHERE}{ACME}"]
    assert said("elsewhere.org", "nowhere.org", acme=False) == [f"{ELSEWHERE}. {FRONTED}", f"{NOWHERE}."]


def test_a_machine_with_a_name_of_its_own_is_where_that_name_leads() -> None:
    assert said("here.org", "v6.org", "vps.example.org", machine="vps.example.org") == []
    (text,) = said("elsewhere.org", machine="vps.example.org")
    assert f"Set its A record to {HERE}, 2001:db8::7; until then" in text


def test_where_nobody_can_know_nothing_is_said() -> None:
    assert said("elsewhere.org", machine="timeout.org") == []
    assert said("elsewhere.org", machine="nowhere.org") == []
    assert said("elsewhere.org", machine="10.0.0.5") == [], "visitors reach it through a router with another address"
    assert len(said("nowhere.org", machine="10.0.0.5")) == 1


def test_a_resolver_that_hangs_holds_nothing_up_and_hides_nothing_else() -> None:
    forever = threading.Event()

    def hanging(name: str) -> Addresses | None:
        if name == "timeout.org":
            forever.wait()
        return KNOWN[name]

    lookups = Lookups(hanging, timeout=0.05)
    lookups.begin([HERE, "elsewhere.org"])
    for name in (HERE, "elsewhere.org"):
        lookups._threads[name].join()
    assert len(warnings(lookups, ("timeout.org", "elsewhere.org"), HERE, acme=True)) == 1
    forever.set()


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (socket.gaierror(socket.EAI_NONAME, "Name or service not known"), frozenset()),
        (socket.gaierror(socket.EAI_AGAIN, "Temporary failure"), None),
        (OSError("no network"), None),
        (UnicodeError("label too long"), None),
    ],
)
def test_what_the_resolver_says_is_no_error(
    monkeypatch: pytest.MonkeyPatch, error: Exception, found: Addresses | None
) -> None:
    def failing(*_words: object, **_named: object) -> None:
        raise error

    monkeypatch.setattr("socket.getaddrinfo", failing)
    assert lookup("a.org") == found


def test_an_address_is_its_own() -> None:
    assert lookup("203.0.113.7") == frozenset({"203.0.113.7"})
    assert frozenset({"127.0.0.1", "::1"}) & (lookup("localhost") or frozenset())
