"""The proxy's certificate files: an app's own certificate and key, and the root of a private ACME server.

Each set of files has a folder of its own, named by a hash of its content. So new files change nothing until a
configuration that names them is in place, and that takes one rename, whenever we may be killed.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat

from infra.agent.system import files
from infra.agent.system.layout import SETTINGS, App, proxy_ids
from infra.protocol.specs import Tls

FOLDER = SETTINGS / "tls"
NAMES = ("certificate.pem", "key.pem", "acme-root.pem")


def folder_name(tls: Tls) -> str:
    """The name of the folder for these files; empty if there are none."""
    texts = _texts(tls)
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12] if any(texts) else ""


def write(app: App, tls: Tls) -> bool:
    """Write the files into their folder, readable for root and the proxy's group. Says whether anything changed."""
    name = folder_name(tls)
    if not name:
        return False
    _, group = proxy_ids()
    files.directory(FOLDER, 0o755)
    changed = [files.directory(app.certificates, 0o750, (0, group))]
    changed.append(files.directory(app.certificates / name, 0o750, (0, group)))
    for path, text in zip(NAMES, _texts(tls), strict=True):
        if text:
            changed.append(files.write(app.certificates / name / path, text, 0o640, (0, group)))
    return any(changed)


def forget(app: App, keep: str) -> None:
    """Remove all files of the app except those in the folder ``keep``, and what a killed write left in that."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for path in app.certificates.iterdir():
            if path.name != keep:
                files.remove_tree(path)
        if not keep:
            app.certificates.rmdir()
        files.sweep(app.certificates / keep)


def remove(app: App, name: str) -> None:
    """Remove one set of files that no configuration names."""
    if name:
        files.remove_tree(app.certificates / name)


def mend() -> None:
    """Take back what an earlier version gave to the user of Debian's Caddy, or to its group.

    The user could replace the files that root writes, and the group is not that of the proxy any more.
    """
    _, group = proxy_ids()
    # An app's folder first: then nobody else can replace those in it.
    for folder in [*FOLDER.glob("*"), *FOLDER.glob("*/*")]:
        with contextlib.suppress(NotADirectoryError, FileNotFoundError):
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if (os.fstat(handle).st_uid, os.fstat(handle).st_gid) != (0, group):
                    _take_over(handle)
            finally:
                os.close(handle)


def _take_over(folder: int) -> None:
    """Give an open folder and the regular files in it to root; the proxy's group may read them."""
    _, group = proxy_ids()
    # The folder first: from then on nobody else can replace a file in it.
    os.fchown(folder, 0, group)
    os.fchmod(folder, 0o750)
    for name in os.listdir(folder):
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
            # Not one of ours: through a link or a pipe root would write elsewhere.
            if not stat.S_ISDIR(status.st_mode):
                os.unlink(name, dir_fd=folder)
            continue
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
        try:
            os.fchown(handle, 0, group)
            os.fchmod(handle, 0o640)
        finally:
            os.close(handle)


def _texts(tls: Tls) -> tuple[str, ...]:
    """The contents of the files, in the order of ``NAMES``; empty for a file that is not there."""
    return tuple(f"{text.strip()}\n" if text else "" for text in (tls.certificate, tls.key, tls.acme_root))
