"""The secret values in a specification, which are hidden in everything that is printed."""

from __future__ import annotations

import urllib.parse

from infra.agent.system import say
from infra.common import git_url
from infra.protocol.specs import DeploySpec


def secret_values(spec: DeploySpec) -> list[str]:
    """Everything in a specification that must never be printed: secrets, the deploy key, passwords in URLs."""
    values = [value for _, value in spec.secrets]
    values.append(spec.source.deploy_key)
    values += git_url.credentials(spec.source.url)[1:]
    for url in (spec.source.url, spec.package_index):
        if "://" in url:
            values += _credentials(url)
    return [value for value in values if value]


def _credentials(url: str) -> list[str]:
    """The password of a URL; for http also a user name without a password, which is a token."""
    parts = urllib.parse.urlsplit(url)
    token = (parts.username or "") if not parts.password and parts.scheme in ("http", "https") else ""
    return [parts.password or "", token]


def hidden(spec: DeploySpec) -> DeploySpec:
    """The same specification; its secrets are hidden in all output from now on."""
    say.redactor.add(*secret_values(spec))
    return spec
