"""What an app is told of the cache that the machine runs for it; and that it may have one, where it lacks it."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from infra.app_model import syntax
from infra.app_model.build_plan import Decision
from infra.app_model.python_source import Module
from infra.protocol import paths
from infra.protocol.specs import DeploySpec

KEY = "launchpad:cache"
VARIABLE = "REDIS_URL"
BROKER, BACKEND = "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"
OTHER_BROKERS = re.compile(
    r"(?:py)?amqps?://|sqs://|(?:confluent)?kafka://|gcpubsub://|azureservicebus://|memory://|filesystem://|sqla\+"
)
"""How the URLs of brokers begin that are no Redis. Source: kombu/transport/__init__.py."""
OTHER_BACKENDS = re.compile(
    r"(?:rpc|django-db|django-cache|disabled)$|rpc://|db\+|cache\+|mongodb://|file://|s3://|dynamodb://"
)
"""How result backends begin that are no Redis. Source: celery/app/backends.py."""
LOCAL = re.compile(r"(?:redis|valkey)://(?:[^@/]*@)?(?:localhost|127\.0\.0\.1|\[::1\])(?:[:/]|$)")
"""URLs of a Redis on the app's own machine."""
CONNECTS = frozenset(
    {
        *("redis.Redis", "redis.StrictRedis", "redis.ConnectionPool", "redis.asyncio.Redis", "valkey.Valkey"),
        *("arq.connections.RedisSettings", "huey.RedisHuey"),
    }
)
"""Functions that take a host and a port."""
HERE = ("localhost", "127.0.0.1", "::1")
STORES_RESULTS = "django-celery-results"
"""The package with which Django's database is Celery's result backend."""


@dataclass(frozen=True)
class CacheUse:
    """What an app has to do with a cache.

    Attributes:
        environment: Variables that it needs besides ``REDIS_URL``.
        decisions: What was decided.
        notes: What a person should know.
    """

    environment: dict[str, str] = field(default_factory=dict)
    decisions: tuple[Decision, ...] = ()
    notes: tuple[str, ...] = ()


def decide(modules: Sequence[Module], packages: Collection[str], spec: DeploySpec) -> CacheUse:
    """Decide what the app is told.

    Args:
        modules: The modules that its processes load.
        packages: The names of its dependencies.
        spec: The settings.
    """
    given = dict((*spec.env, *spec.secrets))
    if not spec.uses_cache:
        if VARIABLE in given:
            return CacheUse()
        where = next(_reads(modules), "")
        note = f"{where} reads {VARIABLE}, and nobody sets it; with {KEY} redis the machine runs one for this app"
        local = next(_connects(modules, local=True), "")
        other = (
            f"{local} connects to a Redis on the machine itself; with {KEY} redis the machine runs one for this app, "
            f"which the code finds at {VARIABLE}"
        )
        return CacheUse(notes=(note,) if where else (other,) if local else ())
    socket = paths.cache_socket(spec.app)
    decisions = [Decision("cache", f"{VARIABLE}=unix://{socket}", f"{KEY} is set", KEY)]
    celery = dict(_of_celery(modules, given.values(), socket)) if "celery" in packages else {}
    if STORES_RESULTS in packages:
        celery.pop(BACKEND, None)
    environment = {name: url for name, url in celery.items() if name not in given}
    for name, url in environment.items():
        reason = f"Celery takes no unix:// as in {VARIABLE}"
        decisions.append(Decision("queue", f"{name}={url}", reason, f"launchpad:env.{name}"))
    # What Celery is told counts before the URL in the code.
    fixed = "" if celery or any(_reads(modules)) else next(_connects(modules, local=False), "")
    note = f"{KEY} is set, but {fixed} connects to a host and port; the machine's Redis has a socket: use {VARIABLE}"
    return CacheUse(environment, tuple(decisions), (note,) if fixed else ())


def _reads(modules: Sequence[Module]) -> Iterator[str]:
    """Where the variable is read."""
    for module in modules:
        nodes = module.nodes if module.has(VARIABLE) else ()
        found = (node for node in nodes if isinstance(node, ast.Constant) and node.value == VARIABLE)
        yield from (f"{module.path} line {node.lineno}" for node in found)


def _connects(modules: Sequence[Module], *, local: bool) -> Iterator[str]:
    """Where the code connects to a Redis by a host and a port, or only where that is its own machine."""
    for module in modules:
        for node in module.nodes if module.has("redis", "valkey") else ():
            if isinstance(node, ast.Constant) and LOCAL.match(_text(node)):
                yield f"{module.path} line {node.lineno}"
            elif isinstance(node, ast.Call) and module.origin(node.func) in CONNECTS and not node.args:
                given = {keyword.arg: syntax.text_of(keyword.value) for keyword in node.keywords}
                host = given.get("host", "localhost")
                if not given.keys() & {"unix_socket_path", "path", "connection_pool", "url", None}:
                    yield from [f"{module.path} line {node.lineno}"] if host in HERE or not local else []


def _of_celery(modules: Sequence[Module], values: Collection[str], socket: str) -> Iterator[tuple[str, str]]:
    """The variables that Celery follows before its app's own settings: only where nothing else is meant.

    Source: celery/app/utils.py, ``Settings.broker_url`` and ``Settings.result_backend``.
    """
    texts = [_text(node) for module in modules if module.has("celery", "CELERY") for node in module.nodes]
    url = f"redis+socket://{socket}"
    if not any(OTHER_BROKERS.match(text) for text in (*texts, *values)):
        yield BROKER, url
    wanted = any(module.has("backend", "BACKEND") for module in modules if module.has("celery", "CELERY"))
    if wanted and not any(OTHER_BACKENDS.match(text) for text in (*texts, *values)):
        yield BACKEND, url


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
