"""Writes the README's tables of settings and outputs, from Pulumi.yaml and infra/outputs.py; --check only looks."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from infra.keys import SECRET  # noqa: E402
from infra.outputs import MEANING  # noqa: E402 - after the path


def settings() -> str:
    """A row for each key of the config block."""
    rows = ["| key | default | what it is |", "|---|---|---|"]
    for key, declared in yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"].items():
        default = declared["default"]
        shown = default if isinstance(default, str) else json.dumps(default)
        marked = " **secret**" if key in SECRET else ""
        rows.append(
            f"| `{key}`{marked} | {f'`{shown}`' if shown else ''} | {' '.join(declared['description'].split())} |"
        )
    return "\n".join(rows)


def outputs() -> str:
    """A row for each output of the contract."""
    return "\n".join(
        ["| output | meaning |", "|---|---|", *(f"| `{name}` | {text} |" for name, text in MEANING.items())]
    )


def filled(readme: str) -> str:
    """The README with its tables as they should be."""
    for name, table in (("settings", settings()), ("outputs", outputs())):
        readme = re.sub(
            rf"(<!-- {name}[^\n]*-->\n).*?(<!-- /{name} -->)",
            lambda found, table=table: f"{found[1]}{table}\n{found[2]}",  # type: ignore[misc]
            readme,
            flags=re.DOTALL,
        )
    return readme


def main() -> int:
    """Write the tables; with --check only say whether they are right."""
    path = ROOT / "README.md"
    right = filled(path.read_text())
    if path.read_text() == right:
        return 0
    if "--check" in sys.argv:
        print(
            "README.md: its tables are not what Pulumi.yaml and infra/outputs.py say; run: make docs", file=sys.stderr
        )
        return 1
    path.write_text(right)
    return 0


if __name__ == "__main__":
    sys.exit(main())
