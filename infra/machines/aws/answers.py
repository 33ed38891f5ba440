"""What preflight checks share: AWS's error codes, running checks, and the error that reports problems."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Client = Callable[[str, str], Any]
"""Creates a boto3 client for a service in a region."""

DENIED = ("UnauthorizedOperation", "AccessDenied", "AccessDeniedException")


class PreflightError(Exception):
    """AWS would refuse to create the machine; ``problems`` holds one line for each reason."""

    def __init__(self, kind: str, problems: list[str]) -> None:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = [f"AWS would refuse this machine, {count}:", *(f"  - {line}" for line in problems)]
        super().__init__("\n".join([*lines, f"(Set launchpad:{kind}.preflight to false to skip these checks.)"]))
        self.problems = problems


def code_of(error: Exception) -> str:
    """AWS's code of an error; empty if the error did not come from AWS."""
    response = getattr(error, "response", None)
    return str(response["Error"]["Code"]) if isinstance(response, dict) and "Error" in response else ""


def ask(kind: str, checks: Mapping[str, Callable[[], list[str]]]) -> list[str]:
    """Run checks, each of which returns problems, one line each.

    Args:
        kind: The kind of machine.
        checks: The checks by what they are about.

    Returns:
        Warnings about the checks that the credentials may not run: deploying may need fewer permissions.

    Raises:
        PreflightError: With every problem found.
    """
    problems: list[str] = []
    warnings = []
    for name, check in checks.items():
        try:
            problems += check()
        except Exception as error:
            code = code_of(error)
            if code not in DENIED:
                raise PreflightError(kind, [*problems, f"{name}: unexpected answer from AWS: {error}"]) from None
            warnings.append(f"preflight: {name} not checked, because the credentials do not permit it ({code})")
    if problems:
        raise PreflightError(kind, problems)
    return warnings
