"""A release that does not work never gets a request: each failure names its cause, and the next good one succeeds."""

from collections.abc import Iterator

import pytest

from tests.agent.lab import Done, Lab, Repo

HEADER = "import os, sys, time\n"
WSGI = """\
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"bad"]
"""
ONCE = """\
import threading
def app(environ, start_response):
    threading.Timer(0.05, lambda: os._exit(1)).start()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"bad"]
"""
ONCE_SERVER = """\
import http.server, os, threading
class Once(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        threading.Timer(0.1, lambda: os._exit(3)).start()
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Once).serve_forever()
"""
SICK = """\
def app(environ, start_response):
    start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
    return [b"no database\\nat all"]
"""

FAILURES: dict[str, tuple[dict[str, str | None], list[str]]] = {
    "raises": (
        {"app.py": HEADER + 'raise RuntimeError("cannot read the configuration")\n'},
        [
            "The web process ended before it was healthy",
            "RuntimeError: cannot read the configuration",
            "exited with status",
        ],
    ),
    "unhealthy": (
        {"app.py": HEADER + SICK},
        ["GET /healthz", "expected status 200-399, got status 500", "  no database\n  at all", "active (running)"],
    ),
    "workers die": (
        {"app.py": HEADER + ONCE},
        ["The release answers and then dies: 3 times, a process ended within"],
    ),
    "answers once": (
        {"Procfile": "web: python server.py\n", "server.py": HEADER + ONCE_SERVER},
        ["The web process answered and then ended", "exited with status 3"],
    ),
    "hangs": (
        {"app.py": HEADER + "time.sleep(1000)\n" + WSGI},
        ["was not healthy within 6 s", "no answer within "],
    ),
    "never opens a port": (
        {"Procfile": "web: sleep 1000\n"},
        ["was not healthy within 6 s", "It never listened on $PORT", "connection refused"],
    ),
    "opens another port": (
        {"Procfile": "web: python -m http.server --bind 127.0.0.1 8000\n"},
        ["It listens on 127.0.0.1:8000 instead of $PORT (2000"],
    ),
    "no such program": (
        {"Procfile": "web: pyserver app:app\n"},
        ["exited with status 127", "pyserver: command not found", "is it among the app's dependencies?"],
    ),
    "release fails": (
        {"Procfile": "release: echo migrating; exit 7\nweb: gunicorn app:app\n"},
        ["The release process (echo migrating; exit 7) failed: exit status 7", "  migrating"],
    ),
    "release writes among the code": (
        {"Procfile": "release: mkdir made\nweb: gunicorn app:app\n"},
        [
            "The release process (mkdir made) failed: exit status 1. ",
            'The files of a release are read-only: set launchpad:persist to ["made"].',
        ],
    ),
    "the app writes among its code": (
        {"app.py": 'import os\nos.makedirs(os.path.join(os.getcwd(), "made" + "up"))\n'},
        ["Read-only file system", 'The files of a release are read-only: set launchpad:persist to ["madeup"].'],
    ),
    "no such dependency": (
        {"requirements.txt": "flask==3.1.3\ngunicorn==27.0.1\nflask==0.0.1.dev99\n"},
        ["Installing the dependencies failed: exit status 1", "flask==0.0.1.dev99"],
    ),
    "no dependencies": (
        {"requirements.txt": None},
        [
            "it needs a requirements.txt, a pyproject.toml, a lock of uv, Poetry, PDM or Pipenv, or a setup.py; it has none"
        ],
    ),
    "no way to start": (
        {"Procfile": None, "app.py": "print('nothing')\n"},
        ["the app has no Procfile and no command is set"],
    ),
    "bad Procfile": ({"Procfile": "web gunicorn\n"}, ["Procfile is not right:", "line 1 is 'web gunicorn'"]),
    "no such Python": (
        {".python-version": "3.4\n"},
        [".python-version asks for Python 3.4, which is not on this machine", "The machine has 3.13."],
    ),
    "hook fails": (
        {".launchpad/hooks/before_switch": "#!/bin/sh\necho not today\nexit 4\n"},
        ["The hook before_switch failed: exit status 4", "not today"],
    ),
    "hook before the build fails": (
        {".launchpad/hooks/before_build": "#!/bin/sh\nexit 5\n"},
        ["The hook before_build failed: exit status 5"],
    ),
    "links out of the tree": ({"Procfile": "->/etc/shadow"}, ["Procfile: is a link that leads out of the repository"]),
}


@pytest.fixture(scope="module")
def good(lab: Lab, flask: Repo) -> Iterator[Repo]:
    """The first revision serves."""
    lab.deploy(flask, "one").data()
    yield flask


def attempt(lab: Lab, repo: Repo, marker: str, files: dict[str, str | None]) -> Done:
    """Deploy a broken revision on top of the good one; the repository is good again afterwards."""
    for name, text in files.items():
        if text is not None and text.startswith("->"):
            (repo.path / name).unlink()
            (repo.path / name).symlink_to(text[2:])
    plain = {name: text for name, text in files.items() if text is None or not text.startswith("->")}
    hooks = tuple(name for name in plain if "hooks/" in name)
    repo.commit(marker, plain, executable=hooks)
    done = lab.deploy(repo, marker, health={"path": "/healthz", "timeout": 6})
    repo.git("checkout", "--quiet", repo.revisions["two"], "--", ".")
    for name in files:
        if not repo.git("ls-tree", repo.revisions["two"], name):
            (repo.path / name).unlink(missing_ok=True)
    return done


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_names_its_cause_and_changes_nothing(lab: Lab, good: Repo, case: str) -> None:
    files, signs = FAILURES[case]
    before = lab.serving()
    done = attempt(lab, good, case.replace(" ", "-"), files)
    assert done.code == 1
    assert [sign for sign in signs if sign not in done.err] == [], done.err
    assert 'Traceback (most recent call last):\n  File "/usr/local/lib/launchpad' not in done.err
    after = lab.serving()
    assert (after["release"], after["slot"], lab.marker()) == (before["release"], before["slot"], "one")
    idle = "green" if after["slot"] == "blue" else "blue"
    assert after["processes"].get(idle, {"state": "inactive"})["state"] == "inactive"
    entry = lab.history()[-1]
    assert (entry["result"], entry["revision"]) == ("failed", good.revisions[case.replace(" ", "-")])
    assert entry["reason"]


def test_after_all_that_a_good_one_succeeds_and_tidies_up(lab: Lab, good: Repo) -> None:
    assert lab.deploy(good, "two").data()["changed"] is True
    assert lab.marker() == "two"
    names = {good.revisions["one"][:12], good.revisions["two"][:12]}
    assert set(lab.sudo("ls /srv/app/releases").split()) == names
    assert len(lab.sudo("ls /srv/app/python/venvs").split()) == 1
    assert set(lab.sudo("ls /etc/launchpad/app/launch").split()) == {"blue.json", "green.json"}


def test_a_full_disk_is_named_and_does_not_stay(lab: Lab, good: Repo) -> None:
    fill = '#!/bin/sh\ndd if=/dev/zero of="$LAUNCHPAD_FILL" bs=1M\n'
    good.commit("full", {".launchpad/hooks/before_build": fill}, executable=(".launchpad/hooks/before_build",))
    done = lab.deploy(good, "full", env={"LAUNCHPAD_FILL": "x"})
    assert "env.LAUNCHPAD_FILL: is 'x'; it must be left out, because Launchpad sets LAUNCHPAD_FILL itself" in done.err
    good.commit(
        "full",
        {".launchpad/hooks/before_build": fill.replace("LAUNCHPAD_FILL", "FILL")},
        executable=(".launchpad/hooks/before_build",),
    )
    done = lab.deploy(good, "full", env={"FILL": "big"})
    assert done.code == 1
    assert "The hook before_build failed: the disk is full" in done.err
    assert lab.marker() == "two"
    assert int(lab.sudo("df --output=avail -m /srv").split()[1]) > 500
    good.commit("after", {".launchpad/hooks/before_build": None})
    assert lab.deploy(good, "after").data()["changed"] is True
    assert lab.marker() == "after"


def test_secrets_in_the_log_lines_are_hidden(lab: Lab, good: Repo) -> None:
    good.commit("leaky", {"app.py": HEADER + "sys.exit(f\"my token is {os.environ['TOKEN']}!\")\n"})
    done = lab.deploy(good, "leaky", secrets={"TOKEN": "hunter2-and-more"}, health={"path": "/healthz", "timeout": 6})
    assert done.code == 1
    assert "my token is [secret]!" in done.err
    assert "hunter2" not in done.err + done.out
    assert "hunter2" not in lab.sudo("launchpad-agent logs --app app --lines 50")
    assert "hunter2" not in str(lab.history())
