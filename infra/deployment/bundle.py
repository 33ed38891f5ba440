"""The agent as one file: a reproducible zipapp of infra/agent and the packages that it shares with the workstation."""

from __future__ import annotations

import hashlib
import io
import zipfile
from functools import cache
from pathlib import Path

from infra.common import atomic
from infra.protocol import paths

SOURCE = Path(__file__).parent.parent
PARTS = ("agent", "app_model", "common", "protocol")
"""The packages below ``infra`` that are copied to the machine."""
TIMESTAMP = (1980, 1, 1, 0, 0, 0)
"""The modification time of every file in the zipapp: the earliest that the format allows."""
MAIN = b"""\
import sys

if sys.version_info < (3, 10):
    sys.exit(
        "error: This machine has Python %d.%d; Launchpad needs 3.10 or newer, as Debian 12 and Ubuntu 22.04 have it."
        % sys.version_info[:2]
    )
from infra.agent.cli import main

sys.exit(main())
"""
"""The program's entry: what is in the packages, an older Python cannot even read."""


def contents(source: Path = SOURCE) -> bytes:
    """The zipapp's bytes: the packages and an entry point, uncompressed, in a fixed order and with fixed times."""
    files = {
        f"infra/{path.relative_to(source).as_posix()}": path.read_bytes()
        for part in PARTS
        for path in (source / part).rglob("*.py")
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted({**files, "__main__.py": MAIN, "infra/__init__.py": b""}.items()):
            archive.writestr(zipfile.ZipInfo(name, TIMESTAMP), data)
    return b"#!/usr/bin/env python3\n" + packed.getvalue()


@cache
def packed() -> tuple[bytes, str]:
    """The zipapp's bytes, made once in a process, and their digest: the first 16 hex digits of the SHA-256."""
    data = contents()
    return data, hashlib.sha256(data).hexdigest()[:16]


def write(folder: Path) -> tuple[Path, str]:
    """Write the zipapp, unless it exists.

    Args:
        folder: The folder for the file, whose name contains the digest.

    Returns:
        The file's path, and its digest.
    """
    data, digest = packed()
    target = folder / f"{paths.AGENT}-{digest}.pyz"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        atomic.replace(target, data)
    return target, digest
