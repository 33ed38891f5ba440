"""What every run of the program costs, counted in modules and processes, as seconds depend on the computer."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.deployment import commit_files
from infra.deployment.repository import find
from infra.deployment.revision import resolve
from tests.unit.toolchain.clone import executable

ROOT = Path(__file__).parents[3]
IMPORTS = "\n".join(line for line in (ROOT / "__main__.py").read_text().splitlines() if line.startswith("from "))
SLOW = ("pulumi_command", "pulumi_aws", "boto3", "botocore", "asyncssh", "infra.agent", "infra.app_model.plan")
MOST_PROCESSES = 11
"""One each for: the folder in its repository, the commit, its folder, an ambiguous name, the tree with sizes, small files,
the work tree, its changes, the subject; then for the plan the whole tree and all files."""


def test_the_app_model_is_imported_only_beside_git_or_when_a_plan_is_made() -> None:
    code = f"{IMPORTS}\nimport sys\nprint('infra.app_model.plan' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_host_of_our_providers_imports_nothing_that_they_do_not_need() -> None:
    files = [file for file in (ROOT / "infra").rglob("*.py") if "(PlainProvider):" in file.read_text()]
    names = [".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files]
    assert len(names) > 10
    code = f"import sys, {', '.join(names)}; print(*[name for name in {SLOW!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


def test_a_commit_is_read_with_few_git_processes_however_many_files_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = tmp_path / "shop"
    (shop / "site").mkdir(parents=True)
    for number in range(30):
        (shop / f"site/module{number}.py").write_text(
            f"NUMBER = {number}\n" + "# a file that might be an LFS pointer\n" * 5
        )
    for words in (
        ("init", "-q", "-b", "main"),
        ("add", "."),
        ("-c", "user.name=Test", "-c", "user.email=test@example.org", "commit", "-q", "-m", "Begin"),
    ):
        subprocess.run(["git", "-C", shop, *words], check=True)
    executable(tmp_path / "bin/git", f'echo "$*" >>"{tmp_path}/asked"\nexec {shutil.which("git")} "$@"')
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:{os.environ['PATH']}")
    repository = find(str(shop / "site"), "")
    revision = resolve(repository, "HEAD")
    with commit_files.read_all(shop / "site", revision.sha, repository.directory, ()) as files:
        assert {len(files.text(name) or "") > 0 for name in files.names()} == {True}
    asked = (tmp_path / "asked").read_text().splitlines()
    assert len(asked) <= MOST_PROCESSES, "\n".join(asked)
