"""The host program as one file: a zipapp of infra/host, the same bytes from the same source everywhere."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "host"
LONG_AGO = (1980, 1, 1, 0, 0, 0)
MAIN = b"from infra.host.cli import main\n\nraise SystemExit(main())\n"


def contents(source: Path = SOURCE) -> bytes:
    """The zipapp's bytes: the package and an entry point, in fixed order, uncompressed and undated."""
    files = {f"infra/host/{path.relative_to(source).as_posix()}": path.read_bytes() for path in source.rglob("*.py")}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, data in sorted({**files, "__main__.py": MAIN, "infra/__init__.py": b""}.items()):
            archive.writestr(zipfile.ZipInfo(name, LONG_AGO), data)
    return b"#!/usr/bin/env python3\n" + packed.getvalue()


def write(folder: Path) -> tuple[Path, str]:
    """The zipapp written below ``folder`` under its own digest, and that digest (SHA-256, 16 hex digits)."""
    data = contents()
    digest = hashlib.sha256(data).hexdigest()[:16]
    target = folder / f"launchpad-host-{digest}.pyz"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_suffix(".part")
        unfinished.write_bytes(data)
        unfinished.replace(target)
    return target, digest
