"""The settings that a repository's own files say, without a question."""

import json
import subprocess
from pathlib import Path

import pytest

from cli import init_repository
from cli.failure import Failure
from cli.init_repository import app_name
from cli.project import Project
from cli.stack import Stack
from tests import gitserver

IDENTITY = ("-c", "user.name=Test", "-c", "user.email=test@example.org")
APP = 'import os\nfrom flask import Flask\napp = Flask(__name__)\napp.secret_key = os.environ["SECRET_KEY"]\n'
READS = APP + 'os.environ["DATABASE_URL"]\nos.getenv("MODE")\n'


def git(path: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", *IDENTITY, "-C", str(path), *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack without settings, in a clone that a person has typed the command in."""
    root = tmp_path / "clone"
    root.mkdir()
    (root / "Pulumi.yaml").write_text("name: launchpad\n")
    monkeypatch.chdir(root)
    monkeypatch.delenv("LAUNCHPAD_FOLDER", raising=False)
    return Stack(Project(root), "new")


def repository(path: Path, files: dict[str, str]) -> str:
    """A repository with one commit; returns the commit."""
    for name, text in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    git(path, "init", "-q", "-b", "main")
    git(path, "add", ".")
    git(path, "commit", "-q", "-m", "First")
    return git(path, "rev-parse", "HEAD")


def flask(folder: str = "", code: str = APP) -> dict[str, str]:
    return {f"{folder}app.py": code, f"{folder}requirements.txt": "flask\n"}


def test_the_decisions_are_shown_with_their_keys_and_what_is_not_known(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sha = repository(tmp_path / "My Shop", flask(code=READS))
    init_repository.init_repository(stack, "../My Shop", {})
    path = f"{tmp_path}/My Shop"
    assert stack.file.read_text() == (
        f"# Stack new.\nconfig:\n  launchpad:repository: {path}\n  launchpad:app: my-shop\n"
    )
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == [
        f"wrote Pulumi.new.yaml: repository={path}, app=my-shop",
        f'What Launchpad decides for commit {sha[:12]} "First":',
    ]
    assert any(
        line.startswith("  start command: gunicorn ") and line.endswith("; to decide otherwise: launchpad:command)")
        for line in lines
    )
    assert any(line.startswith("  generated secret: SECRET_KEY (app.py reads it") for line in lines)
    assert lines[-4:] == [
        "What it could not know:",
        "  DATABASE_URL: app.py line 5 reads it, and nobody sets it (the app fails without it): "
        "pulumi config set --stack new launchpad:database postgres has the machine run one, or "
        "pulumi config set --secret --path --stack new launchpad:secrets.DATABASE_URL VALUE",
        "  MODE: app.py line 6 reads it, and nobody sets it (the app may do without it): "
        "pulumi config set --path --stack new launchpad:env.MODE VALUE",
        "Next: launchpad doctor -s new, then launchpad up -s new",
    ]


def test_what_the_machine_can_run_is_proposed(stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository(tmp_path / "shop", flask(code=f"{APP}import os\nos.environ['REDIS_URL']\n"))
    init_repository.init_repository(stack, "../shop", {})
    assert capsys.readouterr().err.splitlines()[-2] == (
        "  REDIS_URL: app.py line 6 reads it, and nobody sets it (the app fails without it): "
        "pulumi config set --stack new launchpad:cache redis has the machine run one, or "
        "pulumi config set --secret --path --stack new launchpad:secrets.REDIS_URL VALUE"
    )


def test_what_a_server_needs_besides_is_told_at_the_end(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository(tmp_path / "shop", flask())
    given = {"machine": "server", "server.host": "203.0.113.7", "server.jump_host": "bastion.example.org"}
    init_repository.init_repository(stack, "../shop", given)
    *_, first, second, last = capsys.readouterr().err.splitlines()
    assert first.startswith("Still to do: launchpad:server.host_key is empty; ")
    assert second.startswith("Still to do: launchpad:server.jump_host_key is empty; ")
    assert (first.endswith(": launchpad trust 203.0.113.7"), last.startswith("Next: ")) == (True, True)


def test_an_app_that_cannot_be_deployed_is_not_to_be_brought_up_next(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository(tmp_path / "shop", {"app.py": APP})
    init_repository.init_repository(stack, "../shop", {})
    lines = capsys.readouterr().err.splitlines()
    assert lines[-3:] == [
        "What it could not know:",
        "  The app does not say what it depends on: it needs a requirements.txt, a pyproject.toml, a lock of uv, Poetry, PDM or "
        "Pipenv, or a setup.py; it has none of them, and app.py imports flask.",
        "Next: mend that (commit what you change), then launchpad preview -s new",
    ]


def test_many_variables_that_the_app_may_do_without_stand_in_one_line(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = APP + "import os\nos.environ['A']\n" + "".join(f"os.getenv('{name}')\n" for name in "FEDCGB")
    repository(tmp_path / "shop", flask(code=code))
    init_repository.init_repository(stack, "../shop", {})
    assert capsys.readouterr().err.splitlines()[-5:-1] == [
        "What it could not know:",
        "  A: app.py line 6 reads it, and nobody sets it (the app fails without it): "
        "pulumi config set --path --stack new launchpad:env.A VALUE",
        "  nobody sets these, and the app may do without them: B, C, D, E, F, G",
        "  To set one: pulumi config set --path --stack new launchpad:env.NAME VALUE; "
        "a secret: pulumi config set --secret --path --stack new launchpad:secrets.NAME VALUE",
    ]


def test_what_the_stack_sets_is_known_even_if_only_pulumi_can_decrypt_it(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository(tmp_path / "shop", flask(code=READS))
    stack.file.write_text(
        "config:\n  launchpad:env:\n    MODE: test\n  launchpad:secrets:\n    DATABASE_URL:\n      secure: v1:x\n"
        "    SECRET_KEY:\n      secure: v1:x\n  launchpad:deploy_key:\n    secure: v1:x\n"
    )
    init_repository.init_repository(stack, "../shop", {})
    said = capsys.readouterr().err
    assert "What it could not know" not in said
    assert "generated secret" not in said
    assert "secure: v1:x" in stack.file.read_text()


def test_what_the_procfile_says_is_shown_too(stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    repository(tmp_path / "shop", {**flask(), "Procfile": "web: gunicorn app:app\nworker: python app.py\n"})
    init_repository.init_repository(stack, "../shop", {})
    lines = capsys.readouterr().err.splitlines()
    assert "  web: gunicorn app:app (as it is written)" in lines
    assert "  worker: python app.py (as it is written)" in lines


def test_an_app_in_the_only_folder_that_has_one(stack: Stack, tmp_path: Path) -> None:
    repository(tmp_path / "shop", {"README.md": "", **flask("backend/")})
    init_repository.init_repository(stack, "../shop", {"embedded.memory": "2G"})
    assert stack.file.read_text() == (
        f"# Stack new.\nconfig:\n  launchpad:repository: {tmp_path}/shop\n  launchpad:embedded.memory: 2G\n"
        "  launchpad:app: shop\n  launchpad:directory: backend\n"
    )
    before = stack.file.read_text()
    init_repository.init_repository(stack, "../shop", {})
    assert stack.file.read_text() == before


def test_of_several_apps_one_has_to_be_chosen(stack: Stack, tmp_path: Path) -> None:
    repository(tmp_path / "shop", {**flask("one/"), **flask("two/")})
    with pytest.raises(Failure) as caught:
        init_repository.init_repository(stack, "../shop", {})
    assert str(caught.value) == (
        "nothing was written, because several folders of the repository have an app. Choose one: "
        "--set directory=one or --set directory=two"
    )
    assert not stack.file.exists()
    init_repository.init_repository(stack, "../shop", {"directory": "two"})
    assert "launchpad:directory: two\n" in stack.file.read_text()


def test_a_folders_name_does_nothing_to_whoever_copies_it(stack: Stack, tmp_path: Path) -> None:
    repository(tmp_path / "shop", {**flask("one/"), **flask("$(reboot)\x1b[2J/")})
    with pytest.raises(Failure) as caught:
        init_repository.init_repository(stack, "../shop", {})
    assert str(caught.value).endswith("Choose one: --set 'directory=$(reboot)\ufffd[2J' or --set directory=one")


def test_a_folder_inside_a_work_tree_is_the_apps_root(stack: Stack, tmp_path: Path) -> None:
    repository(tmp_path / "shop", {**flask("one/"), **flask("two/inner/")})
    init_repository.init_repository(stack, "../shop/two", {})
    assert f"launchpad:repository: {tmp_path}/shop/two\n" in stack.file.read_text()
    assert "launchpad:directory: inner\n" in stack.file.read_text()


def test_an_app_that_nothing_starts_is_written_with_the_key_that_would(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository(tmp_path / "shop", {"requirements.txt": "requests\n", "library.py": "x = 1\n"})
    init_repository.init_repository(stack, "../shop", {})
    said = capsys.readouterr().err
    assert "What it could not know:\n  " in said
    assert "pulumi config set --stack new launchpad:command 'gunicorn --bind $HOST:$PORT package:app'" in said
    assert stack.file.exists()


def test_other_values_are_replaced_by_force_alone(stack: Stack, tmp_path: Path) -> None:
    repository(tmp_path / "shop", flask())
    stack.file.write_text("# mine\nconfig:\n  launchpad:repository: ./app\n  launchpad:app: other\n")
    with pytest.raises(Failure) as caught:
        init_repository.init_repository(stack, "../shop", {"app": "shop"})
    assert str(caught.value) == (
        "nothing was written, because Pulumi.new.yaml says otherwise:\n"
        f"  - launchpad:repository is './app', not '{tmp_path}/shop'\n"
        "  - launchpad:app is 'other', not 'shop'\n"
        "To replace that: --force. For a stack of its own: --stack NAME"
    )
    init_repository.init_repository(stack, "../shop", {"app": "shop"}, force=True)
    assert (
        stack.file.read_text() == f"# mine\nconfig:\n  launchpad:repository: {tmp_path}/shop\n  launchpad:app: shop\n"
    )


@pytest.mark.parametrize(
    ("typed", "given", "why"),
    [
        ("../nowhere", {}, "nothing was written: launchpad:repository is .*/nowhere', but .* does not exist"),
        ("..", {}, "nothing was written: .* is not in a git repository"),
        ("http://127.0.0.1:9/x.git", {}, "nothing was written: .* which cannot be read: .*127.0.0.1"),
        ("../shop", {"revision": "mian"}, "nothing was written: launchpad:revision is 'mian', which .* does not have"),
        ("../shop", {"embedded.memory": "lots"}, "nothing was written, because .*\n.*launchpad:embedded.memory is"),
        ("../shop", {"colour": "red"}, "nothing was written, because .*\n.*colour"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_written(
    stack: Stack, tmp_path: Path, typed: str, given: dict[str, str], why: str
) -> None:
    repository(tmp_path / "shop", flask())
    with pytest.raises(Failure, match=why) as caught:
        init_repository.init_repository(stack, typed, given)
    assert caught.value.status == 1
    assert not stack.file.exists()


def test_a_repository_on_a_server_is_read_without_a_clone(
    stack: Stack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    repository(tmp_path / "work", {"README.md": "", **flask("backend/")})
    git(tmp_path, "clone", "-q", "--bare", str(tmp_path / "work"), str(tmp_path / "served/shop.git"))
    with gitserver.serving(str(tmp_path / "served")) as server:
        url = f"http://127.0.0.1:{server.server_port}/shop.git"
        init_repository.init_repository(stack, url, {}, as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert said["config"] == {"repository": url, "app": "shop", "directory": "backend"}
    assert (said["framework"], said["unknown"], said["unset"]) == ("Flask", "", [])
    assert {"subject", "value", "reason", "key"} == said["decisions"][0].keys()


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("https://example.org/you/Shop_2.git", "shop-2"),
        ("git@example.org:you/shop", "shop"),
        ("git@example.org:shop.git/", "shop"),
        ("/src/shop/", "shop"),
        ("/src/2048", ""),
        ("/src/root", ""),
        ("/src/a-very-long-name-of-a-shop-indeed", ""),
    ],
)
def test_the_name_of_an_app_by_its_repository(typed: str, name: str) -> None:
    assert app_name(typed) == name
