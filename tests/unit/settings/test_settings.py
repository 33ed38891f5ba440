"""Settings: what each key may be, how mistakes are reported, and that Pulumi.yaml says the same."""

import json
from dataclasses import fields
from pathlib import Path

import pytest
import yaml

from infra.keys import DEFAULTS, KINDS, READERS, SECRET
from infra.settings import Settings, SettingsError, in_the_clear, parse

ROOT = Path(__file__).parents[3]
DECLARED = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]


def problems(raw: dict[str, str], secret: tuple[str, ...] = ()) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(raw, frozenset(secret))
    return caught.value.problems


def test_every_key_is_declared_with_type_default_and_description() -> None:
    assert set(DECLARED) == set(READERS) == {field.name for field in fields(Settings)}
    assert all(set(key) >= {"type", "default", "description"} for key in DECLARED.values())


@pytest.mark.parametrize("key", sorted(READERS))
def test_declared_default_is_the_default(key: str) -> None:
    declared = DECLARED[key]["default"]
    assert (declared if isinstance(declared, str) else json.dumps(declared)) == DEFAULTS.get(key, "")


def test_keys_of_one_kind_of_machine_are_keys() -> None:
    assert set(KINDS) == {"embedded", "ec2"}
    assert {key for keys in KINDS.values() for key in keys} < set(READERS)


def test_defaults_are_valid() -> None:
    settings = parse({})
    assert (settings.machine, settings.app, settings.repository, settings.revision) == (
        "embedded",
        "app",
        "./app",
        "HEAD",
    )
    assert (settings.http_port, settings.health_path, settings.web_ports) == (80, "/", (80,))


def test_all_mistakes_at_once() -> None:
    assert problems(
        {
            "machine": "toaster",
            "http_port": "abc",
            "ssh_cidrs": '["10.0.0.1/8"]',
            "health_path": "healthz",
            "colour": "red",
        }
    ) == [
        "launchpad:colour is not a key of this program; see Pulumi.yaml",
        "launchpad:machine is 'toaster'; it must be embedded or ec2",
        "launchpad:health_path is 'healthz'; it must be a URL path that starts with / and has no spaces, such as /healthz",
        "launchpad:http_port is 'abc'; it must be a whole number from 1 to 65535",
        "launchpad:ssh_cidrs is '[\"10.0.0.1/8\"]'; it must be a list of networks in CIDR notation with host bits zero, "
        'such as ["203.0.113.7/32", "2001:db8::/64"]',
    ]


@pytest.mark.parametrize(
    ("key", "bad"),
    [
        ("app", "My App"),
        ("app", "root"),
        ("app", "systemd-network"),
        ("app", "a" * 25),
        ("revision", "-rf"),
        ("revision", "a b"),
        ("directory", "../up"),
        ("directory", "/etc"),
        ("python", "2.7"),
        ("packages", '["--allow-downgrades"]'),
        ("package_index", "ftp://mirror"),
        ("env", '{"1X": "a"}'),
        ("env", '{"PORT": "80"}'),
        ("env", '{"A": ["list"]}'),
        ("env", "[]"),
        ("env", json.dumps({"A": "x" * 131_000})),
        ("env", json.dumps({f"A{number}": "x" * 100_000 for number in range(4)})),
        ("env", '{"A": "\\ud800"}'),
        ("health_status", "abc"),
        ("health_status", "399-200"),
        ("health_timeout", "0"),
        ("http_port", "65536"),
        ("http_port", "22"),
        ("domain", "not a domain"),
        ("request_body_limit", "10"),
        ("web_cidrs", '["300.0.0.0/8"]'),
        ("ssh_cidrs", '["0.0.0.0/0"]'),
        ("ssh_cidrs", '["0.0.0.0/1"]'),
        ("ssh_from_anywhere", "maybe"),
        ("rules", '[{"port": 0, "cidr": "10.0.0.0/8"}]'),
        ("rules", '[{"port": 9000}]'),
        ("rules", '[{"port": 9000, "cidr": "10.0.0.0/8", "prot": "tcp"}]'),
        ("keep_releases", "0"),
        ("memory", "lots"),
        ("memory", "127M"),
        ("disk", "511M"),
        ("repository", ""),
        ("acme_ca", "https://127.0.0.1:14000/dir"),
        ("tls_certificate", "PEM"),
    ],
)
def test_bad_value_is_refused_by_name(key: str, bad: str) -> None:
    found = problems({key: bad})
    assert any(f"launchpad:{key}" in line for line in found)


@pytest.mark.parametrize("key", SECRET)
def test_secret_in_the_clear_is_refused_and_not_shown(key: str) -> None:
    value = '{"TOKEN": "canary-42"}' if key == "secrets" else "canary-42"
    found = problems({key: value})
    assert f"launchpad:{key} is stored in the clear; set it again with: pulumi config set --secret" in found
    assert "canary-42" not in "\n".join(found)


def test_bad_secret_is_not_shown() -> None:
    found = problems({"secrets": '{"A": ["canary-42"]}'}, ("secrets",))
    assert found == ["launchpad:secrets.A is [secret]; it must be text, a number, true or false"]


def test_secrets_stay_out_of_the_representation() -> None:
    settings = parse(
        {"secrets": '{"TOKEN": "canary-42"}', "package_index": "https://canary-43@host/"}, frozenset({"secrets"})
    )
    assert settings.secrets == {"TOKEN": "canary-42"}
    assert "canary" not in repr(settings)


def test_scalars_in_env_become_text_as_in_yaml() -> None:
    assert parse({"env": '{"B": true, "A": 1, "C": "x"}'}).env == {"A": "1", "B": "true", "C": "x"}


def test_name_in_env_and_secrets_is_refused() -> None:
    assert problems({"env": '{"A": "1"}', "secrets": '{"A": "2"}'}, ("secrets",)) == [
        "launchpad:env and launchpad:secrets both hold A; keep each name in one of them"
    ]


def test_wide_ssh_is_allowed_when_meant() -> None:
    assert parse({"ssh_cidrs": '["0.0.0.0/0"]', "ssh_from_anywhere": "true"}).ssh_cidrs == ("0.0.0.0/0",)


def test_firewall_of_a_domain_with_an_extra_rule() -> None:
    settings = parse(
        {
            "domain": "app.example.org",
            "web_cidrs": '["0.0.0.0/0"]',
            "ssh_cidrs": '["203.0.113.7/32"]',
            "rules": '[{"from_port": 9000, "to_port": 9001, "cidr": "203.0.113.0/24", "description": "metrics"}]',
        }
    )
    assert [
        (rule.protocol, rule.from_port, rule.to_port, rule.cidr)
        for rule in settings.firewall.rules
        if rule.direction == "ingress"
    ] == [
        ("tcp", 80, 80, "0.0.0.0/0"),
        ("tcp", 443, 443, "0.0.0.0/0"),
        ("tcp", 22, 22, "203.0.113.7/32"),
        ("tcp", 9000, 9001, "203.0.113.0/24"),
    ]


EC2 = {"machine": "ec2", "region": "eu-central-1", "ssh_cidrs": '["203.0.113.7/32"]'}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {**EC2, "region": ""},
            "launchpad:region is empty; it must be the AWS region of the machine, such as eu-central-1",
        ),
        (
            {**EC2, "ssh_cidrs": "[]"},
            "launchpad:ssh_cidrs is empty, so no deployment could reach the machine; it must hold your own network, such as "
            '["203.0.113.7/32"], or launchpad:ssh_via be ssm',
        ),
        (
            {**EC2, "vpc_id": "vpc-0123456789abcdef0"},
            "launchpad:vpc_id and launchpad:subnet_id go together; one of them is empty",
        ),
        (
            {"ssh_via": "ssm"},
            "launchpad:ssh_via is set, but only machine ec2 reads it, and this stack's is embedded; take it away: pulumi "
            "config rm launchpad:ssh_via",
        ),
        (
            {**EC2, "memory": "2G"},
            "launchpad:memory is set, but only machine embedded reads it, and this stack's is ec2; take it away: pulumi "
            "config rm launchpad:memory",
        ),
        ({**EC2, "volume": "4G"}, "launchpad:volume is '4G'; it must be a size from 8G to 16384G, such as 20G"),
        (
            {**EC2, "vpc_cidr": "8.8.0.0/16"},
            "launchpad:vpc_cidr is '8.8.0.0/16'; it must be a private IPv4 network from /16 to /24 with host bits zero, such "
            "as 10.64.0.0/16",
        ),
        (
            {**EC2, "tags": '{"aws:x": "1"}'},
            'launchpad:tags is \'{"aws:x": "1"}\'; it must be a map of up to 40 tags: names of 1 to 128 characters that '
            "do not begin with aws:, values of up to 256",
        ),
    ],
)
def test_mistakes_about_ec2(values: dict[str, str], said: str) -> None:
    assert problems(values) == [said]


def test_ssm_lets_ssh_be_closed() -> None:
    settings = parse({**EC2, "ssh_cidrs": "[]", "ssh_via": "ssm"})
    assert not [rule for rule in settings.firewall.rules if rule.from_port == 22]


@pytest.mark.parametrize("ports", ['"port": 22', '"from_port": 1, "to_port": 1024'])
def test_rules_are_no_way_round_the_guard_of_ssh(ports: str) -> None:
    values = {"rules": f'[{{{ports}, "cidr": "0.0.0.0/0"}}]'}
    assert problems(values) == [
        "launchpad:rules opens port 22, SSH, to 0.0.0.0/0, much of the internet; leave it out of the ports, or set "
        "launchpad:ssh_from_anywhere to true if you mean it"
    ]
    assert parse({**values, "ssh_from_anywhere": "true"}).rules


def test_one_secret_in_the_clear_beside_an_encrypted_one_is_found() -> None:
    text = "config:\n  launchpad:secrets:\n    TOKEN:\n      secure: v1:x\n    PLAIN: canary-42\n"
    assert in_the_clear(text) == ("PLAIN",)
    with pytest.raises(SettingsError) as caught:
        parse({"secrets": '{"TOKEN": "a", "PLAIN": "canary-42"}'}, frozenset({"secrets"}), in_the_clear(text))
    assert len(caught.value.problems) == 1
    assert "launchpad:secrets holds PLAIN in the clear" in caught.value.problems[0]
    assert "canary-42" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "config:\n", "config:\n  launchpad:secrets:\n    secure: v1:x\n"])
def test_nothing_is_in_the_clear(text: str) -> None:
    assert in_the_clear(text) == ()


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("helth_path", "did you mean launchpad:health_path?"),
        ("env.FOO", "to set a part of launchpad:env use: pulumi config set --path launchpad:env.FOO"),
        ("zzz", "see Pulumi.yaml"),
    ],
)
def test_unknown_key_comes_with_a_hint(key: str, hint: str) -> None:
    assert problems({key: "x"}) == [f"launchpad:{key} is not a key of this program; {hint}"]


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ('{"port": 9000, "cidr": "10.0.0.1/8"}', "cidr must be a network such as 203.0.113.0/24, host bits zero"),
        ('{"port": 9000}', "cidr must be a network such as 203.0.113.0/24, host bits zero"),
        ('{"port": 9000, "cidr": "10.0.0.0/8", "protocol": "icmp"}', "protocol is 'icmp'; it must be tcp or udp"),
        ('{"from_port": 9, "to_port": 8, "cidr": "10.0.0.0/8"}', "ports must be from 1 to 65535, from_port first"),
        ('{"port": "x", "cidr": "10.0.0.0/8"}', "port, or from_port and to_port, must be whole numbers"),
        ('{"prot": 1}', "there is 'prot', which is none of port, from_port, to_port, protocol, cidr, description"),
    ],
)
def test_bad_rule_is_named(rule: str, wrong: str) -> None:
    good = '{"port": 9001, "cidr": "10.0.0.0/8"}'
    (found,) = problems({"rules": f"[{good}, {rule}]"})
    assert found.endswith(f"; in rules[1] {wrong}")
