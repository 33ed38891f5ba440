"""Where the base image's packages come from: this computer's own Debian mirror and apt settings, if it has them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@dataclass(frozen=True)
class Source:
    """One archive that apt may use: its address, suites, and trust."""

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
    """The apt sources for a suite, from the sources files of a Debian computer; None where none of them fits.

    ``files`` maps names to contents. Kept are the main archive, its updates and its security updates, from wherever
    this computer has them; third-party archives and backports are not.
    """
    wanted = {
        codename: suite,
        f"{codename}-updates": f"{suite}-updates",
        f"{codename}-security": f"{suite}-security",
        f"{codename}/updates": f"{suite}-security",
    }
    kept: list[Source] = []
    for name, text in sorted(files.items()):
        for source in deb822(text) if name.endswith(".sources") else one_line(text):
            suites = tuple(wanted[one] for one in source.suites if one in wanted)
            if suites and "main" in source.components and is_debian(source):
                one = Source(source.uri, suites, ("main",), source.options)
                if one not in kept:
                    kept.append(one)
    if not any(suite in source.suites for source in kept):
        return None
    return "\n".join(source.stanza() for source in kept)


def is_debian(source: Source) -> bool:
    """Whether a source is a mirror of Debian's own archive, and not a third party's that has the same suite names."""
    signed_by = dict(source.options).get("Signed-By", "")
    return "debian-archive" in signed_by or ("debian" in source.uri and not signed_by)


OPTIONS = {"signed-by": "Signed-By", "trusted": "Trusted", "check-valid-until": "Check-Valid-Until"}


def deb822(text: str) -> Iterator[Source]:
    """The sources in a file of stanzas."""
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
    """The sources in a file of ``deb [options] uri suite component...`` lines."""
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[([^]]*)\]\s*)?(\S+)\s+(\S+)\s+([^#]*)", line)
        if match:
            pairs = (word.partition("=") for word in (match[1] or "").split())
            options = tuple(sorted((OPTIONS[key], value) for key, _, value in pairs if key in OPTIONS))
            yield Source(match[2], (match[3],), tuple(match[4].split()), options)


INHERITED = re.compile(r"(?i)Acquire::((http|https)(::|\s)|Retries\b|Check-Valid-Until\b|Check-Date\b|ForceIPv[46]\b)")


def inherited_settings(dump: str) -> str:
    """Of an ``apt-config dump``, what decides how packages are fetched: proxies, retries, date checks.

    Hooks and extra indexes are left out: they call programs that the image does not have.
    """
    lines = [line for line in dump.splitlines() if INHERITED.match(line) and not line.rstrip().endswith('"";')]
    return "".join(f"{line}\n" for line in lines)


def sources_files(etc: Path) -> dict[str, str]:
    """The apt sources files below a directory such as /etc/apt, by name."""
    return {path.name: path.read_text(errors="replace") for path in candidates(etc) if path.is_file()}


def candidates(etc: Path) -> Iterable[Path]:
    """Where apt looks for sources."""
    return [etc / "sources.list", *(etc / "sources.list.d").glob("*.list"), *(etc / "sources.list.d").glob("*.sources")]
