"""What SIGTERM, SIGINT and SIGHUP do to a deployment, which depends on how far it has come."""

from __future__ import annotations

import signal
from types import FrameType

from infra.agent.system import say
from infra.agent.system.failure import Interrupted


class Signals:
    """Ends a request that waits for its turn, and a deployment that has not switched yet; never one that has.

    Once a deployment has begun, a lost connection does not stop it: nothing half done stays behind, and the next run
    finds it done or waits for it. A waiting request ends when its connection is lost; otherwise it might deploy an
    older commit over a newer one.
    """

    def __init__(self) -> None:
        """Handle the signals from now on."""
        self.begun = self.switched = False
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)

    def begin(self) -> None:
        """From now on a lost connection stops nothing."""
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        say.carry_on()
        self.begun = True

    def switch(self) -> None:
        """From now on no signal stops the deployment."""
        self.switched = True

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if not self.begun:
            raise Interrupted(f"Interrupted by {name} while waiting for its turn. Nothing was done.")
        if not self.switched:
            raise Interrupted(f"Interrupted by {name} before the switch. The previous release is still serving.")
