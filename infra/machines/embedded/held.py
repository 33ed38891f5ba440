"""The disks for data and the snapshots on this computer, as ``launchpad data`` has them."""

from __future__ import annotations

from infra.machines.embedded import client
from infra.machines.embedded.requests import AdoptData, ListMachines
from infra.machines.embedded.shell import MachineError
from infra.machines.embedded.sizes import show
from infra.machines.embedded.state import DataState, Owner
from infra.machines.held_disks import MACHINE, HandoverError, Held, Seeker
from infra.protocol import codec


class LocalDisks:
    """Those of all stacks and clones of this computer."""

    def listed(self, _seeker: Seeker) -> list[Held]:
        """The disks, and then the snapshots."""
        try:
            found = client.ask(ListMachines())
        except MachineError as error:
            raise HandoverError(str(error)) from None
        return [_held(each) for each in (*found.disks, *found.snapshots)]

    def adopt(self, seeker: Seeker, source: str, *, abandoned: bool) -> str:
        """Have the driver do it."""
        owner = Owner(seeker.clone, seeker.project, seeker.stack, MACHINE)
        try:
            found = client.ask(AdoptData(source, owner, abandoned))
        except (MachineError, codec.MessageError) as error:
            raise HandoverError(str(error)) from None
        return (
            f"stack {seeker.stack} has {source} as its disk for data now: {show(found.used)} of {show(found.size)} in "
            f"{found.image}"
        )


def _held(found: DataState) -> Held:
    return Held(
        id=found.id,
        what="snapshot" if found.state == "snapshot" else "disk",
        state={"snapshot": f"taken on {found.kept}", "kept": f"kept on {found.kept}"}.get(found.state, "in use"),
        size=f"{show(found.used)} of {show(found.size)}",
        stack=f"{found.owner.project or '?'}/{found.owner.stack or '?'}",
        place=found.owner.clone or found.image,
    )
