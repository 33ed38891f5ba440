"""Garbage in processes that last for seconds."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROCESS = """
import atexit, gc, weakref
from infra.common import garbage
atexit.register(lambda: print("at the end", len(gc.get_objects()) < 200))
modules = len(gc.get_objects())
garbage.overlook_modules()
print("overlooked", gc.get_freeze_count() >= modules > 5000)
class Ring: pass
ring = Ring()
ring.ring, gone = ring, weakref.ref(ring)
del ring
garbage.overlook_modules()
gc.collect()
print("collected", gone() is None)
"""


def test_modules_are_looked_through_no_more_and_what_is_made_later_is_still_collected() -> None:
    done = subprocess.run([sys.executable, "-c", PROCESS], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "overlooked True\ncollected True\nat the end True\n"
