"""Starts one process of an app: the last program that runs before the app itself, as the app's user.

systemd passes a launch file (see launch_file.Launch) as a credential. An environment file would mangle values (its
grammar has quotes, escapes and comments), and every user can read a unit's ``Environment=``. JSON in a credential
carries every value as it is, and only root and the app can read it.

This file is installed on its own and imports nothing but the standard library.
"""

import contextlib
import fcntl
import json
import os
import sys
import termios


def main() -> None:
    """Replace this process with the app's."""
    with open(os.path.join(os.environ["CREDENTIALS_DIRECTORY"], "launch"), encoding="utf-8") as stream:  # noqa: PTH118, PTH123
        launch = json.load(stream)
    inherited = {name: os.environ[name] for name in ("INVOCATION_ID", "JOURNAL_STREAM") if name in os.environ}
    environment = {**inherited, **launch["env"]}
    if launch.get("background"):
        yield_to_others()
    if launch.get("terminal"):
        take_terminal()
    program = launch["argv"][0]
    try:
        os.chdir(launch["cwd"])
        os.execvpe(program, launch["argv"], environment)
    except OSError as error:
        # As in a shell: 127 if there is no such command, 126 if it cannot be run.
        print(f"cannot start {program}: {error.strerror}", file=sys.stderr)
        sys.exit(127 if isinstance(error, FileNotFoundError) else 126)


def take_terminal() -> None:
    """Make the terminal on stdin the one whose Ctrl-C reaches us, unless systemd has done so already."""
    with contextlib.suppress(OSError):  # without it everything works but Ctrl-C
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def yield_to_others() -> None:
    """Give way to all other units, even without cgroups.

    Without them the kernel groups processes by session, and niceness counts only within a group.
    Source: sched(7), the autogroup feature.
    """
    try:
        with open("/proc/self/autogroup", "w", encoding="ascii") as stream:  # noqa: PTH123
            stream.write("19")
    except OSError:
        pass  # without autogroups the unit's own niceness counts


if __name__ == "__main__":
    main()
