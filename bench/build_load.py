"""What a heavy build costs the app that serves: its response times quiet, and while a large release is built.

python bench/build_load.py [--seconds 20] [--rate 50], after `source toolchain/activate`. It makes an embedded machine
of its own, destroyed at the end. The build installs pandas and scikit-learn into an empty cache and compiles a C
extension from source. Requests are sent at a fixed rate, whatever the answers take, so that a stall counts in full.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.agent import lab as labs
from tests.agent.lab import Lab, Repo

HEAVY = "--no-binary regex\nflask==3.1.3\ngunicorn==27.0.1\npandas\nscikit-learn\nregex\n"
COMPILER = ["gcc", "libc6-dev", "python3-dev"]


async def ask(address: str) -> float:
    """Ask for the page over a connection of its own; the seconds until the answer was there."""
    began = time.monotonic()
    reader, writer = await asyncio.open_connection(address, 80)
    try:
        writer.write(f"GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
        answer = await reader.read()
    finally:
        writer.close()
    if b" 200 " not in answer.split(b"\r\n", 1)[0]:
        raise SystemExit(f"the app answered {answer[:100]!r}")
    return time.monotonic() - began


async def visit(address: str, rate: float, over: threading.Event) -> list[float]:
    """Ask at a fixed rate until it is over."""
    tasks = []
    begin = time.monotonic()
    while not over.is_set():
        tasks.append(asyncio.create_task(ask(address)))
        await asyncio.sleep(max(0.0, begin + len(tasks) / rate - time.monotonic()))
    return list(await asyncio.gather(*tasks))


def show(name: str, times: list[float]) -> None:
    """A line of the report."""
    ordered = sorted(1000 * one for one in times)
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * part))] for part in (0.5, 0.9, 0.99)]
    print(f"{name:28}{len(ordered):9}" + "".join(f"{one:9.1f}" for one in [*at, ordered[-1]]), flush=True)


def quiet(machine: Lab, seconds: float, rate: float) -> list[float]:
    """Response times while nothing else happens."""
    over = threading.Event()
    threading.Timer(seconds, over.set).start()
    return asyncio.run(visit(machine.address, rate, over))


def building(machine: Lab, repo: Repo, rate: float) -> list[float]:
    """Response times from the first line of a build to the start of what it built."""
    over = threading.Event()
    marker = f"heavy-{secrets.token_hex(2)}"
    repo.commit(marker, {"requirements.txt": HEAVY, "Procfile": "web: exit 1\n"})
    machine.sudo("sh -c 'rm -rf /srv/app/python/cache/*'")
    said = []

    def deploy() -> None:
        said.append(machine.deploy(repo, marker).err)
        over.set()

    thread = threading.Thread(target=deploy)
    thread.start()
    times = asyncio.run(visit(machine.address, rate, over))
    thread.join()
    if "Bytecode compiled" not in said[0]:
        raise SystemExit(f"the build failed:\n{said[0]}")
    return times


def main() -> None:
    """Measure quiet, during a build, and quiet again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rate", type=float, default=50)
    words = parser.parse_args()
    name = f"lp{secrets.token_hex(4)}"
    with tempfile.TemporaryDirectory() as folder:
        try:
            machine = labs.make_machine(name, Path(folder))
            machine.prepare(packages=COMPILER).data()
            repo = Repo.of("flask", Path(folder) / "repo")
            repo.commit("good")
            machine.deploy(repo, "good").data()
            quiet(machine, 3, words.rate)
            print(f"{'milliseconds':28}{'requests':>9}{'p50':>9}{'p90':>9}{'p99':>9}{'max':>9}")
            show("quiet", quiet(machine, words.seconds, words.rate))
            show("during the build", building(machine, repo, words.rate))
            show("quiet again", quiet(machine, words.seconds, words.rate))
        finally:
            labs.remove_machine(name)


if __name__ == "__main__":
    main()
