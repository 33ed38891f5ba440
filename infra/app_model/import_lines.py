"""What a text imports, from a look at its lines alone, which is much cheaper than a tree."""

from __future__ import annotations

import re
from collections.abc import Iterator

IMPORT = re.compile(
    r"(?:^|[:;])[ \t]*(?:from[ \t]+(?P<origin>[.\w]+)[ \t]+import[ \t]*(?P<names>\([^)]{0,9000}\)|(?:[^\n;#\\]|\\\n)*)"
    r"|import[ \t]+(?P<modules>(?:[^\n;#\\]|\\\n)+))",
    re.MULTILINE,
)
SERVED = re.compile(r"[\"']([A-Za-z_][\w.]*):[A-Za-z_]\w*[\"']")
"""The module of an app as a server program is told: ``uvicorn.run("shop.main:app")``."""
NAMED = re.compile(r"\b(?:from_object|from_pyfile|import_module|import_string)\(\s*f?[\"']([A-Za-z_]\w*(?:\.\w+)*)")
"""A module, or something in one, that Flask or Python imports by its name in a text."""


def mentioned(text: str) -> Iterator[str]:
    """The modules and names that a text imports, such as ``flask.Flask`` or ``.views``, or seems to import."""
    for match in IMPORT.finditer(text):
        listed = re.sub(r"#[^\n]*", "", match["names"] or match["modules"] or "").strip("()")
        names = [word[0] for part in listed.replace("\\", " ").split(",") if (word := part.split())]
        if origin := match["origin"]:
            yield origin
            start = origin if origin.endswith(".") else f"{origin}."
            yield from (f"{start}{name}" for name in names if name != "*")
        else:
            yield from names
    for name in NAMED.findall(text):
        yield from (name, name.rpartition(".")[0] or name)
    if "uvicorn" in text or "hypercorn" in text or "granian" in text:
        yield from SERVED.findall(text)
