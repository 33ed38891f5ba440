"""Runs ``manage.py collectstatic`` as the app's user with the release's own Python, and reports what came of it.

Django refuses to collect without ``STATIC_ROOT``, which ``django-admin startproject`` leaves out, and a ``STATIC_ROOT``
outside the release cannot be written in the build. So it gets another one here, in this process alone: no file of the
app's is changed, and no other process sees it.

The report is written by the app's own code, so whoever reads it trusts nothing in it.

This file is installed on its own and imports nothing but the standard library.
"""

import json
import os
import runpy
import sys
from typing import Any


def main() -> None:
    """Run a Django project's manage.py, which the arguments name together with its own arguments."""
    top, spare, report = (os.environ.pop(f"LAUNCHPAD_COLLECT_{name}") for name in ("TOP", "SPARE", "REPORT"))
    script = sys.argv[1]
    sys.argv = sys.argv[1:]
    sys.path[0] = os.path.dirname(os.path.abspath(script))  # noqa: PTH100, PTH120
    give_static_root(top, spare)
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as ending:
        if ending.code:
            raise
    with open(report, "w", encoding="utf-8") as stream:  # noqa: PTH123
        json.dump(collected(), stream)


def give_static_root(top: str, spare: str) -> None:
    """Have Django collect into the folder ``spare`` unless its settings name one in the release."""
    try:
        from django.conf import LazySettings  # noqa: PLC0415
    except ImportError:
        return  # manage.py says so in its own words
    lazy: Any = LazySettings
    usual = lazy._setup

    def setup(self: Any, name: object = None) -> None:
        usual(self, name)
        root = os.path.realpath(str(getattr(self._wrapped, "STATIC_ROOT", None) or "/"))
        if not root.startswith(os.path.join(os.path.realpath(top), "")):  # noqa: PTH118
            self._wrapped.STATIC_ROOT = spare

    lazy._setup = setup


def collected() -> dict[str, str]:
    """Where the files are and at which URL; nothing if they went to another place, such as a bucket."""
    from django.conf import settings  # noqa: PLC0415
    from django.contrib.staticfiles.storage import staticfiles_storage  # noqa: PLC0415
    from django.core.files.storage import FileSystemStorage  # noqa: PLC0415

    if not isinstance(staticfiles_storage, FileSystemStorage):
        return {}
    return {"root": os.path.realpath(str(staticfiles_storage.location)), "url": str(settings.STATIC_URL)}


if __name__ == "__main__":
    main()
