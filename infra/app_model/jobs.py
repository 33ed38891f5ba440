"""The scheduled jobs: those of the settings before those of the Procfile."""

from __future__ import annotations

from dataclasses import dataclass

from infra.app_model import procfile
from infra.app_model.build_plan import Decision
from infra.app_model.files import Files
from infra.protocol.app_settings import CronJob
from infra.protocol.specs import DeploySpec

KEY = "launchpad:cron"


@dataclass(frozen=True)
class Jobs:
    """The jobs of a release.

    Attributes:
        cron: Each job, by name.
        decisions: Where each comes from.
        notes: What a person should know.
    """

    cron: tuple[CronJob, ...] = ()
    decisions: tuple[Decision, ...] = ()
    notes: tuple[str, ...] = ()


def jobs(files: Files, spec: DeploySpec) -> Jobs:
    """The jobs of a release: the settings win, and may leave out one of the Procfile.

    Args:
        files: The app's files, a Procfile perhaps among them.
        spec: The settings.

    Raises:
        AppError: The Procfile has mistakes.
    """
    own = procfile.jobs(files.text("Procfile") or "")
    keys = {job.name: job for job in spec.cron}
    merged = {**own, **keys}
    return Jobs(
        cron=tuple(job for _, job in sorted(merged.items()) if job.schedule),
        decisions=tuple(
            _decision(job, by_key=name in keys) for name, job in sorted(merged.items()) if job.schedule or name in own
        ),
        notes=tuple(
            f"{KEY}.{name} is false, but the Procfile has no job of that name; it has {', '.join(own) or 'none'}."
            for name, job in sorted(keys.items())
            if not job.schedule and name not in own
        ),
    )


def _decision(job: CronJob, *, by_key: bool) -> Decision:
    value = f"{job.schedule} {job.command}" if job.schedule else "does not run"
    key = f"{KEY}.{job.name}"
    reason = "the Procfile has it" if not by_key else f"{key} is set" if job.schedule else f"{key} is false"
    return Decision(f"job {job.name}", value, reason, key)
