"""toolchain/salt-filter: an `up` leaves `git status` clean, and no secret loses its salt."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.unit.toolchain.clone import ROOT, Clone

FILTER = ROOT / "toolchain/salt-filter"
SETTINGS = "# Stack dev.\nconfig:\n  launchpad:machine: embedded\n"
SALT = "encryptionsalt: v1:ma/de=:v1:here+== # Pulumi's\n"
BLANK = "encryptionsalt:                      # Pulumi's\n"
SECRET = "  launchpad:secrets:\n    {}TOKEN{}:\n      {}secure{}: v1:abc\n"
STRANGER = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_AUTHOR_NAME": "A",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "A",
    "GIT_COMMITTER_EMAIL": "a@example.org",
}


class Repository:
    """The miniature clone as a git repository, after toolchain/setup."""

    def __init__(self, clone: Clone) -> None:
        self.clone = clone
        self.file = clone.root / "Pulumi.dev.yaml"
        self.file.write_text(SETTINGS + BLANK)
        shutil.copy(ROOT / ".gitattributes", clone.root)
        shutil.copy(ROOT / ".gitignore", clone.root)
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "All")
        assert clone.setup("keep_salt_out_of_git").returncode == 0

    def git(self, *words: str, cwd: Path | None = None) -> str:
        """What git prints; it must succeed and complain of nothing."""
        done = self.clone.run("git", *words, cwd=cwd, **STRANGER)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    @property
    def status(self) -> str:
        """What `git status` finds changed, from the top and from a folder."""
        found = self.git("status", "--porcelain", "--untracked-files=no")
        assert self.git("status", "--porcelain", "--untracked-files=no", cwd=self.clone.root / "toolchain/lib") == found
        return found

    def committed(self) -> str:
        """The settings file as a commit of everything has it."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "More")
        return self.git("show", "HEAD:Pulumi.dev.yaml")


@pytest.fixture
def repository(clone: Clone) -> Repository:
    return Repository(clone)


def test_a_salt_alone_is_no_change(repository: Repository) -> None:
    repository.file.write_text(SETTINGS + SALT)
    assert repository.status == ""
    assert repository.git("diff") == ""
    assert repository.committed() == SETTINGS + BLANK
    assert repository.file.read_text() == SETTINGS + SALT


def test_other_settings_are_committed_without_it(repository: Repository) -> None:
    changed = SETTINGS + "  launchpad:memory: 2G\n"
    repository.file.write_text(changed + SALT)
    assert repository.status == " M Pulumi.dev.yaml\n"
    assert repository.committed() == changed + BLANK
    assert repository.file.read_text() == changed + SALT


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_a_secret_is_committed_with_its_salt(repository: Repository, quote: str) -> None:
    secret = SETTINGS + SECRET.format(*[quote] * 4) + SALT
    repository.file.write_text(secret)
    assert repository.status == " M Pulumi.dev.yaml\n"
    assert repository.committed() == secret
    repository.file.unlink()
    repository.git("checkout", "--quiet", "--", "Pulumi.dev.yaml")
    assert repository.file.read_text() == secret


def test_a_secret_in_one_line_keeps_its_salt(repository: Repository) -> None:
    secret = SETTINGS + '  launchpad:deploy_key: {"secure": "v1:abc"}\n' + SALT
    repository.file.write_text(secret)
    assert repository.committed() == secret


def test_the_last_secret_takes_the_salt_along(repository: Repository) -> None:
    repository.file.write_text(SETTINGS + SECRET.format("", "", "", "") + SALT)
    repository.committed()
    repository.file.write_text(SETTINGS + SALT)
    assert repository.committed() == SETTINGS + BLANK
    assert repository.status == ""


@pytest.mark.parametrize("text", [SETTINGS.rstrip("\n"), SETTINGS + "\n\n", "", "config: {}", "encryptionsalt:"])
def test_everything_else_is_seen_byte_for_byte(repository: Repository, text: str) -> None:
    repository.file.write_text(text)
    assert repository.committed() == text


def test_the_committed_settings_leave_room_for_the_salt_that_pulumi_makes(tmp_path: Path) -> None:
    """The real Pulumi fills it in in place: no other line changes, and the file keeps its length."""
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    file = tmp_path / "Pulumi.dev.yaml"
    blank = subprocess.run([FILTER], input=file.read_text(), capture_output=True, text=True, check=True).stdout
    file.write_text(blank)
    (tmp_path / "state").mkdir()
    environment = {"PULUMI_BACKEND_URL": f"file://{tmp_path}/state", "PULUMI_CONFIG_PASSPHRASE": "x"}
    made = [str(ROOT / ".launchpad/bin/pulumi"), "stack", "init", "dev", "--non-interactive"]
    subprocess.run(made, cwd=tmp_path, env={**os.environ, **environment}, check=True, capture_output=True)
    salted = file.read_text()
    assert "encryptionsalt: v1:" in salted
    assert len(salted) == len(blank)
    assert subprocess.run([FILTER], input=salted, capture_output=True, text=True, check=True).stdout == blank


def test_a_salt_does_not_stand_in_the_way_of_another_branch(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "-b", "other")
    repository.file.write_text(SETTINGS + "  launchpad:memory: 2G\n" + BLANK)
    repository.committed()
    repository.git("checkout", "--quiet", "main")
    repository.file.write_text(SETTINGS + SALT)
    repository.git("checkout", "--quiet", "other")
    assert "memory: 2G" in repository.file.read_text()


def test_settings_of_another_stack_and_of_an_example_are_no_exception(repository: Repository) -> None:
    folder = repository.clone.root / "examples/consumer"
    folder.mkdir(parents=True)
    for file in (repository.clone.root / "Pulumi.ec2.yaml", folder / "Pulumi.consumer.yaml"):
        file.write_text(SETTINGS + SALT)
    repository.committed()
    assert repository.git("show", "HEAD:Pulumi.ec2.yaml") == SETTINGS + BLANK
    assert repository.git("show", "HEAD:examples/consumer/Pulumi.consumer.yaml") == SETTINGS + BLANK


def test_setup_says_it_once_and_only_in_this_clones_config(repository: Repository) -> None:
    config = repository.clone.root / ".git/config"
    before = config.read_text()
    assert before.count("toolchain/salt-filter") == 1
    assert repository.clone.setup("keep_salt_out_of_git").returncode == 0
    assert config.read_text() == before


def test_a_copy_without_git_is_no_mistake(clone: Clone) -> None:
    done = clone.setup("keep_salt_out_of_git; echo fine")
    assert (done.returncode, done.stdout, done.stderr) == (0, "fine\n", "")
    inside = subprocess.run(["git", "-C", clone.root, "rev-parse"], capture_output=True, check=False)
    assert inside.returncode != 0
