"""What an app is told of the machine's cache."""

import pytest

from infra.app_model import plan, unset_variables
from infra.app_model.build_plan import BuildPlan
from infra.app_model.files import MemoryFiles
from infra.protocol.specs import DeploySpec, Source

APP = "import os\nfrom flask import Flask\napp = Flask(__name__)\n"
URL = "redis+socket:///run/launchpad-cache/shop/redis.sock"


def planned(code: str, requirements: str = "flask\ngunicorn\n", **more: object) -> BuildPlan:
    files = MemoryFiles({"app.py": APP + code, "requirements.txt": requirements})
    return plan.plan(files, DeploySpec("shop", Source("pushed"), **more))  # type: ignore[arg-type]


def cached(made: BuildPlan) -> list[str]:
    return [each.text() for each in made.decisions if each.subject in ("cache", "queue")]


def test_the_preview_shows_what_the_app_is_told() -> None:
    assert cached(planned("", uses_cache=True)) == [
        "cache: REDIS_URL=unix:///run/launchpad-cache/shop/redis.sock (launchpad:cache is set; to decide otherwise: "
        "launchpad:cache)"
    ]


@pytest.mark.parametrize(
    ("code", "requirements", "env", "told"),
    [
        ("from celery import Celery\nq = Celery('q', broker=os.environ['REDIS_URL'])", "celery", {}, ["BROKER_URL"]),
        (
            "from celery import Celery\nq = Celery('q', broker=os.environ['X'], backend=os.environ['X'])",
            "celery[redis]==5.6.0",
            {},
            ["BROKER_URL", "RESULT_BACKEND"],
        ),
        (
            "from celery import Celery\nq = Celery('q', broker=os.environ['X'], backend='rpc://')",
            "celery",
            {},
            ["BROKER_URL"],
        ),
        (
            "from celery import Celery\nq = Celery('q', broker='amqp://queue', backend=os.environ['X'])",
            "celery",
            {},
            ["RESULT_BACKEND"],
        ),
        ("from celery import Celery\nq = Celery(backend=0)", "celery\ndjango-celery-results", {}, ["BROKER_URL"]),
        ("from celery import Celery\nq = Celery()", "celery", {"RABBIT": "amqps://me:x@queue"}, []),
        ("from celery import Celery\nq = Celery()", "celery", {"CELERY_BROKER_URL": "redis://queue"}, []),
        (
            "from celery import Celery\nq = Celery('amqp_letters', backend='rpc_results')",
            "celery",
            {},
            ["BROKER_URL", "RESULT_BACKEND"],
        ),
        ("import rq", "rq", {}, []),
    ],
)
def test_celery_is_told_in_its_own_words_unless_it_uses_another_broker(
    code: str, requirements: str, env: dict[str, str], told: list[str]
) -> None:
    made = planned(code, f"flask\n{requirements}\n", uses_cache=True, env=tuple(env.items()))
    given = {name: value for name, value in made.environment.items() if name.startswith("CELERY_")}
    assert given == {f"CELERY_{name}": URL for name in told}
    assert cached(made)[1:] == [
        f"queue: CELERY_{name}={URL} (Celery takes no unix:// as in REDIS_URL; to decide otherwise: "
        f"launchpad:env.CELERY_{name})"
        for name in told
    ]


READS = "url = os.environ.get('REDIS_URL', 'redis://localhost:6379')"


def test_an_app_that_reads_redis_url_may_have_one() -> None:
    note = "app.py line 4 reads REDIS_URL, and nobody sets it; with launchpad:cache redis the machine runs one for this app"
    assert note in planned(READS).notes
    assert note not in planned(READS, env=(("REDIS_URL", "redis://cache"),)).notes
    assert note not in planned(READS, uses_cache=True).notes


def test_a_variable_that_the_machine_can_set_is_told_with_its_key() -> None:
    files = MemoryFiles({"app.py": f"{APP}os.environ['REDIS_URL']; os.environ['API']", "requirements.txt": "flask\n"})
    spec = DeploySpec("shop", Source("pushed"))
    found = unset_variables.find(files, plan.plan(files, spec), spec)
    assert {each.name: each.on_machine for each in found} == {"REDIS_URL": ("cache", "redis"), "API": ("", "")}
    spec = DeploySpec("shop", Source("pushed"), uses_cache=True)
    assert [each.name for each in unset_variables.find(files, plan.plan(files, spec), spec)] == ["API"]


@pytest.mark.parametrize(
    ("code", "local", "by_port"),
    [
        ("import redis\nr = redis.Redis(host='localhost', port=6379)", True, True),
        ("from redis import Redis\nr = Redis()", True, True),
        ("import redis\nr = redis.from_url('redis://:pw@127.0.0.1:6379/0')", True, True),
        ("from redis import Redis\nr = Redis(host=os.getenv('REDIS_HOST', 'cache'))", False, True),
        ("import redis\nr = redis.from_url('redis://cache.example.org:6379/0')", False, False),
        ("import redis\nr = redis.Redis(unix_socket_path='/run/redis.sock')", False, False),
        ("import redis\nr = redis.Redis(connection_pool=pool)", False, False),
        ("print('redis://localhosts')", False, False),
    ],
)
def test_code_that_connects_to_a_redis_by_host_and_port_is_told_that_the_machines_has_a_socket(
    code: str, *, local: bool, by_port: bool
) -> None:
    line = 4 if code.startswith("print") else 5
    proposed = (
        f"app.py line {line} connects to a Redis on the machine itself; with launchpad:cache redis the machine runs one "
        "for this app, which the code finds at REDIS_URL"
    )
    wrong = (
        f"launchpad:cache is set, but app.py line {line} connects to a host and port; the machine's Redis has a socket: "
        "use REDIS_URL"
    )
    assert planned(code, "flask\nredis\n").notes == ((proposed,) if local else ())
    assert planned(code, "flask\nredis\n", uses_cache=True).notes == ((wrong,) if by_port else ())
    # What it reads first is told already; and Celery follows a variable of its own before its code.
    assert planned(f"{code}\n{READS}", "flask\nredis\n", uses_cache=True).notes == ()
    assert planned(f"{code}\nimport celery", "flask\ncelery\n", uses_cache=True).notes == ()
