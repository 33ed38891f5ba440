"""The question before a destroy: what is told, by a stack that Pulumi and a machine describe."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import typer

from cli import data, destroy, process, remote
from cli.failure import Failure
from cli.project import Project
from cli.remote import Reach
from cli.stack import Stack
from infra.deployment.data_changes import DataTerms
from infra.protocol import codec
from infra.protocol.held_data import HeldData
from tests.unit.deployment.test_data_changes import EC2, SERVER

SHOP = HeldData("shop", 2, 10, 0, 0, complete=True)
EMPTY = HeldData("blog", 0, 0, 0, 0, complete=True)
UNKNOWN = "DATA: what there may be keeps the stack from being destroyed; how much that is, nobody knows: "
ABOUT = "DATA: shop: 2 files, 10 bytes in /srv/shop/data, of 1970-01-01"


def stack(
    folder: Path, patch: pytest.MonkeyPatch, terms: DataTerms | None, answer: str | None, settings: str = ""
) -> Stack:
    """A stack with these terms in its state, on a machine that prints the answer; None: it does not answer."""
    (folder / "Pulumi.prod.yaml").write_text(f"config:\n  launchpad:app: shop\n{settings}")
    guard = (
        {"type": "pulumi-python:dynamic/launchpad:DataGuard", "inputs": {**asdict(terms), "user": "root"}}
        if terms
        else {}
    )
    state = {"deployment": {"resources": [{"type": "pulumi:pulumi:Stack"}, *([guard] if guard else [])]}}
    exported = subprocess.CompletedProcess("", 0, json.dumps(state), "")
    patch.setattr(process, "ask", lambda _words, **_options: exported)
    patch.setattr(remote, "reach", lambda _stack: Reach(("ssh", "root@198.18.0.2"), ("shop",)))

    def run(words: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        assert words[:4] == ["ssh", "-o", "BatchMode=yes", "root@198.18.0.2"]
        assert words[4].startswith("launchpad-agent data --json")
        return subprocess.CompletedProcess(words, 255 if answer is None else 0, answer or "", "x\ntimed out\n")

    patch.setattr(subprocess, "run", run)
    return Stack(Project(folder), "prod")


def answer(*held: HeldData) -> str:
    return json.dumps({"apps": [codec.plain(each) for each in held]})


@pytest.mark.parametrize(
    ("terms", "settings", "said", "lines"),
    [
        (EC2, "", answer(SHOP, EMPTY), [f"{ABOUT}: keeps the stack from being destroyed"]),
        (replace(EC2, on_destroy="keep"), "  launchpad:on_destroy: keep\n", answer(SHOP), [f"{ABOUT}: stays"]),
        (EC2, "  launchpad:on_destroy: delete\n", answer(SHOP), [f"{ABOUT}: is DELETED"]),
        (replace(SERVER, apps={"shop": True}), "", answer(SHOP), [f"{ABOUT}: is DELETED"]),
        (EC2, "", answer(EMPTY), []),
        (EC2, "", None, [f"{UNKNOWN}timed out"]),
        (None, "", answer(SHOP), []),
    ],
)
def test_what_goes_and_what_stays(
    tmp_path: Path, terms: DataTerms | None, settings: str, said: str | None, lines: list[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        assert data.of_destroy(stack(tmp_path, patch, terms, said, settings)) == lines


def test_a_machine_that_nobody_can_reach_is_no_reason_not_to_ask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = stack(tmp_path, monkeypatch, EC2, answer(SHOP))

    def reach(_stack: Stack) -> Reach:
        raise Failure("stack prod is not up")

    monkeypatch.setattr(remote, "reach", reach)
    assert data.of_destroy(gone) == [f"{UNKNOWN}stack prod is not up"]


def test_who_has_a_terminal_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = stack(tmp_path, monkeypatch, EC2, answer(SHOP))
    assert destroy.confirmed(asked), "without a terminal nobody can be asked"
    asked.state.parent.mkdir(parents=True)
    asked.state.touch()
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    questions: list[str] = []

    def confirm(text: str, **_options: object) -> bool:
        questions.append(text)
        return False

    monkeypatch.setattr(typer, "confirm", confirm)
    assert not destroy.confirmed(asked)
    assert questions == ["Destroy stack prod?"]
    assert capsys.readouterr().err == (
        f"This destroys stack prod, with its machine.\n{ABOUT}: keeps the stack from being destroyed\n"
    )
