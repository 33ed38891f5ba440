"""Finds the package at which an installation failed, and why, in uv's output. Pure."""

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
    re.compile(r"error: \[Errno 2\] No such file or directory: '(?P<program>[\w./+-]+)'"),
    re.compile(r"(?P<program>[\w.+-]+) executable not found"),
    re.compile(r"fatal error: (?P<header>[\w./+-]+): No such file"),
    re.compile(r"ModuleNotFoundError: No module named '(?P<module>[\w.]+)'"),
)
"""How the tools behind a build report what they miss."""
MISSES_COMPILER = re.compile(r"the program [\w./-]*(?:gcc|g\+\+|cc|clang) is missing|the header Python\.h is missing")
COMPILER = '["gcc", "libc6-dev", "python3-dev"]'
LAST = re.compile(r"\s*(?P<text>(?:[\w.]*(?:Error|Exception)|[Ee]rror|fatal)\b: ?\S.*)")


def cause(lines: Sequence[str], python: str) -> str:
    """The package that failed first and why, in a sentence or two; empty if the output does not say.

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
        f"{called} has no wheel for Python {python}, and compiling it failed"
        + (f": {reason.rstrip('.')}" if reason else "")
        + "; a newer version may have a wheel, or set launchpad:python, or launchpad:packages to what compiling needs"
        + (f", such as {COMPILER}." if MISSES_COMPILER.search(reason) else ".")
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
    """The program, header or module that a build misses."""
    kind, name = next((kind, name) for kind, name in match.groupdict().items() if name)
    return f"the {kind} {name} is missing"


def _causes(lines: Sequence[str]) -> list[str]:
    """The chain of causes that uv prints, each in one line."""
    causes: list[str] = []
    continues = False
    for line in lines:
        if match := CAUSE.fullmatch(line):
            causes.append(match["text"].strip())
            continues = True
        elif continues and (match := MORE.fullmatch(line)) and match["text"].startswith("And "):
            causes[-1] += f" {match['text'].strip()}"
        else:
            continues = False
    return causes


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
