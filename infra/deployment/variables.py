"""The app's environment as a deployment accepts it: values may be outputs of other resources, known only later."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping

import pulumi

from infra.protocol.refusal import Refusal
from infra.protocol.variables import unusable
from infra.protocol.variables import variables as whole

Variables = Mapping[str, pulumi.Input[str]]


def mistakes(environment: Mapping[str, object], secrets: Mapping[str, object]) -> list[str]:
    """Find mistakes in the variables.

    Only the name is checked if the value is not known yet.

    Returns:
        One line for each mistake, without values, because any of them may be secret.
    """
    both = {"environment": environment, "secrets": secrets}
    lines = [line for kind, variables in both.items() for line in _mistakes(kind, variables)]
    twice = sorted(set(environment) & set(secrets))
    return [*lines, *(f"{name} is in both environment and secrets; keep it in one of them" for name in twice)]


def _mistakes(kind: str, variables: Mapping[str, object]) -> list[str]:
    known = {name: "" if isinstance(item, pulumi.Output | Awaitable) else item for name, item in variables.items()}
    wrong = {name: allowed for name, item in sorted(known.items()) if (allowed := unusable(name, item))}
    if wrong:
        return [f"{kind}.{name} must be {allowed}" for name, allowed in wrong.items()]
    try:
        whole(known)
    except Refusal as refusal:
        return [f"{kind} must be {refusal}"]
    return []
