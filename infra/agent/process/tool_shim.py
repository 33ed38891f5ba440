#!/usr/bin/python3 -IS
"""Stands in for uv, poetry, pipenv, pdm and hatch while an app runs: ``TOOL run COMMAND`` runs the command.

The virtualenv of a release is complete and first in $PATH, so that there is nothing left for these tools to do but to
run a command, or a script that the project defines. This file is installed on its own, once for each of their names,
and imports nothing but the standard library.
"""

import os
import re
import shlex
import shutil
import sys

VALUED = {
    "uv": "--with --with-editable --with-requirements --extra --no-extra --group --no-group --only-group --env-file -p "
    "--python --project --directory --package --index --default-index -i --index-url --extra-index-url -f --find-links "
    "--cache-dir --config-file --color --index-strategy --link-mode --resolution --prerelease --exclude-newer",
    "poetry": "-C --directory -P --project",
    "pipenv": "--python --pypi-mirror --categories",
    "pdm": "-p --project --venv -L --lockfile",
    "hatch": "-e --env -p --project --data-dir --cache-dir --config",
}
"""The options of each tool that a value follows. Sources: what the tools print for ``run --help``."""
SCRIPTS = {
    "pdm": ("pyproject.toml", ("tool", "pdm", "scripts")),
    "hatch": ("pyproject.toml", ("tool", "hatch", "envs", "default", "scripts")),
    "pipenv": ("Pipfile", ("scripts",)),
}
"""Where the projects of a tool define scripts."""
ENTRY = re.compile(r"(?P<module>[\w.]+):(?P<attribute>[\w.]+)")


def main() -> None:
    """Replace this process with the command."""
    tool = os.path.basename(sys.argv[0])  # noqa: PTH119
    module, words = command(tool, sys.argv[1:])
    if module is None:
        print(f"{tool}: only `{tool} run COMMAND` works here; the dependencies are installed already", file=sys.stderr)
        sys.exit(127)
    argv = [*module, *words] if module else program(tool, words)
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        print(f"{tool} run: cannot start {argv[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127 if isinstance(error, FileNotFoundError) else 126)


def command(tool: str, words: list[str]) -> tuple[list[str] | None, list[str]]:
    """What a tool is asked to run.

    Args:
        tool: The tool's name.
        words: Its arguments.

    Returns:
        The beginning of a command that runs a module or a script, empty for a program; None if the tool is to do
        anything but run. And the words of the command.
    """
    valued = set(VALUED.get(tool, "").split())
    left, asked = list(words), False
    while left:
        word = left.pop(0)
        if word == "--" and asked:
            return [], left
        if tool == "uv" and asked and word in ("-m", "--module", "-s", "--script"):
            return ["python", *(["-m"] if word in ("-m", "--module") else [])], left
        if word in valued:
            del left[:1]
        elif not word.startswith("-"):
            if asked:
                return [], [word, *left]
            if word != "run":
                return None, []
            asked = True
    return (["python"] if tool == "uv" else []) if asked else None, []


def program(tool: str, words: list[str]) -> list[str]:
    """The program and arguments of a command: a script of the project, a file of Python, or a program.

    Args:
        tool: The tool's name.
        words: The command.
    """
    if not words:
        return ["/bin/bash"]
    name, arguments = words[0].split(":", 1)[-1] if tool == "hatch" else words[0], words[1:]
    script = defined(*SCRIPTS[tool], name) if tool in SCRIPTS else None
    if isinstance(script, str):
        return ["/bin/bash", "-c", f'{script} "$@"', name, *arguments]
    if shutil.which(name):
        return [name, *arguments]
    if tool == "uv" and name.endswith(".py"):
        return ["python", name, *arguments]
    for table in (("project", "scripts"), ("tool", "poetry", "scripts")):
        entry = ENTRY.match(defined("pyproject.toml", table, name) or "")
        if entry:
            called = f"import sys; from {entry['module']} import {entry['attribute'].split('.')[0]}"
            return ["python", "-c", f"{called}; sys.argv[0] = {name!r}; sys.exit({entry['attribute']}())", *arguments]
    return [name, *arguments]


def defined(file: str, tables: tuple[str, ...], name: str) -> str | None:
    """The script of a name in a file of the project; None if there is none."""
    if sys.version_info >= (3, 11):
        import tomllib  # noqa: PLC0415
    else:
        # Debian's package python3-tomli, which this program is started without (-S).
        sys.path.append("/usr/lib/python3/dist-packages")
        import tomli as tomllib  # noqa: PLC0415
    try:
        with open(file, "rb") as stream:  # noqa: PTH123
            value = tomllib.load(stream)
        for table in tables:
            value = value[table]
        found = value[name]
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError, TypeError):
        return None
    if isinstance(found, dict):
        found = found.get("shell") or found.get("cmd")
    if isinstance(found, list):
        found = shlex.join(map(str, found))
    return found if isinstance(found, str) else None


if __name__ == "__main__":
    main()
