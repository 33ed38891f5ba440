"""A release that finds its port or its lock taken is told who has it."""

import pytest

from infra.agent.release.conflicts import RECREATE, Holder, remedy

HOLDERS = {
    22: Holder("sshd (process 5)"),
    9090: Holder("python (process 77)", "abc"),
    9191: Holder("celery (process 78)", "abd"),
}
BY_OLD = f"Port 9090, which it wants, is in use by the release that serves (abc, python (process 77)).\n{RECREATE}"


@pytest.mark.parametrize(
    "line",
    [
        "OSError: [Errno 98] Address already in use",
        "OSError: [Errno 98] error while attempting to bind on address ('0.0.0.0', 9090): address already in use",
        "[2026-11-26 10:00:00 +0000] [7] [ERROR] Connection in use: ('127.0.0.1', 9090)",
        "Port 9090 is in use by another program. Either identify and stop that program, or start on a different port.",
        "listen tcp 0.0.0.0:9090: bind: address already in use",
        "Error: listen EADDRINUSE: address already in use :::9090",
    ],
)
def test_the_release_that_has_the_port_is_named(line: str) -> None:
    assert remedy(["starting", line, "bye"], "abc", HOLDERS) == BY_OLD


def test_another_process_on_the_port_is_named_without_a_remedy() -> None:
    line = "OSError: [Errno 98] Address already in use: ('', {})"
    assert remedy([line.format(22)], "abc", HOLDERS) == "Port 22, which it wants, is in use by sshd (process 5)."
    other = "Port 9191, which it wants, is in use by another process of the app (abd, celery (process 78))."
    assert remedy([line.format(9191)], "abc", HOLDERS) == other


def test_a_port_that_nobody_has_any_more() -> None:
    line = "OSError: [Errno 98] Address already in use: ('', 7777)"
    assert remedy([line], "abc", HOLDERS) == f"The release that serves (abc) may have the port: {line}\n{RECREATE}"
    assert remedy([line], "", HOLDERS) == ""


@pytest.mark.parametrize(
    "line",
    [
        "sqlite3.OperationalError: database is locked",
        "BlockingIOError: [Errno 11] Resource temporarily unavailable",
        "Another instance is already running.",
        "ERROR: Pidfile (celerybeat.pid) already exists.",
        "Could not acquire lock /srv/app/data/app.lock",
        "the lock file /srv/app/data/.lock is held by process 7",
        "telegram.error.Conflict: Conflict: terminated by other getUpdates request",
    ],
)
def test_a_lock_is_told_with_the_release_that_may_have_it(line: str) -> None:
    assert (
        remedy([line], "abc", {}) == f"The release that serves (abc) may have what it found taken: {line}\n{RECREATE}"
    )
    assert remedy([line], "", {}) == ""


@pytest.mark.parametrize(
    "line", ["Reading the lock file uv.lock", "writing pidfile /tmp/x.pid", "KeyError: 'port 80'", ""]
)
def test_other_failures_have_other_causes(line: str) -> None:
    assert remedy([line], "abc", HOLDERS) == ""
