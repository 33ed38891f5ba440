"""Writes what is made of the config keys' declarations and of the outputs' contract; --check only looks.

Pulumi.yaml's config block, the editor's schema of a stack's file, and in README.md and the pages of docs/ what stands
between ``<!-- settings -->`` and ``<!-- /settings -->``, ``<!-- outputs -->`` and ``<!-- /outputs -->``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from infra.config import reference  # noqa: E402 - after the path
from infra.config.schema import Schema  # noqa: E402
from infra.machines.registry import KINDS  # noqa: E402
from infra.outputs import MEANING  # noqa: E402

EDITOR_SCHEMA = Path("docs/schema/pulumi-stack.schema.json")


def outputs() -> str:
    """A row for each output of the contract."""
    return "\n".join(
        ["| output | meaning |", "|---|---|", *(f"| `{name}` | {text} |" for name, text in MEANING.items())]
    )


def between(text: str, start: str, made: str, end: str) -> str:
    """A text with something made between two lines, given as patterns; as it is where it has them not."""
    return re.sub(rf"({start}[^\n]*\n).*?({end})", lambda found: f"{found[1]}{made}\n{found[2]}", text, flags=re.DOTALL)


def generated() -> Iterator[tuple[Path, str]]:
    """The files and their contents as they should be."""
    schema = Schema(KINDS)
    project = ROOT / "Pulumi.yaml"
    yield project, between(project.read_text(), "# <settings", reference.pulumi_block(schema), "# </settings>")
    yield ROOT / EDITOR_SCHEMA, json.dumps(reference.editor_schema(schema), indent=2) + "\n"
    for page in (ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))):
        text = page.read_text()
        for name, made in (("settings", reference.tables(schema)), ("outputs", outputs())):
            text = between(text, f"<!-- {name}", made, f"<!-- /{name} -->")
        yield page, text


def main() -> int:
    """Write the files; with --check only say which are not as they should be."""
    wrong = {path: text for path, text in generated() if not path.is_file() or path.read_text() != text}
    for path, text in wrong.items():
        if "--check" in sys.argv:
            print(f"{path.relative_to(ROOT)} is not what the declarations say; run: make docs", file=sys.stderr)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    return 1 if wrong and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
