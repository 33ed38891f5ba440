"""The secrets that were generated for an app: what is on the machine stays, even if the stack has lost its state.

What the app has encrypted or signed with such a value can be read with no other.
"""

from __future__ import annotations

import dataclasses

from infra.agent.release import secrets
from infra.agent.system import files
from infra.agent.system.layout import App
from infra.protocol.specs import DeploySpec


def settled(app: App, spec: DeploySpec) -> DeploySpec:
    """The specification with the values that the machine has; those that it has not are kept for the next time."""
    if not spec.generated:
        return spec
    known = {name: str(text) for name, text in (files.read_json(app.generated) or {}).items()}
    given = dict(spec.secrets)
    values = {name: known.get(name, given[name]) for name in spec.generated if name in given}
    files.write_json(app.generated, {**known, **values})
    return secrets.hidden(dataclasses.replace(spec, secrets=tuple(sorted({**given, **values}.items()))))
