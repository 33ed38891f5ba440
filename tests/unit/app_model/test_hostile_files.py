"""Files that are written to be slow to read: the time and the memory for a value, and for a whole app, are bounded."""

import time

from infra.app_model import reach, written
from infra.app_model.files import MemoryFiles
from infra.app_model.kept_paths import Written
from infra.app_model.module_values import ModuleValues
from infra.app_model.sources import Sources

DOUBLING = "a0 = 'x'\n" + "".join(f"a{n + 1} = a{n} + a{n}\n" for n in range(38))
"""A text of 2**38 characters."""


def seconds(began: float) -> float:
    return time.process_time() - began


def found(files: MemoryFiles) -> list[Written]:
    sources = Sources(files)
    return written.find(sources, reach.reachable(sources, files.texts, ()))


def test_a_text_that_doubles_itself_is_not_known() -> None:
    files = MemoryFiles({"settings.py": f"{DOUBLING}MEDIA_ROOT = a38\nHOME = a3\nF = f'{{a20}}{{a20}}'\n"})
    began = time.process_time()
    values = ModuleValues(Sources(files), "settings", {})
    assert (values.get("MEDIA_ROOT"), values.get("F"), values.get("HOME")) == (None, None, "x" * 8)
    assert found(files) == []
    assert seconds(began) < 5


def test_many_urls_and_files_in_one_module_are_read_in_a_moment() -> None:
    lines = [f"u{n} = 'sqlite:///x{n}.db'" for n in range(3000)]
    lines += [line for n in range(3000) for line in (f"def f{n}():", f"    open('x{n}.json', 'w')")]
    began = time.process_time()
    assert len(found(MemoryFiles({"app.py": "\n".join(lines)}))) == 6000
    assert seconds(began) < 8


def test_a_path_with_endless_parents_is_its_first_folder() -> None:
    files = MemoryFiles(
        {"settings.py": "from pathlib import Path\nX = Path(__file__).parents[10**0 - 1]\nY = Path('a') - 9999999999\n"}
    )
    began = time.process_time()
    assert str(ModuleValues(Sources(files), "settings", {}).get("Y")) == "."
    assert seconds(began) < 5
