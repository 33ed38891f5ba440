"""Remembers which Debian packages Launchpad brought to the machine, and tells which of them nothing else needs.

What dpkg knew before an installation is written down first. So what a killed one has brought is found by the next look.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.agent.system import files, sh
from infra.agent.system.layout import STATE

RECORD = STATE / "packages.json"
MARKS = Path("/var/lib/apt/extended_states")
"""Which packages apt installed only as dependencies of others. Source: apt-mark(8)."""
NEEDED_ONLY = ("-o", "APT::AutoRemove::RecommendsImportant=false", "-o", "APT::AutoRemove::SuggestsImportant=false")
"""A package that others merely recommend is not needed by them."""
CHANGE = re.compile(r"^(?:Inst|Remv|Purg) (\S+)", re.MULTILINE)


@dataclass(frozen=True)
class Record:
    """What is remembered.

    Attributes:
        ours: The packages that were not there before Launchpad installed them.
        asked: Those of them that it named to apt; the others are dependencies.
        before: What dpkg knew before the installation that is under way, or was killed; None if none is.
    """

    ours: frozenset[str] = frozenset()
    asked: frozenset[str] = frozenset()
    before: frozenset[str] | None = None

    def settled(self, known: frozenset[str]) -> Record:
        """The same with what an installation has brought, and without what is gone.

        Args:
            known: What dpkg knows now.
        """
        brought = known - self.before if self.before is not None else frozenset()
        return Record((self.ours & known) | brought, self.asked & known)


@contextmanager
def recording(asked: Sequence[str]) -> Iterator[None]:
    """Remember what an installation brings.

    Args:
        asked: The packages that are named to apt.
    """
    known = _known()
    record = _read().settled(known)
    _write(Record(record.ours, record.asked | set(asked), known))
    try:
        yield
    finally:
        _write(_read().settled(_known()))


def ours() -> Record:
    """What Launchpad installed and is still there."""
    record = _read()
    return record.settled(_known()) if record.ours or record.before is not None else Record()


def asked() -> frozenset[str]:
    """The packages of Launchpad's that it named to apt, by what is written down."""
    record = _read()
    return record.asked & record.ours


def unneeded(record: Record, kept: frozenset[str] = frozenset()) -> frozenset[str]:
    """Those of our packages that nothing else needs.

    apt tells, by a copy of its marks in which what we named counts as a dependency. A dependency of ours that somebody
    has since installed by name is theirs: apt has marked it.

    Args:
        record: What is ours.
        kept: Those of the packages that we named to apt which are still wanted.
    """
    with tempfile.TemporaryDirectory(prefix="launchpad-marks-") as scratch:
        marks = Path(scratch) / "extended_states"
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(MARKS, marks)
        place = ("-o", f"Dir::State::extended_states={marks}")
        names = sorted(record.asked & record.ours - kept)
        if names:
            sh.run(["apt-mark", *place, "auto", "--", *names], doing="Looking which packages are still needed")
        shown = sh.run(
            ["apt-get", "-qq", *place, *NEEDED_ONLY, "--simulate", "autoremove"],
            doing="Looking which packages are still needed",
        )
    return record.ours & changed(shown.out)


def changed(simulated: str) -> frozenset[str]:
    """The packages that apt-get would install or remove, by what it prints with ``--simulate``."""
    return _named(CHANGE.findall(simulated), sh.run(["dpkg", "--print-architecture"]).out.strip())


def _known() -> frozenset[str]:
    """The packages that dpkg knows: the installed ones, and those of which the configuration is left."""
    shown = sh.run(["dpkg-query", "--show", "--showformat=${db:Status-Status} ${binary:Package}\n"]).out
    fields = [line.split() for line in shown.splitlines()]
    names = [field[1] for field in fields if len(field) == 2 and field[0] != "not-installed"]
    return _named(names, sh.run(["dpkg", "--print-architecture"]).out.strip())


def _named(names: Iterable[str], native: str) -> frozenset[str]:
    """Names of packages as apt has them: with the architecture only if it is another than the machine's."""
    return frozenset(name.removesuffix(f":{native}") for name in names)


def _read() -> Record:
    data = files.read_json(RECORD) or {}
    before = data.get("before")
    return Record(
        frozenset(data.get("ours", ())),
        frozenset(data.get("asked", ())),
        None if before is None else frozenset(before),
    )


def _write(record: Record) -> None:
    lists = {"ours": sorted(record.ours), "asked": sorted(record.asked)}
    files.write_json(RECORD, lists if record.before is None else {**lists, "before": sorted(record.before)})
