"""What a deployment does with what is on the machine: each case by value, and what holds for every combination."""

import dataclasses
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.agent.release import plan as plan_module
from infra.agent.release.plan import ACTIONS, KINDS, Action, Facts, Kind, Plan, Release, plan

BUILD, RELEASE_PROCESS, STOP, START, FINISH = Action
FLAGS = [field.name for field in dataclasses.fields(Facts) if field.name != "release"]
EVERY = [
    Facts(release, **dict(zip(FLAGS, flags, strict=True)))
    for release in Release
    for flags in itertools.product((False, True), repeat=len(FLAGS))
]

CASES = {
    "a new commit": (
        Facts(Release.ABSENT),
        Plan((BUILD, RELEASE_PROCESS, START, FINISH), Kind.DEPLOY),
    ),
    "a commit that was deployed before and whose build is gone": (
        Facts(Release.ABSENT, deployed=True),
        Plan((BUILD, RELEASE_PROCESS, START, FINISH), Kind.REBUILD),
    ),
    "a commit whose build is gone, interrupted last": (
        Facts(Release.ABSENT, interrupted=True),
        Plan((BUILD, RELEASE_PROCESS, START, FINISH), Kind.DEPLOY),
    ),
    "a build that failed at the health check": (
        Facts(Release.IDLE),
        Plan((RELEASE_PROCESS, START, FINISH), Kind.DEPLOY),
    ),
    "a build that served before another one": (
        Facts(Release.IDLE, served=True),
        Plan((RELEASE_PROCESS, START, FINISH), Kind.ROLLBACK),
    ),
    "the latest release with other settings": (
        Facts(Release.IDLE, served=True, latest=True),
        Plan((RELEASE_PROCESS, START, FINISH), Kind.RESTART),
    ),
    "the latest release, whose process is down": (
        Facts(Release.IDLE, served=True, latest=True, interrupted=True),
        Plan((RELEASE_PROCESS, START, FINISH), Kind.RESTART),
    ),
    "a release that serves and is sick": (
        Facts(Release.SICK, others_match=True, served=True, latest=True),
        Plan((RELEASE_PROCESS, START, FINISH), Kind.RESTART),
    ),
    "a release that serves, with a worker that has to run differently": (
        Facts(Release.SERVING, served=True, latest=True),
        Plan((RELEASE_PROCESS, FINISH), Kind.RESTART),
    ),
    "a release that serves, killed right after its switch": (
        Facts(Release.SERVING, others_match=True, interrupted=True, served=True),
        Plan((RELEASE_PROCESS, FINISH), Kind.ROLLBACK),
    ),
    "a release that serves, killed at its first switch before that was noted down": (
        Facts(Release.SERVING, interrupted=True),
        Plan((RELEASE_PROCESS, FINISH), Kind.DEPLOY),
    ),
    "a release that serves with these settings": (
        Facts(Release.SERVING, others_match=True, served=True, latest=True),
        Plan((), Kind.RESTART),
    ),
    "a restart of what serves": (
        Facts(Release.SERVING, others_match=True, restart=True, served=True, latest=True),
        Plan((START, FINISH), Kind.RESTART, renew_others=True),
    ),
    "a restart of its web process alone": (
        Facts(Release.SERVING, others_match=True, restart=True, only_web=True, served=True, latest=True),
        Plan((START, FINISH), Kind.RESTART),
    ),
    "a restart of what is sick": (
        Facts(Release.SICK, restart=True, served=True, latest=True),
        Plan((START, FINISH), Kind.RESTART, renew_others=True),
    ),
    "a restart of what is down": (
        Facts(Release.IDLE, restart=True, served=True),
        Plan((START, FINISH), Kind.RESTART, renew_others=True),
    ),
    "a restart of what is no longer built": (
        Facts(Release.ABSENT, restart=True, deployed=True),
        Plan((BUILD, RELEASE_PROCESS, START, FINISH), Kind.REBUILD),
    ),
}


CASES |= {
    "a new commit of an app that cannot run twice": (
        Facts(Release.ABSENT, recreate=True),
        Plan((BUILD, RELEASE_PROCESS, STOP, START, FINISH), Kind.DEPLOY),
    ),
    "a changed process of an app that cannot run twice": (
        Facts(Release.SERVING, served=True, recreate=True),
        Plan((RELEASE_PROCESS, FINISH), Kind.ROLLBACK),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_done_with_what_is_there(case: str) -> None:
    facts, expected = CASES[case]
    assert plan(facts) == expected


@pytest.mark.parametrize("facts", EVERY, ids=str)
def test_just_one_row_of_each_table_is_about_any_facts(facts: Facts) -> None:
    assert len([row for row in ACTIONS if row.fits(facts)]) == 1
    assert len([row for row in KINDS if row.fits(facts)]) == 1


@pytest.mark.parametrize("row", [*ACTIONS, *KINDS], ids=str)
def test_no_row_is_idle(row: plan_module.Row | plan_module.KindRow) -> None:
    assert any(row.fits(facts) for facts in EVERY)


FACTS = st.builds(Facts, st.sampled_from(Release), *(st.booleans() for _ in FLAGS))


@given(FACTS)
def test_what_holds_for_every_plan(facts: Facts) -> None:
    made = plan(facts)
    assert list(made.actions) == [action for action in Action if action in made.actions], "out of order"
    if BUILD in made.actions:
        assert facts.release is Release.ABSENT
        assert made.kind in (Kind.DEPLOY, Kind.REBUILD), "builds and rolls back, or restarts"
        assert START in made.actions
        assert not made.renew_others
    else:
        assert facts.release is not Release.ABSENT
        assert made.kind is not Kind.REBUILD
    if made.actions:
        assert made.actions[-1] is FINISH
    else:
        assert (facts.release, facts.others_match) == (Release.SERVING, True)
        assert not (facts.restart or facts.interrupted), "leaves undone what was asked for or interrupted"
    assert not made.renew_others or (facts.restart and not facts.only_web)
    if facts.release is not Release.SERVING:
        assert START in made.actions, "what does not serve, or is sick, does not get through the health check"
    assert (STOP in made.actions) == (facts.recreate and START in made.actions), "both at once, or none for nothing"
    if facts.restart and facts.release is not Release.ABSENT:
        assert RELEASE_PROCESS not in made.actions, "a restart runs migrations"
        assert made.kind is Kind.RESTART


@given(FACTS, st.sampled_from(("served", "latest", "deployed")))
def test_the_past_decides_what_the_history_says_and_nothing_else(facts: Facts, flag: str) -> None:
    other = dataclasses.replace(facts, **{flag: not getattr(facts, flag)})  # type: ignore[arg-type]
    assert dataclasses.replace(plan(other), kind=Kind.DEPLOY) == dataclasses.replace(plan(facts), kind=Kind.DEPLOY)
