"""Writes that are killed leave nothing behind."""

import os
import time
from pathlib import Path

from infra.agent.system import files


def test_writes_that_were_killed_leave_no_secrets(tmp_path: Path) -> None:
    names = [".blue.json.abcd1234", ".blue.json.young123", ".hidden", "blue.json"]
    for name in names:
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0 if name != names[1] else time.time()))
    files.sweep(tmp_path)
    files.sweep(tmp_path / "nowhere")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:])
