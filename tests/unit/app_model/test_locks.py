"""What is installed from the locks of Poetry, Pipenv, PDM and the standards: exactly what is locked, and nothing stale."""

import hashlib
import json

import pytest

from infra.app_model.dependencies import choice, pdm, pipenv, poetry, tables
from infra.app_model.dependencies.install import Install
from infra.app_model.files import MemoryFiles
from infra.protocol.app_settings import Dependencies

HASHED = (
    '"$UV" pip install --python "$VENV/bin/python" --no-deps --require-hashes --index-strategy unsafe-best-match '
    '--requirements "$MADE/requirements.txt"'
)
UNHASHED = '"$UV" pip install --python "$VENV/bin/python" --no-deps --requirements "$MADE/requirements.txt"'
ITSELF = '"$UV" pip install --python "$VENV/bin/python" --no-deps .'
VENV = '"$UV" venv --quiet --python "$PYTHON" "$VENV"'


def plan(files: dict[str, str], directory: str = "", **wanted: tuple[str, ...]) -> Install:
    return choice.install(MemoryFiles(files, directory), Dependencies(**wanted))


POETRY = """\
[tool.poetry]
package-mode = false
name = "shop"
[tool.poetry.dependencies]
python = "^3.11"
Flask = "^3.0"
signing = {version = "*", optional = true}
[tool.poetry.extras]
sign = ["signing"]
[tool.poetry.group.prod.dependencies]
server = "*"
[tool.poetry.group.dev.dependencies]
tests = "*"
[build-system]
requires = ["poetry-core"]
build-backend = "poetry.core.masonry.api"
"""


def locked_by_poetry(packages: str, project: str = POETRY, version: str = "2.1") -> str:
    digest = min(poetry.content_hashes(tables.toml("pyproject.toml", project)))
    return f'{packages}\n[metadata]\nlock-version = "{version}"\ncontent-hash = "{digest}"\n'


NEW = locked_by_poetry("""\
[[package]]
name = "Flask"
version = "3.1.3"
groups = ["main", "dev"]
files = [{file = "b", hash = "sha256:bb"}, {file = "a", hash = "sha256:aa"}]
[[package]]
name = "signing"
version = "2"
optional = true
groups = ["main"]
markers = 'extra == "sign" and python_version < "3.14"'
files = [{file = "c", hash = "sha256:cc"}]
[[package]]
name = "server"
version = "1"
groups = ["prod"]
files = [{file = "d", hash = "sha256:dd"}]
[[package]]
name = "tests"
version = "1"
groups = ["dev"]
files = [{file = "e", hash = "sha256:ee"}]
[[package]]
name = "only-windows"
version = "1"
groups = ["main"]
markers = "sys_platform == 'win32'"
files = [{file = "f", hash = "sha256:ff"}]
""")


def test_a_lock_of_poetry_2() -> None:
    found = plan({"pyproject.toml": POETRY, "poetry.lock": NEW})
    assert found.refused == ""
    assert found.commands == (VENV, HASHED)
    assert found.files == {
        "requirements.txt": "flask==3.1.3 --hash=sha256:aa --hash=sha256:bb\nserver==1 --hash=sha256:dd\n"
    }
    assert (found.kind, found.packages) == ("poetry.lock", {"flask": "3.1.3", "server": "1"})
    assert (found.requires_python, found.unproven) == (">=3.11,<4", "")


def test_extras_and_groups_by_key() -> None:
    found = plan({"pyproject.toml": POETRY, "poetry.lock": NEW}, extras=("Sign",), groups=("dev",))
    assert found.files["requirements.txt"].splitlines() == [
        "flask==3.1.3 --hash=sha256:aa --hash=sha256:bb",
        'signing==2 ; python_version < "3.14" --hash=sha256:cc',
        "tests==1 --hash=sha256:ee",
    ]
    has = {"groups": "dev, prod", "extras": "sign"}
    for key, names in has.items():
        what = key.removesuffix("s")
        refused = f"launchpad:{key} has gone, but pyproject.toml has no {what} of that name; it has {names}"
        assert plan({"pyproject.toml": POETRY, "poetry.lock": NEW}, "", **{key: ("gone",)}).refused == refused


OLD = """\
[[package]]
name = "flask"
version = "3.1.3"
[package.dependencies]
click = ">=8"
odd = {version = "*", markers = "python_version < '3.12'"}
asgi = {version = "*", optional = true, markers = "extra == \\"async\\""}
[package.extras]
async = ["asgi (>=3)"]
[[package]]
name = "asgi"
version = "3"
[[package]]
name = "click"
version = "8.1"
[package.dependencies]
colour = {version = "*", markers = "platform_system == \\"Windows\\""}
[[package]]
name = "colour"
version = "1"
[[package]]
name = "odd"
version = "1"
[package.dependencies]
deep = "*"
[[package]]
name = "deep"
version = "1"
[[package]]
name = "num"
version = "1.24.4"
[[package]]
name = "num"
version = "1.26.4"
[[package]]
name = "tests"
version = "1"
"""
OLD_PROJECT = """\
[tool.poetry]
name = "shop"
package-mode = false
[tool.poetry.dependencies]
python = "^3.9"
flask = {version = "^3", extras = ["async"]}
num = [{version = "~1.24", python = "<3.12"}, {version = "^1.26", python = ">=3.12"}]
[tool.poetry.dev-dependencies]
tests = "*"
"""


@pytest.mark.parametrize("version", ["1.1", "2.0"])
def test_a_lock_of_poetry_1_says_itself_what_is_needed(version: str) -> None:
    found = plan({"pyproject.toml": OLD_PROJECT, "poetry.lock": locked_by_poetry(OLD, OLD_PROJECT, version)})
    assert found.refused == ""
    assert found.files["requirements.txt"].splitlines() == [
        "asgi==3",
        "click==8.1",
        "deep==1 ; python_version < '3.12'",
        "flask==3.1.3",
        "num==1.24.4 ; python_version < '3.12'",
        "num==1.26.4 ; python_version >= '3.12'",
        "odd==1 ; python_version < '3.12'",
    ]
    assert found.packages["num"] == "1.24.4, 1.26.4"
    assert found.commands == (VENV, UNHASHED)


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (
            'type = "git"\nurl = "https://h/x.git"\nreference = "main"\nresolved_reference = "ab12"',
            "git+https://h/x.git@ab12",
        ),
        (
            'type = "git"\nurl = "git@h:o/x.git"\nresolved_reference = "ab"\nsubdirectory = "s"',
            "git+ssh://git@h/o/x.git@ab#subdirectory=s",
        ),
        ('type = "directory"\nurl = "libs/x"', "./libs/x"),
        ('type = "url"\nurl = "https://h/x.whl"', "https://h/x.whl"),
    ],
)
def test_what_comes_from_no_registry(source: str, line: str) -> None:
    lock = f'[[package]]\nname = "x"\nversion = "1"\ngroups = ["main"]\n[package.source]\n{source}\n'
    found = plan({"pyproject.toml": POETRY, "poetry.lock": locked_by_poetry(lock)})
    assert found.files["requirements.txt"] == f"x @ {line}\n"
    assert (found.commands[1], found.unproven) == (UNHASHED, "poetry.lock has x, which comes from no registry")


def test_a_private_registry_is_asked_by_its_name() -> None:
    lock = '[[package]]\nname = "x"\nversion = "1"\ngroups = ["main"]\n[package.source]\ntype = "legacy"\nurl = "https://h/simple"\nreference = "own"\n'
    assert plan({"pyproject.toml": POETRY, "poetry.lock": locked_by_poetry(lock)}).sources == (
        ("own", "https://h/simple"),
    )


@pytest.mark.parametrize(
    ("change", "files", "itself"),
    [
        ("", {"shop/__init__.py": ""}, False),
        ("package-mode = false\n", {"shop/__init__.py": ""}, True),
        ("package-mode = false\n", {"src/shop/__init__.py": ""}, True),
        ("package-mode = false\n", {"shop.py": ""}, True),
        ("package-mode = false\n", {"app.py": ""}, False),
    ],
)
def test_a_project_of_poetry_is_installed_if_it_is_a_package(change: str, files: dict[str, str], itself: bool) -> None:
    project = POETRY.replace(change, "") if change else POETRY
    found = plan({"pyproject.toml": project, "poetry.lock": NEW, **files})
    assert (found.commands[-1] == ITSELF) is itself


def test_a_project_of_poetry_without_a_lock() -> None:
    project = (
        POETRY
        + '[tool.poetry.group.production.dependencies]\nx = {git = "https://h/x.git", tag = "v1", extras = ["a"]}\n'
    )
    found = plan({"pyproject.toml": project}, extras=("sign",))
    assert found.files["requirements.txt"] == "Flask>=3.0,<4\nsigning\nserver\nx[a] @ git+https://h/x.git@v1\n"
    assert found.unproven == "pyproject.toml has no lock"


PIPFILE = """\
[[source]]
name = "own"
url = "https://${TOKEN}@h/simple"
[packages]
flask = "~=3.0"
[requires]
python_version = "3.13"
"""
DEFAULT = {
    "Flask": {"version": "==3.1.3", "hashes": ["sha256:bb", "sha256:aa"], "markers": "python_version >= '3.9'"},
    "colorama": {"version": "*", "markers": "sys_platform == 'win32'"},
}


def locked_by_pipenv(default: dict[str, object], **more: object) -> str:
    digest = pipenv.content_hash(tables.toml("Pipfile", PIPFILE))
    about = {"hash": {"sha256": digest}, "pipfile-spec": 6, "requires": {"python_version": "3.13"}}
    sources = [{"name": "own", "url": "https://${TOKEN}@h/simple"}]
    return json.dumps({"_meta": {**about, "sources": sources}, "default": default, "develop": {}, **more})


def test_a_lock_of_pipenv() -> None:
    found = plan({"Pipfile": PIPFILE, "Pipfile.lock": locked_by_pipenv(dict(DEFAULT))})
    assert found.refused == ""
    assert (
        found.files["requirements.txt"] == "flask==3.1.3 ; python_version >= '3.9' --hash=sha256:aa --hash=sha256:bb\n"
    )
    assert (found.commands, found.requires_python) == ((VENV, HASHED), "==3.13.*")
    assert found.sources == (("own", "https://${TOKEN}@h/simple"),)


def test_groups_and_links_of_pipenv() -> None:
    default: dict[str, object] = {
        "x": {"git": "https://h/x.git", "ref": "ab12", "editable": True},
        "own": {"path": ".", "editable": True},
    }
    found = plan({"Pipfile.lock": locked_by_pipenv(default, prod={"server": {"version": "==1"}})})
    assert found.files["requirements.txt"] == "./.\nserver==1\nx @ git+https://h/x.git@ab12\n"


def test_the_hash_of_a_pipfile_is_pipenvs_own() -> None:
    text = '[packages]\ngunicorn = "*"\n'
    plain = (
        '{"_meta":{"requires":{},"sources":[{"name":"pypi","url":"https://pypi.org/simple","verify_ssl":true}]},'
        '"default":{"gunicorn":"*"},"develop":{}}'
    )
    assert pipenv.content_hash(tables.toml("Pipfile", text)) == hashlib.sha256(plain.encode()).hexdigest()


PDM = """\
[project]
name = "shop"
requires-python = ">=3.11"
dependencies = ["flask[async]>=3"]
[dependency-groups]
prod = ["server"]
dev = ["tests"]
[tool.pdm]
distribution = false
"""


def locked_by_pdm(packages: str, strategy: str = "inherit_metadata", version: str = "4.5.1") -> str:
    digest = min(pdm.content_hashes(tables.toml("pyproject.toml", PDM)))
    return f'[metadata]\nstrategy = ["{strategy}"]\nlock_version = "{version}"\ncontent_hash = "{digest}"\n{packages}'


PDM_PACKAGES = """\
[[package]]
name = "flask"
version = "3.1.3"
groups = ["default"]
dependencies = ["click>=8", "odd; python_version < '3.12'"]
files = [{file = "a", hash = "sha256:aa"}]
[[package]]
name = "flask"
version = "3.1.3"
extras = ["async"]
groups = ["default"]
dependencies = ["asgi>=3", "flask==3.1.3"]
files = [{file = "a", hash = "sha256:aa"}]
[[package]]
name = "asgi"
version = "3"
groups = ["default"]
files = [{file = "b", hash = "sha256:bb"}]
[[package]]
name = "click"
version = "8"
groups = ["default", "dev"]
files = [{file = "c", hash = "sha256:cc"}]
[[package]]
name = "odd"
version = "1"
groups = ["default"]
marker = "python_version < '3.12'"
files = [{file = "d", hash = "sha256:dd"}]
[[package]]
name = "server"
version = "1"
groups = ["prod"]
files = [{file = "e", hash = "sha256:ee"}]
[[package]]
name = "tests"
version = "1"
groups = ["dev"]
files = [{file = "f", hash = "sha256:ff"}]
"""


@pytest.mark.parametrize("strategy", ["inherit_metadata", "cross_platform"])
def test_a_lock_of_pdm(strategy: str) -> None:
    found = plan({"pyproject.toml": PDM, "pdm.lock": locked_by_pdm(PDM_PACKAGES, strategy)})
    assert found.refused == ""
    assert found.files["requirements.txt"].splitlines() == [
        "asgi==3 --hash=sha256:bb",
        "click==8 --hash=sha256:cc",
        "flask==3.1.3 --hash=sha256:aa",
        "odd==1 ; python_version < '3.12' --hash=sha256:dd",
        "server==1 --hash=sha256:ee",
    ]
    assert (found.commands, found.requires_python) == ((VENV, HASHED), ">=3.11")


PYLOCK = """\
lock-version = "1.0"
requires-python = ">=3.11"
extras = ["sign"]
dependency-groups = ["prod", "dev"]
[[packages]]
name = "flask"
version = "3.1.3"
"""


def test_a_lock_of_the_standards() -> None:
    found = plan({"pylock.toml": PYLOCK}, extras=("sign",))
    sync = 'UV_PREVIEW_FEATURES=pylock "$UV" pip sync --python "$VENV/bin/python" --allow-empty-requirements --extra sign --group prod pylock.toml'
    assert (found.commands, found.packages, found.unproven) == ((VENV, sync), {"flask": "3.1.3"}, "")
    linked = PYLOCK + '[[packages]]\nname = "x"\nversion = "1"\n[packages.vcs]\ntype = "git"\n'
    assert plan({"pylock.toml": linked}).unproven == "pylock.toml has x, which comes from no registry"


@pytest.mark.parametrize(
    ("files", "refused"),
    [
        (
            {"pyproject.toml": POETRY + "[tool.poetry.group.more.dependencies]\nx = '*'\n", "poetry.lock": NEW},
            poetry.STALE,
        ),
        ({"Pipfile": PIPFILE + "[dev-packages]\nx = '*'\n", "Pipfile.lock": locked_by_pipenv({})}, pipenv.STALE),
        ({"pyproject.toml": PDM.replace(">=3.11", ">=3.12"), "pdm.lock": locked_by_pdm("")}, pdm.STALE),
    ],
)
def test_a_stale_lock_is_refused(files: dict[str, str], refused: str) -> None:
    assert plan(files).refused == refused
    hint = "; or, if requirements.txt is right, set launchpad:requirements to it"
    assert plan({**files, "requirements.txt": "flask\n"}).refused == refused + hint
    assert plan({**files, "requirements.txt": "flask\n"}, requirements=("requirements.txt",)).kind == "requirements.txt"


def test_a_lock_of_an_unknown_format_is_not_compared() -> None:
    project = POETRY.replace("^3.0", "^2.0")
    found = plan({"pyproject.toml": project, "poetry.lock": NEW.replace('"2.1"', '"3.0"')})
    note = "poetry.lock has the format 3.0, which is not known here: it is not compared with pyproject.toml"
    assert (found.refused, found.notes) == ("", (note,))
    assert (
        plan({"pyproject.toml": PDM.replace("3.11", "3.12"), "pdm.lock": locked_by_pdm("", version="5.0")}).refused
        == ""
    )


WORKSPACE = {
    "pyproject.toml": '[project]\nname = "root"\nversion = "1"\n[tool.uv.workspace]\nmembers = ["web"]\n',
    "web/pyproject.toml": '[project]\nname = "web"\nversion = "1"\ndependencies = ["b"]\n',
    "uv.lock": """\
[[package]]
name = "b"
version = "1"
source = { registry = "https://h/simple" }
[[package]]
name = "big"
version = "1"
source = { registry = "https://h/simple" }
[[package]]
name = "root"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "big" }]
[[package]]
name = "web"
version = "1"
source = { virtual = "web" }
dependencies = [{ name = "b" }]
""",
}


def test_a_member_of_a_workspace_has_its_lock_above() -> None:
    found = plan(WORKSPACE, "web")
    assert (found.kind, found.packages, found.unproven) == ("uv.lock", {"b": "1"}, "")
    assert found.commands[1] == '"$UV" sync --frozen --no-dev --python "$PYTHON" --no-install-project'
    assert found.reason == "the app is a member of the workspace of ../uv.lock"


def test_dependencies_above_the_apps_directory() -> None:
    found = plan({"requirements.txt": "flask==3.1.3\n", "apps/web/app.py": ""}, "apps/web")
    assert found.commands == (
        'cd "../../"',
        VENV,
        '"$UV" pip install --python "$VENV/bin/python" --requirements requirements.txt',
        'cd "$ROOT"',
    )
    assert (found.kind, found.packages) == ("../../requirements.txt", {"flask": "3.1.3"})


def test_the_hashes_are_those_that_the_tools_write() -> None:
    of_poetry = """\
[tool.poetry]
package-mode = false
name = "shop"
version = "0.1"
description = ""
authors = []
[[tool.poetry.source]]
name = "mirror"
url = "https://pypi.org/simple/"
priority = "primary"
[tool.poetry.dependencies]
python = "^3.11"
gunicorn = "^23"
uvicorn = {version = "^0.30", extras = ["standard"]}
itsdangerous = {version = "^2.0", optional = true}
markupsafe = {version = "*", python = "<3.12"}
colorama = {version = "*", markers = "sys_platform == 'win32'"}
[tool.poetry.extras]
sign = ["itsdangerous"]
[tool.poetry.group.prod.dependencies]
whitenoise = "*"
[tool.poetry.group.dev.dependencies]
iniconfig = "*"
"""
    of_pdm = """\
[project]
name = "shop"
version = "1"
requires-python = ">=3.11"
dependencies = ["gunicorn>=23", "uvicorn[standard]>=0.30", "colorama ; sys_platform == 'win32'"]
[project.optional-dependencies]
sign = ["itsdangerous"]
[dependency-groups]
prod = ["whitenoise"]
dev = ["iniconfig"]
[tool.pdm]
distribution = false
"""
    of_pipenv = """\
[[source]]
url = "https://pypi.org/simple"
verify_ssl = true
name = "pypi"
[packages]
gunicorn = "*"
flask = {version = "~=3.0", extras = ["async"]}
colorama = {version = "*", markers = "sys_platform == 'win32'"}
[dev-packages]
iniconfig = "*"
[requires]
python_version = "3.13"
"""
    by_poetry = "1d299b064f74704722f2cc612ad2b8b51628baae85c91ec498832813d81c4967"  # 2.5.1
    by_pdm = "sha256:558625e50570c40e680e4d8f4c891139d180f69a8e53f83c077c82eee1fc91e8"  # 2.29.4
    by_pipenv = "8ad5e5d01f94bd91b33aa1aa4877c0ba4f31ace66b924086102d722a2b3b8945"  # 2026.10.3
    assert by_poetry in poetry.content_hashes(tables.toml("pyproject.toml", of_poetry))
    assert by_pdm in pdm.content_hashes(tables.toml("pyproject.toml", of_pdm))
    assert by_pipenv == pipenv.content_hash(tables.toml("Pipfile", of_pipenv))
