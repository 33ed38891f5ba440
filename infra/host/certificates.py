"""The proxy's certificate files: an app's own certificate and key, and the root of a private ACME server.

Each set of files has a folder of its own, named by what is in it. New files thus change nothing until a configuration
that names them is in place, and that is one rename, whenever we may be killed.
"""

from __future__ import annotations

import contextlib
import grp
import hashlib
import os
import stat

from . import files
from .layout import SETTINGS, App
from .spec import Tls

FOLDER = SETTINGS / "tls"
NAMES = ("certificate.pem", "key.pem", "acme-root.pem")


def folder_name(tls: Tls) -> str:
    """The name of the folder for these files; empty where there are none."""
    texts = _texts(tls)
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:12] if any(texts) else ""


def write(app: App, tls: Tls) -> bool:
    """Write the files into their folder, for root and the proxy's group; says whether they were not there."""
    name = folder_name(tls)
    if not name:
        return False
    group = grp.getgrnam("caddy").gr_gid
    files.directory(FOLDER, 0o755)
    changed = [files.directory(app.certificates, 0o750, (0, group))]
    changed.append(files.directory(app.certificates / name, 0o750, (0, group)))
    for path, text in zip(NAMES, _texts(tls), strict=True):
        if text:
            changed.append(files.write(app.certificates / name / path, text, 0o640, (0, group)))
    return any(changed)


def forget(app: App, keep: str) -> None:
    """Remove all files of the app but those in the folder ``keep``, and what a killed write left there."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for path in app.certificates.iterdir():
            if path.name != keep:
                files.remove_tree(path)
        if not keep:
            app.certificates.rmdir()
        files.sweep(app.certificates / keep)


def remove(app: App, name: str) -> None:
    """Remove one set of files, which no configuration names."""
    if name:
        files.remove_tree(app.certificates / name)


def mend() -> None:
    """Take over what an earlier version gave to the proxy's user, who could have replaced what root writes to."""
    for folder in FOLDER.iterdir() if FOLDER.is_dir() else []:
        with contextlib.suppress(NotADirectoryError, FileNotFoundError):
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(handle).st_uid != 0:
                    _take_over(handle)
            finally:
                os.close(handle)


def _take_over(folder: int) -> None:
    """Make an open folder, and the plain files in it, root's; the proxy's group may read."""
    group = grp.getgrnam("caddy").gr_gid
    # First the folder: from then on nobody else can put anything in a file's place.
    os.fchown(folder, 0, group)
    os.fchmod(folder, 0o750)
    for name in os.listdir(folder):
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            # We never made such: a link or a pipe would lead root's writing elsewhere.
            if not stat.S_ISDIR(found.st_mode):
                os.unlink(name, dir_fd=folder)
            continue
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
        try:
            os.fchown(handle, 0, group)
            os.fchmod(handle, 0o640)
        finally:
            os.close(handle)


def _texts(tls: Tls) -> tuple[str, ...]:
    """The files' contents, in the order of their names; empty where there is no such file."""
    return tuple(f"{text.strip()}\n" if text else "" for text in (tls.certificate, tls.key, tls.acme_root))
