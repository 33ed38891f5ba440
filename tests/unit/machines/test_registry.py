"""A kind of machine takes one module of its own and one line in the registry; nothing else knows which kinds there are."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pulumi.runtime import mocks
from pulumi.runtime.settings import set_root_resource
from pulumi.runtime.stack import run_in_stack

from infra.config import reference
from infra.config.parse import SettingsError
from infra.config.schema import Schema
from infra.machines import registry
from infra.machines.contract import Machine
from tests.program import loops
from tests.unit.config.reading import parse
from tests.unit.machines import null

ROOT = Path(__file__).parents[3]
NULL = {"machine": "null", "null.host": "192.0.2.7", "null.port": "2222"}


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one line."""
    monkeypatch.setitem(registry.KINDS, "null", null.KIND)


def problems(raw: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(raw)
    return caught.value.problems


def test_its_keys_are_read() -> None:
    assert parse(NULL).of(null.NullKeys) == null.NullKeys(host="192.0.2.7", port=2222)
    assert parse({"machine": "null", "null": '{"host": "192.0.2.7"}'}).of(null.NullKeys).port == 22


def test_its_keys_and_rules_are_checked_with_all_others() -> None:
    assert problems({"machine": "null", "null.port": "0", "http_port": "22"}) == [
        "launchpad:null.port is '0'; it must be a whole number from 1 to 65535",
        "launchpad:http_port is 22, which is reserved for SSH; choose another",
        "launchpad:null.host is empty; it must be the address of the machine",
    ]
    assert problems({"machine": "toaster"}) == [
        "launchpad:machine is 'toaster'; it must be embedded or ec2 or lightsail or server or null"
    ]


def test_its_rules_are_not_those_of_another_kind() -> None:
    assert parse({}).machine == "embedded"


def test_a_key_of_it_that_is_set_for_another_kind_is_refused_by_name() -> None:
    assert problems({"null.host": "192.0.2.7"}) == [
        "launchpad:null.host is set, but only machine null reads it, and this stack has machine embedded; remove it: "
        "pulumi config rm launchpad:null.host"
    ]
    assert problems({**NULL, "ec2": '{"region": "eu-central-1"}'}) == [
        "launchpad:ec2.region is set, but only machine ec2 reads it, and this stack has machine null; remove it: "
        "pulumi config rm --path launchpad:ec2.region"
    ]


def test_an_unknown_key_is_answered_with_one_of_it() -> None:
    assert problems({**NULL, "address": "192.0.2.7"}) == [
        "launchpad:address is not a key of this program; did you mean launchpad:null.host?"
    ]


def test_it_is_in_everything_that_is_generated() -> None:
    schema = Schema(registry.KINDS)
    assert "null: a machine that is there already." in " ".join(reference.pulumi_block(schema).split())
    assert "\n  null:\n    type: object\n    default: {}\n" in reference.pulumi_block(schema)
    tables = reference.tables(schema)
    assert "| `null.host` |  | Address of the machine. Example: `192.0.2.7` |" in tables
    assert "- A host is named. (machine null)" in tables
    properties = reference.editor_schema(schema)["properties"]["config"]["properties"]
    assert properties["launchpad:null"]["properties"]["port"] == properties["launchpad:null.port"]
    assert "null" in properties["launchpad:machine"]["anyOf"][0]["enum"]


class NothingMade(mocks.Mocks):
    """Pulumi's mocks for a program that registers nothing."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, str]]:
        raise AssertionError(args.name)

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, str], None]:
        raise AssertionError(args.token)


def launched(raw: dict[str, str]) -> tuple[Machine, str]:
    """The machine that a config asks for, and the command that logs in to it, under Pulumi's mocks."""
    found: list[Machine] = []
    loop = loops.fresh()
    mocks.set_mocks(NothingMade(), project="launchpad", stack="test", preview=False)
    set_root_resource(None)  # type: ignore[arg-type]

    async def run() -> str:
        await run_in_stack(lambda: found.append(registry.launch("machine", parse(raw))))
        return await found[0].ssh.command_line(Path("/keys")).future() or ""

    command = loop.run_until_complete(run())
    return found[0], command


def test_it_is_launched_with_its_own_keys_and_firewall() -> None:
    machine, command = launched(NULL)
    assert (machine.kind, machine.address, machine.instance_id) == ("null", "192.0.2.7", "machine")
    assert command.endswith(" -p 2222 deploy@192.0.2.7")
    assert [rule.cidr for rule in machine.firewall.rules if rule.from_port == 22] == ["192.0.2.0/24"]


def test_only_a_kind_that_says_so_needs_this_computer() -> None:
    assert [name for name in (*registry.KINDS, "toaster") if registry.is_local(name)] == ["embedded"]


def test_networks_that_a_stack_names_take_the_place_of_the_kinds_own() -> None:
    settings = parse({**NULL, "ssh_cidrs": '["203.0.113.7/32"]'})
    rules = null.KIND.firewall(settings).rules
    assert [rule.cidr for rule in rules if rule.from_port == 22] == ["203.0.113.7/32"]


def test_keys_of_another_kind_are_not_to_be_had() -> None:
    with pytest.raises(TypeError, match="a stack with machine embedded has no NullKeys"):
        parse({}).of(null.NullKeys)


def compared(tree: ast.AST) -> Iterator[str]:
    """The texts that something called machine or kind is compared with."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and ast.unparse(node.left).rpartition(".")[2] in ("machine", "kind"):
            yield from (str(each.value) for each in node.comparators if isinstance(each, ast.Constant))


def test_nobody_asks_which_kind_a_machine_is() -> None:
    files = [*ROOT.glob("*.py"), *ROOT.glob("infra/**/*.py"), *ROOT.glob("cli/**/*.py")]
    asked = {(file.name, text) for file in files for text in compared(ast.parse(file.read_text()))}
    assert not {(name, text) for name, text in asked if text in registry.KINDS}


def test_the_registry_imports_nothing_slow() -> None:
    """Pulumi takes a quarter of a second, boto3 most of one, and a kind that is not used is to cost nothing."""
    late = "[name for name in ('pulumi', 'pulumi_aws', 'boto3', 'yaml') if name in sys.modules]"
    line = f"import sys; from infra.machines.registry import KINDS; from infra.config.parse import parse; print({late})"
    done = subprocess.run([sys.executable, "-c", line], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
