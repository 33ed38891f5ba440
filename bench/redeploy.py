"""How long a deployment takes: from the command typed to the new revision serving, and to the prompt.

python bench/redeploy.py [--rounds 7], after `source toolchain/activate`. It clones this project and deploys a
small app on an embedded machine of its own, destroyed at the end. Medians in seconds, with the fastest and slowest.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.e2e.stack import Stack, commit, fetch

APP = {
    "Procfile": "web: gunicorn --workers 2 app:app\n",
    "requirements.txt": "flask\ngunicorn\n",
}


def write(folder: Path, mark: str) -> str:
    """A revision that answers with its mark."""
    text = f"from flask import Flask\napp = Flask(__name__)\n@app.get('/')\ndef index():\n    return '{mark}'\n"
    return commit(folder, {**APP, "app.py": text}, f"Say {mark}")


def timed(stack: Stack, line: str, url: str, mark: str) -> tuple[float, float]:
    """Seconds from typing ``line`` until the app answers with ``mark``, and until the prompt is back."""
    start = time.monotonic()
    process = stack.start(f"{line} >/dev/null")
    while fetch(url) != (200, mark):
        if process.poll() is not None and fetch(url) != (200, mark):
            raise SystemExit(f"{line} ended with {process.returncode} and {mark} does not serve")
        time.sleep(0.01)
    serving = time.monotonic() - start
    process.communicate()
    return serving, time.monotonic() - start


def show(name: str, seconds: list[float]) -> None:
    """A line of the report."""
    print(f"{name:44}{statistics.median(seconds):7.2f}{min(seconds):7.2f}{max(seconds):7.2f}", flush=True)


def main() -> None:
    """Deploy, redeploy, roll back, change a variable; report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = range(parser.parse_args().rounds)
    with tempfile.TemporaryDirectory() as folder:
        stack = Stack.cloned(Path(folder) / "launchpad")
        shop = Path(folder) / "shop"
        write(shop, "start")
        stack.config(repository=shop)
        try:
            stack.up()
            url = str(stack.outputs()["url"])
            print(f"{'seconds':44}{'median':>7}{'min':>7}{'max':>7}")
            idle = []
            for _ in rounds:
                start = time.monotonic()
                stack.up()
                idle.append(time.monotonic() - start)
            show("pulumi up, nothing to do (engine, program)", idle)
            redeploys = []
            for number in rounds:
                write(shop, f"round {number}")
                redeploys.append(timed(stack, "pulumi up --yes --skip-preview", url, f"round {number}"))
            show("redeploy: typed to serving", [serving for serving, _ in redeploys])
            show("redeploy: typed to prompt", [prompt for _, prompt in redeploys])
            rollbacks = []
            last = rounds[-1]
            for number in rounds:
                mark = f"round {last - 1 if number % 2 == 0 else last}"
                revision = f"HEAD~{1 if number % 2 == 0 else 0}"
                target = stack.run(f"git -C {shop} rev-parse {revision}", check=True).stdout.strip()
                rollbacks.append(timed(stack, f"make rollback TO={target}", url, mark))
            show("make rollback: typed to serving", [serving for serving, _ in rollbacks])
            show("make rollback: typed to prompt", [prompt for _, prompt in rollbacks])
        finally:
            stack.run("pulumi destroy --yes --skip-preview")


if __name__ == "__main__":
    main()
