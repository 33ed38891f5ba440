"""What an app's files may lead to: anywhere in the commit, and nowhere else."""

from pathlib import Path

import pytest

from infra.agent.system.app_files import AppFiles
from infra.app_model.dependencies import choice, requirements
from infra.app_model.files import AppError
from infra.protocol.app_settings import Dependencies


def test_includes_lie_anywhere_in_the_commit_and_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / "commit/web").mkdir(parents=True)
    (tmp_path / "commit/base.txt").write_text("a==1\n")
    (tmp_path / "outside.txt").write_text("secret\n")
    (tmp_path / "commit/web/linked.txt").symlink_to("../base.txt")
    (tmp_path / "commit/web/bad.txt").symlink_to("../../outside.txt")
    web, top = tmp_path / "commit/web", tmp_path / "commit"
    files = AppFiles(web, top)
    (web / "requirements.txt").write_text("-r ../base.txt\n-r linked.txt\n")
    found = requirements.read(files, "requirements.txt")
    assert list(found.texts) == ["requirements.txt", "../base.txt", "linked.txt"]
    for line in ("-r bad.txt", "-r ../../outside.txt", "-r /etc/passwd"):
        (web / "requirements.txt").write_text(line)
        with pytest.raises(AppError, match="leads out of the repository"):
            requirements.read(files, "requirements.txt")
        assert "leads out of the repository" in choice.install(files, Dependencies()).refused
