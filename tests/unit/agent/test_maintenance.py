"""Maintenance mode: what the proxy looks at, and what a person reads of it."""

import json
import os
import re
import time
from pathlib import Path

import pytest

from infra.agent.process import slots
from infra.agent.proxy import closed, maintenance, pages
from infra.agent.proxy.site import Site
from infra.agent.release import history, history_table
from infra.agent.release import maintenance as verb
from infra.agent.system import files, layout, locks
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    """An app whose files are below a directory of the test's, root being whoever runs it."""
    own = (os.geteuid(), os.getegid())
    monkeypatch.setattr(layout, "STATE", tmp_path)
    monkeypatch.setattr(layout, "RUN", tmp_path / "run")
    monkeypatch.setattr(locks, "RUN", tmp_path / "run")
    monkeypatch.setattr(maintenance, "proxy_ids", lambda: own)
    monkeypatch.setattr(maintenance, "CADDYFILE", tmp_path / "none")
    make = files.directory
    monkeypatch.setattr(files, "directory", lambda path, mode, _owner=own: make(path, mode, own))
    return App("shop")


def tree(app: App) -> list[str]:
    """All files, the key and the folder by what they are."""
    found = sorted(str(path.relative_to(app.maintenance)) for path in app.maintenance.rglob("*") if path.is_file())
    return [re.sub(r"[0-9a-f]{32}", "KEY", re.sub(r"^[0-9a-f]{8}/", "FOLDER/", name)) for name in found]


def test_closing_changing_and_opening(app: App) -> None:
    assert maintenance.current(app) is None
    first = maintenance.begin(app, "ana@desk", "Back <soon>", 90)
    assert tree(app) == [f"FOLDER/{name}" for name in ("keys/KEY.key", "record.json", *PAGE_FILES[90])]
    assert (app.maintenance / "on/visitors/90/page.txt").read_text() == "Back <soon>\n"
    assert "Back &lt;soon&gt;" in (app.maintenance / "on/visitors/90/page.html").read_text()
    assert (app.maintenance / f"on/keys/{first.key}.key").stat().st_mode & 0o777 == 0o640
    assert (app.maintenance / "on/record.json").stat().st_mode & 0o777 == 0o600
    second = maintenance.begin(app, "bob@desk", "", 600)
    assert (second.key, second.since, second.who) == (first.key, first.since, "bob@desk")
    assert maintenance.current(app) == second
    assert tree(app) == [f"FOLDER/{name}" for name in ("keys/KEY.key", "record.json", *PAGE_FILES[600])]
    assert maintenance.end(app) == second
    assert (maintenance.current(app), maintenance.end(app), list(app.maintenance.iterdir())) == (None, None, [])
    assert maintenance.begin(app, "ana@desk", "", 600).key != first.key, "an old key opens nothing"


def test_a_proxy_that_does_not_look_closes_nothing_and_nobody_says_so(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "CADDYFILE", tmp_path / "Caddyfile")
    (tmp_path / "Caddyfile").write_text("of an earlier version")
    with pytest.raises(Failure, match="knows no maintenance mode of shop yet: run launchpad up first"):
        maintenance.begin(app, "ana@desk", "", 90)
    assert maintenance.current(app) is None
    (tmp_path / "Caddyfile").write_text(closed.matchers(Site("shop", 1, 2)))
    assert maintenance.begin(app, "ana@desk", "", 90).who == "ana@desk"


PAGE_FILES = {seconds: (f"visitors/{seconds}/page.html", f"visitors/{seconds}/page.txt") for seconds in (90, 600)}


def test_what_a_killed_one_left_closes_nothing_and_goes_with_the_next(app: App) -> None:
    made = maintenance.Maintenance(1.0, "ana@desk", "", 90, "ab" * 16)
    maintenance._write(app, made)
    assert maintenance.current(app) is None
    maintenance.begin(app, "bob@desk", "", 600)
    assert len([path for path in app.maintenance.iterdir() if path.name != "on"]) == 1


def test_only_what_we_made_reaches_the_name_of_a_file() -> None:
    text = closed.matchers(Site("shop", 1, 2))
    (cookie,) = re.findall(r'Cookie "(.*)"', text)
    (path,) = re.findall(r"path_regexp maintenance (\S+)", text)
    key = "0123456789abcdef" * 2
    for header in (f"launchpad_maintenance={key}", f"a=b; launchpad_maintenance={key}; c=d"):
        assert re.search(cookie, header)[1] == key  # type: ignore[index]
    for wrong in ("*", "?" * 32, "../keys", key[:-1], f"{key}0", f"{key[:-1]}*", key.upper(), ""):
        assert not re.search(cookie, f"launchpad_maintenance={wrong}")
        assert not re.search(path, f"/launchpad-maintenance/{wrong}")
    assert not re.search(cookie, f"xlaunchpad_maintenance={key}")
    assert re.search(path, f"/launchpad-maintenance/{key}")


def test_the_cookie_is_for_https_alone_where_there_is_https() -> None:
    assert "HttpOnly; SameSite=Lax; Secure" in closed.handlers(Site("shop", 1, 2, domain="a.org"))
    assert "Secure" not in closed.handlers(Site("shop", 1, 2))


def test_our_pages_hold_nothing_that_caddy_would_replace() -> None:
    for text in (pages.page(pages.TITLE, pages.TEXT, "502"), pages.maintenance_page("")):
        assert not set(text) & set("{}`")
    assert "<script>" not in pages.maintenance_page("<script>alert(1)</script>")
    assert "first<br>second" in pages.maintenance_page("first\nsecond")


@pytest.mark.parametrize(
    ("name", "is_page"),
    [
        *((name, True) for name in ("404.html", "502.html", "4xx.html", "5xx.html", "maintenance.html")),
        *((name, False) for name in ("200.html", "6xx.html", "502.htm", "x502.html", "502.html.bak", "..", "50.html")),
    ],
)
def test_names_of_pages(name: str, is_page: bool) -> None:
    assert bool(pages.NAME.fullmatch(name)) is is_page


def test_the_verb_refuses_what_it_cannot_do(app: App) -> None:
    with pytest.raises(Failure, match="The message has 2001 characters; it may have 2000"):
        verb.begin(app, "ana", "x" * 2001, 600)
    with pytest.raises(Failure, match="--retry-after is 604801; it must be 0 to 604800 seconds"):
        verb.begin(app, "ana", "", 604801)
    assert not app.maintenance.exists()


def test_the_history_has_it_and_no_deployment_is_mistaken_for_it(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(slots, "serving", lambda _app: None)
    verb.begin(app, "ana@desk", "Back soon", 600)
    (warning,) = verb.warning(app)
    assert re.fullmatch(
        r"shop is closed for maintenance since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC by ana@desk: visitors get 503 "
        r"\(Back soon\). To open it: launchpad maintenance off",
        warning,
    )
    verb.end(app, "bob@desk")
    verb.end(app, "bob@desk")
    entries = history.maintenances(app)
    assert [(entry.what, entry.who, entry.subject, entry.kind, entry.served) for entry in entries] == [
        ("maintenance on", "ana@desk", "Back soon", "maintenance", False),
        ("maintenance off", "bob@desk", "", "maintenance", False),
    ]
    assert history.entries(app) == []
    rows = history_table.table(entries, None, running=True).splitlines()
    assert [row.split()[2:] for row in rows[1:]] == [
        ["bob@desk", "-", "ok", "(maintenance", "off)"],
        ["ana@desk", "-", "ok", "(maintenance", "on)", "Back", "soon"],
    ]
    assert json.loads(app.maintenance_history.read_text().splitlines()[0])["event"] == "end"
