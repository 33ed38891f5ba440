"""An app is planned once for a release and its settings; what is kept of the plan is root's own."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.agent.build import cleanup, kept_plans, model
from infra.agent.build.inventory import Built
from infra.agent.system import files, layout
from infra.agent.system.layout import App
from infra.app_model.build_plan import BuildPlan, Decision
from infra.app_model.dependencies.install import Install
from infra.protocol.app_settings import CronJob, StaticFiles
from infra.protocol.specs import DeploySpec, Health, Source

SPEC = DeploySpec("shop", Source("pushed"))
PLAN = BuildPlan(
    framework="Django",
    processes={"web": "gunicorn shop.wsgi", "release": "python manage.py migrate", "a-worker": "celery -A shop worker"},
    cron=(CronJob("nightly", "0 3 * * *", "python manage.py clear"), CronJob("off")),
    pip=("gunicorn==27.0.1",),
    packages=("libpq5",),
    collect="python manage.py collectstatic --noinput",
    static=(StaticFiles("/static/", "$STATIC_ROOT"), StaticFiles("/media/", "$DATA_DIR/media")),
    persist=("db.sqlite3", "media/"),
    generated=("SECRET_KEY",),
    environment={"Z": "1", "A": "2"},
    one_worker="it keeps state in memory",
    health_path="/admin/login/",
)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    monkeypatch.setattr(layout, "STATE", tmp_path)
    make: Callable[..., None] = lambda path, mode: path.mkdir(mode, parents=True, exist_ok=True)  # noqa: E731
    monkeypatch.setattr(files, "directory", make)
    return App("shop")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[DeploySpec]:
    """The settings of every reading of an app's files."""
    found: list[DeploySpec] = []

    def read(spec: DeploySpec, *_: Path) -> BuildPlan:
        found.append(spec)
        return PLAN

    monkeypatch.setattr(model, "read", read)
    return found


def built(release: str = "aaaaaaaaaaaa") -> Built:
    root = Path("/srv/shop/releases") / release
    return Built(release, "a" * 40, "Say it", root, Path("/v"), "k", served=True, released_with="")


def test_the_plan_of_the_build_is_the_one_that_the_release_runs_with(app: App, reads: list[DeploySpec]) -> None:
    decided = Decision("start command", "gunicorn", "because", "launchpad:command")
    whole = dataclasses.replace(
        PLAN, install=Install("uv.lock", content="x"), decisions=(decided,), notes=("a note of the build",)
    )
    kept_plans.keep(app, SPEC, "aaaaaaaaaaaa", whole)
    assert kept_plans.of(app, SPEC, built()) == PLAN
    assert list(kept_plans.of(app, SPEC, built()).processes) == ["web", "release", "a-worker"]
    assert reads == []


def test_the_app_is_read_once_until_something_decides_otherwise(
    app: App, reads: list[DeploySpec], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        assert kept_plans.of(app, SPEC, built()) == PLAN
    assert len(reads) == 1
    # Who deploys it by which name, and from where, decides nothing.
    rollback = dataclasses.replace(SPEC, ref="aaaaaaaaaaaa", who="eve", source=Source("url", "https://git/shop"))
    assert kept_plans.of(app, rollback, built()) == PLAN
    assert len(reads) == 1
    for other in (
        dataclasses.replace(SPEC, command="python app.py"),
        dataclasses.replace(SPEC, env=(("DEBUG", "1"),)),
        dataclasses.replace(SPEC, secrets=(("DISABLE_COLLECTSTATIC", "1"),)),
        dataclasses.replace(SPEC, secrets=(("DISABLE_COLLECTSTATIC", ""),)),
        dataclasses.replace(SPEC, health=Health("")),
    ):
        kept_plans.of(app, other, built())
        assert reads[-1] == other
    monkeypatch.setattr(kept_plans, "COPY", "agent-newer")
    kept_plans.of(app, other, built())
    assert len(reads) == 7


def test_each_release_has_a_plan_of_its_own_which_goes_with_it(app: App, reads: list[DeploySpec]) -> None:
    kept_plans.of(app, SPEC, built())
    kept_plans.of(app, SPEC, built("bbbbbbbbbbbb"))
    assert len(reads) == 2
    cleanup.unmark(app, [built("bbbbbbbbbbbb")])
    assert [path.name for path in app.plans.iterdir()] == ["aaaaaaaaaaaa.json"]


def test_a_kept_plan_is_for_its_owner_alone_and_shows_no_secret(app: App, reads: list[DeploySpec]) -> None:
    kept_plans.of(app, dataclasses.replace(SPEC, secrets=(("TOKEN", "top-secret"),)), built())
    (path,) = app.plans.iterdir()
    assert (path.stat().st_mode & 0o777, app.plans.stat().st_mode & 0o777) == (0o600, 0o700)
    assert "top-secret" not in path.read_text()
    assert len(reads) == 1


def test_a_damaged_plan_is_made_again(app: App, reads: list[DeploySpec]) -> None:
    app.plans.mkdir(parents=True)
    (app.plans / "aaaaaaaaaaaa.json").write_text('{"key": ')
    assert kept_plans.of(app, SPEC, built()) == PLAN
    assert len(reads) == 1


def test_these_tests_have_a_value_for_every_field_that_is_kept() -> None:
    empty = {name for name, item in vars(PLAN).items() if item == vars(BuildPlan())[name]}
    assert empty == {"install", "decisions", "notes"}
