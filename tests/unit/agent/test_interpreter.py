"""Which Python an app asks for, and that root runs nothing that a repository names."""

from pathlib import Path

import pytest

from infra.agent.build import interpreter
from infra.agent.system import sh
from infra.agent.system.failure import Failure


@pytest.mark.parametrize(
    ("files", "configured", "requires", "request_"),
    [
        ({".python-version": "# mine\n\n3.12\n"}, None, ">=3.9", ("3.12", ".python-version")),
        ({".python-version": "3.12\n"}, "3.13", "", ("3.13", "the setting python")),
        ({"runtime.txt": "python-3.11.4\n"}, None, "", ("3.11.4", "runtime.txt")),
        ({"runtime.txt": "nodejs-22\n"}, None, ">=3.9", (">=3.9", "requires-python in pyproject.toml")),
        ({}, None, "", ("", "")),
    ],
)
def test_which_python(
    tmp_path: Path, files: dict[str, str], configured: str | None, requires: str, request_: tuple[str, str]
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert interpreter.wanted(tmp_path, configured, requires) == interpreter.Request(*request_)


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        *(("", True), ("3", True), ("3.13", True), ("3.13.5", True), (">=3.11", True), (">= 3.13.0", True)),
        *(("3.12", False), ("3.13.4", False), (">=3.14", False), (">=3.11,<3.14", True), (">=3.13.5", True)),
        *((">=3.11,<3.13", False), ("~=3.12", True), ("~=3.12.0", False), ("==3.13.*", True), ("!=3.13.*", False)),
        *(("2", False), ("python3", False)),
    ],
)
def test_the_systems_python_is_taken_only_if_it_surely_fits(version: str, expected: bool) -> None:
    assert interpreter.fits(version, (3, 13, 5)) is expected


@pytest.mark.parametrize(
    "request_",
    [
        "3.13",
        "3",
        "3.14t",
        "cpython@3.12",
        "cpython-3.12.1",
        "pypy3.10",
        ">=3.11,<3.14",
        "~=3.12",
        "==3.12.*",
        "3.14.0rc1",
    ],
)
def test_a_version_is_a_request_for_a_python(request_: str) -> None:
    assert interpreter.VERSION.fullmatch(request_)


@pytest.mark.parametrize(
    "request_", ["system", "shop-env", "tmp", "python3", "/tmp/x", "..", "3.13/../../tmp", "cpython", "", "-3", "٣.١٣"]
)
def test_root_runs_no_program_that_a_repository_names(tmp_path: Path, request_: str) -> None:
    (tmp_path / ".python-version").write_text(f"{request_}\n")
    if request_:
        with pytest.raises(Failure, match="which names no version"):
            interpreter.find(tmp_path, None, "")
    assert not interpreter.VERSION.fullmatch(request_)


def test_a_python_that_cannot_be_had_names_the_key_that_asks_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sh, "run", lambda *_, **__: sh.Finished(1, "", "dns error"))
    monkeypatch.setattr(interpreter, "available", lambda: ["3.13.5"])
    with pytest.raises(Failure) as failure:
        interpreter._installed(interpreter.Request("3.12", ".python-version"))
    assert str(failure.value).splitlines() == [
        ".python-version asks for Python 3.12, which is not on this machine and could not be downloaded.",
        "The machine has 3.13.5. Set launchpad:python to one of them, or let the machine reach the downloads:",
        "dns error",
    ]
