"""Says what to set where an app, or a command of it, misses a module that its dependencies do not bring. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence

MISSING = re.compile(r"ModuleNotFoundError: No module named '(?P<module>\w+)'")
"""A whole package that is missing: one with a dot is there, in another version."""
PACKAGES = {
    "pkg_resources": "setuptools<81",
    "distutils": "setuptools<81",
    "cgi": "legacy-cgi",
    "imp": "zombie-imp",
    "bs4": "beautifulsoup4",
    "corsheaders": "django-cors-headers",
    "crispy_forms": "django-crispy-forms",
    "cv2": "opencv-python-headless",
    "dateutil": "python-dateutil",
    "decouple": "python-decouple",
    "dotenv": "python-dotenv",
    "environ": "django-environ",
    "jose": "python-jose",
    "jwt": "PyJWT",
    "magic": "python-magic",
    "multipart": "python-multipart",
    "MySQLdb": "mysqlclient",
    "PIL": "pillow",
    "psycopg2": "psycopg2-binary",
    "rest_framework": "djangorestframework",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
"""Packages that are called otherwise than the module that is imported from them."""


def hint(lines: Sequence[str], own: Collection[str] = ()) -> str:
    """What to set, in one line; empty if the log does not end with a missing module, or it is one of the app's own.

    Args:
        lines: What was printed or logged.
        own: The names of the files and folders in the app's directory.
    """
    found = [match["module"] for line in lines if (match := MISSING.fullmatch(line.strip()))]
    if not found or {found[-1], f"{found[-1]}.py"} & {*own}:
        return ""
    package = PACKAGES.get(found[-1], found[-1].replace("_", "-"))
    return (
        f"No dependency that was installed brings {found[-1]}: set launchpad:pip to the package that does, such as "
        f"{json.dumps([package])}, or launchpad:groups or launchpad:extras if the app has it in one of those."
    )
