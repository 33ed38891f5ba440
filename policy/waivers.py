"""Accepted findings, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from policy.judging import Finding

FILE = Path(__file__).parent / "waivers.yaml"


@dataclass(frozen=True)
class Waiver:
    """A control, the resources that may violate it (a pattern), and the reason."""

    control: str
    resource: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Whether this waiver accepts the finding."""
        return finding.control == self.control and fnmatchcase(finding.resource, self.resource)


def load(file: Path = FILE) -> list[Waiver]:
    """Every waiver."""
    return [Waiver(**each) for each in yaml.safe_load(file.read_text())]


def unwaived(findings: list[Finding], waivers: list[Waiver]) -> list[Finding]:
    """The findings that no waiver covers."""
    return [finding for finding in findings if not any(waiver.covers(finding) for waiver in waivers)]
