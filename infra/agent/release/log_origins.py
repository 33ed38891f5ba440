"""Which release and which process of an app wrote a line of its log."""

from __future__ import annotations

import time
from collections.abc import Sequence

from infra.agent.process import slots, starts
from infra.agent.process.starts import Start
from infra.agent.release import run_history
from infra.agent.system import instances
from infra.agent.system.failure import Failure
from infra.agent.system.journal_lines import Line
from infra.agent.system.layout import App

RUN, CACHE = "run", "cache"
SHOWN_RELEASES = 10


class Origins:
    """Which release and which process wrote a line."""

    def __init__(self, app: App) -> None:
        """Look at the starts and the runs that the machine knows of an app."""
        self.app = app
        self.younger: set[str] = set()
        self._load()

    def _load(self) -> None:
        self.loaded = time.time()
        self.starts: Sequence[Start] = starts.all_starts(self.app)
        self.runs = {self.app.run(run.number): run for run in run_history.all_runs(self.app)}

    def _keep_up(self, line: Line) -> None:
        """Look again where a line is of a start that we may not know yet, because it is younger than we are."""
        if line.when > self.loaded and line.invocation not in self.younger:
            self._load()
            self.younger.add(line.invocation)

    def of(self, line: Line) -> str:
        """The release that wrote a line; empty if it belongs to none, or that is not known."""
        self._keep_up(line)
        if line.unit in self.runs:
            return self.runs[line.unit].release
        return starts.release_of(self.starts, self.app.instance(line.unit), line.when, line.invocation)

    def process(self, line: Line) -> str:
        """The process that wrote a line, or that systemd wrote it about."""
        if line.unit in self.runs:
            return f"{RUN}.{self.runs[line.unit].number}"
        if line.unit == self.app.cache_unit:
            return CACHE
        instance = self.app.instance(line.unit)
        return "web" if instance in slots.SLOTS else instances.process(instance) or "proxy"

    def named(self, name: str) -> set[str]:
        """The releases that a name means: one of this name, or those of the revision that begins so.

        Raises:
            Failure: There is none, or the name is the beginning of several revisions.
        """
        known = {start.release: start.revision for start in self.starts}
        known |= {run.release: run.revision for run in self.runs.values()}
        if name in known:
            return {name}
        found = {release for release, revision in known.items() if revision.startswith(name)}
        if len({known[release] for release in found}) == 1:
            return found
        if found:
            raise Failure(f"--release {name} is the beginning of several revisions: {', '.join(sorted(found))}")
        there = ", ".join(list(known)[-SHOWN_RELEASES:]) or "none yet"
        raise Failure(f"--release is {name}, and nothing in the log is of such a release; there are: {there}")
