"""What an app is told of the cache that the machine runs for it; and that it may have one, where it lacks it."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

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
        where = next(_reads(modules), "") if VARIABLE not in given else ""
        note = f"{where} reads {VARIABLE}, and nobody sets it; with {KEY} redis the machine runs one for this app"
        return CacheUse(notes=(note,) if where else ())
    socket = paths.cache_socket(spec.app)
    decisions = [Decision("cache", f"{VARIABLE}=unix://{socket}", f"{KEY} is set", KEY)]
    celery = dict(_of_celery(modules, given.values(), socket)) if "celery" in packages else {}
    if STORES_RESULTS in packages:
        celery.pop(BACKEND, None)
    environment = {name: url for name, url in celery.items() if name not in given}
    for name, url in environment.items():
        reason = f"Celery takes no unix:// as in {VARIABLE}"
        decisions.append(Decision("queue", f"{name}={url}", reason, f"launchpad:env.{name}"))
    return CacheUse(environment, tuple(decisions))


def _reads(modules: Sequence[Module]) -> Iterator[str]:
    """Where the variable is read."""
    for module in modules:
        nodes = module.nodes if module.has(VARIABLE) else ()
        found = (node for node in nodes if isinstance(node, ast.Constant) and node.value == VARIABLE)
        yield from (f"{module.path} line {node.lineno}" for node in found)


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
