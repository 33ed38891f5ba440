"""A failed build names the package that failed first and why. The outputs are uv 0.13.9's own, on Debian 13."""

from pathlib import Path

import pytest

from infra.agent.process import explain

OUTPUTS = Path(__file__).parent / "uv"
COMPILED = "{} has no wheel for Python 3.13, and compiling it failed: {}; a newer version may have a wheel, or set "
CAUSES = {
    "psycopg2": ("psycopg2-binary 2.9.9", "the program pg_config is missing"),
    "mysql": ("mysqlclient 2.2.4", "the program pkg-config is missing"),
    "requirespython": ("numpy 1.19.5", "the module distutils is missing"),
    "rust": ("pydantic-core 2.14.6", "the program cc is missing"),
}
OTHERS = {
    "hash": "itsdangerous 2.2.0: failed to download: Hash mismatch for `itsdangerous==2.2.0`.",
    "git": "x @ git+http://127.0.0.1:9/x.git: failed to download and build: fatal: unable to access "
    "'http://127.0.0.1:9/x.git/': Failed to connect to 127.0.0.1 port 9 after 0 ms: Could not connect to server.",
    "missing": "No solution found when resolving dependencies: Because no-such-package-at-all-x was not found in the "
    "package registry and you require no-such-package-at-all-x==1, we can conclude that your requirements are "
    "unsatisfiable.",
    "conflict": "No solution found when resolving dependencies: Because flask>=3.1.3 depends on werkzeug>=3.1.0 and you "
    "require flask==3.1.3, we can conclude that you require werkzeug>=3.1.0. And because you require werkzeug==2.0.0, we "
    "can conclude that your requirements are unsatisfiable.",
    "noindex": "Request failed after 3 retries in 9.5s: Failed to fetch: http://127.0.0.1:9/simple/idna/: Connection "
    "refused (os error 111).",
    "setuppy2": "The build backend returned an error: RuntimeError: boom.",
    "bad": "Couldn't parse requirement in `r.txt` at position 0: Unexpected end of version specifier, expected version.",
}


def lines(name: str) -> list[str]:
    return (OUTPUTS / f"{name}.txt").read_text().splitlines()


@pytest.mark.parametrize("name", CAUSES)
def test_what_was_compiled_is_named_with_what_it_misses(name: str) -> None:
    assert explain.cause(lines(name), "3.13").startswith(COMPILED.format(*CAUSES[name]))


@pytest.mark.parametrize("name", OTHERS)
def test_any_other_cause_is_said_in_uvs_words(name: str) -> None:
    assert explain.cause(lines(name), "3.13") == OTHERS[name]


def test_output_without_a_cause_is_left_alone() -> None:
    assert explain.cause([], "3.13") == ""
    assert explain.cause(["Resolved 3 packages", "warning: x"], "3.13") == ""


def test_a_missing_compiler_names_the_packages_that_compiling_takes() -> None:
    printed = [
        "   Building multidict==6.0.4",
        "error: Failed to build `multidict==6.0.4`",
        "error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-gcc'",
    ]
    assert explain.cause(printed, "3.13") == (
        "multidict 6.0.4 has no wheel for Python 3.13, and compiling it failed: the program x86_64-linux-gnu-gcc is missing; "
        "a newer version may have a wheel, or set launchpad:python, or launchpad:packages to what compiling needs, such as "
        '["gcc", "libc6-dev", "python3-dev"].'
    )
    assert explain.cause(lines("rust"), "3.13").endswith('such as ["gcc", "libc6-dev", "python3-dev"].')
    assert explain.cause(lines("psycopg2"), "3.13").endswith("to what compiling needs.")
