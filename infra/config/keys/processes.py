"""The keys that describe the app's processes and scheduled jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from infra.config import app_settings, readers
from infra.config.key import Keys, key
from infra.protocol.app_settings import CronJob, Process


@dataclass(frozen=True, kw_only=True)
class ProcessKeys(Keys):
    """The processes beside web, the release command, scheduled jobs. They win over the Procfile."""

    title: ClassVar[str] = "Processes"

    processes: dict[str, Process] = key(
        app_settings.processes,
        default="{}",
        description="""Processes by name: a command, or a map of command, count, memory and stop_timeout. `release`
            runs before each release, all others run beside web; false leaves out one of the Procfile.""",
        example='{"worker": {"command": "celery -A shop worker", "count": 3, "memory": "512M"}}',
        also=("workers", "process"),
    )
    cron: dict[str, CronJob] = key(
        app_settings.cron,
        default="{}",
        description="""Scheduled jobs by name: five fields of cron or a word such as @daily, in the machine's time zone,
            and a command. false leaves out one of the Procfile. Never two runs of a job at once.""",
        example='{"cleanup": "0 3 * * * python manage.py clearsessions"}',
        also=("jobs", "schedule", "timers", "crontab"),
    )
    release_strategy: str = key(
        readers.choice("blue-green", "recreate"),
        default="blue-green",
        description="""How a release takes over. blue-green: it starts beside the old one, which serves until the new
            one is healthy. recreate: the old one stops first, for apps that cannot run twice; the app is down
            meanwhile.""",
        also=("strategy",),
    )
