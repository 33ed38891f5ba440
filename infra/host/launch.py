"""Starts one process of an app: the last thing that runs before the app itself, as the app's user.

systemd hands over a credential, a JSON object {"argv": [...], "cwd": "...", "env": {...}}. An environment file would
mangle values (its grammar has quotes, escapes and comments), and a unit's ``Environment=`` can be read by every user;
JSON in a credential carries every value as it is, and only root and the app see it.

This file is installed on its own and imports nothing but the standard library.
"""

import json
import os
import sys


def main() -> None:
    """Replace this process by the app's."""
    with open(os.path.join(os.environ["CREDENTIALS_DIRECTORY"], "launch"), encoding="utf-8") as stream:  # noqa: PTH118, PTH123
        launch = json.load(stream)
    inherited = {name: os.environ[name] for name in ("INVOCATION_ID", "JOURNAL_STREAM") if name in os.environ}
    environment = {**inherited, **launch["env"]}
    if launch.get("background"):
        yield_to_others()
    try:
        os.chdir(launch["cwd"])
        os.execvpe(launch["argv"][0], launch["argv"], environment)
    except OSError as error:
        sys.exit(f"cannot start: {error}")


def yield_to_others() -> None:
    """Let what is started now wait for all other units, also where there are no cgroups to say so.

    There the kernel groups processes by session, and niceness counts within a group only (sched(7), autogroup).
    """
    try:
        with open("/proc/self/autogroup", "w", encoding="ascii") as stream:  # noqa: PTH123
            stream.write("19")
    except OSError:
        pass  # without autogroups the unit's own niceness counts


if __name__ == "__main__":
    main()
