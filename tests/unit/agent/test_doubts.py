"""When waiting for a release would not help: certain causes, and what a person is told to do about them."""

import dataclasses
import math
from collections.abc import Callable, Iterator

import pytest

from infra.agent.release import activity, answers, doubts, remedies
from infra.agent.release.activity import Sight
from infra.agent.release.answers import Answer, Watch
from infra.agent.release.doubts import Doubts
from infra.agent.system import say, sockets
from infra.agent.system.sockets import Listener
from infra.common.redirects import Public
from infra.protocol.specs import Health

HERE = Listener("127.0.0.1", 20001, "1")
OTHER = Listener("127.0.0.1", 8501, "2")
REFUSED = Answer(error="connection refused (nothing listens on 127.0.0.1:20001)")


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (REFUSED, math.inf),
        (Answer(500, "starting"), math.inf),
        (Answer(503, "starting"), math.inf),
        (Answer(404, "nothing here"), 10),
        (Answer(401), 10),
        (Answer(400, "bad query"), 10),
        (Answer(400, "<h1>Bad Request (400)</h1>"), 5),
        (Answer(400, "Invalid host header"), 5),
        (Answer(408), math.inf),
        (Answer(425), math.inf),
        (Answer(429, "slow down"), math.inf),
        (Answer(301, wrong="/ redirects to https://... (301)"), 5),
    ],
)
def test_how_long_the_same_bad_answer_is_borne(answer: Answer, seconds: float) -> None:
    assert doubts.final_after(answer) == seconds


@pytest.mark.parametrize(
    ("other", "same"),
    [
        (Answer(404, "at 10:01"), True),
        (Answer(404, "", cookies=("session=2",)), True),
        (Answer(403), False),
        (Answer(404, hops=("status 302 to /a",)), False),
        (Answer(404, location="/x"), False),
    ],
)
def test_a_body_that_changes_makes_no_other_answer(other: Answer, same: bool) -> None:
    assert Answer(404, "at 10:00").same(other) is same


def sight(at: float = 0, *listeners: Listener, processes: tuple[int, ...] = (7,), cpu: float = 0) -> Sight:
    return Sight(at, frozenset(listeners), frozenset(processes), cpu)


@pytest.mark.parametrize(
    ("now", "calm"),
    [
        (sight(1, OTHER), True),
        (sight(1, OTHER, cpu=0.1), True),
        (sight(1, OTHER, cpu=0.2), False),
        (sight(1, OTHER, HERE), False),
        (sight(1), False),
        (sight(1, OTHER, processes=(7, 8)), False),
        (sight(1, dataclasses.replace(OTHER, inode="3")), False),
    ],
)
def test_when_nothing_happens_in_a_unit(now: Sight, calm: bool) -> None:
    assert now.calm_since(sight(0, OTHER)) is calm


@pytest.mark.parametrize(
    ("listeners", "reachable", "words"),
    [
        ((), False, "It never listened on $PORT (20001)."),
        ((HERE,), True, ""),
        ((Listener("*", 20001, "1"), OTHER), True, ""),
        ((OTHER,), False, "It listens on 127.0.0.1:8501 instead of $PORT (20001)."),
        ((OTHER, Listener("*", 9, "3")), False, "It listens on *:9, 127.0.0.1:8501 instead of $PORT (20001)."),
        (
            (Listener("198.18.0.5", 20001, "3"),),
            False,
            "It listens on 198.18.0.5:20001 only, but requests come to 127.0.0.1:20001 ($HOST:$PORT).",
        ),
    ],
)
def test_where_a_unit_listens(listeners: tuple[Listener, ...], reachable: bool, words: str) -> None:
    found = sight(0, *listeners)
    assert found.reachable(20001) is reachable
    if words:
        assert found.where(20001) == words


@pytest.mark.parametrize(
    ("failing", "processes", "lost"),
    [
        ([], 1, False),
        ([1, 1, 1], 1, False),
        ([1, 2], 1, False),
        ([2, 4, 6], 5, True),
        ([1, 2, 3], 4, False),
        ([1, 5, 6, 7], 2, True),
        ([5, 6, 6], 2, False),
    ],
)
def test_workers_that_are_started_again_and_again(failing: list[int], processes: int, lost: bool) -> None:
    assert doubts.respawning(failing, processes) is lost


Script = Callable[[float], Sight]


class Clock:
    """A release that does what a script says, and a clock that the test moves."""

    def __init__(self, script: Script, log: list[str], other: Answer, asleep: bool) -> None:
        self.now = 0.0
        self.script = script
        self.log = log
        self.other = other
        self.asleep = asleep

    def given_up(self, answer: Answer, until: float = 60) -> tuple[float, str]:
        """When and why it is given up; the last look where it is not."""
        watch = Watch("app@blue.service", 20001, Health(), Public("198.18.0.5"), "streamlit run app.py", last=answer)
        found = Doubts(watch, 0.0)
        while self.now < until:
            self.now += 0.5
            if cause := found.certain(self.now):
                return self.now, cause
        return self.now, ""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    made = Clock(lambda at: sight(at, OTHER), [], Answer(200, "hello"), asleep=False)
    monkeypatch.setattr(activity, "look", lambda _: made.script(made.now))
    monkeypatch.setattr(activity, "asleep", lambda _: made.asleep)
    monkeypatch.setattr(sockets, "holders", lambda *_: [7])
    monkeypatch.setattr(answers, "log", lambda *_: made.log)
    monkeypatch.setattr(answers, "ask", lambda *_: made.other)
    yield made


def test_a_release_that_answers_within_a_second_is_not_looked_into(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []

    def look(unit: str) -> Sight:
        looks.append(unit)
        return sight(clock.now, OTHER)

    monkeypatch.setattr(activity, "look", look)
    clock.given_up(REFUSED, until=0.5)
    assert looks == []
    clock.given_up(REFUSED, until=1.4)
    assert looks == ["app@blue.service"]


def test_an_app_on_another_port_is_given_up_after_seconds_with_the_remedy(clock: Clock) -> None:
    after, cause = clock.given_up(REFUSED)
    assert 5 <= after <= 7
    assert cause.splitlines() == [
        "It listens on 127.0.0.1:8501 instead of $PORT (20001).",
        "Start it with: streamlit run APP.py --server.port $PORT --server.address $HOST",
    ]


def test_a_port_for_metrics_says_nothing_about_the_app(clock: Clock) -> None:
    clock.other = Answer(200, "# HELP python_info ...")
    assert clock.given_up(REFUSED, until=15) == (15, "")
    clock.other = Answer(404)
    assert clock.given_up(REFUSED)[0] > 30


def test_an_app_that_sleeps_before_it_opens_its_port_is_waited_for(clock: Clock) -> None:
    clock.asleep = True
    assert clock.given_up(REFUSED) == (60, "")


def test_an_app_that_has_just_woken_up_gets_time_to_open_its_port(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity, "asleep", lambda _: clock.now < 30)
    after, cause = clock.given_up(REFUSED)
    assert 34 <= after <= 37
    assert cause.startswith("It listens on 127.0.0.1:8501 instead of $PORT")


def test_an_app_that_works_before_it_opens_its_port_is_waited_for(clock: Clock) -> None:
    clock.script = lambda at: sight(at, OTHER, cpu=at * 0.5)
    assert clock.given_up(REFUSED) == (60, "")


def test_an_app_without_any_port_is_waited_for(clock: Clock) -> None:
    clock.script = sight
    assert clock.given_up(REFUSED) == (60, "")


def test_an_app_on_its_port_that_does_not_answer_yet_is_waited_for(clock: Clock) -> None:
    clock.script = lambda at: sight(at, OTHER, HERE)
    assert clock.given_up(Answer(error="no answer within 5 s")) == (60, "")


def test_an_import_error_at_the_end_of_the_log_is_final(clock: Clock) -> None:
    clock.script = sight
    clock.log = ["Traceback (most recent call last):", "ModuleNotFoundError: No module named 'flask'"]
    after, cause = clock.given_up(REFUSED)
    assert (after <= 7, cause) == (
        True,
        "The release cannot load its code: ModuleNotFoundError: No module named 'flask'",
    )


def test_an_import_error_that_the_app_lives_with_is_not(clock: Clock) -> None:
    clock.script = sight
    clock.log = ["ModuleNotFoundError: No module named 'uvloop'", "going on without uvloop"]
    assert clock.given_up(REFUSED) == (60, "")


def test_a_bad_answer_that_stays_the_same_is_told_of_early(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(say, "step", lambda name, text: said.append(f"{name}: {text}"))
    after, cause = clock.given_up(Answer(404, "nothing here"))
    assert 10 <= after <= 11
    assert cause.splitlines() == [
        "The release has been unhealthy in the same way for 10 s: GET / (Host: 198.18.0.5), expected status 200-399, got status 404",
        "  nothing here",
        "If / is no page that tells the app's health, set launchpad:health_path to one that does; if 404 is what a healthy "
        "app answers there, add it to launchpad:health_status.",
    ]
    assert said == [
        "health: status 404, still waiting, 55 s left",
        "health: status 404, still waiting, 50 s left",
        "health: giving up early: the same answer for 10 s",
    ]


def test_giving_up_early_without_an_answer_is_told_with_its_reason(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setattr(say, "step", lambda _, text: said.append(text))
    assert clock.given_up(REFUSED)[1]
    assert said[-1] == "giving up early: the cause is certain"


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        (Answer(401), True),
        (Answer(500), True),
        (Answer(503), True),
        (Answer(200), False),
        (Answer(301, location="/x"), False),
        (Answer(404, wrong="a redirect loop"), False),
        (REFUSED, False),
    ],
)
@pytest.mark.usefixtures("clock")
def test_an_error_status_names_the_keys_to_change(answer: Answer, named: bool) -> None:
    watch = Watch("app@blue.service", 20001, Health(), Public("198.18.0.5"), "x", last=answer)
    text = doubts.hint(watch)
    assert ("launchpad:health_path" in text and "launchpad:health_status" in text) is named


def test_progress_is_told_ever_more_rarely(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(say, "step", lambda _, text: said.append(text))
    assert clock.given_up(Answer(500, "no database")) == (60, "")
    assert said == [f"status 500, still waiting, {left} s left" for left in (55, 50, 40, 20)]


def test_a_refused_host_is_named(clock: Clock) -> None:
    clock.log = ["Invalid HTTP_HOST header: '198.18.0.5'. You may need to add '198.18.0.5' to ALLOWED_HOSTS."]
    _, cause = clock.given_up(Answer(400, "<h1>Bad Request (400)</h1>"))
    assert cause.splitlines()[-1] == (
        'Django refuses requests for 198.18.0.5, the host that visitors use: ALLOWED_HOSTS = [..., "198.18.0.5"], or '
        '[..., os.environ["LAUNCHPAD_DOMAIN"]]; if it comes from a variable: launchpad:env, $LAUNCHPAD_DOMAIN.'
    )


@pytest.mark.parametrize(
    ("body", "setting"),
    [
        (
            "Invalid host header",
            'TrustedHostMiddleware refuses requests for h, the host that visitors use: allowed_hosts = [..., "h"]',
        ),
        (
            "<p>Host 'h' is not trusted.</p>",
            'Flask refuses requests for h, the host that visitors use: TRUSTED_HOSTS = [..., "h"]',
        ),
        (
            "<h1>Bad Request (400)</h1>",
            'Django refuses requests for h, the host that visitors use: ALLOWED_HOSTS = [..., "h"]',
        ),
    ],
)
def test_each_framework_has_its_own_setting(body: str, setting: str) -> None:
    assert remedies.refused_host("h", body).startswith(setting)


@pytest.mark.parametrize(
    ("command", "log", "remedy"),
    [
        ("fastapi run main.py", "", "Start it with: fastapi run --host $HOST --port $PORT"),
        ("python -m flask --app x run -p 1", "", "Start it with: flask run --host $HOST --port $PORT"),
        (
            "gunicorn -b :8000 app:app",
            "",
            "Start it with: gunicorn --bind $HOST:$PORT MODULE:app (the option wins over GUNICORN_CMD_ARGS and "
            "gunicorn.conf.py)",
        ),
        (
            "python app.py",
            " * Running on http://127.0.0.1:5000",
            'Take the port from the environment: app.run(host=os.environ["HOST"], port=int(os.environ["PORT"]))',
        ),
        (
            "python app.py",
            "======== Running on http://0.0.0.0:8080 ========",
            'Take the port from the environment: web.run_app(app, host=os.environ["HOST"], '
            'port=int(os.environ["PORT"]))',
        ),
        (
            "python app.py",
            "",
            'Have it listen on $HOST:$PORT: $PORT in the start command, or int(os.environ["PORT"]) in the code.',
        ),
    ],
)
def test_how_each_server_is_told_its_port(command: str, log: str, remedy: str) -> None:
    assert remedies.port(command, [log]) == remedy
