"""Finds in uv's output which package a failed installation failed at, and why."""

from __future__ import annotations

import re
from collections.abc import Sequence

FAILED = re.compile(r"error: Failed to (?P<what>build|download and build|download|fetch) `(?P<package>[^`]+)`")
BUILDING = re.compile(r"\s+Building (?P<package>\S+==\S+)\s*")
PLAIN = re.compile(r"error: (?P<what>.*)")
CAUSE = re.compile(r"  cause: (?P<text>.*)")
MORE = re.compile(r"         (?P<text>\S.*)")
UNHELPFUL = (
    "The build backend returned an error",
    "Call to `",
    "Git operation failed",
    "process didn't exit",
    "failed to clone",
)
TELLING = (
    re.compile(r"(?:/bin/)?(?:ba)?sh: (?:\d+: |line \d+: )?(?P<program>[\w.+-]+): (?:command )?not found"),
    re.compile(r"error: linker `(?P<program>\w+)` not found"),
    re.compile(r"error: command '(?P<program>[\w./+-]+)' failed: No such file or directory"),
    re.compile(r"(?P<program>[\w.+-]+) executable not found"),
    re.compile(r"fatal error: (?P<header>[\w./+-]+): No such file"),
    re.compile(r"ModuleNotFoundError: No module named '(?P<module>[\w.]+)'"),
)
"""What the tools behind a build say where they miss something."""
LAST = re.compile(r"\s*(?P<text>(?:[\w.]*(?:Error|Exception)|[Ee]rror|fatal)\b: ?\S.*)")


def cause(lines: Sequence[str], python: str) -> str:
    """The package that failed first and why, in a sentence or two; empty where the output does not say.

    Args:
        lines: What the installation printed.
        python: The version of Python it was for, such as 3.13.
    """
    for number, line in enumerate(lines):
        if match := FAILED.match(line.strip()):
            return _package(match["package"], match["what"], lines[number + 1 :], lines[:number], python)
        if match := PLAIN.match(line):
            after = lines[number + 1 :]
            causes = _causes(after)
            first = [text for text in causes if not text.startswith(UNHELPFUL)][:1]
            last = causes[-1:] if len(causes) > 1 else []
            reason = [*first, *last] if first else [_reason(after)]
            return _sentence(": ".join(dict.fromkeys([match["what"].rstrip(":."), *filter(None, reason)])))
    return ""


def _package(name: str, what: str, after: Sequence[str], before: Sequence[str], python: str) -> str:
    called = name.replace("==", " ", 1) if " @ " not in name else name
    reason = _reason(after)
    compiled = what == "build" and any(
        (match := BUILDING.fullmatch(line)) and match["package"] == name for line in before
    )
    if not compiled:
        return _sentence(f"{called}: failed to {what}" + (f": {reason}" if reason else ""))
    return (
        f"{called} has no wheel for Python {python} and was compiled, which failed"
        + (f": {reason.rstrip('.')}" if reason else "")
        + "; a newer version may have a wheel, or set launchpad:python, or launchpad:packages to what compiling needs."
    )


def _reason(lines: Sequence[str]) -> str:
    for line in lines:
        for pattern in TELLING:
            if match := pattern.search(line):
                return _missing(match)
    last = [match["text"] for line in lines if (match := LAST.fullmatch(line))]
    causes = [text for text in _causes(lines) if not text.startswith(UNHELPFUL)]
    return (causes or last or [""])[-1]


def _missing(match: re.Match[str]) -> str:
    found = {name: text for name, text in match.groupdict().items() if text}
    if program := found.get("program"):
        return f"the program {program} is not there"
    if header := found.get("header"):
        return f"the header {header} is not there"
    return f"the module {found['module']} is not there"


def _causes(lines: Sequence[str]) -> list[str]:
    """uv's chain of causes; one of several lines is put together."""
    found: list[str] = []
    open_ = False
    for line in lines:
        if match := CAUSE.fullmatch(line):
            found.append(match["text"].strip())
            open_ = True
        elif open_ and (match := MORE.fullmatch(line)) and match["text"].startswith("And "):
            found[-1] += f" {match['text'].strip()}"
        else:
            open_ = False
    return found


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
