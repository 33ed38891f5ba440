"""Writes down how a command of ``run`` ended: what systemd runs, as root, after its last process is gone.

So the history is right whatever becomes of the agent that started the command, and of the connection. systemd says how
it ended in SERVICE_RESULT, EXIT_CODE and EXIT_STATUS (systemd.exec(5)); nothing here comes from the app.

Called with the history's path, the command's number, and the path of its launch file, which is removed: the release is
no longer in use. This file is installed on its own and imports nothing but the standard library.
"""

import contextlib
import json
import os
import sys
import time


def main() -> None:
    """Append the end to the history; then remove the launch file."""
    history, number, launch = sys.argv[1:4]
    event = {
        "event": "end",
        "number": int(number),
        "ended": time.time(),
        "service_result": os.environ.get("SERVICE_RESULT", ""),
        "exit_code": os.environ.get("EXIT_CODE", ""),
        "exit_status": os.environ.get("EXIT_STATUS", ""),
    }
    handle = os.open(history, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        # The line break first: a machine that died may have left half a line.
        os.write(handle, f"\n{json.dumps(event)}\n".encode())
        os.fsync(handle)
    finally:
        os.close(handle)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(launch)  # noqa: PTH108


if __name__ == "__main__":
    main()
