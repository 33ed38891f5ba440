"""The data disks and snapshots in a region of AWS, as ``launchpad data`` has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from infra.config.key import NAMESPACE
from infra.machines.aws.data_disk import Refused
from infra.machines.aws.left import Left, Target
from infra.machines.held_disks import HandoverError, Held, Seeker


@dataclass(frozen=True)
class RegionsDisks:
    """Those of all stacks in the region that a stack's settings name.

    Attributes:
        kind: The kind of machine.
        ask: Lists them, by region.
        give: Gives one to a stack.
        target: What the stack's settings say of where its machine is.
    """

    kind: str
    ask: Callable[[str], list[Left]]
    give: Callable[[Target, str], str]
    target: Callable[[Seeker, str], Target]

    def listed(self, seeker: Seeker) -> list[Held]:
        """The disks, and then the snapshots."""
        region = self._region(seeker)
        with _failures():
            found = self.ask(region)
        return [Held(each.id, each.what, each.state, f"{each.size}G", each.stack, each.place) for each in found]

    def adopt(self, seeker: Seeker, source: str, *, abandoned: bool) -> str:  # noqa: ARG002 - no clone matters at AWS
        """Have it tagged, so that the stack's next ``up`` finds it."""
        target = self.target(seeker, self._region(seeker))
        with _failures():
            disk = self.give(target, source)
        made = "" if disk == source else f", made of {source},"
        return f"{disk}{made} has the tags of stack {seeker.stack} now, whose next up takes it over"

    def _region(self, seeker: Seeker) -> str:
        key = f"{self.kind}.region"
        if not (region := seeker.setting(key)):
            raise HandoverError(
                f"{NAMESPACE}:{key} of stack {seeker.stack} is empty; set it to the region that has the disk"
            )
        return region


@contextmanager
def _failures() -> Iterator[None]:
    """Tell a refusal, and what AWS says, for people."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - slow, and only these commands need it

    try:
        yield
    except Refused as why:
        raise HandoverError(str(why)) from None
    except (BotoCoreError, ClientError) as error:
        raise HandoverError(f"cannot ask AWS: {error}") from None
