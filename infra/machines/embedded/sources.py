"""The apt sources of the base image: this computer's own Debian mirror and apt settings, if it has them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@dataclass(frozen=True)
class Source:
    """One apt source: its address, suites, components and options."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    options: tuple[tuple[str, str], ...] = ()

    def stanza(self) -> str:
        """The source in apt's deb822 format."""
        options = dict(self.options)
        if "Trusted" not in options:
            options.setdefault("Signed-By", KEYRING)
        lines = ["Types: deb", f"URIs: {self.uri}", f"Suites: {' '.join(self.suites)}", "Components: main"]
        return "\n".join([*lines, *(f"{key}: {value}" for key, value in sorted(options.items()))]) + "\n"


def derive(files: Mapping[str, str], codename: str, suite: str) -> str | None:
    """Derive the apt sources for a suite from those of a Debian computer.

    The main archive, its updates and its security updates are kept, from whatever mirror this computer uses.
    Third-party archives and backports are dropped.

    Args:
        files: The contents of the sources files, by name.
        codename: The computer's own Debian release.
        suite: The Debian release of the image.

    Returns:
        The sources in deb822 format; None if no source matches.
    """
    renamed = {
        codename: suite,
        f"{codename}-updates": f"{suite}-updates",
        f"{codename}-security": f"{suite}-security",
        f"{codename}/updates": f"{suite}-security",
    }
    kept: list[Source] = []
    for name, text in sorted(files.items()):
        for source in deb822(text) if name.endswith(".sources") else one_line(text):
            suites = tuple(renamed[name] for name in source.suites if name in renamed)
            if suites and "main" in source.components and is_debian(source):
                derived = Source(source.uri, suites, ("main",), source.options)
                if derived not in kept:
                    kept.append(derived)
    if not any(suite in source.suites for source in kept):
        return None
    return "\n".join(source.stanza() for source in kept)


def is_debian(source: Source) -> bool:
    """Whether a source mirrors Debian's own archive, not a third party's with the same suite names."""
    signed_by = dict(source.options).get("Signed-By", "")
    return "debian-archive" in signed_by or ("debian" in source.uri and not signed_by)


OPTIONS = {"signed-by": "Signed-By", "trusted": "Trusted", "check-valid-until": "Check-Valid-Until"}


def deb822(text: str) -> Iterator[Source]:
    """Parse the sources in a file in deb822 format."""
    for stanza in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        last = ""
        for line in stanza.splitlines():
            if line.startswith("#") or not line.strip():
                continue
            if line[0].isspace() and last:
                fields[last] += "\n" + line
            elif ":" in line:
                name, _, value = line.partition(":")
                last = name.strip().lower()
                fields[last] = value.strip()
        if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false"):
            continue
        options = tuple((OPTIONS[key], value) for key, value in sorted(fields.items()) if key in OPTIONS)
        for uri in fields.get("uris", "").split():
            yield Source(
                uri, tuple(fields.get("suites", "").split()), tuple(fields.get("components", "").split()), options
            )


def one_line(text: str) -> Iterator[Source]:
    """Parse the sources in a file of ``deb [options] uri suite component...`` lines."""
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^]]*)\]\s*)?(\S+)\s+(\S+)\s+([^#]*)", line)
        if match:
            pairs = (option.partition("=") for option in (match[1] or "").split())
            options = tuple(sorted((OPTIONS[key], value) for key, _, value in pairs if key in OPTIONS))
            yield Source(match[2], (match[3],), tuple(match[4].split()), options)


INHERITED = re.compile(r"(?i)Acquire::((http|https)(::|\s)|Retries\b|Check-Valid-Until\b|Check-Date\b|ForceIPv[46]\b)")


def inherited_settings(dump: str) -> str:
    """The settings in an ``apt-config dump`` that affect downloads: proxies, retries, date checks.

    Hooks and additional indexes are left out, because they call programs that the image does not have.
    """
    lines = [line for line in dump.splitlines() if INHERITED.match(line) and not line.rstrip().endswith('"";')]
    return "".join(f"{line}\n" for line in lines)


def sources_files(etc: Path) -> dict[str, str]:
    """The contents of the apt sources files below a directory such as /etc/apt, by name."""
    return {path.name: path.read_text(errors="replace") for path in candidates(etc) if path.is_file()}


def candidates(etc: Path) -> Iterable[Path]:
    """The files that apt reads sources from."""
    return [etc / "sources.list", *(etc / "sources.list.d").glob("*.list"), *(etc / "sources.list.d").glob("*.sources")]
