"""What goes to machines that have nothing but Python: it loads the standard library and its own parts."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOADED = """
import importlib, sys
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
for name in sys.argv[2:]:
    importlib.import_module(name)
print(*sorted(set(sys.modules) - before))
"""


def modules(package: str) -> set[str]:
    """The modules of a package below infra, by their names."""
    files = (ROOT / "infra" / package).rglob("*.py")
    names = {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in files}
    return {name for name in names if not name.endswith("__main__")}


@pytest.mark.parametrize(
    ("package", "with_"),
    [
        ("protocol", ()),
        ("common", ("protocol",)),
        ("app_model", ("protocol",)),
        ("agent", ("protocol", "common", "app_model")),
    ],
)
def test_what_runs_on_a_machine_loads_nothing_but_the_standard_library(package: str, with_: tuple[str, ...]) -> None:
    own = modules(package)
    words = [sys.executable, "-I", "-c", LOADED, str(ROOT), *sorted(own)]
    loaded = subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()
    others = {name for name in loaded if name.partition(".")[0] not in sys.stdlib_module_names} - own - {"infra"}
    assert others <= {name for part in with_ for name in modules(part)}
