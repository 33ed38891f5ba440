"""Records docs/flight.svg: types the commands into a terminal in a fresh clone and draws what stays on its screen.

python docs/flight.py FOLDER, where FOLDER is a clone whose toolchain is set up (make setup).
"""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

COMMANDS = (
    "launchpad up",
    'curl -s "$(launchpad url)" | grep Release',
    "sed -i 's/It flies/Good morning/' app/app.py && git commit -qam 'Say good morning'",
    "launchpad up",
    "launchpad rollback",
    "launchpad releases",
)
WIDTH = 112
CONTROL = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\r|\n")


def typed(command: str, folder: Path) -> list[str]:
    """What a command leaves on the screen of a terminal, with its colours."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["bash", "-c", f"source toolchain/activate && {command}"],
        cwd=folder,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": str(WIDTH), "LINES": "40"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    printed = b""
    try:
        while part := os.read(ours, 65536):
            printed += part
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    process.wait()
    return screen(printed.decode())


def screen(printed: str) -> list[str]:
    """The lines that are left when a terminal has obeyed: cursor up, erase line, carriage return; colours stay."""
    lines, row, at = [""], 0, 0
    for control in [*CONTROL.finditer(printed), None]:
        end = control.start() if control else len(printed)
        lines[row] += printed[at:end]
        at = control.end() if control else end
        if control is None:
            break
        if control[0] == "\n":
            row += 1
            lines += [""] * (row + 1 - len(lines))
        elif control[2] == "A":
            row = max(0, row - int(control[1] or 1))
        elif control[2] == "K":
            lines[row] = ""
        elif control[2] == "m":
            lines[row] += control[0]
    return lines


def main() -> None:
    """Type each command in turn and save the picture."""
    folder = Path(sys.argv[1]).resolve()
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    for command in COMMANDS:
        print(f"$ {command}", flush=True)
        console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
        left = "\n".join(typed(command, folder)).rstrip().replace(str(folder), "~/launchpad")
        print(left, flush=True)
        if left:
            console.print(Text.from_ansi(left), no_wrap=True, overflow="ellipsis", highlight=False)
        console.print()
    drawn = console.export_svg(title="launchpad")
    Path("docs/flight.svg").write_text(
        re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)
    )  # no fonts from afar


if __name__ == "__main__":
    main()
