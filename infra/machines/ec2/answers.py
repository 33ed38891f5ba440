"""What the preflight's questions share: AWS's refusals by code, and how problems are told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Client = Callable[[str, str], Any]
"""Gives a boto3 client for a service in a region."""

DENIED = ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException")


class PreflightError(Exception):
    """What keeps the machine from being made, a line for each problem."""

    def __init__(self, problems: list[str]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = [f"AWS would refuse this machine, {count}:", *(f"  - {line}" for line in problems)]
        super().__init__("\n".join([*lines, "(launchpad:preflight false skips these questions.)"]))
        self.problems = problems


def code_of(error: Exception) -> str:
    """AWS's code for an error; empty for what is no answer of AWS."""
    response = getattr(error, "response", None)
    return str(response["Error"]["Code"]) if isinstance(response, dict) and "Error" in response else ""
