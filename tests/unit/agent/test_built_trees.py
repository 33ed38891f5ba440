"""What the files of a release look like, without opening one or following a link."""

import os
from pathlib import Path

from infra.agent.build import built_trees


def test_each_change_shows_and_only_its_path(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("app.py", "folder/inner.py", "gone.py"):
        (tmp_path / name).write_text("text\n")
    before = built_trees.look(tmp_path)
    assert sorted(before) == ["app.py", "folder", "folder/inner.py", "gone.py"]
    assert built_trees.compared(before, built_trees.look(tmp_path)) == {}
    status = (tmp_path / "folder/inner.py").stat()
    (tmp_path / "folder/inner.py").write_text("TEXT\n")
    os.utime(tmp_path / "folder/inner.py", ns=(status.st_atime_ns, status.st_mtime_ns))
    (tmp_path / "gone.py").unlink()
    (tmp_path / "folder/more.py").touch()
    assert built_trees.compared(before, built_trees.look(tmp_path)) == {
        "folder/inner.py": "changed",
        "folder/more.py": "added",
        "gone.py": "gone",
    }


def test_neither_links_nor_pipes_nor_depth_lead_anywhere(tmp_path: Path) -> None:
    (tmp_path / "etc").symlink_to("/etc")
    os.mkfifo(tmp_path / "pipe")
    deep = tmp_path
    for _ in range(built_trees.DEEPEST + 20):
        deep = deep / "d"
        deep.mkdir()
    found = built_trees.look(tmp_path)
    assert {"etc", "pipe", "d"} <= set(found)
    assert not any(name.startswith("etc/") for name in found)
    assert max(name.count("/") for name in found) == built_trees.DEEPEST
