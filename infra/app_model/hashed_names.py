"""Whether the name of a static file holds a hash of its content, so that it never changes. Pure."""

from __future__ import annotations

import re

HEX = re.compile(r"[.-][0-9a-f]{8,64}(?=\.)")
"""As Django's manifest storage (name.55e7cbb9ba48.css), webpack and many others write it."""
BASE64 = re.compile(r"[.-][A-Za-z0-9_-]{8}(?=\.[a-z0-9]+(\.map)?$)")
"""As Vite and Rollup write it: name-BxP3kW9q.js."""


def is_hashed(name: str) -> bool:
    """Whether a file's name holds a hash.

    When in doubt it does not: a file that is kept for a year although it changes is worse than one that is asked for
    again. So a word is none (user-settings.js, app-MainView.js), nor a number, which may be a date or a version.

    Args:
        name: The name of the file, without its folder.
    """
    if any(re.search("[a-f]", match[0]) and re.search("[0-9]", match[0]) for match in HEX.finditer(name)):
        return True
    match = BASE64.search(name)
    return match is not None and all(re.search(sign, match[0]) for sign in ("[A-Z]", "[0-9][A-Za-z]"))
