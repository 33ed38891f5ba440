"""Finds the program of an app that its framework's own command runs, such as Streamlit's."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import PurePosixPath

from infra.app_model.frameworks import Program
from infra.app_model.python_source import Module
from infra.app_model.sources import Sources


@dataclass(frozen=True)
class Found:
    """A program of a framework.

    Attributes:
        module: Its file.
        others: The other files that might be meant as well.
    """

    module: Module
    others: tuple[str, ...] = ()


def find(sources: Sources, paths: list[str], program: Program) -> Found | None:
    """The program of a framework among some files; None if none of them is one."""
    modules = [module for path in paths if (module := sources.module(path))]
    fits = [
        module
        for module in modules
        if program.package in module.text and program.package in module.packages and _calls(module, program.method)
    ]
    if not fits:
        return None
    # What another module imports is a part and no program.
    names = {PurePosixPath(module.path).stem for module in fits}
    parts = {name for module in modules for name in module.packages & names if name != PurePosixPath(module.path).stem}
    whole = [module for module in fits if PurePosixPath(module.path).stem not in parts] or fits
    rank = {name: number for number, name in enumerate(program.names)}
    ordered = sorted(whole, key=lambda module: (rank.get(PurePosixPath(module.path).name, len(rank)), module.path))
    return Found(ordered[0], tuple(module.path for module in ordered[1:]))


def _calls(module: Module, method: str) -> bool:
    """Whether a module calls a method of this name; true if none is asked for."""
    functions = [call.func for call in module.calls]
    return not method or any(isinstance(one, ast.Attribute) and one.attr == method for one in functions)
