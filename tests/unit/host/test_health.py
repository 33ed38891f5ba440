"""The wait for a started release, against a real server on loopback in the test's own process."""

import os
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from infra.host import health, say, sockets, systemd
from infra.host.answers import Watch
from infra.host.failure import Failure
from infra.host.redirects import Public
from infra.host.spec import Health
from tests.unit.host.test_redirects import serving

QUICK = Health(timeout=2, interval=0.01, settle=0.05)
ME = os.getpid()


@pytest.fixture(autouse=True)
def unit(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """A unit whose main process is this one."""
    state = {**dict.fromkeys(systemd.PROPERTIES.split(","), ""), "MainPID": str(ME)}
    monkeypatch.setattr(systemd, "state", lambda _: state)
    monkeypatch.setattr(systemd, "processes", lambda _: [ME])
    monkeypatch.setattr(systemd, "log", lambda *_, **__: [])
    yield state


def statuses(*found: int) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answers one after the other, the last one for ever."""
    left = list(found)

    def answer(request: BaseHTTPRequestHandler) -> None:
        request.send_response(left.pop(0) if len(left) > 1 else left[0])
        request.end_headers()

    return answer


def watch(port: int, settings: Health = QUICK) -> Watch:
    return Watch("app@blue.service", port, settings, Public("198.18.0.5"), "python app.py")


def test_a_healthy_release_passes_with_the_processes_that_answered() -> None:
    with serving(statuses(503, 503, 200)) as port:
        seen = watch(port)
        assert 0.05 <= health.wait(seen) < 2
    assert seen.servers == {ME: sockets.born(ME)}
    assert seen.last.words() == "status 200"


def test_a_late_release_is_told_with_the_last_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(say, "step", lambda *_: None)
    with serving(statuses(200, 503)) as port, pytest.raises(Failure) as failed:
        health.wait(watch(port, Health(timeout=0.3, interval=0.01, settle=0.2)))
    assert str(failed.value) == (
        "The release was not healthy within 0.3 s: GET / (Host: 198.18.0.5), expected status 200-399, got status 503"
    )


def test_another_process_on_the_port_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "processes", lambda _: [1])
    with serving(statuses(200)) as port, pytest.raises(Failure) as failed:
        health.wait(watch(port))
    assert str(failed.value).startswith(f"The port {port} was answered by another process than the release: ")
    assert f"(process {ME})" in str(failed.value)


def test_a_process_that_ended_after_its_answer_is_no_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "holders", lambda *_: [])
    with serving(statuses(200)) as port:
        assert health.wait(watch(port)) < 2


@pytest.mark.parametrize(
    ("status", "how"),
    [
        ("3", "(exited with status 3)."),
        ("127", "(exited with status 127: a command was not found; is it among the app's dependencies?)."),
    ],
)
def test_an_exit_is_told_at_once(unit: dict[str, str], status: str, how: str) -> None:
    unit.update(MainPID="0", ExecMainCode="1", ExecMainStatus=status)
    with pytest.raises(Failure) as failed:
        health.wait(watch(1))
    assert str(failed.value) == f"The web process ended before it was healthy, 0.0 s after its start {how}"


@pytest.mark.parametrize(("found", "healthy"), [((200,), True), ((500, 500, 200), True), ((500, 500, 500, 200), False)])
def test_a_single_bad_answer_of_what_was_healthy_is_asked_again(found: tuple[int, ...], healthy: bool) -> None:
    with serving(statuses(*found)) as port:
        assert health.again(watch(port)).healthy(QUICK) is healthy
