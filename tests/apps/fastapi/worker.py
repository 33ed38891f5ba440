"""Says twice a second which revision works, until it is asked to stop."""

import os
import signal
import sys
import time
from pathlib import Path

MARKER = (Path(__file__).parent / "marker").read_text().strip()
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
while True:
    (Path(os.environ["DATA_DIR"]) / "worker").write_text(f"{MARKER} {os.environ['LAUNCHPAD_PROCESS']}\n")
    time.sleep(0.5)
