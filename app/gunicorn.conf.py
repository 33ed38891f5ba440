"""Gunicorn's settings: metrics of all workers in one place, made anew at each start."""

import os
import tempfile

os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="metrics-"))


def child_exit(_server: object, worker: object) -> None:
    """Fold a dead worker's gauges away."""
    from prometheus_client import multiprocess  # noqa: PLC0415 - the directory above must be set first

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[attr-defined]
