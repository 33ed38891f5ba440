"""A Django project that keeps data in every way at once, and all of it as its visitors and its machine's root see it.

Rows in PostgreSQL and in a SQLite file, uploads, a queue in Redis, and a secret that Launchpad makes for it. The SQLite
file and the uploads are beside its code, where Django's own documents have them.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shlex
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.e2e.stack import Stack, commit, fetch

SETTINGS = """\
import os
from pathlib import Path

import dj_database_url

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["notes"]
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
DATABASES = {
    "default": dj_database_url.config(conn_max_age=60),
    "side": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "side.sqlite3"},
}
MEDIA_ROOT = BASE_DIR / "media"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""
URLS = """\
import hashlib
import os
from pathlib import Path

import redis
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connections
from django.http import HttpResponse, JsonResponse
from django.urls import path

from notes.models import Note

QUEUE = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)
TABLE = "CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, text TEXT)"


def index(request):
    return HttpResponse("MARK " + str(Note.objects.count()))


def add(request, text):
    if not default_storage.exists(text):
        default_storage.save(text, ContentFile(hashlib.sha512(text.encode()).digest() * 300))
    with connections["side"].cursor() as side:
        side.execute(TABLE)
        side.execute("INSERT INTO notes (text) VALUES (%s)", [text])
    Note.objects.create(text=text)
    QUEUE.rpush("queue", text)
    QUEUE.execute_command("WAITAOF", 1, 0, 30000)
    return HttpResponse("kept")


def kept(request):
    with connections["side"].cursor() as side:
        side.execute(TABLE)
        side.execute("SELECT text FROM notes ORDER BY id")
        in_sqlite = [row[0] for row in side.fetchall()]
    files = {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in Path(settings.MEDIA_ROOT).iterdir()}
    return JsonResponse(
        {
            "rows": list(Note.objects.order_by("id").values_list("text", flat=True)),
            "sqlite": in_sqlite,
            "files": files,
            "queue": QUEUE.lrange("queue", 0, -1),
        }
    )


def secret(request):
    return HttpResponse(hashlib.sha256(settings.SECRET_KEY.encode()).hexdigest())


urlpatterns = [path("", index), path("add/<text>", add), path("kept", kept), path("secret", secret)]
"""
MODELS = """\
from django.db import models


class Note(models.Model):
    text = models.TextField()
"""
FIRST = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Note",
            fields=[("id", models.BigAutoField(primary_key=True, serialize=False)), ("text", models.TextField())],
        )
    ]
"""
SECOND = """\
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notes", "0001_initial")]
    operations = [migrations.AddField("Note", "stars", models.IntegerField(default=0, db_default=0))]
"""
MANAGE = """\
import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
execute_from_command_line(sys.argv)
"""
WSGI = """\
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "shop.settings")
application = get_wsgi_application()
"""
FILES = {
    "requirements.txt": "django>=5\ngunicorn\npsycopg[binary]\ndj-database-url\nredis\n",
    "Procfile": "release: python manage.py migrate --noinput\nweb: gunicorn shop.wsgi\n",
    "manage.py": MANAGE,
    "shop/__init__.py": "",
    "shop/settings.py": SETTINGS,
    "shop/wsgi.py": WSGI,
    "notes/__init__.py": "",
    "notes/models.py": MODELS,
    "notes/migrations/__init__.py": "",
    "notes/migrations/0001_initial.py": FIRST,
}
CERTIFICATE = "/var/lib/launchpad-proxy/certificates/kept.pem"
"""Stands for a certificate that came by ACME."""
LOOK = f"""\
import hashlib, json, os, pathlib, sqlite3, subprocess, sys
app = sys.argv[1]
data = pathlib.Path("/srv", app, "data")
def said(*words):
    return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout
def own(*words):
    return said("setpriv", "--reuid=" + app, "--regid=" + app, "--clear-groups", *words).splitlines()
side = sqlite3.connect(f"file:{{data}}/side.sqlite3?mode=ro", uri=True)
files = {{each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in (data / "media").iterdir()}}
history = json.loads(said("launchpad-agent", "releases", "--app", app, "--json"))
backup = json.loads(said("launchpad-agent", "status", "--app", app, "--json"))["backup"] or {{}}
certificate = pathlib.Path("{CERTIFICATE}")
print(json.dumps({{
    "rows": own("psql", "-h", "/run/launchpad-postgresql", "-Atc", "SELECT text FROM notes_note ORDER BY id"),
    "sqlite": [row[0] for row in side.execute("SELECT text FROM notes ORDER BY id")],
    "files": files,
    "queue": own("redis-cli", "-s", f"/run/launchpad-cache/{{app}}/redis.sock", "lrange", "queue", "0", "-1"),
    "history": [entry["number"] for entry in history if entry["kind"] == "deployment"],
    "certificate": f"{{certificate.owner()}} {{certificate.stat().st_mode:o}}" if certificate.exists() else "",
    "backup": {{name: backup.get(name) for name in ("state", "since", "verified", "verified_snapshot")}},
}}))
"""
"""Prints what is on the machine, read without the app; run there as root, with the app as its argument."""
DATA = ("rows", "sqlite", "files", "queue")


def digest(text: str) -> str:
    """The hash of the file that the project keeps for a text."""
    return hashlib.sha256(hashlib.sha512(text.encode()).digest() * 300).hexdigest()


@dataclass
class Shop:
    """The project, brought up as an app of a stack.

    Attributes:
        stack: The clone that the stack is of.
        folder: The project's repository.
        name: The stack's name.
        app: The app's name.
        url: The URL that the last ``up`` printed.
        marks: How many texts were sent while something happened.
    """

    stack: Stack
    folder: Path
    name: str = "dev"
    app: str = "shop"
    url: str = ""
    marks: int = 0

    def write(self, mark: str, files: Mapping[str, str] | None = None) -> None:
        """Commit a revision that answers with ``mark``, with more files."""
        commit(self.folder, {**FILES, **(files or {}), "shop/urls.py": URLS.replace("MARK", mark)}, f"Say {mark}")

    def launchpad(self, words: str) -> str:
        """What a command of launchpad's prints about this stack; it must succeed."""
        return self.stack.run(f"launchpad {words} --stack {self.name}", check=True).stdout

    def up(self) -> str:
        """``launchpad up``; what it prints."""
        return self.came_up(self.launchpad("up"))

    @property
    def machine(self) -> str:
        """The machine's id."""
        (found,) = self.stack.machines(self.name)
        return found

    def came_up(self, said: str) -> str:
        """Take the URL from what an ``up`` printed; the machine may have another address now."""
        self.__dict__.pop("ssh", None)
        found = re.search(r"^App: +(\S+)$", said, re.MULTILINE)
        assert found, said
        self.url = found[1]
        return said

    @cached_property
    def ssh(self) -> str:
        """The command that logs in, as the stack's outputs have it."""
        return self.stack.run(f"pulumi stack output ssh --stack {self.name}", check=True).stdout.strip()

    def on_machine(self, line: str) -> str:
        """What a command prints on the machine."""
        return self.stack.run(f"{self.ssh} {shlex.quote(line)}", check=True).stdout

    def page(self, path: str = "") -> str:
        """A page, by the URL that was printed."""
        status, text = fetch(self.url + path, timeout=60)
        assert status == 200, text
        return text

    def add(self, *texts: str) -> None:
        """Have the app keep texts, each as a row of both databases, in a file, and in the queue."""
        for text in texts:
            assert self.page(f"add/{text}") == "kept"

    def kept(self) -> dict[str, Any]:
        """All that is kept, as a visitor sees it and as it lies on the machine, which has to be the same."""
        page = json.loads(self.page("kept"))
        there = json.loads(self.on_machine(f"sudo python3 -c {shlex.quote(LOOK)} {self.app}"))
        assert {name: there[name] for name in DATA} == page
        # A file is written before its rows are, so each row has one, whatever happened meanwhile.
        for text in {*page["rows"], *page["sqlite"]}:
            assert page["files"].get(text) == digest(text), text
        return {**there, "secret": self.page("secret")}

    @contextlib.contextmanager
    def written_to(self) -> Iterator[Sequence[str]]:
        """Have a visitor write as long as the block lasts; gives the texts that were answered, in order."""
        answered: list[str] = []
        enough = threading.Event()

        def write() -> None:
            while not enough.is_set():
                self.marks += 1
                text = f"written-{self.marks}"
                with contextlib.suppress(OSError):  # a failure is no promise
                    if fetch(f"{self.url}add/{text}", timeout=60) == (200, "kept"):
                        answered.append(text)

        thread = threading.Thread(target=write)
        thread.start()
        try:
            yield answered
        finally:
            enough.set()
            thread.join()
