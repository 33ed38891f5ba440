"""Ordinary apps with no key at all: what the app model decides serves for real."""

from pathlib import Path

from tests.agent.lab import Lab, Repo
from tests.agent.test_run import RUN, Terminal

HEALTH = {"path": "", "timeout": 60}
"""What the workstation sends with no key set."""


MANAGE = """\
import os
import sys

from django.core.management import execute_from_command_line

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
if __name__ == "__main__":
    execute_from_command_line(sys.argv)
"""
SETTINGS = """\
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "django-insecure-of-a-test"
DEBUG = True
ALLOWED_HOSTS = []
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
ROOT_URLCONF = "mysite.urls"
CONTEXT = ["django.template.context_processors.request"]
CONTEXT += [f"django.contrib.{name}.context_processors.{name}" for name in ("auth", "messages")]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": CONTEXT},
    }
]
WSGI_APPLICATION = "mysite.wsgi.application"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / "db.sqlite3"}}
STATIC_URL = "static/"
"""
URLS = """\
from django.contrib import admin
from django.urls import path

urlpatterns = [path("admin/", admin.site.urls)]
"""
WSGI = """\
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mysite.settings")
application = get_wsgi_application()
"""


def deployed(lab: Lab, kind: str, folder: Path, files: dict[str, str | None] | None = None) -> str:
    """Deploy a tiny app with no key; returns what the agent said."""
    repo = Repo.of(kind, folder / kind)
    repo.commit(kind, files)
    done = lab.deploy(repo, kind, health=HEALTH)
    assert done.code == 0, done.err
    return done.err


def test_the_tutorial_s_flask_app(lab: Lab, tmp_path: Path) -> None:
    deployed(lab, "flask-unguarded", tmp_path)
    assert lab.get() == (200, "Hello, World!")
    shown = lab.sudo("systemctl status --no-pager --full 'app@*'")
    assert shown.count("bin/gunicorn --threads 4 app:app") > 2, shown  # several workers and their master


def test_a_mended_command_gets_the_server_that_the_first_build_did_not_need(lab: Lab, tmp_path: Path) -> None:
    repo = Repo.of("flask-unguarded", tmp_path / "mended")
    repo.commit("mended", {"more.txt": "a commit of its own\n"})
    assert lab.deploy(repo, "mended", health=HEALTH, command="gunicron app:app").code != 0
    mended = lab.deploy(repo, "mended", health=HEALTH)
    assert mended.code == 0, mended.err
    assert mended.data()["release"] == f"{repo.revisions['mended'][:12]}-2"
    assert lab.deploy(repo, "mended", health=HEALTH).data()["changed"] is False
    assert lab.sudo("launchpad-agent restart --app app") is not None


def test_a_program_that_names_a_port_of_its_own(lab: Lab, tmp_path: Path) -> None:
    deployed(lab, "tornado", tmp_path)
    assert lab.get()[0] == 200
    assert "<title>Tornado</title>" in lab.get()[1]


def test_a_debian_package_that_a_dependency_needs(lab: Lab, tmp_path: Path) -> None:
    text = "import magic\nfrom flask import Flask\napp = Flask(__name__)\n@app.get('/')\ndef kind():\n    return magic.from_buffer(b'%PDF-1.7', mime=True)\n"
    said = deployed(
        lab, "flask-unguarded", tmp_path, {"app.py": text, "requirements.txt": "flask\ngunicorn\npython-magic\n"}
    )
    assert "packages: installing libmagic1" in said
    assert lab.get() == (200, "application/pdf")


def test_dash_without_an_object_that_gunicorn_can_call(lab: Lab, tmp_path: Path) -> None:
    deployed(lab, "dash", tmp_path)
    assert lab.get()[0] == 200
    assert lab.get("/_dash-layout")[0] == 200
    assert "launchpad_serve:attribute('app:app.server')" in lab.sudo("ps -eo args=")


def test_what_django_admin_startproject_writes(lab: Lab, tmp_path: Path) -> None:
    repo = Repo.of("django-startproject", tmp_path / "mysite")
    repo.commit(
        "project", {"manage.py": MANAGE, "mysite/settings.py": SETTINGS, "mysite/urls.py": URLS, "mysite/wsgi.py": WSGI}
    )
    done = lab.deploy(repo, "project", health={**HEALTH, "host": "localhost"})
    assert done.code == 0, done.err
    assert "release: python manage.py migrate --noinput" in done.err
    local = {"Host": "localhost"}
    assert "The install worked successfully" in lab.get("/", local)[1]
    assert "csrfmiddlewaretoken" in lab.get("/admin/login/", local)[1]
    assert lab.get("/static/admin/css/base.css", local)[0] == 200
    # Case 36: the first thing after a Django deployment, at a terminal.
    terminal = Terminal(lab, f"{RUN} --tty -- python manage.py createsuperuser")
    for question, answer in (("Username", "ada"), ("Email", "a@example.org"), ("Password:", "pw-1"), ("again", "pw-1")):
        terminal.expect(question)
        terminal.type(f"{answer}\r")
    terminal.expect("Superuser created successfully")
    assert terminal.end() == 0
    listed = "from django.contrib.auth.models import User; print(*User.objects.values_list('username', 'is_superuser'))"
    assert lab.run(f'{RUN} -- python manage.py shell --verbosity 0 -c "{listed}"').out == "('ada', True)\n"
