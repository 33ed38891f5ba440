"""Dumps at the workstation: whole or not there, for their owner alone; a load sends every byte, after a question."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import typer

from cli import database, remote
from cli.failure import Failure
from cli.remote import Login
from cli.stack import Stack

STACK = cast("Stack", SimpleNamespace(name="dev", command=lambda *words: f"launchpad {' '.join(words)}"))


def machine(monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Have a shell script in the place of ssh."""
    monkeypatch.setattr(remote, "login", lambda _stack, _app: Login(("sh", "-c", script, "deploy@shop"), "shop"))


def test_a_dump_is_there_whole_and_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, "printf PGDMPall")
    file = tmp_path / "shop.dump"
    database.dump(STACK, "", file)
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("PGDMPall", 0o600)
    assert list(tmp_path.iterdir()) == [file]


def test_a_dump_that_breaks_off_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, "printf PGDMPhalf; exit 3")
    with pytest.raises(Failure) as caught:
        database.dump(STACK, "", tmp_path / "shop.dump")
    assert (caught.value.status, list(tmp_path.iterdir())) == (3, [])


def test_a_dump_takes_no_place_of_something_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, "printf PGDMPall")
    (tmp_path / "shop.dump").write_text("mine")
    with pytest.raises(Failure, match=r"shop\.dump is there already\. Choose another name, or remove it"):
        database.dump(STACK, "", tmp_path / "shop.dump")
    with pytest.raises(Failure, match="gone is no folder"):
        database.dump(STACK, "", tmp_path / "gone/shop.dump")
    assert (tmp_path / "shop.dump").read_text() == "mine"


def test_a_load_sends_every_byte_and_their_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"PGDMP" + bytes(range(256)) * 1000
    (tmp_path / "shop.dump").write_bytes(content)
    machine(monkeypatch, f"cat >{tmp_path}/sent; echo $1 >{tmp_path}/line")
    database.load(STACK, "", tmp_path / "shop.dump", sure=True)
    assert (tmp_path / "sent").read_bytes() == content
    line = (tmp_path / "line").read_text()
    assert line.startswith("sudo launchpad-agent database --app shop load --who ")
    assert line.endswith(f" --size {len(content)}\n")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"-- SQL\n", r"is no dump in PostgreSQL's custom form: pg_dump --format=custom makes one"),
        (None, "cannot be read: No such file"),
        (b"PGDMP", "nothing was changed"),
    ],
)
def test_nothing_is_sent_without_a_dump_and_a_yes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, why: str
) -> None:
    machine(monkeypatch, f"touch {tmp_path}/sent")
    asked: list[str] = []

    def no(text: str, **_: object) -> bool:
        asked.append(text)
        return False

    monkeypatch.setattr(typer, "confirm", no)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    file = tmp_path / "shop.dump"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(Failure, match=why):
        database.load(STACK, "", file, sure=False)
    assert not (tmp_path / "sent").exists()
    question = f"Replace everything in the database of shop (stack dev) by {file}?"
    assert asked == ([question] if content == b"PGDMP" else [])


def test_a_load_that_the_machine_refuses_ends_with_its_status(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shop.dump").write_bytes(b"PGDMP")
    machine(monkeypatch, "exit 1")
    with pytest.raises(Failure) as caught:
        database.load(STACK, "", tmp_path / "shop.dump", sure=True)
    assert (caught.value.status, str(caught.value)) == (1, "")


def test_without_a_terminal_nobody_is_taken_at_a_word_that_was_not_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, f"touch {tmp_path}/sent")
    (tmp_path / "shop.dump").write_bytes(b"PGDMP")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False))
    with pytest.raises(Failure, match="nobody is here to confirm that data is overwritten; --yes does"):
        database.load(STACK, "", tmp_path / "shop.dump", sure=False)
    assert not (tmp_path / "sent").exists()


def test_files_are_looked_for_where_the_command_was_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAUNCHPAD_FOLDER", "/home/ana/dumps")
    assert database.typed(Path("shop.dump")) == Path("/home/ana/dumps/shop.dump")
    assert database.typed(Path("/mnt/shop.dump")) == Path("/mnt/shop.dump")


def test_who_interrupts_a_load_is_told_what_the_machine_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine(monkeypatch, "kill -INT $PPID; exit 255")
    (tmp_path / "shop.dump").write_bytes(b"PGDMP")
    with pytest.raises(Failure) as caught:
        database.load(STACK, "", tmp_path / "shop.dump", sure=True, keep=True)
    assert caught.value.status == 255
    assert capsys.readouterr().err == (
        "launchpad: interrupted: the machine ends what it has begun. The database is then the former one or the dump, "
        "as a whole: launchpad status\n"
    )
