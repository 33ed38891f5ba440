"""Records docs/flight.svg: runs the commands in a fresh clone and draws what they printed.

python docs/flight.py FOLDER, where FOLDER is a clone whose toolchain is set up (make setup).
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

COMMANDS = (
    "make up | tail -n 9",
    'curl -s "$(make -s url)" | grep Release',
    "git commit -qam 'Say good morning' && pulumi preview | grep -E '^ [~+]|~ revision|unchanged'",
    "make up | tail -n 4 | head -n 2",
    "make rollback | tail -n 4 | head -n 2",
    "make releases",
)
EDIT = "sed -i 's/It flies/Good morning/' app/app.py"


def main() -> None:
    """Run each command in turn and save the picture."""
    folder = Path(sys.argv[1]).resolve()
    console = Console(record=True, width=112, file=io.StringIO())
    for command in COMMANDS:
        if "commit" in command:
            subprocess.run(["bash", "-c", EDIT], cwd=folder, check=True)
        print(f"$ {command}", flush=True)
        console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
        done = subprocess.run(
            ["bash", "-c", f"source toolchain/activate && {command}"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            check=False,
        )
        said = done.stdout.rstrip().replace(str(folder), "~/launchpad")
        print(said, flush=True)
        console.print(Text(said), no_wrap=True, overflow="ellipsis", highlight=False)
        console.print()
    drawn = console.export_svg(title="launchpad")
    Path("docs/flight.svg").write_text(
        re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)
    )  # no fonts from afar


if __name__ == "__main__":
    main()
