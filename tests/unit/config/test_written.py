"""The keys of one kind of machine can be written in two ways, which mean the same."""

from __future__ import annotations

import pytest

from infra.config import stackfile
from infra.config.parse import SettingsError
from infra.machines.ec2.settings import Ec2Keys
from infra.machines.embedded.settings import EmbeddedKeys
from tests.unit.config.reading import parse

EC2 = {"machine": "ec2", "ssh_cidrs": '["203.0.113.7/32"]'}


def problems(raw: dict[str, str], secret: tuple[str, ...] = (), stack_file: str = "") -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(raw, frozenset(secret), stack_file)
    return caught.value.problems


def test_a_key_by_itself_and_an_item_of_the_map_mean_the_same() -> None:
    flat = parse(
        {**EC2, "ec2.region": "eu-west-1", "ec2.disk": "30G", "ec2.monitoring": "false", "ec2.tags": '{"A": 1}'}
    )
    in_map = parse({**EC2, "ec2": '{"region": "eu-west-1", "disk": "30G", "monitoring": false, "tags": {"A": 1}}'})
    assert flat == in_map
    assert in_map.of(Ec2Keys) == Ec2Keys(region="eu-west-1", disk=30, monitoring=False, tags={"A": "1"})


def test_both_ways_may_be_mixed() -> None:
    settings = parse({"embedded.cpus": "2", "embedded": '{"memory": "2G"}'})
    assert settings.of(EmbeddedKeys) == EmbeddedKeys(memory="2G", cpus=2)


@pytest.mark.parametrize(("alone", "in_map"), [("2", "2"), ("2", '"2"')])
def test_the_same_value_twice_is_no_mistake(alone: str, in_map: str) -> None:
    assert parse({"embedded.cpus": alone, "embedded": f'{{"cpus": {in_map}}}'}).of(EmbeddedKeys).cpus == 2


def test_different_values_in_both_ways_are_a_mistake_by_name() -> None:
    assert problems({"embedded": '{"memory": "2G"}', "embedded.memory": "1G"}) == [
        "launchpad:embedded.memory is set twice: to '1G' as a key of its own, and to '2G' in the map launchpad:embedded; "
        "keep one of them: pulumi config rm launchpad:embedded.memory or pulumi config rm --path "
        "launchpad:embedded.memory"
    ]


def test_a_secret_that_is_set_twice_is_not_shown() -> None:
    found = problems({"embedded": '{"memory": "canary-1"}', "embedded.memory": "canary-2"}, ("embedded",))
    assert "launchpad:embedded.memory is set twice: to [secret] as a key of its own, and to [secret]" in found[0]
    assert "canary" not in "\n".join(found)


@pytest.mark.parametrize("value", ["eu-west-1", "[]", "7", '"text"'])
def test_a_value_in_the_place_of_the_map_is_a_mistake(value: str) -> None:
    assert problems({**EC2, "ec2": value, "ec2.region": "eu-west-1"}) == [
        f"launchpad:ec2 is {value!r}; it must be a map of keys, such as launchpad:ec2.region"
    ]


def test_a_wrong_item_of_the_map_is_told_by_its_full_name() -> None:
    assert problems({"embedded": '{"memory": "lots", "cpus": 1.5, "disk": null}'}) == [
        "launchpad:embedded.memory is 'lots'; it must be a size such as 512M or 2G, at least 128M",
        "launchpad:embedded.disk is ''; it must be a size such as 512M or 2G, at least 512M",
        "launchpad:embedded.cpus is '1.5'; it must be a whole number from 0 to 1024",
    ]


@pytest.mark.parametrize(
    ("raw", "hint"),
    [
        ({"region": "x"}, "did you mean launchpad:ec2.region, a key of machine ec2?"),
        ({"volume": "x"}, "did you mean launchpad:embedded.disk?"),
        ({"memory": "x"}, "did you mean launchpad:embedded.memory?"),
        ({"disk": "x"}, "did you mean launchpad:embedded.disk?"),
        ({"embedded.memroy": "x"}, "did you mean launchpad:embedded.memory?"),
        ({"embedded": '{"memroy": "x"}'}, "did you mean launchpad:embedded.memory?"),
        ({"embedded.region": "x"}, "did you mean launchpad:ec2.region, a key of machine ec2?"),
        ({"port": "x"}, "did you mean launchpad:http_port?"),
    ],
)
def test_an_old_or_mistyped_name_is_answered_with_the_right_one(raw: dict[str, str], hint: str) -> None:
    (found,) = problems(raw)
    assert found.endswith(f" is not a key of this program; {hint}")


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("volume", "did you mean launchpad:ec2.disk?"),
        ("ssh_via", "did you mean launchpad:ec2.ssh_via?"),
        ("memory", "did you mean launchpad:embedded.memory, a key of machine embedded?"),
        (
            "ec2.tags.Team",
            "to set an item of launchpad:ec2.tags, run: pulumi config set --path launchpad:ec2.tags.Team",
        ),
    ],
)
def test_a_hint_is_for_the_stacks_own_machine(key: str, hint: str) -> None:
    assert problems({**EC2, "ec2.region": "eu-west-1", key: "x"}) == [
        f"launchpad:{key} is not a key of this program; {hint}"
    ]


def test_a_value_in_the_map_that_yaml_changes_is_told() -> None:
    file = "config:\n  launchpad:ec2:\n    region: eu-west-1\n    monitoring: False\n    tags:\n      Id: 007\n"
    raw = {**EC2, "ec2": '{"region": "eu-west-1", "monitoring": false, "tags": {"Id": 7}}'}
    assert problems(raw, stack_file=file) == [
        "launchpad:ec2.tags.Id is written as 007 without quotes, and YAML reads that as 7; put it in quotes"
    ]


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("launchpad:server: {key: canary, host: {secure: v1:x}}", ["server.key"]),
        ("launchpad:server: {key: {secure: v1:x}, host: a}", []),
        ("launchpad:server: {map: {A: canary, B: {secure: v1:x}}}", ["server.map.A"]),
        ("launchpad:server.map: {A: canary, B: {secure: v1:x}}", ["server.map.A"]),
        ("launchpad:server.map: {secure: v1:x}", []),
        ("launchpad:server: {secure: v1:x}", []),
        # Of a key by itself Pulumi says whether it is encrypted.
        ("launchpad:server.key: canary", []),
    ],
)
def test_a_secret_of_a_kind_unencrypted_beside_encrypted_ones_is_found(written: str, found: list[str]) -> None:
    config = stackfile.config(f"config:\n  {written}\n", "launchpad")
    assert [*stackfile.unencrypted(config, ("server.key", "server.map"))] == found


def test_with_an_unknown_machine_the_keys_of_all_kinds_are_still_read() -> None:
    assert problems({"machine": "toaster", "ec2.disk": "1G", "embedded.memory": "2G"}) == [
        "launchpad:machine is 'toaster'; it must be embedded or ec2 or lightsail or server",
        "launchpad:ec2.disk is '1G'; it must be a size from 8G to 16384G, such as 20G",
    ]


def test_a_rule_about_a_key_that_cannot_be_read_says_nothing() -> None:
    assert problems({**EC2, "ec2.region": "Frankfurt", "tls_certificate": "PEM", "ec2.ssh_via": "carrier"}) == [
        "launchpad:tls_certificate is 'PEM'; it must be certificates in PEM form, with their line breaks, from "
        "-----BEGIN CERTIFICATE----- on",
        "launchpad:ec2.region is 'Frankfurt'; it must be an AWS region such as eu-central-1",
        "launchpad:ec2.ssh_via is 'carrier'; it must be direct or ssm",
    ]
