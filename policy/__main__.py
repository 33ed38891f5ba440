"""Check a planned or an existing stack: print a line for each finding without a waiver; exit with 1 if there is any.

    pulumi preview --json | python -m policy
    pulumi stack export   | python -m policy

This replaces a policy pack (``--policy-pack``): the engine starts packs through the language host, and the one that is
built if Pulumi's downloads are unreachable is too old for that.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from policy.judging import CONTROLS, judge
from policy.resources import Resource
from policy.waivers import load, unwaived


def resources(document: dict[str, Any]) -> list[Resource]:
    """Parse the resources of a preview or of an exported stack; raises ``KeyError`` for any other document."""
    if "steps" in document:
        states = [step["newState"] for step in document["steps"] if step.get("newState")]
    else:
        states = document["deployment"].get("resources", [])
    return [resource(state) for state in states]


def resource(state: dict[str, Any]) -> Resource:
    """Convert a resource of Pulumi's state."""
    urns = [*state.get("dependencies", [])]
    for others in (state.get("propertyDependencies") or {}).values():
        urns += others or []
    after = frozenset(urn.rpartition("::")[2] for urn in urns)
    return Resource(state["type"], state["urn"].rpartition("::")[2], state.get("inputs") or {}, after)


def main() -> int:
    """Check the document on stdin."""
    try:
        stack = resources(json.load(sys.stdin))
    except (ValueError, KeyError, TypeError):
        print("policy: stdin is neither `pulumi preview --json` nor `pulumi stack export`", file=sys.stderr)
        return 2
    findings = unwaived(judge(stack), load())
    titles = {control.id: (", ".join(control.ids), control.title) for control in CONTROLS}
    for finding in findings:
        ids, title = titles[finding.control]
        print(f"{finding.resource}: {finding.message} [{ids}: {title}]")
    print(f"{len(stack)} resources, {len(CONTROLS)} controls, {len(findings)} findings without a waiver")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
