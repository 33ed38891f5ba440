"""The instances of an app's units: which process each of them runs, and what people call it."""

from __future__ import annotations

SLOTS = ("blue", "green")
"""The instances of an app's unit that take turns in serving ``web``."""
PREFIX = "process."
"""Begins the instance of a process that is called like a slot."""
JOB = "cron@"
"""Begins the instance of a scheduled job; no name of a process has an @."""


def instance(process: str, number: int = 1) -> str:
    """The instance of the app's unit that runs a process other than ``web``: worker, worker.2, worker.3.

    A process that is called like a slot gets a prefix; the name of a process never has a dot.

    Args:
        process: Its name.
        number: Which one of it, if several run.
    """
    name = f"{PREFIX}{process}" if process in SLOTS else process
    return name if number == 1 else f"{name}.{number}"


def job(name: str) -> str:
    """The instance that runs a scheduled job."""
    return f"{JOB}{name}"


def job_name(instance: str) -> str:
    """The scheduled job that an instance runs; empty for any other instance."""
    return instance.removeprefix(JOB) if instance.startswith(JOB) else ""


def process(instance: str) -> str:
    """The process that an instance runs; for a slot its own name, for a job its name in the log."""
    if job_name(instance):
        return f"cron.{job_name(instance)}"
    name, _, last = instance.rpartition(".")
    return (name if name and last.isdigit() else instance).removeprefix(PREFIX)


def number(instance: str) -> int:
    """Which one of its process an instance is."""
    name, _, last = instance.rpartition(".")
    return int(last) if name and last.isdigit() else 1


def label(instance: str) -> str:
    """An instance as people call it: the process, and from the second one on its number."""
    return f"{process(instance)}.{number(instance)}" if number(instance) > 1 else process(instance)
