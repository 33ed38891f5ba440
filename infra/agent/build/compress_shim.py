"""Compresses a tree of static files as the app's user: beside NAME, in another tree, NAME.gz, NAME.br and NAME.zst.

Each is made once for each release that brings the file, as small as it gets, so that no request pays for it.

This file is installed on its own and imports nothing but the standard library.
"""

import os
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator

SUFFIXES = (
    *(".css", ".js", ".mjs", ".html", ".htm", ".svg", ".json", ".xml", ".txt", ".map", ".wasm", ".csv", ".md"),
    *(".ttf", ".otf", ".eot", ".ico", ".bmp", ".webmanifest", ".geojson"),
)
"""What is worth it: texts and formats that are not compressed already."""
LEAST, MOST = 1024, 16_000_000
"""Bytes of a file. A smaller one fits into one packet anyway; a larger one is compressed on the way."""
GAIN = 0.9
"""A compressed file is kept if it has at most this part of the original's size."""
TOOLS = {".br": ("brotli", "--quality=9", "--stdout"), ".zst": ("zstd", "-15", "--quiet", "--stdout")}
"""Programs that compress, where the machine has them. Their best levels take ten times as long for one percent."""


def main() -> None:
    """Compress what is in the tree of the first argument into the one of the second."""
    source, target = sys.argv[1:3]
    tools = {suffix: words for suffix, words in TOOLS.items() if shutil.which(words[0])}
    for path in files(source):
        size = os.path.getsize(path)  # noqa: PTH202
        if not path.endswith(SUFFIXES) or not LEAST <= size <= MOST or os.path.exists(f"{path}.gz"):  # noqa: PTH110
            continue
        output = os.path.join(target, os.path.relpath(path, source))  # noqa: PTH118
        os.makedirs(os.path.dirname(output), exist_ok=True)  # noqa: PTH103, PTH120
        keep(f"{output}.gz", gzip(path), size)
        for suffix, words in tools.items():
            done = subprocess.run([*words, "--", path], stdout=subprocess.PIPE, check=False)
            if done.returncode == 0:
                keep(output + suffix, done.stdout, size)


def files(folder: str) -> Iterator[str]:
    """The paths of the files in a tree."""
    for parent, _, names in os.walk(folder):
        yield from (os.path.join(parent, name) for name in sorted(names))  # noqa: PTH118


def gzip(path: str) -> bytes:
    """A file's content in the form of gzip, always the same for the same content."""
    packer = zlib.compressobj(9, wbits=31)
    with open(path, "rb") as stream:  # noqa: PTH123
        return packer.compress(stream.read()) + packer.flush()


def keep(path: str, content: bytes, size: int) -> None:
    """Write a compressed file if it is worth it."""
    if len(content) <= size * GAIN:
        with open(path, "wb") as stream:  # noqa: PTH123
            stream.write(content)


if __name__ == "__main__":
    main()
