"""Download one file, showing bytes, and check it against the publisher's checksum file. Standard library only.

Exit status: 0 done, 1 wrong checksum or broken download, 3 the site is not in reach. Runs before anything is installed.
"""

import argparse
import hashlib
import sys
import time
import urllib.request
from pathlib import Path

PROBE_SECONDS = 5  # a site that does not answer by then is treated as out of reach
STALL_SECONDS = 60  # no byte for this long ends a download
CHUNK = 1 << 20
NOT_IN_REACH = 3


def read_text(url: str) -> str:
    """Return a small text file."""
    with urllib.request.urlopen(url, timeout=STALL_SECONDS) as answer:
        text: bytes = answer.read(CHUNK)
        return text.decode()


def expected_checksum(checksums: str, name: str) -> str:
    """Find the SHA-256 of the file called name in the lines `<hex>  <name>`."""
    for line in checksums.splitlines():
        checksum, _, listed = line.partition(" ")
        if listed.strip().lstrip("*") == name:
            return checksum.lower()
    sys.exit(f"the publisher's checksum file does not list {name}: not using that download")


def fetch(url: str, target: Path) -> str:
    """Write the file and return its SHA-256."""
    digest = hashlib.sha256()
    got, shown = 0, 0.0
    with urllib.request.urlopen(url, timeout=STALL_SECONDS) as answer, target.open("wb") as out:
        total = int(answer.headers.get("Content-Length") or 0)
        while chunk := answer.read(CHUNK):
            out.write(chunk)
            digest.update(chunk)
            got += len(chunk)
            if time.monotonic() - shown > 0.2:
                shown = time.monotonic()
                print(f"{got / 1e6:.1f} of {total / 1e6:.1f} MB")
    if total and got != total:
        sys.exit(f"the download of {url} broke off at {got} of {total} bytes")
    return digest.hexdigest()


def main() -> int:
    """Probe a site, or download and verify."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("url")
    arguments.add_argument("target", nargs="?", type=Path)
    arguments.add_argument("--probe", action="store_true", help="only say whether the URL answers")
    arguments.add_argument("--checksums", help="URL of the publisher's list of SHA-256 sums")
    options = arguments.parse_args()
    try:
        if options.probe:
            urllib.request.urlopen(options.url, timeout=PROBE_SECONDS).close()
            return 0
        wanted = expected_checksum(read_text(options.checksums), options.url.rpartition("/")[2])
        found = fetch(options.url, options.target)
    except OSError as error:
        print(f"{options.url}: {error}", file=sys.stderr)
        return NOT_IN_REACH
    if found != wanted:
        sys.exit(f"{options.url} has SHA-256 {found}, but its publisher says {wanted}: not using that download")
    return 0


if __name__ == "__main__":
    sys.exit(main())
