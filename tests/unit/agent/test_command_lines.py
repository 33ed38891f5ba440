"""What a process of an app gets: the command line as bash reads it, and every value byte for byte."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.agent.process import environments, exec_shim, launch_file
from infra.agent.process.environments import Tree
from infra.app_model import procfile
from infra.protocol.codec import SCHEMA, MessageError, load
from infra.protocol.specs import DeploySpec

WORD = st.sampled_from(
    ["a", "'b c'", '"$B"', "$B", "$NONE", "${B:-x}", "\\$B", "$(echo s)", "'é'", "*", "~", "a\\ b", "#c"]
)
PROGRAM = st.sampled_from(
    ["printf %s,", "exec printf %s,", "command printf %s,", "eval printf %s,", "echo", "env printf %s,"]
)
BEFORE = st.sampled_from(
    ["", "A=1 ", "A=$B ", "A='x y' B=2 ", "! ", "time -p ", "cd / && ", "true; ", "false || ", "export A=$B; "]
)
AFTER = st.sampled_from(["", " | cat", " 2>&1", " && exit 3", "; echo $A", " #end", " >/dev/null", " & wait"])


def by_hand(command: str, environment: dict[str, str]) -> tuple[int, bytes]:
    """What bash makes of a line that a person typed into a script."""
    with tempfile.NamedTemporaryFile("w", suffix=".sh", encoding="utf-8") as script:
        script.write(command + "\n")
        script.flush()
        done = subprocess.run(
            ["/bin/bash", script.name], env=environment, cwd="/", capture_output=True, check=False, timeout=60
        )
    return done.returncode, done.stdout.replace(script.name.encode(), b"/bin/bash")


def launched(command: str, environment: dict[str, str]) -> tuple[int, bytes]:
    """What our launch file and the program that reads it make of the same line in a Procfile."""
    command = procfile.parse(f"web: {command}\n")["web"]
    described = launch_file.describe(command, Tree("r", "r", Path("/"), Path("/")), environment, ())
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "launch").write_text(described.text(), encoding="utf-8")
        argv = [sys.executable, "-IS", str(exec_shim.__file__)]
        done = subprocess.run(argv, env={"CREDENTIALS_DIRECTORY": folder}, capture_output=True, check=False, timeout=60)
    return done.returncode, done.stdout


@pytest.mark.slow
@settings(max_examples=50)
@given(BEFORE, PROGRAM, st.lists(WORD, max_size=3), AFTER, st.sampled_from(["v", "two words", "", "q'u\"o", "$(id)"]))
def test_a_procfile_line_does_what_bash_does(
    before: str, program: str, words: list[str], after: str, value: str
) -> None:
    command = f"{before}{program} {' '.join(words)}{after}"
    environment = {"PATH": "/usr/bin:/bin", "B": value, "LC_ALL": "C.UTF-8"}
    assert launched(command, environment) == by_hand(command, environment)


VALUE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200)


@pytest.mark.slow
@settings(max_examples=50)
@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{0,8}", fullmatch=True), VALUE, max_size=5))
def test_every_value_reaches_the_app_byte_for_byte(values: dict[str, str]) -> None:
    environment = {f"APP_{name}": value for name, value in values.items()}
    code, out = launched("exec /usr/bin/env -0", environment)
    seen = dict(item.split(b"=", 1) for item in out.split(b"\0") if item.startswith(b"APP_"))
    assert code == 0
    assert seen == {name.encode(): value.encode() for name, value in environment.items()}


@pytest.mark.parametrize("value", ["x" * 100_000, "é\n'\"\\$(id)" * 9_000])
def test_long_values_reach_the_app(value: str) -> None:
    assert checked({"LONG": value}) == (("LONG", value),)
    assert b"LONG=" + value.encode() in launched("exec /usr/bin/env -0", {"LONG": value})[1].split(b"\0")


def checked(values: dict[str, str], **more: str) -> tuple[tuple[str, str], ...]:
    """The variables of a specification that passes."""
    value = {"schema": SCHEMA, "app": "shop", "source": {"kind": "pushed"}, "secrets": values, **more}
    return load(DeploySpec, json.loads(json.dumps(value))).secrets


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (
            {"LONG": "x" * 131_000},
            "secrets.LONG: is [secret]; it must be of at most 131000 bytes with its name, which is Linux's limit",
        ),
        (
            {f"V{n}": "x" * 100_000 for n in range(4)},
            "secrets: is [secret]; it must be a map of at most 400000 bytes in total",
        ),
        ({"HALF": "\ud800"}, "secrets.HALF: is [secret]; it must be valid Unicode; it contains half a surrogate pair"),
    ],
)
def test_what_no_process_can_be_given_is_refused_before_anything_is_done(values: dict[str, str], reason: str) -> None:
    with pytest.raises(MessageError) as caught:
        checked(values)
    assert reason in str(caught.value)
    assert "xxx" not in str(caught.value)


def test_the_longest_values_of_a_specification_start_a_process() -> None:
    values = {"A": "x" * 130_990, "B": "x" * 130_990, "GUNICORN_CMD_ARGS": "x" * 100_000}
    environment = environments.web({**dict(checked(values)), "PATH": os.environ["PATH"]}, 20001, 3)
    assert launched("exec true", environment) == (0, b"")


def test_a_command_line_that_is_too_long_is_refused() -> None:
    with pytest.raises(
        MessageError, match=r"command: is .* must be a command line of at most 100000 bytes; put it into a script"
    ):
        checked({}, command="x" * 100_001)
