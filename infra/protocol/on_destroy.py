"""What becomes of a stack's data when the stack is destroyed."""

from __future__ import annotations

from typing import Literal

OnDestroy = Literal["", "delete", "keep", "snapshot"]
"""It goes with the stack; it stays, and the next ``up`` of the stack finds it; or it goes and a snapshot stays.

Empty: nothing is said. Then the kind of machine decides: ``delete``, or a stack with data is not destroyed.
"""
