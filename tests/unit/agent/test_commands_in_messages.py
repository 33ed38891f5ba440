"""A person types ``launchpad``: no message of the agent names a command of the agent itself."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import infra.agent

AGENT = Path(infra.agent.__file__).parent
COMMAND = re.compile(r"launchpad-agent (cancel|console|deploy|env|logs|prepare|releases|restart|rollback|run|status)\b")
GENERATED = "# Written by "
"""How files begin that the agent writes; they say who wrote them, and ask nobody to type anything."""


def messages(path: Path) -> Iterator[str]:
    """The texts of a module, without its docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


@pytest.mark.parametrize("path", sorted(AGENT.rglob("*.py")), ids=lambda path: path.relative_to(AGENT).as_posix())
def test_messages_name_the_command_that_a_person_has(path: Path) -> None:
    # The usage that the agent itself prints is for whoever called the agent.
    usage = path == AGENT / "cli.py"
    found = [text for text in messages(path) if COMMAND.search(text) and GENERATED not in text]
    assert usage or found == []
