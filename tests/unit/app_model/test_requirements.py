"""Requirements files: what counts as a pin, what is included, and that no line is taken for what it is not."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import InvalidRequirement, Requirement

from infra.app_model.dependencies import requirements
from infra.app_model.files import AppError, MemoryFiles

PIECES = st.sampled_from(
    [
        *("flask", "a.b-c", "==", "===", ">=", "~=", "!=", "<", "1.0", "1.*", "v2", "1!2", "1.0+local", "2rc1", ","),
        *("[", "]", "async", " ", "\t", ";", "python_version > '3'", 'sys_platform == "x"', "@", "./lib", "lib/x"),
        *("https://host/x.whl", "file:///x", "git+https://host/x", "--hash=sha256:aa", "--hash", "sha256:bb", "-e"),
        *("-r", "-c", "x.txt", "#", "\\", "(", ")", "${X}", "$X", "and", "or", "*", ".", "/", "\x0b", "\xa0", "ä"),
    ]
)
LINES = st.one_of(st.lists(PIECES, max_size=10).map("".join), st.text(max_size=30))


@given(LINES)
def test_only_one_version_of_one_package_is_a_pin(line: str) -> None:
    if not requirements.PIN.fullmatch(line):
        return
    plain = re.sub(r"[ \t]+--hash[= ]\S+", "", line)
    try:
        found = Requirement(plain)
    except InvalidRequirement:
        return  # uv refuses it, too
    assert found.url is None
    (specifier,) = found.specifier
    assert specifier.operator == "=="
    assert not specifier.version.endswith(".*")


@given(st.lists(LINES, max_size=5))
def test_no_requirement_hides_behind_a_comment_or_a_continued_line(lines: list[str]) -> None:
    text = "\n".join([*lines, "hidden>=1", ""])
    if lines and lines[-1].endswith("\\"):
        return
    assert "hidden>=1" in "\n".join(requirements.lines(text))


def test_a_comment_is_not_continued_as_in_uv() -> None:
    assert list(requirements.lines("a==1 # note \\\nb\n# more \\\nc==2\n")) == ["a==1", "b", "c==2"]
    assert list(requirements.lines("a==1 \\\n  --hash=x:1 \\\n  --hash=x:2\n    # via b\n")) == [
        "a==1    --hash=x:1    --hash=x:2"
    ]


@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("-r a.txt", "a.txt"),
        ("-ra.txt", "a.txt"),
        ("-r=a.txt", "a.txt"),
        ("--requirement a.txt", "a.txt"),
        ("--requirement=a.txt", "a.txt"),
        ("-c ../base.txt", "../base.txt"),
        ("--constraint  https://host/c.txt", "https://host/c.txt"),
        ("-r a b.txt", "a b.txt"),
        ('-r "a b.txt"', "a b.txt"),
        ("-r 'a b.txt'", "a b.txt"),
        (r"-r a\ b.txt", "a b.txt"),
        ("-r a.txt#x", "a.txt"),
        ("-e lib", ""),
        ("--requirements", ""),
        ("flask", ""),
    ],
)
def test_includes_are_read_as_uv_reads_them(line: str, path: str) -> None:
    assert requirements.include(line) == path


def test_urls_are_left_to_uv_and_prove_nothing() -> None:
    files = MemoryFiles({"requirements.txt": "-c https://host/constraints.txt\nflask==3.1.3\n"})
    found = requirements.read(files, "requirements.txt")
    assert (list(found.texts), found.unpinned) == (
        ["requirements.txt"],
        "requirements.txt has '-c https://host/constraints.txt'",
    )


def test_includes_lie_anywhere_in_the_commit_and_nowhere_else() -> None:
    texts = {"base.txt": "a==1\n", "web/requirements.txt": "-r ../base.txt\n"}
    assert list(requirements.read(MemoryFiles(texts, "web"), "requirements.txt").texts) == [
        *("requirements.txt", "../base.txt")
    ]
    with pytest.raises(AppError, match=r"\.\./\.\./outside\.txt, which requirements.txt includes, is not in the rep"):
        requirements.read(MemoryFiles({"web/requirements.txt": "-r ../../outside.txt"}, "web"), "requirements.txt")


def test_files_that_include_each_other_are_read_once() -> None:
    files = MemoryFiles({"requirements.txt": "-r b.txt\n", "b.txt": "-r requirements.txt\nx==1\n"})
    assert list(requirements.read(files, "requirements.txt").texts) == ["requirements.txt", "b.txt"]
