"""Loading the settings of the stack that Pulumi is running."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from infra import pulumi_internals
from infra.config.key import NAMESPACE
from infra.config.parse import parse
from infra.config.schema import Section
from infra.config.settings import Settings


def load(kinds: Mapping[str, Section]) -> Settings:
    """Load the settings of the stack that Pulumi is running.

    This reads the config that Pulumi passes to the program, including secret values, so that everything is checked
    before any resource is created. No message shows a secret value.

    Args:
        kinds: The known kinds of machine, by name.

    Raises:
        SettingsError: With every mistake found.
    """
    # Imported late: importing Pulumi takes a second, and the pure parts of this package must not pay for it.
    import pulumi  # noqa: PLC0415

    held = pulumi_internals.config_values()
    prefix = f"{NAMESPACE}:"
    raw = {key.removeprefix(prefix): value for key, value in held.items() if key.startswith(prefix)}
    file = Path(f"Pulumi.{pulumi.get_stack()}.yaml")
    secret_keys = frozenset(key for key in raw if pulumi_internals.is_secret(prefix + key))
    return parse(raw, kinds, secret_keys, file.read_text() if file.is_file() else "")
