"""How old the last verified backup of each app is, as metrics."""

from __future__ import annotations

from collections.abc import Mapping

from infra.agent.machine.backup_state import Backup
from infra.agent.metrics.exposition import Gauge, Sample


def metrics(found: Mapping[str, Backup]) -> list[Gauge]:
    """The metrics of the apps' backups.

    Args:
        found: How the backups of each app went.
    """

    def gauge(name: str, text: str, values: Mapping[str, float | None]) -> Gauge:
        samples = (Sample({"app": app}, float(value)) for app, value in values.items() if value is not None)
        return Gauge(f"launchpad_backup_{name}", text, tuple(samples))

    return [
        gauge(
            "verified_timestamp_seconds",
            "When the newest backup was taken that has been restored and compared; missing if there is none.",
            {app: each["verified"] for app, each in found.items()},
        ),
        gauge(
            "healthy",
            "1 if backups are as their schedule wants them, 0 if launchpad status shows them as red.",
            {app: 1 if each["state"] == "green" else 0 for app, each in found.items()},
        ),
        gauge(
            "size_bytes",
            "How large the files of the last verified backup are.",
            {app: each["bytes"] if each["verified"] is not None else None for app, each in found.items()},
        ),
    ]
