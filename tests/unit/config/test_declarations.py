"""One declaration makes a key: it is read, and stands in everything that is generated."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.config import parse, readers, reference
from infra.config.checks import CHECKS
from infra.config.key import key
from infra.config.schema import MAPS, Schema
from infra.config.settings import Settings
from infra.machines.registry import KINDS

ROOT = Path(__file__).parents[3]
SCHEMA = Schema(KINDS)


@dataclass(frozen=True, kw_only=True)
class Scratch(Settings):
    """Settings with a key more."""

    title = "Colours"
    colour: str = key(
        readers.choice("red", "blue"),
        default="red",
        description="Colour of the | machine.",
        secret=True,
        example="blue",
        also=("color",),
    )


SCRATCH = Schema(KINDS, Scratch)


def read(raw: dict[str, str], secret: tuple[str, ...] = ()) -> Any:
    return parse.parse(raw, KINDS, frozenset(secret), keys=Scratch)


def test_a_new_key_is_read_with_its_default_and_checked() -> None:
    assert read({"colour": "blue"}, ("colour",)).colour == "blue"
    assert "colour=" not in repr(read({}))
    with pytest.raises(parse.SettingsError) as caught:
        read({"colour": "green", "color": "red"})
    assert caught.value.problems == [
        "launchpad:color is not a key of this program; did you mean launchpad:colour?",
        "launchpad:colour is [secret]; it must be red or blue",
        "launchpad:colour is stored unencrypted; set it again with: pulumi config set --secret",
    ]


def test_a_new_key_is_in_pulumis_block() -> None:
    declared = yaml.safe_load(reference.pulumi_block(SCRATCH))["config"]["colour"]
    assert declared == {"type": "string", "default": "red", "description": "Colour of the | machine."}


def test_a_new_key_is_in_the_manual() -> None:
    tables = reference.tables(SCRATCH)
    assert "## Colours\n\nSettings with a key more.\n" in tables
    assert "| `colour` **secret** | `red` | Colour of the \\| machine. Example: `blue` |" in tables


def test_a_new_key_is_in_the_editors_schema() -> None:
    properties = reference.editor_schema(SCRATCH)["properties"]["config"]["properties"]
    assert properties["launchpad:colour"] == {
        "description": "Colour of the | machine.",
        "default": "red",
        "$ref": "#/definitions/encrypted",
    }


@pytest.mark.parametrize("name", SCHEMA.keys)
def test_every_key_has_a_readable_default_and_a_description(name: str) -> None:
    declared = SCHEMA.keys[name]
    declared.reader(declared.default)
    assert declared.description.endswith((".", "`", "..."))
    if declared.example and not declared.secret:
        declared.reader(declared.example.strip('"'))


def test_no_name_and_no_other_word_for_a_key_means_two_of_them() -> None:
    for kind in (*KINDS, *MAPS):
        names = [name for name in SCHEMA.keys if SCHEMA.map_of(name) in ({kind} if kind in MAPS else {"", kind})]
        own = [name.rpartition(".")[2] for name in names]
        others = [word for name in names for word in SCHEMA.keys[name].also]
        assert sorted(own) == sorted(set(own))
        assert sorted(others) == sorted(set(others))
        for word in set(own) & set(others):  # then a key of the kind has that name, and counts
            assert SCHEMA.hint(word, kind) == f"did you mean launchpad:{kind}.{word}?"


def test_pulumis_block_says_what_the_declarations_say() -> None:
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    assert set(declared) == {name for name in SCHEMA.keys if "." not in name} | set(KINDS) | set(MAPS)
    for name, key_ in SCHEMA.keys.items():
        if "." not in name:
            default = declared[name]["default"]
            assert (default if isinstance(default, str) else json.dumps(default)) == key_.default
    assert {declared[name]["type"] for name in (*KINDS, *MAPS)} == {"object"}


def allows(schema: dict[str, Any], value: object) -> bool:
    """Whether a JSON Schema of those that we make allows a value."""
    if "$ref" in schema:
        return isinstance(value, dict) and set(value) == {"secure"}
    if "anyOf" in schema:
        return any(allows(each, value) for each in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    names = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if names[type(value)] not in kinds and not (isinstance(value, int) and "number" in kinds):
        return False
    if isinstance(value, dict):
        known = schema.get("properties", {})
        more = schema.get("additionalProperties", {})
        return all(
            allows(known[name], item) if name in known else more and allows(more, item) for name, item in value.items()
        )
    return not isinstance(value, list) or all(allows(schema["items"], item) for item in value)


CONFIG = reference.editor_schema(SCHEMA)["properties"]["config"]["properties"]


@pytest.mark.parametrize("file", ["Pulumi.dev.yaml", "Pulumi.ec2.yaml"])
def test_the_editors_schema_allows_the_stacks_that_are_here_and_they_name_it(file: str) -> None:
    text = (ROOT / file).read_text()
    assert text.startswith("# yaml-language-server: $schema=docs/schema/pulumi-stack.schema.json\n")
    for name, value in yaml.safe_load(text)["config"].items():
        assert allows(CONFIG[name], value)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("http_port", 8080, True),
        ("http_port", "8080", True),
        ("http_port", [], False),
        ("machine", "ec2", True),
        ("machine", "toaster", False),
        ("ssh_from_anywhere", True, True),
        ("ssh_from_anywhere", "maybe", False),
        ("web_cidrs", ["10.0.0.0/8"], True),
        ("web_cidrs", "10.0.0.0/8", False),
        ("env", {"A": 1, "B": "x"}, True),
        ("secrets", {"secure": "v1:x"}, True),
        ("secrets", {"A": {"secure": "v1:x"}}, True),
        ("secrets", {"A": "in the clear"}, False),
        ("tls_key", "in the clear", False),
        ("tls_key", {"secure": "v1:x"}, True),
        ("ec2", {"region": "eu-central-1", "monitoring": False}, True),
        ("ec2", {"regoin": "eu-central-1"}, False),
        ("ec2.ssh_via", "ssm", True),
        ("ec2.ssh_via", "carrier pigeon", False),
        ("health_timeout", 2.5, True),
    ],
)
def test_the_editors_schema_tells_good_from_bad(name: str, value: object, allowed: bool) -> None:
    assert allows(CONFIG[f"launchpad:{name}"], value) is allowed


def test_an_unknown_key_is_a_mistake_in_the_editor_and_another_namespace_is_not() -> None:
    config = reference.editor_schema(SCHEMA)["properties"]["config"]
    assert config["additionalProperties"] is False
    assert config["patternProperties"] == {"^(?!launchpad:)": {}}


def test_every_rule_is_in_the_manual_by_its_docstring() -> None:
    manual = (ROOT / "docs" / "settings.md").read_text()
    rules = [f"- {check.__doc__}" for check in CHECKS]
    rules += [f"- {check.__doc__} (machine {kind.name})" for kind in KINDS.values() for check in kind.every_check]
    assert len(set(rules)) == len(rules)
    assert all(rule in manual for rule in rules)
