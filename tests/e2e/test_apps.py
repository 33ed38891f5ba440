"""Apps of different kinds deploy with a repository and nothing more."""

import subprocess
import time
from pathlib import Path

import pytest

from tests.agent.lab import Repo
from tests.e2e.stack import Stack


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Repo]:
    folder = tmp_path_factory.mktemp("apps")
    made = {kind: Repo.of(kind, folder / kind) for kind in ("flask", "django", "fastapi")}
    subprocess.run(["uv", "lock", "--quiet", "--directory", str(made["fastapi"].path)], check=True)
    for kind, repository in made.items():
        repository.commit(f"hello from {kind}")
    return made


def deploy(stack: Stack, path: Path) -> None:
    stack.config(repository=path)
    stack.up()


def test_flask_with_requirements(stack: Stack, repositories: dict[str, Repo]) -> None:
    deploy(stack, repositories["flask"].path)
    assert stack.page()[1].split(" ")[:3] == ["hello", "from", "flask"]


def test_django_with_migrations_and_static_files(stack: Stack, repositories: dict[str, Repo]) -> None:
    deploy(stack, repositories["django"].path)
    status, page = stack.page()
    assert (status, page.startswith("hello from django ")) == (200, True)
    assert stack.page("/static/site.css")[0] == 200


def test_fastapi_with_a_lock_and_a_worker(stack: Stack, repositories: dict[str, Repo]) -> None:
    deploy(stack, repositories["fastapi"].path)
    assert stack.page() == (200, "hello from fastapi\n")
    assert stack.page("/worker")[0] == 200


def test_command_instead_of_a_procfile(stack: Stack, repositories: dict[str, Repo]) -> None:
    repositories["flask"].commit("no procfile", {"Procfile": None})
    stack.config(command="gunicorn app:app")
    deploy(stack, repositories["flask"].path)
    assert stack.page()[1].startswith("no procfile ")


def test_a_queued_job_and_files_beside_the_code_outlive_a_redeploy(stack: Stack, tmp_path: Path) -> None:
    repository = Repo.of("queue", tmp_path / "queue")
    repository.commit("first")
    stack.run("pulumi config rm launchpad:command", check=True)
    said = stack.run(f"launchpad init {repository.path} --force --set cache=redis", check=True).stdout
    socket = "/run/launchpad-cache/app/redis.sock"
    for decision in (
        "kept data: letters.db -> $DATA_DIR/letters.db (",
        "kept data: uploads -> $DATA_DIR/uploads (",
        f"cache: REDIS_URL=unix://{socket} (launchpad:cache is set; ",
        f"queue: CELERY_BROKER_URL=redis+socket://{socket} (Celery takes no unix:// as in REDIS_URL; ",
        f"queue: CELERY_RESULT_BACKEND=redis+socket://{socket} (",
    ):
        assert decision in said
    stack.up()
    assert stack.page("/upload/poem.txt?text=roses") == (200, "kept")
    status, job = stack.page("/write/Ada")
    assert (status, stack.page(f"/jobs/{job}")) == (200, (200, "PENDING None"))
    worker = "celery --app app.queue worker --concurrency 1"
    repository.commit("second", {"Procfile": f"web: gunicorn app:app\nworker: {worker}\n"})
    stack.up()
    until = time.monotonic() + 120
    while (answer := stack.page(f"/jobs/{job}")) != (200, "SUCCESS written to Ada"):
        assert time.monotonic() < until, answer
        time.sleep(0.3)
    assert stack.page()[1].endswith(" visits, letters ['Ada'], files ['.gitignore', 'poem.txt']")
