"""Which of an app's variables its build gets, what they mean to uv, and the version that git knows."""

import pytest

from infra.agent.build import scm, variables, virtualenvs
from infra.protocol.specs import DeploySpec, Source


def spec(env: dict[str, str], secrets: dict[str, str] | None = None) -> DeploySpec:
    pairs = tuple(sorted(env.items())), tuple(sorted((secrets or {}).items()))
    return DeploySpec(app="shop", source=Source("pushed"), env=pairs[0], secrets=pairs[1])


@pytest.mark.parametrize(
    ("name", "reaches"),
    [
        *(("UV_INDEX", True), ("PIP_INDEX_URL", True), ("CFLAGS", True), ("MYSQLCLIENT_CFLAGS", True), ("NETRC", True)),
        *(("SETUPTOOLS_SCM_PRETEND_VERSION", True), ("https_proxy", True), ("POETRY_HTTP_BASIC_OWN_PASSWORD", True)),
        *(
            ("SECRET_KEY", False),
            ("DATABASE_URL", False),
            ("MY_UV_INDEX", False),
            ("RUST_LOG", False),
            ("GITHUB_TOKEN", False),
        ),
    ],
)
def test_which_variables_reach_the_build(name: str, reaches: bool) -> None:
    assert bool(variables.handed_on(spec({name: "x"}))) is reaches
    assert variables.handed_on(spec({}, {name: "x"}), [name]) == [(name, "x")]


@pytest.mark.parametrize(
    ("own", "meant"),
    [
        ({"PIP_INDEX_URL": "https://a/"}, {"UV_DEFAULT_INDEX": "https://a/"}),
        ({"PIP_INDEX_URL": "https://a/", "UV_INDEX_URL": "https://b/"}, {}),
        ({"PIP_INDEX_URL": "https://a/", "UV_DEFAULT_INDEX": "https://b/"}, {}),
        ({"PIP_EXTRA_INDEX_URL": "https://a/ https://b/"}, {"UV_INDEX": "https://a/ https://b/"}),
        ({"PIP_TRUSTED_HOST": "a"}, {"UV_INSECURE_HOST": "a"}),
        ({"POETRY_HTTP_BASIC_OWN_PASSWORD": "p"}, {"UV_INDEX_OWN_PASSWORD": "p"}),
        ({"PIP_NO_CACHE_DIR": "1"}, {}),
    ],
)
def test_what_pip_reads_means_the_same_to_uv(own: dict[str, str], meant: dict[str, str]) -> None:
    assert variables.for_uv(own) == meant


def test_registries_of_the_project_come_first_and_with_their_tokens() -> None:
    own = {"TOKEN": "t", "PIP_EXTRA_INDEX_URL": "https://a/"}
    found = variables.for_uv(own, [("my own", "https://${TOKEN}@h/${GONE}")])
    assert found == {"UV_INDEX": "my-own=https://t@h/${GONE} https://a/"}


@pytest.mark.parametrize(
    ("env", "secrets", "why"),
    [
        ({"PIP_INDEX_URL": "https://a/"}, {}, ""),
        ({"PIP_INDEX_URL": "file:///a"}, {}, "PIP_INDEX_URL is set"),
        ({"PIP_CONSTRAINT": "c.txt"}, {}, "PIP_CONSTRAINT is set"),
        ({}, {"PIP_INDEX_URL": "https://a/"}, "PIP_INDEX_URL is set"),
        ({"https_proxy": "http://p/"}, {}, ""),
        ({"CFLAGS": "-O3"}, {}, "CFLAGS is set"),
    ],
)
def test_what_leaves_open_what_is_installed(env: dict[str, str], secrets: dict[str, str], why: str) -> None:
    assert variables.open_settings(spec(env, secrets)) == why


@pytest.mark.parametrize(
    ("described", "version"),
    [
        ("v1.2.3-0-gabcdef0\n", "1.2.3"),
        ("v1.2.3-4-gabcdef0\n", "1.2.4.dev4+gabcdef0"),
        ("shop-2.0-1-gabcdef0", "2.1.dev1+gabcdef0"),
        ("1.0rc1-2-gabcdef0", "1.0rc2.dev2+gabcdef0"),
        ("", "0.1.dev7+g012345678"),
    ],
)
def test_the_version_that_git_knows(described: str, version: str) -> None:
    assert scm.version(described, "7\n", "0123456789abcdef") == version


def test_a_version_that_only_another_index_has_is_explained_in_our_words() -> None:
    hint = (
        "hint: `x` was found on https://a/, but not at the requested version. use `--index-strategy unsafe-best-match`"
    )
    assert "launchpad:env.UV_INDEX_STRATEGY unsafe-best-match" in virtualenvs.cause(
        ["error: No solution", hint], "3.13"
    )
    assert "UV_INDEX_STRATEGY" not in virtualenvs.cause(["error: No solution"], "3.13")
