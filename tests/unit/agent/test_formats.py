"""What a newer Launchpad has prepared an older one leaves alone."""

import argparse
import json
import os
from pathlib import Path

import pytest

from infra.agent import cli
from infra.agent.system import copies, formats
from infra.agent.system.failure import Failure


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of a machine."""
    monkeypatch.setattr(formats, "FILE", tmp_path / "format.json")
    return formats.FILE


@pytest.mark.parametrize(
    "text", [None, "", "{}", '{"format": "9"}', '{"format": 0}', f'{{"format": {formats.FORMAT}}}']
)
def test_a_machine_of_this_or_an_earlier_version_is_taken(file: Path, text: str | None) -> None:
    if text is not None:
        file.write_text(text)
    formats.check()
    formats.record()
    assert json.loads(file.read_text()) == {"format": formats.FORMAT}


def test_a_newer_one_is_refused_and_its_record_stays(file: Path) -> None:
    file.write_text('{"format": 99}')
    with pytest.raises(Failure, match=r"its format is 99, this version knows \d+\).* Nothing was changed\. Update"):
        formats.check()
    formats.record()
    assert file.read_text() == '{"format": 99}'


def test_only_what_reads_is_allowed_then(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text('{"format": 99}')
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(copies, "hold", lambda _: None)
    (commands,) = [action.choices for action in cli.parser()._actions if isinstance(action.choices, dict)]
    allowed = []
    for verb in commands:
        status = cli._run(argparse.Namespace(verb=verb, run=lambda _: None))
        refused = "error: A newer Launchpad has prepared this machine" in capsys.readouterr().err
        assert (status == 1) is refused, verb
        allowed += [] if refused else [verb]
    assert len(commands) > 12
    assert sorted(allowed) == ["data", "env", "logs", "metrics", "releases", "status", "verify"]
