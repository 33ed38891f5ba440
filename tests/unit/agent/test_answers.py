"""How a person reads an answer to the health check."""

import os
import socket
import subprocess
from types import SimpleNamespace

import pytest

from infra.agent.release import answers
from infra.agent.release.answers import Answer, Watch
from infra.common import procfs
from infra.common.redirects import Public
from infra.protocol.specs import Health


def test_answer_words() -> None:
    assert Answer(301, "", "/login").describe() == "status 301 to /login"
    assert Answer(500, "\nOops\n" + "x" * 400 + "\n3\n4\n5\n6\n").describe().splitlines() == [
        "status 500",
        "  Oops",
        "  " + "x" * 300,
        "  3",
    ]
    page = "<!doctype html>\n<title>Bad Request (400)</title>\n<style>\nh1 {}</style><h1>Bad Request (400)</h1><p>Sorry</p>"
    assert Answer(400, page).describe() == "status 400\n  Bad Request (400)\n  Sorry"


def test_one_answer_may_take_as_long_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    # A clock that stands still, or the time until the request starts would count towards the limit of all of them.
    monkeypatch.setattr(answers, "time", SimpleNamespace(monotonic=lambda: 100.0))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        watch = Watch("app@blue.service", port, Health(request_timeout=0.3), Public("localhost", 80))
        assert answers.ask(watch).error == "no answer within 0.3 s"
        assert answers.ask(watch, 0.2).error == "no answer within 0.2 s"


def test_a_process_that_had_ended_before_it_was_looked_at_is_not_alive() -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    watch = Watch("app@blue.service", 1, Health(), Public("localhost", 80))
    assert not watch.alive()
    watch.main = (ended.pid, procfs.start_time(ended.pid))
    assert not watch.alive()
    watch.main = (os.getpid(), procfs.start_time(os.getpid()))
    assert watch.alive()
