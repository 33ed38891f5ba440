"""Constraints of Poetry as those of the standards, and environment markers without what is known."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.markers import InvalidMarker, Marker
from packaging.specifiers import SpecifierSet

from infra.app_model.dependencies import markers, versions


@pytest.mark.parametrize(
    ("constraint", "specifier"),
    [
        ("^1.2", ">=1.2,<2"),
        ("^1.2.3", ">=1.2.3,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0", ">=0,<1"),
        ("~1.2", ">=1.2,<1.3"),
        ("~1.2.3", ">=1.2.3,<1.3"),
        ("~1", ">=1,<2"),
        ("~=1.2", "~=1.2"),
        ("1.2", "==1.2"),
        ("=1.2", "==1.2"),
        ("1.*", "==1.*"),
        ("*", ""),
        ("", ""),
        (">=1,<3,!=2.0", ">=1,<3,!=2.0"),
        (">= 1.0 < 3", ">=1.0,<3"),
        ("^1.0 || ^2.0", ">=1.0,<3"),
        ("2.7.* || >=3.6", ">=2.7"),
    ],
)
def test_constraints(constraint: str, specifier: str) -> None:
    assert versions.specifier(constraint) == specifier


@given(
    st.sampled_from([">=", "<=", "==", "!=", "~=", "<", ">"]),
    st.lists(st.integers(0, 4), min_size=2, max_size=3),
    st.lists(st.integers(0, 4), min_size=3, max_size=3),
)
def test_what_a_specifier_allows(operator: str, wanted: list[int], have: list[int]) -> None:
    specifier = operator + ".".join(map(str, wanted))
    version = ".".join(map(str, have))
    assert versions.allows(specifier, version) is SpecifierSet(specifier).contains(version)


@given(st.text(max_size=30))
def test_no_constraint_and_no_specifier_is_too_strange(text: str) -> None:
    versions.specifier(text)
    assert versions.allows(text, "3.13.5") in (True, False, None)


@pytest.mark.parametrize(
    ("marker", "extras", "left"),
    [
        ("", (), True),
        ("sys_platform == 'win32'", (), False),
        ("sys_platform != 'win32'", (), True),
        ("'linux' == sys_platform", (), True),
        ("python_version < '3.12'", (), "python_version < '3.12'"),
        ("python_version < '3.12' and os_name == 'posix'", (), "python_version < '3.12'"),
        ("python_version < '3.12' or os_name == 'posix'", (), True),
        ("extra == 'Some_Extra'", ("some-extra",), True),
        ("extra == 'other'", ("some-extra",), False),
        (
            "(python_version < '3.9' or python_version > '3.11') and extra == 'a' and platform_machine == 'x86_64'",
            ("a",),
            "(python_version < '3.9' or python_version > '3.11') and platform_machine == 'x86_64'",
        ),
        ("'linux' in sys_platform", (), "'linux' in sys_platform"),
        ("python_version not in '3.8'", (), "python_version not in '3.8'"),
        ("this is no marker (", (), "this is no marker ("),
    ],
)
def test_markers(marker: str, extras: tuple[str, ...], left: markers.Marker) -> None:
    assert markers.simplify(marker, extras) == left


ATOMS = st.sampled_from(
    ["sys_platform == 'win32'", "os_name == 'posix'", "python_version < '3.9'", "python_version >= '3.12'"]
)
MARKERS = st.recursive(
    ATOMS, lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner), max_leaves=6
)


@given(MARKERS)
def test_what_is_left_of_a_marker_means_the_same(marker: str) -> None:
    left = markers.simplify(marker)
    for python in ("3.8", "3.10", "3.13"):
        machine = {"sys_platform": "linux", "os_name": "posix", "python_version": python}
        means = left if isinstance(left, bool) else Marker(left).evaluate(machine)
        assert means is Marker(marker).evaluate(machine)


@given(
    st.one_of(
        st.text(max_size=40),
        st.lists(st.sampled_from(["(", ")", "and", "or", "'x'", "extra", "==", "not", "in"])).map(" ".join),
    )
)
def test_no_marker_is_too_strange(text: str) -> None:
    left = markers.simplify(text)
    if isinstance(left, str) and left != text:
        try:
            Marker(left)
        except InvalidMarker:
            assert re.search(r"[^a-z]", left)
