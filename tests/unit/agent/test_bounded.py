"""What is read of an app's files takes bounded time and memory, and nothing of this process is lost to it."""

import fcntl
import functools
import os
import resource
import signal
import time
from concurrent import futures
from pathlib import Path

import grpc
import pytest

from infra.agent.build import model
from infra.agent.system import bounded
from infra.agent.system.failure import Failure
from infra.app_model import plan
from infra.app_model.build_plan import BuildPlan
from tests.unit.app_model.test_persist import spec


def test_it_hands_back_the_result_and_the_failure() -> None:
    plan = BuildPlan(framework="Flask", notes=("x",))
    assert bounded.call(lambda: plan, "It") == plan

    def fails() -> None:
        raise Failure("Procfile: is wrong")

    with pytest.raises(Failure, match=r"^Procfile: is wrong$"):
        bounded.call(fails, "It")
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        bounded.call(lambda: 1 // 0, "It")


def test_it_works_in_a_process_with_more_than_a_thousand_open_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def high() -> tuple[int, int]:
        moved = []
        for handle in plain():
            moved.append(fcntl.fcntl(handle, fcntl.F_DUPFD_CLOEXEC, 1100))
            os.close(handle)
        return moved[0], moved[1]

    soft, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), most))
    plain = os.pipe
    monkeypatch.setattr(os, "pipe", high)
    assert bounded.call(lambda: 42, "It") == 42


@pytest.mark.parametrize(
    "work", [lambda: time.sleep(60), lambda: bytearray(2 * 10**9), lambda: os.kill(os.getpid(), signal.SIGSEGV)]
)
def test_what_takes_too_much_is_a_failure(work: object) -> None:
    assert callable(work)
    began = time.monotonic()
    with pytest.raises(Failure, match=r"^Reading took more than 0\.5 s or 1500 MB"):
        bounded.call(work, "Reading", seconds=0.5)
    assert time.monotonic() - began < 50


def test_the_child_holds_no_lock(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        def handles() -> list[str]:
            return [str(path.resolve()) for path in Path("/proc/self/fd").iterdir()]

        assert str(tmp_path / "lock") not in bounded.call(handles, "It")
        with (tmp_path / "lock").open() as other, pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_the_child_has_one_thread_though_this_process_speaks_grpc() -> None:
    server = grpc.server(futures.ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        grpc.channel_ready_future(channel).result(30)
        assert {bounded.call(lambda: len(list(Path("/proc/self/task").iterdir())), "It") for _ in range(10)} == {1}
    server.stop(None)


def test_no_app_keeps_the_agent_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "plan", lambda *_: time.sleep(60))
    monkeypatch.setattr(bounded, "call", functools.partial(bounded.call, seconds=0.5))
    with pytest.raises(Failure, match=r"^Reading the app's files took more than 0\.5 s"):
        model.read(spec(), tmp_path, tmp_path)
