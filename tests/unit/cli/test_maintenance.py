"""What a person reads of maintenance mode."""

import time

import pytest

from cli import maintenance
from cli.failure import Failure
from infra.protocol.maintenance import Closing

KEY = "ab" * 16
CLOSED: Closing = {
    "closed": True,
    "changed": True,
    "since": 0.0,
    "who": "ana@desk",
    "message": "",
    "retry_after": 600,
    "path": f"/launchpad-maintenance/{KEY}",
    "page": "",
}
OPEN: Closing = {**CLOSED, "closed": False, "changed": False, "since": None, "path": ""}


def lines(state: Closing) -> list[str]:
    return maintenance.lines(state, "shop", "https://a.org", "launchpad maintenance off")


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def test_a_closed_site_and_how_to_see_and_open_it() -> None:
    assert lines({**CLOSED, "message": "Back at noon"}) == [
        "shop is closed for maintenance since 1970-01-01 00:00:00 UTC by ana@desk. Visitors get 503, and are asked to "
        "come again after 600 s.",
        "They read: Back at noon",
        f"To see the site all the same, open https://a.org/launchpad-maintenance/{KEY} (it sets the cookie "
        "launchpad_maintenance).",
        "Deployments go on, and neither they nor a reboot open the site.",
        "To open it: launchpad maintenance off",
    ]
    assert lines({**CLOSED, "retry_after": 0})[0].endswith("Visitors get 503.")
    assert lines(CLOSED)[1] == "They see a page without a message."


def test_a_page_of_the_apps_own_has_no_place_for_the_message() -> None:
    page = "They see the app's own page, .launchpad/error_pages/maintenance.html."
    assert lines({**CLOSED, "page": "maintenance.html"})[1] == page
    assert lines({**CLOSED, "page": "maintenance.html", "message": "x"})[1] == (
        f"{page} The message is for programs, which ask for no HTML, and in launchpad status."
    )


def test_an_open_site() -> None:
    assert lines(OPEN) == ["shop is open: it is not closed for maintenance."]
    assert lines({**OPEN, "changed": True}) == ["shop is open again."]


@pytest.mark.parametrize(("text", "seconds"), [("600", 600), ("90s", 90), ("10m", 600), ("2h", 7200), ("0", 0)])
def test_when_to_come_again(text: str, seconds: int) -> None:
    assert maintenance.retry_after(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1", "8d", "200h"])
def test_no_time_to_come_again(text: str) -> None:
    with pytest.raises(Failure, match=r"--retry-after is .*; it must be a time such as 600, 90s, 10m or 2h, at most"):
        maintenance.retry_after(text)
