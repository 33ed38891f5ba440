"""The folder of the app: the top, or the only one below it that has an app."""

import pytest

from infra.app_model import app_folder, plan
from infra.app_model.files import AppError, MemoryFiles
from infra.protocol.specs import DeploySpec, Source

FLASK = "from flask import Flask\napp = Flask(__name__)\n"


def flask(folder: str) -> dict[str, str]:
    return {f"{folder}app.py": FLASK, f"{folder}requirements.txt": "flask\n"}


@pytest.mark.parametrize(
    ("texts", "directory", "others"),
    [
        (flask(""), "", ()),
        ({**flask(""), **flask("backend/")}, "", ()),
        ({"README.md": "", **flask("backend/")}, "backend", ()),
        ({"package.json": "", **flask("services/shop/")}, "services/shop", ()),
        ({**flask("backend/"), **flask("backend/inner/")}, "backend", ()),
        ({**flask("backend/"), "frontend/requirements.txt": "x\n", **flask("docs/"), **flask(".git/")}, "backend", ()),
        ({**flask("one/"), **flask("two/")}, "", ("one", "two")),
        ({**flask("a/b/c/")}, "", ()),
        ({"README.md": ""}, "", ()),
        # At the top there are the dependencies, below it the code: the top is the app's folder.
        ({"requirements.txt": "flask\n", "backend/app.py": FLASK}, "", ()),
    ],
)
def test_the_folder_of_the_app(texts: dict[str, str], directory: str, others: tuple[str, ...]) -> None:
    found = app_folder.find(lambda folder: MemoryFiles(texts, folder), DeploySpec("shop", Source("pushed")))
    top = "requirements.txt" in texts
    assert (found.directory, found.others) == (directory, others)
    assert bool(found.why_not) == (not directory and not top)
    if directory or top:
        assert found.plan is not None
        assert found.plan.framework == "Flask"


def locked(*needed: str, virtual: bool = False) -> dict[str, str]:
    """A workspace with a lock, whose root needs some of its members."""
    project = "" if virtual else f'[project]\nname = "shop"\nversion = "1"\ndependencies = {list(needed)}\n'
    needs = "".join(f'{{ name = "{name}" }},' for name in needed)
    root = "" if virtual else f'[[package]]\nname = "shop"\nsource = {{ virtual = "." }}\ndependencies = [{needs}]\n'
    packages = "".join(
        f'[[package]]\nname = "{name}"\nsource = {{ virtual = "packages/{name}" }}\n' for name in ("core", "web")
    )
    return {
        "pyproject.toml": f'{project}[tool.uv.workspace]\nmembers = ["packages/*"]\n',
        "uv.lock": root + packages,
        "packages/core/pyproject.toml": '[project]\nname = "core"\nversion = "1"\n',
        "packages/web/pyproject.toml": '[project]\nname = "web"\nversion = "1"\ndependencies = ["flask"]\n',
        "packages/web/main.py": FLASK,
    }


def found_in(texts: dict[str, str]) -> app_folder.Found:
    return app_folder.find(lambda folder: MemoryFiles(texts, folder), DeploySpec("shop", Source("pushed")))


def refused(texts: dict[str, str]) -> str:
    """Why the top cannot be deployed."""
    try:
        return plan.plan(MemoryFiles(texts), DeploySpec("shop", Source("pushed"))).install.refused
    except AppError as error:
        return str(error)


UNLOCKED = {path: text for path, text in locked().items() if path != "uv.lock"}


@pytest.mark.parametrize("texts", [locked(), UNLOCKED], ids=["with a lock", "without one"])
def test_the_member_of_a_workspace_that_is_the_web_app_is_found(texts: dict[str, str]) -> None:
    assert (found_in(texts).directory, found_in(texts).why_not) == ("packages/web", "")
    assert refused(texts) == (
        "the app begins with packages/web/main.py, which is in packages/web, a member of this workspace of uv, and what "
        "the workspace's own pyproject.toml needs does not include it.\n"
        "Set launchpad:directory to packages/web, or to the member that is the app: packages/core."
    )


def test_a_workspace_with_several_web_apps_lets_a_person_choose() -> None:
    found = found_in({**locked(), "packages/core/app.py": FLASK})
    assert (found.directory, found.others) == ("", ("packages/core", "packages/web"))


@pytest.mark.parametrize(
    "texts",
    [locked("web"), locked(virtual=True), {**locked(), "app.py": FLASK}],
    ids=["the root needs the member", "uv installs every member", "the app is at the top"],
)
def test_the_root_of_a_workspace_is_the_apps_folder_where_it_can_run(texts: dict[str, str]) -> None:
    assert (found_in(texts).directory, found_in(texts).why_not) == ("", "")


def test_a_workspace_without_a_web_app_names_its_members() -> None:
    texts = {path: text for path, text in locked().items() if not path.endswith(".py")}
    texts["pyproject.toml"] += 'exclude = ["packages/old*"]\n'
    texts["packages/older/pyproject.toml"] = '[project]\nname = "older"\n'
    choice = (
        "Set launchpad:directory to the member of this workspace of uv that is the app: packages/core, packages/web."
    )
    assert refused(texts).endswith(f"\n{choice}")
    assert refused({**texts, "packages/core/pyproject.toml": "["}).endswith("or set launchpad:command.")


def test_a_member_that_is_no_toml_is_named() -> None:
    said = refused({**locked(), "packages/core/pyproject.toml": "["})
    assert said.startswith("packages/core/pyproject.toml is not TOML: ")
