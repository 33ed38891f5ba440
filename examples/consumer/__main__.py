"""A second program that lives off Launchpad's outputs: where Prometheus finds the app, and the machine's DNS record.

It knows nothing of Launchpad but the contract of infra/outputs.py, and says so when it meets another version of that.
"""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_command as command
from files import SAFE_PATH, prometheus, record, wanted

config = pulumi.Config()
name = config.get("stack") or "organization/launchpad/dev"
directory = config.get("directory") or "out"
if not SAFE_PATH.fullmatch(directory):
    raise pulumi.RunError(f"consumer:directory is {directory!r}; it must be a path of letters, digits, . _ - and /")
launchpad = pulumi.StackReference(name)


def read(*outputs: str) -> pulumi.Output[dict[str, Any]]:
    """Some outputs of the stack, once its contract is known to be the one that we were written for."""
    return launchpad.outputs.apply(lambda found: wanted(name, found, outputs))


def file(called: str, text: pulumi.Output[str]) -> None:
    """A file with that text; its folder is made, and the file goes with the stack."""
    path = f"{directory}/{called}"
    command.local.Command(
        called,
        create=f"mkdir -p {directory} && cat > {path}",
        update=f"mkdir -p {directory} && cat > {path}",
        delete=f"rm -f {path}",
        stdin=text,
        add_previous_output_in_env=False,
    )
    pulumi.export(called, path)


file("prometheus-targets.json", read("url", "machine_kind", "revision", "release").apply(prometheus))
file("zone.txt", read("address").apply(lambda found: record(found, config.get("record") or "app.example.org.")))
