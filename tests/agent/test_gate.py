"""The gate: what gets requests is healthy, seen from a visitor, up to the switch itself; what is not is told of early."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.agent.lab import Done, Lab, Repo

SERVER = """\
import http.server, os, sys, threading, time
from pathlib import Path
DATA = Path(os.environ["DATA_DIR"])
PORT = int(os.environ["PORT"])
sick = False
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        global sick
        sick = sick or self.path == "/sicken"
        status, text, location = 500 if sick else 200, "MARKER", ""
        host = self.headers["Host"]
        #ANSWER
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(text.encode())
def serve(port):
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Page).serve_forever()
#START
serve(PORT)
"""
DIES_AFTER_THE_SWITCH = """\
def watch():
    enabled = [Path(f"/etc/systemd/system/multi-user.target.wants/app@{slot}.service") for slot in ("blue", "green")]
    while not any(path.exists() for path in enabled):
        time.sleep(0.01)
    time.sleep(0.1)
    print("FatalError: no more", flush=True)
    os._exit(3)
threading.Thread(target=watch).start()
"""


def server(marker: str, answer: str = "pass", start: str = "") -> dict[str, str | None]:
    """An app of the standard library alone."""
    text = SERVER.replace("MARKER", marker).replace("#ANSWER", answer).replace("#START", start)
    return {"Procfile": "web: python server.py\n", "requirements.txt": "", "app.py": None, "server.py": text}


@pytest.fixture(scope="module")
def repo(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    assert lab.address
    made = Repo.of("flask", tmp_path_factory.mktemp("repo") / "gate")
    made.commit("nothing", server("nothing"))
    return made


def attempt(lab: Lab, repo: Repo, marker: str, files: dict[str, str | None], **spec: Any) -> Done:
    """Commit these files and deploy them; what an earlier commit had of hooks is gone."""
    hooks = {name: None for name in repo.git("ls-files", ".launchpad").split() if name not in files}
    wanted = {name: text for name, text in files.items() if text is not None or (repo.path / name).exists()}
    repo.commit(marker, {**hooks, **wanted}, executable=tuple(name for name in files if "hooks/" in name))
    return deploy(lab, repo, marker, **spec)


def deploy(lab: Lab, repo: Repo, marker: str, path: str = "/", **spec: Any) -> Done:
    health: dict[str, Any] = {"path": path, "timeout": 60, "host": lab.address}
    return lab.deploy(repo, marker, **{"health": health, **spec})


@pytest.fixture
def serving(lab: Lab, repo: Repo) -> str:
    """The marker of what serves; where nothing does yet, something healthy is deployed."""
    if lab.get()[0] == 503:
        assert attempt(lab, repo, "good", server("good")).code == 0
    return lab.marker()


def test_a_first_release_that_ends_right_after_the_switch_is_noticed(lab: Lab, repo: Repo) -> None:
    done = attempt(lab, repo, "short", server("short", start=DIES_AFTER_THE_SWITCH))
    assert done.code == 1
    assert "switch: back to none: the new release ended" in done.err
    assert "The release was healthy but ended as soon as it got requests.\nFatalError: no more\n" in done.err
    assert "Release " in done.err
    assert "was not switched to; no release is serving." in done.err
    assert lab.get() == (503, "No release of app is serving.")
    assert (lab.serving()["slot"], lab.serving()["release"]) == (None, None)
    assert lab.history()[-1]["result"] == "failed"
    assert lab.history()[-1]["reason"] == "The release was healthy but ended as soon as it got requests."


def test_a_login_page_is_healthy(lab: Lab, repo: Repo) -> None:
    answer = 'status, location = (302, "/login/") if self.path == "/" else (200, "")'
    done = attempt(lab, repo, "login", server("login", answer))
    assert done.code == 0, done.err
    assert "health: status 302 to /login/, then status 200 from / after" in done.err
    assert "warnings" not in done.data()


def test_a_redirect_to_another_host_is_mentioned(lab: Lab, repo: Repo) -> None:
    done = attempt(lab, repo, "sso", server("sso", 'status, location = 302, "https://sso.example.org/"'))
    assert done.data()["warnings"] == [
        "/ redirects to https://sso.example.org/ (302), which is not the app's own address, so it was not checked"
    ]


def test_the_good_one(lab: Lab, repo: Repo) -> None:
    assert attempt(lab, repo, "good", server("good")).code == 0
    assert lab.marker() == "good"


EARLY: dict[str, tuple[dict[str, str | None], list[str]]] = {
    "redirects to HTTPS": (
        server("x", 'status, location = 301, f"https://{host}{self.path}"'),
        [
            "/ redirects to https://ADDRESS/ (301), but no domain is set, so nothing answers there: "
            "set launchpad:domain, or turn off the redirect (Django: SECURE_SSL_REDIRECT)",
        ],
    ),
    "redirects in a circle": (
        server("x", 'status, location = 302, "/a" if self.path == "/" else "/"'),
        ["/a redirects to / (302): a redirect loop"],
    ),
    "refuses the host": (
        server("x", 'status, text = 400, "Invalid host header"'),
        [
            "still waiting, 5",
            "expected status 200-399, got status 400\n  Invalid host header",
            'TrustedHostMiddleware refuses requests for ADDRESS, the host that visitors use: allowed_hosts = [..., "ADDRESS"]',
        ],
    ),
    "has no such page": (
        server("x", 'status, text = 404, "no such page"'),
        ["giving up early: the same answer for 1", "unhealthy in the same way for 1", "got status 404", "health_path"],
    ),
    "listens elsewhere": (
        {**server("x"), "Procfile": "web: python -m http.server --bind 127.0.0.1 8501\n"},
        [
            "It listens on 127.0.0.1:8501 instead of $PORT (2000",
            "Start it with: python -m http.server --bind $HOST $PORT",
        ],
    ),
    "cannot be imported and is started again and again": (
        {
            **server("x"),
            "Procfile": "web: while true; do python -c 'import nothing_at_all'; sleep 0.2; done\n",
        },
        ["The release cannot load its code: ModuleNotFoundError: No module named 'nothing_at_all'"],
    ),
}


@pytest.mark.parametrize("name", EARLY)
def test_a_certain_cause_is_told_early(lab: Lab, repo: Repo, serving: str, name: str) -> None:
    files, signs = EARLY[name]
    began = time.monotonic()
    done = attempt(lab, repo, name.replace(" ", "-"), files)
    assert time.monotonic() - began < 45
    assert done.code == 1
    assert [sign for sign in signs if sign.replace("ADDRESS", lab.address) not in done.err] == [], done.err
    assert "was not switched to; " in done.err
    assert signs[-1].replace("ADDRESS", lab.address) in "\n".join(done.err.splitlines()[-3:])
    assert lab.marker() == serving


def test_an_app_that_opens_a_port_for_metrics_first_is_waited_for(lab: Lab, repo: Repo) -> None:
    first = "threading.Thread(target=serve, args=(9000,), daemon=True).start()\ntime.sleep(9)\n"
    assert attempt(lab, repo, "slow", server("slow", start=first)).code == 0
    assert lab.marker() == "slow"


def test_a_release_that_ends_during_the_hook_is_not_switched_to(lab: Lab, repo: Repo, serving: str) -> None:
    hook = {".launchpad/hooks/before_switch": '#!/bin/sh\ntouch "$DATA_DIR/now"\nsleep 1\n'}
    ends = 'def watch():\n    while not (DATA / "now").exists(): time.sleep(0.05)\n    os._exit(5)\nthreading.Thread(target=watch).start()\n'
    done = attempt(lab, repo, "ends", {**server("ends", start=ends), **hook})
    lab.sudo("rm -f /srv/app/data/now")
    assert done.code == 1
    assert "The release was healthy but ended before the switch." in done.err
    assert "] switch:" not in done.err
    assert lab.marker() == serving


def test_a_release_that_turns_sick_during_the_hook_is_not_switched_to(lab: Lab, repo: Repo, serving: str) -> None:
    hook = {".launchpad/hooks/before_switch": '#!/bin/sh\ntouch "$DATA_DIR/now"\n'}
    done = attempt(lab, repo, "sick", {**server("sick", 'status = 500 if (DATA / "now").exists() else 200'), **hook})
    lab.sudo("rm -f /srv/app/data/now")
    assert done.code == 1
    assert "The release was healthy at first but is unhealthy right before the switch: status 500\n  sick" in done.err
    assert "] switch:" not in done.err
    assert lab.marker() == serving


@pytest.fixture(scope="module")
def served(lab: Lab, repo: Repo) -> Repo:
    """The revision served does, and has no page /nope."""
    assert attempt(lab, repo, "served", server("served", 'status = 404 if self.path == "/nope" else status')).code == 0
    return repo


def test_a_serving_release_that_is_not_healthy_by_new_settings_fails_and_serves_on(lab: Lab, served: Repo) -> None:
    before = lab.serving()
    done = deploy(lab, served, "served", path="/nope")
    assert done.code == 1
    assert f"restart: {before['release']} is serving but unhealthy (status 404): restarting" in done.err
    assert f"Release {before['release']} was not restarted; {before['release']} is still serving." in done.err
    assert "GET /nope (Host: " in done.err
    after = lab.serving()
    assert (after["slot"], after["release"], lab.marker()) == (before["slot"], before["release"], "served")
    assert after["processes"][after["slot"]]["pid"] == before["processes"][before["slot"]]["pid"]
    assert (lab.history()[-1]["result"], lab.history()[-1]["what"]) == ("failed", "restart")
    assert deploy(lab, served, "served").data()["changed"] is False


def test_a_serving_release_that_has_turned_sick_comes_back_through_the_other_slot(lab: Lab, served: Repo) -> None:
    before = lab.serving()
    assert lab.get("/sicken")[0] == 500
    done = deploy(lab, served, "served").data()
    assert (done["changed"], done["built"]) == (True, False)
    assert done["slot"] != before["slot"]
    assert lab.marker() == "served"


def test_restart(lab: Lab, repo: Repo) -> None:
    worker = {"Procfile": "web: python server.py\nworker: sleep 1000\nrelease: echo migrating\n"}
    assert attempt(lab, repo, "worker", {**server("worker"), **worker}, env={"COLOUR": "red"}).code == 0
    before = lab.serving()
    done = lab.run("sudo launchpad-agent restart --app app --who ada@desk")
    assert (done.data()["changed"], done.data()["built"]) == (True, False)
    assert "release: echo migrating" not in done.err
    after = lab.serving()
    assert (after["release"], lab.marker()) == (before["release"], "worker")
    assert after["slot"] != before["slot"]
    assert after["processes"]["worker"]["pid"] != before["processes"]["worker"]["pid"]
    entry = lab.history()[-1]
    assert (entry["what"], entry["result"], entry["who"]) == ("restart", "ok", "ada@desk")
    assert deploy(lab, repo, "worker", env={"COLOUR": "red"}).data()["changed"] is False


RELEASE = 'web: python server.py\nrelease: echo "$DATABASE" >> $DATA_DIR/migrated\n'
ONLY_RIGHT = 'status = 200 if os.environ["DATABASE"] == "right" else 500'


def migrated(lab: Lab) -> list[str]:
    return lab.sudo("cat /srv/app/data/migrated").split()


@pytest.fixture(scope="module")
def first(lab: Lab, repo: Repo) -> Repo:
    """The revision first serves, at the second attempt: the first one had a database with which it was not healthy."""
    health = {"health": {"path": "/", "timeout": 2}}
    files = {**server("first", ONLY_RIGHT), "Procfile": RELEASE}
    assert attempt(lab, repo, "first", files, env={"DATABASE": "wrong"}, **health).code == 1
    assert migrated(lab) == ["wrong"]
    assert deploy(lab, repo, "first", env={"DATABASE": "right"}).code == 0
    return repo


@pytest.mark.usefixtures("first")
def test_the_release_process_runs_again_where_a_build_never_served(lab: Lab) -> None:
    assert migrated(lab) == ["wrong", "right"]


def test_an_older_release_that_is_built_again_does_not_run_its_old_migrations(lab: Lab, first: Repo) -> None:
    # Twice: the release before is removed only when its slot has stopped.
    for marker in ("second", "third"):
        files = {**server(marker, ONLY_RIGHT), "Procfile": RELEASE}
        assert attempt(lab, first, marker, files, env={"DATABASE": "right"}, keep_releases=1).code == 0
    assert len(migrated(lab)) == 4
    done = deploy(lab, first, "first", env={"DATABASE": "right"})
    assert done.data()["built"] is True
    assert "release: not run: the release served before, so its migrations are behind the data" in done.err
    assert len(migrated(lab)) == 4
    assert lab.marker() == "first"


def test_what_serves_has_served_although_its_deployment_was_killed(lab: Lab, first: Repo) -> None:
    name = str(lab.serving()["release"])
    record = f"/var/lib/launchpad/app/built/{name}.json"
    value = json.loads(lab.sudo(f"cat {record}"))
    lab.sudo(f"tee {record} >/dev/null", json.dumps({**value, "served": False}))
    assert deploy(lab, first, "first", env={"DATABASE": "right"}).data()["changed"] is False
    assert json.loads(lab.sudo(f"cat {record}"))["served"] is True
    assert Path(value["root"]).name == name
