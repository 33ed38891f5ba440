"""What a run of the agent's program imports: each verb pays for what it uses."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
WORDS = ("server_programs", "static_words", "hashed_names")
"""The modules of the app model that are constants and no more."""
WITHOUT_AN_APP = {
    "receive-pack": "infra.agent.build.repository",
    "prepare": "infra.agent.prepare",
    "status": "infra.agent.release.status",
    "logs": "infra.agent.release.logs",
    "cancel": "infra.agent.release.cancelling",
}


def imported(module: str) -> list[str]:
    """The modules of ours that are there after the command line and another module were imported."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import infra.agent.cli, {module}; print(*sorted(sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True).stdout
    return shown.split()


def test_the_command_line_alone_imports_none_of_the_rooms_of_the_verbs() -> None:
    rooms = re.compile(r"infra\.agent\.(prepare|build|proxy|release)(\.|$)")
    assert [name for name in imported("sys") if rooms.match(name)] == []


def test_a_deployment_imports_no_service_before_its_app_has_one() -> None:
    assert [name for name in imported("infra.agent.release.deploy") if name.startswith("infra.agent.services")] == []


@pytest.mark.parametrize("module", WITHOUT_AN_APP.values(), ids=WITHOUT_AN_APP)
def test_a_verb_that_reads_no_app_imports_nothing_of_the_app_model_but_words(module: str) -> None:
    found = [name for name in imported(module) if name.startswith("infra.app_model.")]
    assert [name for name in found if name.rpartition(".")[2] not in WORDS] == []


def test_a_build_imports_the_client_of_git_lfs_only_for_files_of_it() -> None:
    found = {*imported("infra.agent.build.contents"), *imported("infra.agent.build.build")}
    assert [name for name in found if name.startswith("infra.agent.build.lfs")] == []


def test_a_deployment_that_builds_nothing_imports_neither_the_build_nor_what_reads_an_app() -> None:
    found = {*imported("infra.agent.release.deploy")}
    unused = {
        "infra.agent.build.build",
        "infra.agent.build.contents",
        "infra.agent.build.lfs",
        "infra.app_model.plan",
        "infra.app_model.python_source",
        "infra.app_model.dependencies.uv_lock",
    }
    assert found & unused == set()
