"""Static files and uploads: served without the app, over a switch, compressed, and nothing that is not public."""

import gzip
import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.agent.lab import Done, Lab, Repo

STATIC = {"prefix": "/static/", "folder": "public"}
MEDIA = {"prefix": "/media/", "folder": "$DATA_DIR/media"}
CSS = "p { color: #123456; margin: 0 auto }\n" * 100
STARTPROJECT: dict[str, str | None] = {
    "requirements.txt": "django\ngunicorn==27.0.1\n",
    "manage.py": """\
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
""",
    "mysite/__init__.py": "",
    "mysite/urls.py": """\
from django.contrib import admin
from django.urls import path
urlpatterns = [path("admin/", admin.site.urls)]
""",
    "mysite/wsgi.py": """\
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
""",
    "mysite/settings.py": """\
from pathlib import Path
BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "django-insecure-for-tests"
DEBUG = True
ALLOWED_HOSTS = []
INSTALLED_APPS = ["django.contrib." + app for app in ("admin", "auth", "contenttypes", "sessions", "messages")]
INSTALLED_APPS += ["django.contrib.staticfiles"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "mysite.urls"
CONTEXT = ("template.context_processors.request", "contrib.auth.context_processors.auth")
CONTEXT += ("contrib.messages.context_processors.messages",)
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django." + name for name in CONTEXT]},
    }
]
WSGI_APPLICATION = "mysite.wsgi.application"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
STATIC_URL = "static/"
""",
}
"""What django-admin startproject writes, as far as it matters: no STATIC_ROOT, DEBUG, and no ALLOWED_HOSTS."""
AS_APP = "setpriv --reuid=app --regid=app --clear-groups"


def ask(lab: Lab, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, dict[str, str]]:
    """Ask for a path, exactly as it is written."""
    connection = http.client.HTTPConnection(lab.address, timeout=30)
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers=names)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, body, {name.lower(): value for name, value in response.getheaders()}


def caching(lab: Lab, path: str) -> tuple[int, str]:
    status, _, headers = ask(lab, path)
    return status, headers.get("cache-control", "")


@contextmanager
def asking_for(lab: Lab, *paths: str) -> Iterator[list[tuple[str, int]]]:
    """Ask for these paths in turn all the while; gives each with the status that came."""
    seen: list[tuple[str, int]] = []
    over = threading.Event()

    def ask_on() -> None:
        while not over.is_set():
            seen.extend((path, ask(lab, path)[0]) for path in paths)
            time.sleep(0.02)

    thread = threading.Thread(target=ask_on)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


@pytest.fixture(scope="module")
def files(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """An app with a page, static files and uploads; its revision one serves."""
    repo = Repo.of("files", tmp_path_factory.mktemp("repo") / "files")
    public = {"public/app.0123456789ab.css": CSS, "public/logo.txt": "logo one", "public/same.css": CSS}
    hidden: dict[str, str | None] = {"public/.env": "secret", "public/.git2/config": "secret"}
    repo.commit("one", {**public, **hidden})
    changed = {"public/app.0123456789ab.css": None, "public/app.ba9876543210.css": CSS + "\n"}
    repo.commit("two", {**changed, "public/logo.txt": "logo two"})
    deploy(lab, repo, "one").data()
    return repo


def deploy(lab: Lab, repo: Repo, marker: str, **spec: Any) -> Done:
    return lab.deploy(repo, marker, **{"static": [STATIC, MEDIA], "keep_releases": 2, **spec})


@pytest.mark.usefixtures("files")
def test_files_are_served_without_the_app(lab: Lab) -> None:
    assert lab.marker() == "one"
    lab.sudo("systemctl kill --signal=STOP app@blue")
    try:
        status, body, headers = ask(lab, "/static/logo.txt")
        assert (status, body, headers["content-length"]) == (200, b"logo one", "8")
        assert headers["x-content-type-options"] == "nosniff"
        assert ask(lab, "/static/logo.txt", "HEAD")[:2] == (200, b"")
        assert ask(lab, "/static/logo.txt", If_None_Match=headers["etag"])[:2] == (304, b"")
        assert ask(lab, "/static/logo.txt", Range="bytes=5-")[:2] == (206, b"one")
        assert ask(lab, "/static/logo.txt?v=1")[:2] == (200, b"logo one")
        assert caching(lab, "/static/logo.txt") == (200, "public, max-age=60")
        assert caching(lab, "/static/app.0123456789ab.css") == (200, "public, max-age=31536000, immutable")
        status, body, headers = ask(lab, "/static/same.css", Accept_Encoding="gzip")
        assert (status, headers["content-encoding"], gzip.decompress(body).decode()) == (200, "gzip", CSS)
        assert len(body) < len(CSS) / 10
        _, _, headers = ask(lab, "/static/same.css")
        assert ("content-encoding" in headers, headers["vary"]) == (False, "Accept-Encoding")
    finally:
        lab.sudo("systemctl kill --signal=CONT app@blue")


@pytest.mark.parametrize(
    "path",
    [
        "/static/none.css",
        "/static/",
        "/static",
        "/static/.env",
        "/static/.git2/config",
        "/static/../marker",
        "/static/%2e%2e/marker",
        "/static/..%2f..%2f..%2fetc/passwd",
        "/static/../../data.json",
        "/static/%2e%2e/%2e%2e/data.json",
        "/../data.json",
        "/static/*.css",
        "/static/app.%2A.css",
        "/blue/urls/static/logo.txt",
        "/kept/",
        "/data/media/=here",
    ],
)
@pytest.mark.usefixtures("files")
def test_what_is_no_file_is_left_to_the_app(lab: Lab, path: str) -> None:
    status, body, _ = ask(lab, path)
    assert (status, body) == (404, f"the app has no {path}\n".encode())


def test_a_page_from_before_a_switch_still_gets_its_files(lab: Lab, files: Repo) -> None:
    etag = ask(lab, "/static/same.css")[2]["etag"]
    with asking_for(
        lab, "/static/app.0123456789ab.css", "/static/same.css", "/static/logo.txt", "/media/none", "/"
    ) as seen:
        deploy(lab, files, "two").data()
    assert len(seen) > 20
    assert {(path, status) for path, status in seen if status != (404 if path == "/media/none" else 200)} == set()
    assert lab.marker() == "two"
    assert caching(lab, "/static/app.ba9876543210.css") == (200, "public, max-age=31536000, immutable")
    assert caching(lab, "/static/app.0123456789ab.css") == (200, "public, max-age=31536000, immutable")
    assert ask(lab, "/static/logo.txt")[1] == b"logo two"
    # A file that has not changed takes no space again, and no browser fetches it again.
    assert ask(lab, "/static/same.css", If_None_Match=etag)[0] == 304
    assert ask(lab, "/static/same.css", Accept_Encoding="gzip")[2]["content-encoding"] == "gzip"
    one, two = (files.revisions[name][:12] for name in ("one", "two"))
    assert lab.sudo(f"stat -c %h /srv/app/static/kept/{one}/urls/static/same.css") == "2\n"
    lab.run(f"sudo launchpad-agent rollback --app app --revision {files.revisions['one']}").data()
    assert ask(lab, "/static/logo.txt")[1] == b"logo one"
    assert ask(lab, "/static/app.ba9876543210.css")[0] == 200
    deploy(lab, files, "two").data()
    deploy(lab, files, "two", keep_releases=1).data()  # the release that stopped serving is not needed any more
    assert ask(lab, "/static/app.0123456789ab.css")[0] == 404
    assert lab.sudo("ls /srv/app/static/kept") == f"{two}\n"
    assert ask(lab, "/static/same.css")[:2] == (200, CSS.encode())


@pytest.mark.usefixtures("files")
def test_uploads_are_downloaded_as_what_they_are(lab: Lab) -> None:
    picture, page = b"\x89PNG" + bytes(range(256)) * 400, b"<script>alert(1)</script>"
    assert lab.get("/upload/a.png", data=picture) == (200, "stored\n")
    assert lab.get("/upload/a.html", data=page) == (200, "stored\n")
    status, body, headers = ask(lab, "/media/a.png")
    assert (status, body, headers["content-type"]) == (200, picture, "image/png")
    assert (headers["x-content-type-options"], headers.get("content-disposition")) == ("nosniff", None)
    assert ask(lab, "/media/a.png", "HEAD")[2]["content-length"] == str(len(picture))
    assert ask(lab, "/media/a.png", Range="bytes=1-3")[:2] == (206, b"PNG")
    assert ask(lab, "/media/a.png", If_None_Match=headers["etag"])[0] == 304
    assert ask(lab, "/media/a.html")[2]["content-disposition"] == "attachment"
    assert ask(lab, "/media/none")[0] == 404
    lab.sudo("systemctl stop launchpad-app-files.service")
    assert ask(lab, "/media/a.png")[0] == 200


def test_links_to_what_is_not_public_lead_nowhere(lab: Lab, files: Repo) -> None:
    lab.sudo("sh -c 'mkdir -p /srv/other; echo secret > /srv/other/file; chmod 644 /srv/other/file'")
    media = "mkdir -p /srv/app/data/media; cd /srv/app/data/media && echo secret > ../secret"
    links = "ln -s ../secret up; ln -s /etc/passwd etc; ln -s /srv/other/file other; ln -s .. folder; mkfifo pipe"
    lab.sudo(f"{AS_APP} sh -c '{media}; {links}; ln -s /run/launchpad-proxy proxy; mkdir sub'")
    for name in (
        "up",
        "etc",
        "other",
        "folder/secret",
        "pipe",
        "proxy/admin.sock",
        "sub",
        "../secret",
        "%2e%2e/secret",
    ):
        assert ask(lab, f"/media/{name}")[0] == 404, name
    # What the build leaves out, root never opens: in the release they are links of the app's, too.
    files.git("rm", "-q", "--cached", "public/logo.txt")
    (files.path / "public/logo.txt").unlink()
    (files.path / "public/logo.txt").symlink_to("/etc/shadow")
    (files.path / "public/up").symlink_to("../marker")
    (files.path / "public/folder").symlink_to("/etc")
    files.commit(
        "links",
        {".launchpad/hooks/before_build": "#!/bin/sh\nmkfifo public/pipe\nln -s $DATA_DIR public/data\n"},
        (".launchpad/hooks/before_build",),
    )
    done = deploy(lab, files, "links")
    done.data()
    assert "static: 2 files for the proxy; 5 links and special files were left out" in done.err
    for name in ("up", "folder/passwd", "pipe", "data/secret"):
        assert ask(lab, f"/static/{name}")[0] == 404, name
    assert ask(lab, "/static/logo.txt")[1] == b"logo two"  # of the release before, which is kept


@pytest.mark.usefixtures("files")
def test_nobody_but_the_proxy_reaches_or_replaces_the_server_of_uploads(lab: Lab) -> None:
    assert lab.sudo("stat -c '%a %U:%G' /run/launchpad-files /run/launchpad-files/app.sock").splitlines() == [
        "755 root:root",
        "660 root:launchpad-proxy",
    ]
    curl = (
        "curl -s --unix-socket /run/launchpad-files/app.sock -H Launchpad-Slot:green http://x/media/a.png -o /dev/null"
    )
    assert lab.run(f"sudo {AS_APP} {curl}").code == 7
    assert lab.run(f"sudo {AS_APP} rm -f /run/launchpad-files/app.sock").code != 0
    # The header that says whose files are meant is the proxy's own.
    assert ask(lab, "/media/a.png", Launchpad_Slot="none")[0] == 200
    show = lab.sudo("systemctl show -p User -p ActiveState launchpad-app-files.service")
    assert "User=app" in show


@pytest.mark.usefixtures("files")
def test_only_what_is_worth_it_is_compressed(lab: Lab) -> None:
    both = {"Accept_Encoding": "gzip, zstd"}
    status, body, headers = ask(lab, "/", Accept_Encoding="gzip")
    assert (status, headers["content-encoding"]) == (200, "gzip")
    page = f"{lab.marker()}\n<p>".encode()
    assert gzip.decompress(body).startswith(page)
    assert "Accept-Encoding" in headers["vary"]
    assert ask(lab, "/", **both)[2]["content-encoding"] == "zstd"
    assert "content-encoding" not in ask(lab, "/")[2]
    assert "content-encoding" not in ask(lab, "/image", **both)[2]
    assert "content-encoding" not in ask(lab, "/part", **both)[2]
    status, body, headers = ask(lab, "/compressed", **both)
    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(body).startswith(page)


@pytest.mark.parametrize("path", ["/events", "/stream"])
@pytest.mark.usefixtures("files")
def test_streams_are_passed_on_as_they_come(lab: Lab, path: str) -> None:
    connection = http.client.HTTPConnection(lab.address, timeout=30)
    connection.request("GET", path, headers={"Accept-Encoding": "gzip, zstd"})
    response = connection.getresponse()
    assert response.headers.get("Content-Encoding") is None
    arrived = []
    while line := response.readline():
        if line.startswith(b"data:"):
            arrived.append(time.monotonic())
    connection.close()
    assert len(arrived) == 3
    assert arrived[2] - arrived[0] > 0.7


@pytest.mark.usefixtures("files")
def test_a_connection_that_is_upgraded_passes_both_ways(lab: Lab) -> None:
    with socket.create_connection((lab.address, 80), timeout=10) as connection:
        ask_for = "Host: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nAccept-Encoding: gzip\r\n"
        connection.sendall(f"GET /echo HTTP/1.1\r\n{ask_for}\r\n".encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += connection.recv(1)
        assert answer.startswith(b"HTTP/1.1 101 ")
        for text in (b"one", b"two"):
            connection.sendall(text)
            assert connection.recv(100) == text


def test_a_folder_that_is_not_there_stops_the_build(lab: Lab, files: Repo) -> None:
    files.commit("missing")
    done = deploy(lab, files, "missing", static=[{"prefix": "/x/", "folder": "dist"}])
    assert done.code != 0
    assert done.err.splitlines()[-1].endswith("launchpad:static: /x/: the release has no folder dist")
    assert lab.marker() == "links"


def test_the_admin_of_a_fresh_django_project_has_its_styles(lab: Lab, tmp_path: Path) -> None:
    lab.prepare(app="django", http_port=8080).data()
    repo = Repo.of("django-startproject", tmp_path / "django")
    repo.commit("fresh", STARTPROJECT)
    spec = {"env": {"CANARY": "canary-in-the-coal-mine"}, "health": {"path": "/admin/login/", "host": "localhost"}}
    lab.deploy(repo, "fresh", app="django", command="gunicorn mysite.wsgi", **spec).data()
    curl = "curl -s -H Host:localhost http://127.0.0.1:8080"
    assert 'href="/static/admin/css/base.css"' in lab.run(f"{curl}/admin/login/").out
    assert "DJANGO Admin styles" in lab.run(f"{curl}/static/admin/css/base.css").out
    broken = f"{STARTPROJECT['mysite/settings.py']}import os\nTOKEN = os.environ['CANARY'] + os.environ['API_KEY']\n"
    repo.commit("broken", {"mysite/settings.py": broken})
    done = lab.deploy(repo, "broken", app="django", command="gunicorn mysite.wsgi", **spec)
    assert done.err.splitlines()[-1] == (
        "Collecting the static files (python manage.py collectstatic --noinput) failed: exit status 1. "
        "KeyError: 'API_KEY'. If the app needs the variable API_KEY, set launchpad:env or launchpad:secrets. "
        "To build without it, set launchpad:env.DISABLE_COLLECTSTATIC to 1."
    )
    assert "DJANGO Admin styles" in lab.run(f"{curl}/static/admin/css/base.css").out
