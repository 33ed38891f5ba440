"""Settings from config values, for the kinds of machine that there are."""

from __future__ import annotations

from collections.abc import Mapping

from infra.config import parse as config
from infra.config.settings import Settings
from infra.machines.registry import KINDS


def parse(raw: Mapping[str, str], secret_keys: frozenset[str] = frozenset(), stack_file: str = "") -> Settings:
    """What the program makes of a stack's config."""
    return config.parse(raw, KINDS, secret_keys, stack_file)
