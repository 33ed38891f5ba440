"""Decides what a deployment does, from what is on the machine. Pure: two tables, and the functions that read them."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Release(enum.Enum):
    """What is on the machine of the release that is to serve: this commit, built with these settings."""

    ABSENT = "not built"
    IDLE = "built; its web process does not serve with these settings"
    SICK = "serves with these settings and fails its health check"
    SERVING = "serves with these settings and is healthy"


class Action(enum.Enum):
    """One step of a deployment. A plan has them in this order."""

    BUILD = "fetch the commit and build it"
    RELEASE_PROCESS = "run the Procfile's release: process, if it has to run (see release_step.py)"
    STOP = "stop the release that serves, as the new one cannot run beside it"
    START = "start the web process in the idle slot, wait until it is healthy, switch requests to it"
    FINISH = "stop what no longer serves, restart other processes that differ, schedule jobs, run the hook after_switch"


class Kind(enum.Enum):
    """What the history calls a deployment."""

    DEPLOY = "deploy"
    REBUILD = "rebuild"
    RESTART = "restart"
    ROLLBACK = "rollback"


@dataclass(frozen=True)
class Facts:
    """Everything that a plan depends on.

    Attributes:
        release: What is on the machine of the release that is to serve.
        others_match: Whether it is serving, its other processes and jobs run as they should, and no others do.
        interrupted: Whether the last deployment of this commit was interrupted: what follows its switch may be missing.
        restart: Whether a restart was asked for.
        only_web: Whether it was asked for the web process alone.
        served: Whether this build served before.
        latest: Whether the last successful deployment was one of this release.
        deployed: Whether this commit was deployed successfully before.
        recreate: Whether a release cannot run beside the one that serves.
    """

    release: Release
    others_match: bool = False
    interrupted: bool = False
    restart: bool = False
    only_web: bool = False
    served: bool = False
    latest: bool = False
    deployed: bool = False
    recreate: bool = False


@dataclass(frozen=True)
class Plan:
    """What a deployment does.

    Attributes:
        actions: What is to be done, in order. Empty if everything is as it should be; the history then gets no entry.
        kind: What the history calls it.
        renew_others: Whether the other processes are restarted although they run as they should.
    """

    actions: tuple[Action, ...]
    kind: Kind
    renew_others: bool = False


@dataclass(frozen=True)
class Row:
    """A row of the table of actions: the facts that it is about (None: whatever they are), and what is to be done."""

    release: tuple[Release, ...]
    restart: bool | None
    others_match: bool | None
    interrupted: bool | None
    actions: tuple[Action, ...]

    def fits(self, facts: Facts) -> bool:
        """Whether the row is about these facts."""
        pairs = (
            (self.restart, facts.restart),
            (self.others_match, facts.others_match),
            (self.interrupted, facts.interrupted),
        )
        return facts.release in self.release and all(wanted in (None, actual) for wanted, actual in pairs)


@dataclass(frozen=True)
class KindRow:
    """A row of the table of kinds, read in the same way."""

    built: bool
    again: bool | None
    served: bool | None
    deployed: bool | None
    kind: Kind

    def fits(self, facts: Facts) -> bool:
        """Whether the row is about these facts."""
        pairs = (
            (self.again, facts.restart or facts.latest),
            (self.served, facts.served),
            (self.deployed, facts.deployed),
        )
        built = facts.release is not Release.ABSENT
        return built == self.built and all(wanted in (None, actual) for wanted, actual in pairs)


ABSENT, IDLE, SICK, SERVING = Release
BUILD, RELEASE_PROCESS, STOP, START, FINISH = Action

# fmt: off
ACTIONS = (
    # release                restart  others  interrupted
    #                                 match                what is to be done
    Row((ABSENT,),              None,  None,  None,  (BUILD, RELEASE_PROCESS, START, FINISH)),
    Row((IDLE, SICK),           False, None,  None,  (RELEASE_PROCESS, START, FINISH)),
    Row((IDLE, SICK, SERVING),  True,  None,  None,  (START, FINISH)),
    Row((SERVING,),             False, False, None,  (RELEASE_PROCESS, FINISH)),
    Row((SERVING,),             False, True,  True,  (RELEASE_PROCESS, FINISH)),
    Row((SERVING,),             False, True,  False, ()),
)
"""What is to be done; exactly one row fits any facts. A release never restarts in the slot that is serving: a sick one,
or one that a restart was asked for, starts in the idle slot and has to pass the same health check."""

KINDS = (
    # built  restarted  served  deployed
    #        or latest  before  before
    KindRow(False, None,  None,  True,  Kind.REBUILD),
    KindRow(False, None,  None,  False, Kind.DEPLOY),
    KindRow(True,  True,  None,  None,  Kind.RESTART),
    KindRow(True,  False, True,  None,  Kind.ROLLBACK),
    KindRow(True,  False, False, None,  Kind.DEPLOY),
)
"""What the history calls a deployment; exactly one row fits any facts."""
# fmt: on


def plan(facts: Facts) -> Plan:
    """What a deployment does, given what is on the machine."""
    (actions,) = (row.actions for row in ACTIONS if row.fits(facts))
    if facts.recreate and START in actions:
        # As late as it can be: what is built, and what release: does, keeps nobody from using the app.
        actions = tuple(each for action in actions for each in ((STOP, action) if action is START else (action,)))
    (kind,) = (row.kind for row in KINDS if row.fits(facts))
    return Plan(actions, kind, renew_others=facts.restart and not facts.only_web and BUILD not in actions)
