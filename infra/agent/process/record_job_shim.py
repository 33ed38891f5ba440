"""Writes down how a scheduled job ended: what systemd runs, as root, after the job's last process is gone.

systemd itself forgets that with a reboot. It says how the job ended in SERVICE_RESULT, EXIT_CODE and EXIT_STATUS
(systemd.exec(5)); nothing here comes from the app.

Called with the job's unit and the file to write. This file is installed on its own and imports nothing but the standard
library.
"""

import json
import os
import subprocess
import sys
import time

PROPERTY = "ExecMainStartTimestampMonotonic"


def main() -> None:
    """Replace the file, which has the end before this one."""
    unit, path = sys.argv[1:3]
    result = os.environ.get("SERVICE_RESULT", "")
    ended = time.time()
    end = {
        "started": ended - running(unit),
        "ended": ended,
        "invocation": os.environ.get("INVOCATION_ID", ""),
        "service_result": result,
        "exit_code": os.environ.get("EXIT_CODE", ""),
        "exit_status": os.environ.get("EXIT_STATUS", ""),
        "failures": 0 if result == "success" else failures(path) + 1,
    }
    temporary = f"{path}.new"
    with open(temporary, "w", encoding="utf-8") as stream:  # noqa: PTH123
        json.dump(end, stream)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(temporary, path)  # noqa: PTH105


def running(unit: str) -> float:
    """Seconds since the job's main process started; 0 if it never did."""
    argv = ["/usr/bin/systemctl", "show", unit, f"--property={PROPERTY}", "--value"]
    shown = subprocess.run(argv, stdout=subprocess.PIPE, check=False, text=True).stdout.strip()
    started = int(shown) if shown.isdigit() else 0
    return time.clock_gettime(time.CLOCK_MONOTONIC) - started / 1e6 if started else 0


def failures(path: str) -> int:
    """How often in a row the job had failed before."""
    try:
        with open(path, encoding="utf-8") as stream:  # noqa: PTH123
            return int(json.load(stream)["failures"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


if __name__ == "__main__":
    main()
