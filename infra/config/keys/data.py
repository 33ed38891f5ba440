"""The keys about the data of all apps of a stack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from infra.config import readers
from infra.config.key import Keys, key
from infra.protocol.on_destroy import OnDestroy


@dataclass(frozen=True, kw_only=True)
class DataKeys(Keys):
    """What the apps keep in $DATA_DIR, and what becomes of it."""

    title: ClassVar[str] = "Data"

    on_destroy: OnDestroy = key(
        readers.choice("", "delete", "keep", "snapshot"),
        description="""What becomes of the stack's data when the stack is destroyed. delete: it goes, too. keep: it
            stays, and the next up of the stack finds it. snapshot: it goes, and a snapshot stays. Empty: delete on
            machine embedded; on every other, a stack that holds data is not destroyed. On machine server, delete is
            delete_data true for every app, and keep is false. It counts from the next up on. docs/data.md has more.""",
        example="keep",
        also=("removal", "removal_policy", "deletion_policy", "on_delete"),
    )
