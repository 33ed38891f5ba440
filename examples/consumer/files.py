"""What the files say, as pure functions of the outputs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

import pulumi

CONTRACT = 2
"""The version of infra/outputs.py that this was written for; it goes up when an output goes or means another thing."""

SAFE_PATH = re.compile(r"[A-Za-z0-9._/-]+")


def wanted(stack: str, found: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The outputs of those names. Raises ``RunError`` where the stack is not up, or keeps another contract."""
    if not found:
        raise pulumi.RunError(f"stack {stack} has no outputs; run `pulumi up` there first")
    version = found.get("outputs_version")
    if version != CONTRACT:
        raise pulumi.RunError(
            f"stack {stack} keeps version {version} of its outputs, and this program knows {CONTRACT}"
        )
    missing = sorted(name for name in names if name not in found)
    if missing:
        raise pulumi.RunError(f"stack {stack} lacks the output {', '.join(missing)}, which version {CONTRACT} promises")
    return {name: found[name] for name in names}


def prometheus(found: Mapping[str, Any]) -> str:
    """A target file for Prometheus's file_sd_configs: the app's metrics by its public address."""
    url = urlsplit(str(found["url"]))
    port = url.port or {"http": 80, "https": 443}[url.scheme]
    # A name below localhost is this computer to browsers and curl; other programs would ask a name server for it.
    host = "127.0.0.1" if (url.hostname or "").endswith(".localhost") else url.hostname
    labels = {
        "__scheme__": url.scheme,
        "__metrics_path__": "/metrics",
        "machine": found["machine_kind"],
        "revision": found["revision"],
        "release": found["release"],
    }
    return json.dumps([{"targets": [f"{host}:{port}"], "labels": labels}], indent=2) + "\n"


def record(found: Mapping[str, Any], name: str) -> str:
    """A line of a zone file that leads the name to the machine."""
    return f"{name} 300 IN A {found['address']}\n"
