"""How an app is told of its database on the machine: by a URL that the library which it uses takes as it is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.app_model.build_plan import Decision
from infra.app_model.database_urls import MENDED, PACKAGES, USERS, USUAL
from infra.app_model.python_source import Module
from infra.protocol import database, service_urls
from infra.protocol.specs import DeploySpec

KEY = "launchpad:database"
DIALECT: Final = "postgresql"


@dataclass(frozen=True)
class DatabaseUse:
    """What an app has to do with its database.

    Attributes:
        environment: Variables that are otherwise than usual.
        decisions: What was decided.
    """

    environment: dict[str, str] = field(default_factory=dict)
    decisions: tuple[Decision, ...] = ()


def decide(modules: Sequence[Module], packages: Collection[str], spec: DeploySpec) -> DatabaseUse:
    """Decide which URL the app gets.

    Args:
        modules: The modules that its processes load.
        packages: The names of its dependencies.
        spec: The settings.
    """
    if not spec.database.engine:
        return DatabaseUse()
    usual, name = database.url(spec.app), "DATABASE_URL"
    driver = _driver(modules, packages)
    if not driver:
        return DatabaseUse(decisions=(Decision("database", f"{name}={usual}", f"{KEY} is set", KEY),))
    url = usual.replace(f"{DIALECT}:", f"{DIALECT}+{driver}:", 1)
    reason = f"{KEY} is set, and SQLAlchemy would take {USUAL[DIALECT]}, which the app does not depend on"
    return DatabaseUse({name: url}, (Decision("database", f"{name}={url}", reason, KEY),))


def _driver(modules: Sequence[Module], packages: Collection[str]) -> str:
    """The driver that SQLAlchemy has to be told; empty where it takes the right one, or the code names one."""
    uses = any(name.partition(".")[0] in USERS for module in modules for name in module.mentioned)
    if not uses or any(module.has(*MENDED) for module in modules):
        return ""
    there = [driver for driver in service_urls.DRIVERS[DIALECT] if any(p in packages for p in PACKAGES.get(driver, ()))]
    return "" if USUAL[DIALECT] in there or not there else there[0]
