"""The words of static files, apart from how they are found: whoever serves them needs no more of the app model."""

from __future__ import annotations

import re

from infra.protocol.app_settings import URL_PREFIX

COLLECTED = "$STATIC_ROOT"
"""Stands for the folder that collectstatic fills; only the build knows it for certain."""
DATA = "$DATA_DIR"
"""Begins a folder that outlives releases."""
DISABLED = "DISABLE_COLLECTSTATIC"
"""The variable that leaves out collectstatic, whatever its value. Source: Heroku's Python buildpack."""
KEY = "launchpad:static"


def prefix_of(url: object) -> str:
    """The beginning of URLs that a setting such as STATIC_URL gives; empty if it is on another host, or not known.

    Args:
        url: The setting's value.
    """
    if not isinstance(url, str) or "://" in url or url.startswith("//"):
        return ""
    prefix = f"/{url.strip('/')}/"
    return prefix if re.fullmatch(URL_PREFIX, prefix) else ""
