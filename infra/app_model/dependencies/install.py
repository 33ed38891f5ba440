"""How the virtualenv of a release is filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Install:
    """How to fill the virtualenv.

    Attributes:
        kind: The name of the file that decides; empty if there is none.
        commands: Shell lines that install, with the variables of the agent's ``virtualenvs.fill``.
        unproven: Why another build of the same files may differ, or depends on this commit, so that the release gets a
            virtualenv of its own. Empty if ``content`` says all that is installed.
        content: The texts that decide what is installed.
        packages: The version of each package by its normalised name: all those of the lock; without a lock those that
            the app names itself, with an empty version where it leaves that open.
        requires_python: The versions of Python that the app allows; empty for any.
        indexes: The URLs of the registries in uv.lock.
        files: Files that are made for the installer, by name: the directory ``$MADE`` of the commands has them.
        sources: The registries that are asked besides the usual one, as pairs of name and URL.
        variables: The names of the variables that the app's files refer to, such as ``GITHUB_TOKEN``.
        uv: The versions of uv that the app asks for; empty for any.
        scm: The tool that takes the app's version from git, such as ``setuptools-scm``; empty if none does.
        name: The project's normalised name; empty if it has none.
        reason: Why this file decides.
        refused: Why the dependencies cannot be installed, and what to do; empty if they can.
        notes: What a person should know.
    """

    kind: str
    commands: tuple[str, ...] = ()
    unproven: str = ""
    content: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    requires_python: str = ""
    indexes: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[tuple[str, str], ...] = ()
    variables: tuple[str, ...] = ()
    uv: str = ""
    scm: str = ""
    name: str = ""
    reason: str = ""
    refused: str = ""
    notes: tuple[str, ...] = ()
