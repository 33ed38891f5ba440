"""A Django project with a database on its machine, with the commands that a person types."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.e2e.stack import Stack, commit, fetch

SETTINGS = """\
import os

import dj_database_url

SECRET_KEY = os.environ["SECRET_KEY"]
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = ["notes"]
ROOT_URLCONF = "shop.urls"
WSGI_APPLICATION = "shop.wsgi.application"
DATABASES = {"default": dj_database_url.config(conn_max_age=60)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""
URLS = """\
from django.http import HttpResponse
from django.urls import path

from notes.models import Note


def index(request):
    return HttpResponse("MARK " + " ".join(Note.objects.order_by("id").values_list("text", flat=True)))


def add(request, text):
    Note.objects.create(text=text)
    return HttpResponse("kept")


urlpatterns = [path("", index), path("add/<text>", add)]
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
    "requirements.txt": "django>=5\ngunicorn\npsycopg[binary]\ndj-database-url\n",
    "Procfile": "release: python manage.py migrate --noinput\nweb: gunicorn shop.wsgi\n",
    "manage.py": MANAGE,
    "shop/__init__.py": "",
    "shop/settings.py": SETTINGS,
    "shop/wsgi.py": WSGI,
    "shop/urls.py": URLS.replace("MARK", "one"),
    "notes/__init__.py": "",
    "notes/models.py": MODELS,
    "notes/migrations/__init__.py": "",
    "notes/migrations/0001_initial.py": FIRST,
}
PASSWORD = re.compile(r"postgres(?:ql)?://[^@/\s\"]*:[^@/\s\"]*@")


@pytest.fixture(scope="module")
def repository(stack: Stack) -> Path:
    """The project with its first migration."""
    folder = stack.clone.parent / "shop"
    commit(folder, FILES, "First")
    stack.config(repository=folder, app="shop")
    return folder


def page(stack: Stack) -> str:
    status, text = fetch(str(stack.outputs()["url"]))
    assert status == 200, text
    return text


def add(stack: Stack, text: str) -> None:
    assert fetch(f"{stack.outputs()['url']}add/{text}") == (200, "kept")


def test_rows_outlive_a_migration_and_a_rollback(stack: Stack, repository: Path) -> None:
    stack.config(database="postgres")
    stack.run("launchpad up", check=True)
    assert page(stack) == "one "
    add(stack, "a")
    second = {"notes/migrations/0002_stars.py": SECOND, "shop/urls.py": URLS.replace("MARK", "two")}
    commit(repository, second, "Second")
    said = stack.run("launchpad up", check=True).stdout
    assert "Applying notes.0002_stars... OK" in said
    add(stack, "b")
    assert page(stack) == "two a b"
    stack.run("launchpad rollback", check=True)
    add(stack, "c")
    assert page(stack) == "one a b c"
    assert PASSWORD.findall(stack.run("pulumi stack export --show-secrets", check=True).stdout) == []


def test_a_dump_is_a_file_of_ones_own_and_comes_back(stack: Stack, repository: Path) -> None:
    file = repository.parent / "shop.dump"
    before = page(stack)
    stack.run(f"launchpad db dump {file}", check=True)
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in file.parent.glob("*.dump*")) == ["shop.dump"]
    assert f"{file} is there already" in stack.fails(f"launchpad db dump {file}")
    add(stack, "later")
    assert "Aborted" in stack.fails(f"launchpad db load {file}"), "nobody is here to answer"
    assert "is no dump in PostgreSQL's custom form" in stack.fails("launchpad db load --yes README.md")
    stack.run(f"launchpad db load --yes {file}", check=True)
    assert page(stack) == before
    assert stack.run("launchpad psql -- -Atc 'SELECT count(*) FROM notes_note'", check=True).stdout == "3\n"
    assert "database     PostgreSQL" in stack.run("launchpad status", check=True).stdout
