"""The variables that a build gets: which of the app's own, and what they mean to uv. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from infra.protocol.specs import DeploySpec

PLAIN = frozenset(
    {
        *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_INDEX_STRATEGY", "UV_PRERELEASE"),
        *("UV_RESOLUTION", "UV_EXCLUDE_NEWER", "UV_HTTP_TIMEOUT", "UV_HTTP_RETRIES", "UV_NO_BINARY", "UV_ONLY_BINARY"),
        *("UV_CONCURRENT_DOWNLOADS", "UV_CONCURRENT_BUILDS", "UV_CONCURRENT_INSTALLS", "UV_REQUIRE_HASHES"),
        *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT", "PIP_TIMEOUT"),
        *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    }
)
"""Settings whose value is all there is to know; others may name files, whose content is in no key."""
HANDED_ON = re.compile(
    r"(?:UV|PIP|SETUPTOOLS_SCM|POETRY_HTTP_BASIC|PDM_BUILD|GRPC_PYTHON|CMAKE|CARGO|MYSQLCLIENT)_\w+"
    r"|\w*(?:CFLAGS|CXXFLAGS|CPPFLAGS|LDFLAGS)"
    r"|POETRY_DYNAMIC_VERSIONING_BYPASS|PBR_VERSION|SOURCE_DATE_EPOCH|PKG_CONFIG_PATH|MAKEFLAGS|CC|CXX|RUSTFLAGS"
    r"|(?:HTTP|HTTPS|ALL|NO)_PROXY|(?:http|https|all|no)_proxy|NETRC"
)
"""The app's variables that reach the build, besides those that its requirements refer to."""
MEANT = {
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_TRUSTED_HOST": "UV_INSECURE_HOST",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_CONSTRAINT": "UV_CONSTRAINT",
    "PIP_CERT": "SSL_CERT_FILE",
    "PIP_DEFAULT_TIMEOUT": "UV_HTTP_TIMEOUT",
    "PIP_TIMEOUT": "UV_HTTP_TIMEOUT",
}
"""What pip reads, and what means the same to uv. Sources: the documentations of pip and uv, "Environment variables"."""
INSTEAD = {"UV_DEFAULT_INDEX": ("UV_INDEX_URL",), "UV_INDEX": ("UV_EXTRA_INDEX_URL",)}
"""Older names of uv's own, which count before pip's."""
REFERENCE = re.compile(r"\$\{(\w+)\}")
CREDENTIALS = re.compile(r"POETRY_HTTP_BASIC_(?P<index>\w+)_(?P<what>USERNAME|PASSWORD)")


def handed_on(spec: DeploySpec, referred: Iterable[str] = ()) -> list[tuple[str, str]]:
    """The app's variables that the installer gets, as pairs of name and value.

    Args:
        spec: The settings.
        referred: The variables that the app's requirements refer to.
    """
    wanted = set(referred)
    both = (*spec.env, *spec.secrets)
    return [(name, text) for name, text in both if HANDED_ON.fullmatch(name) or name in wanted]


def open_settings(spec: DeploySpec) -> str:
    """Why the app's variables leave open what is installed; empty if they do not."""
    secret = [name for name, _ in spec.secrets]
    for name, text in handed_on(spec):
        if name in secret or name.upper() not in PLAIN or "file:" in text or ("INDEX" in name and "/" in text[:2]):
            return f"{name} is set"
    return ""


def for_uv(own: Mapping[str, str], sources: Iterable[tuple[str, str]] = ()) -> dict[str, str]:
    """What the app's variables mean to uv, beside those that are uv's own.

    Args:
        own: The variables that are handed on.
        sources: The registries that the app's project names, as pairs of name and URL.
    """
    meant: dict[str, str] = {}
    for name, same in MEANT.items():
        if own.get(name) and not any(each in own for each in (same, *INSTEAD.get(same, ()))):
            meant[same] = own[name]
    indexes = [f"{_index_name(name)}={_expanded(url, own)}" for name, url in sources]
    others = own.get("UV_INDEX") or meant.get("UV_INDEX", "")
    if indexes:
        meant["UV_INDEX"] = " ".join([*indexes, *others.split()])
    for name, text in own.items():
        if match := CREDENTIALS.fullmatch(name):
            meant[f"UV_INDEX_{match['index']}_{match['what']}"] = text
    return meant


def _index_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "-", name)


def _expanded(url: str, own: Mapping[str, str]) -> str:
    return REFERENCE.sub(lambda match: own.get(match[1], match[0]), url)
