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
            stays, and the next up of the stack finds it. snapshot: it goes, and a snapshot stays. On machine server,
            delete is delete_data true for every app, keep is false, and empty is as each app has it; on every other,
            empty is delete. It counts from the next up on.""",
        example="keep",
        also=("removal", "removal_policy", "deletion_policy", "on_delete"),
    )
