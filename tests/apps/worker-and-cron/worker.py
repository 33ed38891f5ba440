import os
import time
from pathlib import Path

jobs = Path(os.environ["DATA_DIR"]) / "jobs"

while True:
    for job in jobs.glob("*"):
        if job.read_text() == "to do":
            job.write_text(f"done by pid {os.getpid()}")
    time.sleep(0.1)
