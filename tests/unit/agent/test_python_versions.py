"""What runs on the machine runs on each Python that a supported system has: 3.10 (Ubuntu 22.04) to 3.13 (Debian 13).

The versions that this computer has are found by PATH, by uv and by pyenv. `make lint` checks the others, too: mypy knows
what the standard library of Python 3.10 has.
"""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from infra.deployment import bundle

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]
VERSIONS = ("3.10", "3.11", "3.12", "3.13")
IMPORT_ALL = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    importlib.import_module(name)
print(len(sys.argv[2:]), sys.version_info[:2])
"""
AT_WORK = """
import sys
sys.path.insert(0, sys.argv[1])
from infra.agent.system import install, unit_state
from infra.agent.proxy import caddyfile, site
from infra.protocol import codec, schedules, specs
from infra.agent.process import calendars
spec = codec.load(specs.PrepareSpec, {"schema": codec.SCHEMA, "app": "shop", "domain": "shop.example.org"})
assert unit_state.utc("Fri 2026-11-27 03:00:00 UTC") == 1795748400
assert calendars.calendars(schedules.parse("0 3 * * *"))
assert "https://shop.example.org" in caddyfile.caddyfile([site.Site("shop", 20001, 20002, domain=spec.domain)])
assert "agent/cli.py" in install.sources()
"""


@cache
def pythons() -> dict[str, str]:
    """The programs of the versions that this computer has."""
    found = {version: program for version in VERSIONS for program in candidates(version) if is_right(program, version)}
    return {**found, f"3.{sys.version_info.minor}": sys.executable}


def candidates(version: str) -> list[str]:
    """Where a version may be."""
    uv = shutil.which("uv")
    by_uv = output(uv, "python", "find", "--no-project", "--system", "--no-python-downloads", version) if uv else ""
    pyenv = shutil.which("pyenv")
    installed = output(pyenv, "versions", "--bare").split() if pyenv else []
    by_pyenv = [
        str(Path(output(pyenv, "prefix", each)) / "bin/python3")
        for each in installed
        if pyenv and each.startswith(f"{version}.")
    ]
    return [path for path in (shutil.which(f"python{version}") or "", by_uv, *by_pyenv) if path]


def output(*argv: str) -> str:
    """What a program prints; empty if it fails."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def is_right(program: str, version: str) -> bool:
    """Whether a program is this version of Python."""
    return output(program, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])") == version


def python(version: str) -> str:
    """The program of a version."""
    if version not in pythons():
        pytest.skip(f"this computer has no Python {version}")
    return pythons()[version]


def modules() -> list[str]:
    """Every module that goes to the machine, but programs that act when they are imported."""
    paths = [path for part in bundle.PARTS for path in sorted((ROOT / "infra" / part).rglob("*.py"))]
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths]
    return [name.removesuffix(".__init__") for name in names if not name.endswith("__main__")]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What goes to the machine, and nothing else of the project."""
    folder = tmp_path_factory.mktemp("copy")
    for part in bundle.PARTS:
        shutil.copytree(ROOT / "infra" / part, folder / "infra" / part, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "infra/__init__.py").write_text("")
    return folder


@pytest.mark.parametrize("version", VERSIONS)
def test_every_module_of_the_agent_can_be_imported(version: str, copy: Path) -> None:
    names = modules()
    done = subprocess.run(
        [python(version), "-IS", "-c", IMPORT_ALL, str(copy), *names], capture_output=True, text=True, check=False
    )
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == f"{len(names)} (3, {version[2:]})\n"


@pytest.mark.parametrize("version", VERSIONS)
def test_the_agent_works(version: str, copy: Path) -> None:
    done = subprocess.run(
        [python(version), "-I", "-c", AT_WORK, str(copy)], capture_output=True, text=True, check=False
    )
    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_packed_program_starts(version: str, tmp_path: Path) -> None:
    program, _ = bundle.write(tmp_path)
    done = subprocess.run(
        [python(version), "-I", str(program), "--help"], capture_output=True, text=True, check=False, env={**os.environ}
    )
    assert done.returncode == 0, done.stderr
    assert "Prepares this machine for an app and releases it." in done.stdout
