"""Projects whose dependencies stand in setup.py or setup.cfg."""

from __future__ import annotations

import ast
import configparser
from collections.abc import Sequence

from infra.app_model.dependencies import groups, names, pins
from infra.app_model.dependencies.install import Install
from infra.app_model.files import Files
from infra.protocol.app_settings import Dependencies


def install(files: Files, wanted: Dependencies) -> Install | None:
    """How a project with a setup.py or a setup.cfg is installed; None if it is none.

    Args:
        files: The app's files.
        wanted: The settings.

    Raises:
        AppError: The settings name a group: setuptools has none.
    """
    kind = next((name for name in ("setup.py", "setup.cfg") if is_project(files, name)), "")
    if not kind:
        return None
    groups.groups(wanted, (), kind)
    extras = f"[{','.join(wanted.extras)}]" if wanted.extras else ""
    direct = {name: version for name, version in map(names.named, requirements(files)) if name}
    return Install(kind, (pins.VENV, f'{pins.INTO} ".{extras}"'), pins.ITSELF, "", direct)


def is_project(files: Files, name: str, folder: str = "") -> bool:
    """Whether a setup.py or setup.cfg describes a project, and not only a tool's settings."""
    text = files.text(f"{folder}{name}")
    if text is None:
        return False
    if name == "setup.py":
        return "setup" in text
    parser = _parsed(text)
    return parser.has_section("metadata") or parser.has_section("options")


def requirements(files: Files, folder: str = "") -> list[str]:
    """The requirements that setup.cfg and setup.py name as plain lists."""
    parser = _parsed(files.text(f"{folder}setup.cfg") or "")
    lines = parser.get("options", "install_requires", fallback="").splitlines()
    return [line.strip() for line in lines if line.strip()] + _in_code(files.text(f"{folder}setup.py") or "")


def _parsed(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
    except (configparser.Error, ValueError):
        return configparser.ConfigParser()
    return parser


def _in_code(text: str) -> list[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    lists = {
        target.id: _texts(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.keyword) and node.arg == "install_requires":
            found += lists.get(node.value.id, []) if isinstance(node.value, ast.Name) else _texts(node.value)
    return found


def _texts(node: ast.expr) -> list[str]:
    items: Sequence[ast.expr] = node.elts if isinstance(node, ast.List | ast.Tuple) else ()
    return [item.value for item in items if isinstance(item, ast.Constant) and isinstance(item.value, str)]
