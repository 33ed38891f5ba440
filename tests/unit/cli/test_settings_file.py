"""Values put into a settings file, which a person has written."""

import pytest
import yaml

from cli.settings_file import with_values

FILE = """\
# Stack dev: mine.
config:
  launchpad:machine: embedded # this computer
  "launchpad:python": '3.13'
  launchpad:ssh_cidrs:
    - 203.0.113.7/32
    - 203.0.113.8/32
  aws:region: eu-central-1   # not ours
encryptionsalt: v1:x:y
"""


def test_a_value_changes_in_its_place_and_all_else_stays() -> None:
    assert with_values(FILE, {"machine": "ec2", "python": "3.12", "ssh_cidrs": ["198.51.100.0/24"], "app": "shop"}) == (
        """\
# Stack dev: mine.
config:
  launchpad:machine: ec2 # this computer
  "launchpad:python": '3.12'
  launchpad:ssh_cidrs:
    [198.51.100.0/24]
  aws:region: eu-central-1   # not ours
  launchpad:app: shop
encryptionsalt: v1:x:y
"""
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("", "config:\n  launchpad:app: shop\n"),
        ("# mine\n", "# mine\nconfig:\n  launchpad:app: shop\n"),
        ("config:\nencryptionsalt: v1\n", "config:\n  launchpad:app: shop\nencryptionsalt: v1\n"),
        ("config: {}\n", "config:\n  launchpad:app: shop\n"),
        ("config: {a:b: c}\n", "config:\n  a:b: c\n  launchpad:app: shop\n"),
        ("config:\n    a:b: c", "config:\n    a:b: c\n    launchpad:app: shop\n"),
        ("encryptionsalt: v1\n", "encryptionsalt: v1\nconfig:\n  launchpad:app: shop\n"),
    ],
)
def test_a_file_without_keys_gets_its_first(text: str, written: str) -> None:
    assert with_values(text, {"app": "shop"}) == written


@pytest.mark.parametrize("value", ["3.10", "010", "yes", "null", "a: b", "# x", "", "2026-01-01", "1e3", "{", "'"])
def test_a_text_is_read_as_the_text_that_it_is(value: str) -> None:
    assert yaml.safe_load(with_values(FILE, {"command": value}))["config"]["launchpad:command"] == value
