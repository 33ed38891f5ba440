"""The wait for a started release, against a real server on loopback in the test's own process."""

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pytest

from infra.agent.release import answers, health
from infra.agent.release.answers import Answer, Watch
from infra.agent.system import journal, say, sockets, systemd
from infra.agent.system.failure import Failure
from infra.agent.system.unit_state import UnitState
from infra.common import procfs
from infra.common.redirects import Public
from infra.protocol.specs import Health
from tests.unit.agent.test_redirects import serving

QUICK = Health(timeout=2)
ME = os.getpid()


@pytest.fixture(autouse=True)
def unit(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, UnitState]]:
    """A unit whose main process is this one."""
    monkeypatch.setattr(health, "INTERVAL", 0.01)
    monkeypatch.setattr(health, "SETTLE", 0.05)
    now = {"state": UnitState(main_pid=ME)}
    monkeypatch.setattr(systemd, "state", lambda _: now["state"])
    monkeypatch.setattr(systemd, "processes", lambda _: [ME])
    monkeypatch.setattr(journal, "tail", lambda *_, **__: [])
    yield now


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
    assert seen.servers == {ME: procfs.start_time(ME)}
    assert seen.last.describe() == "status 200"


def test_a_server_that_ends_before_it_can_be_looked_up_after_its_answer_is_missed_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workers: list[subprocess.Popen[bytes]] = []

    def answer_and_end(request: BaseHTTPRequestHandler) -> None:
        for worker in workers:
            worker.kill()
            worker.wait()
        answered.set()
        request.send_response(200)
        request.end_headers()

    def servers(_: Watch) -> dict[int, int]:
        if answered.is_set():  # nobody is left, and the next worker is yet to start
            answered.clear()
            return {}
        workers.append(subprocess.Popen(["sleep", "60"]))
        return {workers[-1].pid: procfs.start_time(workers[-1].pid)}

    answered = threading.Event()
    monkeypatch.setattr(health, "_servers", servers)
    with serving(answer_and_end) as port, pytest.raises(Failure, match=r"^The release answers and then dies: 3 times"):
        health.wait(watch(port))


def test_systemd_is_asked_once_for_a_release_that_comes_up(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def state(unit: str) -> UnitState:
        asked.append(unit)
        return UnitState(main_pid=ME, control_group="/system.slice/app@blue.service")

    monkeypatch.setattr(systemd, "state", state)
    with serving(statuses(200)) as port:
        health.wait(watch(port))
    assert asked == ["app@blue.service"]


def test_a_late_release_is_told_with_the_last_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(say, "step", lambda *_: None)
    with serving(statuses(200, 503)) as port, pytest.raises(Failure) as failed:
        monkeypatch.setattr(health, "SETTLE", 0.2)
        health.wait(watch(port, Health(timeout=0.3)))
    assert str(failed.value) == (
        "The release was not healthy within 0.3 s: GET / (Host: 198.18.0.5), expected status 200-399, got status 503\n"
        "If / is no page that tells the app's health, set launchpad:health_path to one that does; if 503 is what a healthy "
        "app answers there, add it to launchpad:health_status."
    )


def test_a_release_that_answers_only_at_the_end_is_told_to_take_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(say, "step", lambda *_: None)
    monkeypatch.setattr(health, "SETTLE", 60)
    with serving(statuses(200)) as port, pytest.raises(Failure) as failed:
        health.wait(watch(port, Health(timeout=0.3)))
    first, second, *_ = str(failed.value).splitlines()
    assert first == (
        "The release was not healthy within 0.3 s: GET / (Host: 198.18.0.5), expected status 200-399, got status 200, "
        "but not for 60 s without a miss"
    )
    assert second == "If it needs more time to start, raise launchpad:health_timeout."


def test_another_process_on_the_port_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "processes", lambda _: [1])
    with serving(statuses(200)) as port, pytest.raises(Failure) as failed:
        health.wait(watch(port))
    assert str(failed.value).startswith(f"Port {port} was answered by a process that is not the release's: ")
    assert f"(process {ME})" in str(failed.value)


def test_a_process_that_ended_after_its_answer_is_no_stranger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "holders", lambda *_: [])
    with serving(statuses(200)) as port:
        assert health.wait(watch(port)) < 2


@pytest.mark.parametrize(
    ("status", "how"),
    [
        (3, "(exited with status 3)."),
        (
            127,
            "(exited with status 127: a command was not found; is it among the app's dependencies? launchpad:pip adds one).",
        ),
    ],
)
def test_an_exit_is_told_at_once(unit: dict[str, UnitState], status: int, how: str) -> None:
    unit["state"] = UnitState(main_pid=0, end_code=1, end_status=status)
    with pytest.raises(Failure) as failed:
        health.wait(watch(1))
    assert str(failed.value) == f"The web process ended before it was healthy, 0.0 s after its start {how}"


@pytest.mark.parametrize(("found", "healthy"), [((200,), True), ((500, 500, 200), True), ((500, 500, 500, 200), False)])
def test_a_single_bad_answer_of_what_was_healthy_is_asked_again(found: tuple[int, ...], healthy: bool) -> None:
    with serving(statuses(*found)) as port:
        assert health.again(watch(port)).healthy(QUICK) is healthy


def test_a_streak_of_healthy_answers_is_enough_by_number_and_by_time() -> None:
    streak, settle = health.Streak(), health.SETTLE
    assert not streak.begun
    for now in (0.0, settle / 4, settle / 2):
        streak.add(now, healthy=True)
    assert (streak.count, streak.begun) == (3, True)
    assert (streak.is_enough(settle / 2), streak.is_enough(settle)) == (False, True)
    streak.add(settle, healthy=False)
    assert not streak.begun
    streak.add(2 * settle, healthy=True)
    assert (streak.count, streak.is_enough(60)) == (1, False)


def test_a_process_that_ends_as_soon_as_it_has_answered_is_told_as_one_that_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ends(seen: Watch) -> bool:
        seen.main = (0, 0)
        return True

    monkeypatch.setattr(health, "_has_lost_a_server", ends)
    with serving(statuses(200)) as port, pytest.raises(Failure) as failed:
        health.wait(watch(port))
    assert str(failed.value).startswith("The web process answered and then ended, ")


def test_a_process_that_ends_while_it_is_asked_again_is_told_as_one_that_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[Watch] = []

    def answer_and_end(request: BaseHTTPRequestHandler) -> None:
        if len(asked) > 1:  # the second request gets no answer, for the process has ended
            seen[0].main = (0, 0)
            request.close_connection = True
            return
        request.send_response(200)
        request.end_headers()

    asked: list[float] = []
    ask = answers.ask

    def count(watch: Watch, limit: float) -> Answer:
        asked.append(limit)
        return ask(watch, limit)

    monkeypatch.setattr(answers, "ask", count)
    with serving(answer_and_end) as port, pytest.raises(Failure) as failed:
        seen.append(watch(port))
        health.wait(seen[0])
    assert str(failed.value).startswith("The web process answered and then ended, ")
    assert len(asked) == 2
