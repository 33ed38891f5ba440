"""Settings: what each key may be, how mistakes are reported, and how keys of one kind of machine are written."""

import json

import pytest

from infra.config import stackfile
from infra.config.parse import SettingsError
from infra.config.schema import Schema
from infra.machines.lightsail.settings import LightsailKeys
from infra.machines.registry import KINDS
from tests.unit.config.reading import parse

SECRET = Schema(KINDS).secret()


def problems(raw: dict[str, str], secret: tuple[str, ...] = ()) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(raw, frozenset(secret))
    return caught.value.problems


def test_defaults_are_valid() -> None:
    settings = parse({})
    assert (settings.machine, settings.app, settings.repository, settings.revision) == (
        "embedded",
        "app",
        "./app",
        "HEAD",
    )
    assert (settings.http_port, settings.health_path, settings.web_ports) == (80, "", (80,))


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
        "launchpad:colour is not a key of this program; see docs/settings.md",
        "launchpad:machine is 'toaster'; it must be embedded or ec2 or lightsail or server",
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
        ("embedded.memory", "lots"),
        ("embedded.memory", "127M"),
        ("embedded.disk", "511M"),
        ("repository", ""),
        ("acme_ca", "https://127.0.0.1:14000/dir"),
        ("tls_certificate", "PEM"),
    ],
)
def test_bad_value_is_refused_by_name(key: str, bad: str) -> None:
    found = problems({key: bad})
    assert any(f"launchpad:{key}" in line for line in found)


@pytest.mark.parametrize("key", SECRET)
def test_unencrypted_secret_is_refused_and_not_shown(key: str) -> None:
    value = '{"TOKEN": "canary-42"}' if key == "secrets" else "canary-42"
    kind, dot, _ = key.partition(".")
    found = problems({**({"machine": kind} if dot else {}), key: value})
    assert f"launchpad:{key} is stored unencrypted; set it again with: pulumi config set --secret" in found
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


def test_the_first_host_name_is_the_apps_own() -> None:
    settings = parse({"domain": "Shop.example.org, www.shop.example.org,shop.example.net"})
    assert settings.canonical == "shop.example.org"
    assert settings.aliases == ("www.shop.example.org", "shop.example.net")
    listed = parse({"domain": '["Shop.example.org", "www.shop.example.org", "shop.example.net"]'})
    assert listed.domains == settings.domains
    assert (parse({}).canonical, parse({"domain": ""}).aliases, settings.web_ports) == ("", (), (80, 443))


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
        for rule in KINDS[settings.machine].firewall(settings).rules
        if rule.direction == "ingress"
    ] == [
        ("tcp", 80, 80, "0.0.0.0/0"),
        ("tcp", 443, 443, "0.0.0.0/0"),
        ("tcp", 22, 22, "203.0.113.7/32"),
        ("tcp", 9000, 9001, "203.0.113.0/24"),
    ]


EC2 = {"machine": "ec2", "ec2.region": "eu-central-1", "ssh_cidrs": '["203.0.113.7/32"]'}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {**EC2, "ec2.region": ""},
            "launchpad:ec2.region is empty; it must be the AWS region of the machine, such as eu-central-1",
        ),
        (
            {**EC2, "ssh_cidrs": "[]"},
            "launchpad:ssh_cidrs is empty, so no deployment could reach the machine; it must hold your own network, such as "
            '["203.0.113.7/32"], or launchpad:ec2.ssh_via must be ssm',
        ),
        (
            {**EC2, "ec2.vpc_id": "vpc-0123456789abcdef0"},
            "launchpad:ec2.vpc_id and launchpad:ec2.subnet_id must be set together; one of them is empty",
        ),
        (
            {"ec2.ssh_via": "ssm"},
            "launchpad:ec2.ssh_via is set, but only machine ec2 reads it, and this stack has machine embedded; remove it: pulumi "
            "config rm launchpad:ec2.ssh_via",
        ),
        (
            {**EC2, "embedded.memory": "2G"},
            "launchpad:embedded.memory is set, but only machine embedded reads it, and this stack has machine ec2; remove it: pulumi "
            "config rm launchpad:embedded.memory",
        ),
        (
            {**EC2, "ec2.data_disk": "10"},
            "launchpad:ec2.data_disk is '10'; it must be 0 or a size from 1G to 16384G, such as 32G",
        ),
        (
            {**EC2, "ec2.snapshots": "7", "ec2.data_disk": "0"},
            "launchpad:ec2.snapshots is 7 but launchpad:ec2.data_disk is 0; set one of them otherwise",
        ),
        (
            {"database": "rds"},
            "launchpad:database is rds, which machine embedded does not have; it must be empty or postgres",
        ),
        (
            {**EC2, "database": "rds", "on_destroy": "keep"},
            "launchpad:on_destroy is keep, which launchpad:database rds cannot do: the server cannot outlive the stack's "
            "network. It must be empty, delete or snapshot",
        ),
        (
            {**EC2, "database": "rds", "metadata_access": "true"},
            "launchpad:metadata_access is true, and launchpad:database is rds: the metadata service would give app the "
            "machine's role, and with that the password of the database server. Use one of them",
        ),
        (
            {**EC2, "database": "rds", "ec2.region": "us-gov-west-1"},
            "launchpad:database is rds, which Launchpad cannot use in us-gov-west-1: AWS's other partitions have other "
            "addresses for certificates and secrets. Use postgres there",
        ),
        (
            {
                **EC2,
                "database": "rds",
                "ec2.vpc_id": "vpc-0123456789abcdef0",
                "ec2.subnet_id": "subnet-0123456789abcdef0",
                "ec2.rds_subnets": '["subnet-0123456789abcdef0"]',
            },
            "launchpad:database is rds, and launchpad:ec2.vpc_id names a VPC of yours; launchpad:ec2.rds_subnets must "
            "name two or more private subnets of it, in different zones",
        ),
        (
            {**EC2, "database": "rds", "ec2.rds_subnets": '["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"]'},
            "launchpad:ec2.rds_subnets is set but launchpad:ec2.vpc_id is empty; set the VPC that they are in",
        ),
        (
            {**EC2, "ec2.rds_class": "t4g.micro"},
            "launchpad:ec2.rds_class is 't4g.micro'; it must be an RDS instance class such as db.t4g.micro",
        ),
        (
            {**EC2, "ec2.rds_storage": "10G"},
            "launchpad:ec2.rds_storage is '10G'; it must be a size from 20G to 65536G, such as 20G",
        ),
        (
            {**EC2, "database": "rds", "env": '{"PGPASSFILE": "x"}'},
            "launchpad:env.PGPASSFILE is set, but database is rds, which sets it itself; remove one of them",
        ),
        ({**EC2, "ec2.disk": "4G"}, "launchpad:ec2.disk is '4G'; it must be a size from 8G to 16384G, such as 20G"),
        (
            {**EC2, "ec2.vpc_cidr": "8.8.0.0/16"},
            "launchpad:ec2.vpc_cidr is '8.8.0.0/16'; it must be a private IPv4 network from /16 to /24 with host bits zero, such "
            "as 10.64.0.0/16",
        ),
        (
            {**EC2, "ec2.tags": '{"aws:x": "1"}'},
            'launchpad:ec2.tags is \'{"aws:x": "1"}\'; it must be a map of up to 40 tags: names of 1 to 128 characters that '
            "do not begin with aws:, values of up to 256",
        ),
    ],
)
def test_mistakes_about_ec2(values: dict[str, str], said: str) -> None:
    assert problems(values) == [said]


LIGHTSAIL = {"machine": "lightsail", "lightsail.region": "eu-central-1", "ssh_cidrs": '["203.0.113.7/32"]'}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {**LIGHTSAIL, "lightsail.region": ""},
            "launchpad:lightsail.region is empty; it must be the AWS region of the machine, such as eu-central-1",
        ),
        (
            {**LIGHTSAIL, "lightsail.zone": "us-east-1a"},
            "launchpad:lightsail.zone is us-east-1a, which is not in launchpad:lightsail.region, eu-central-1; set one of its "
            "zones, such as eu-central-1a",
        ),
        (
            {**LIGHTSAIL, "lightsail.zone": "eu-central-1"},
            "launchpad:lightsail.zone is 'eu-central-1'; it must be a zone of the region such as eu-central-1a",
        ),
        (
            {**LIGHTSAIL, "ssh_cidrs": "[]"},
            "launchpad:ssh_cidrs is empty, so no deployment could reach the machine; it must hold your own network, such as "
            '["203.0.113.7/32"]',
        ),
        (
            {**LIGHTSAIL, "lightsail.bundle": "small"},
            "launchpad:lightsail.bundle is 'small'; it must be the id of a Lightsail bundle such as small_3_0",
        ),
        (
            {**LIGHTSAIL, "lightsail.blueprint": "wordpress"},
            "launchpad:lightsail.blueprint is 'wordpress'; it must be a Debian or Ubuntu blueprint such as debian_13",
        ),
        (
            {**LIGHTSAIL, "lightsail.snapshots": "03:30"},
            "launchpad:lightsail.snapshots is '03:30'; it must be a full hour of the day in UTC such as \"03:00\"",
        ),
        (
            {**LIGHTSAIL, "lightsail.data_disk": "4G"},
            "launchpad:lightsail.data_disk is '4G'; it must be 0 or a size from 8G to 16384G, such as 32G",
        ),
    ],
)
def test_mistakes_about_lightsail(values: dict[str, str], said: str) -> None:
    assert problems(values) == [said]


def test_lightsails_keys_are_read() -> None:
    keys = {"zone": "eu-central-1b", "snapshots": "03:00", "data_disk": "32G", "blueprint": "ubuntu_24_04"}
    settings = parse({**LIGHTSAIL, **{f"lightsail.{name}": value for name, value in keys.items()}})
    assert settings.of(LightsailKeys) == LightsailKeys(
        region="eu-central-1", zone="eu-central-1b", snapshots="03:00", data_disk=32, blueprint="ubuntu_24_04"
    )
    assert parse(LIGHTSAIL).of(LightsailKeys) == LightsailKeys(region="eu-central-1", bundle="small_3_0", data_disk=8)


def test_ssm_lets_ssh_be_closed() -> None:
    settings = parse({**EC2, "ssh_cidrs": "[]", "ec2.ssh_via": "ssm"})
    assert not [rule for rule in KINDS[settings.machine].firewall(settings).rules if rule.from_port == 22]


@pytest.mark.parametrize("ports", ['"port": 22', '"from_port": 1, "to_port": 1024'])
def test_rules_are_no_way_round_the_guard_of_ssh(ports: str) -> None:
    values = {"rules": f'[{{{ports}, "cidr": "0.0.0.0/0"}}]'}
    assert problems(values) == [
        "launchpad:rules opens port 22 (SSH) to 0.0.0.0/0, which covers most of the internet; exclude port 22, or set "
        "launchpad:ssh_from_anywhere to true if this is intentional"
    ]
    assert parse({**values, "ssh_from_anywhere": "true"}).rules


def test_a_text_where_pulumi_wants_a_list_is_found_in_the_file() -> None:
    said = """config:
  launchpad:packages: '["libpq5"]'
  launchpad:persist: [media]
  launchpad:pip: ''
"""
    with pytest.raises(SettingsError) as caught:
        parse({"packages": '["libpq5"]', "persist": '["media"]', "pip": "[]"}, frozenset(), said)
    assert caught.value.problems == [
        "launchpad:packages must be a list; set its first item with: pulumi config set --path 'launchpad:packages[0]' VALUE"
    ]


def test_what_stands_in_clear_beside_a_secret_is_shown_where_it_is_wrong() -> None:
    said = "config:\n  launchpad:backup:\n    repository: backups\n    password:\n      secure: v1:x\n"
    with pytest.raises(SettingsError) as caught:
        parse({"backup": '{"repository": "backups", "password": "canary"}'}, frozenset({"backup"}), said)
    assert caught.value.problems == [
        "launchpad:backup.repository is 'backups'; it must be a folder such as /mnt/backup/shop, sftp:user@host:/path, "
        "sftp:user@host:2222/path or s3:https://host/bucket/path"
    ]
    encrypted = said.replace("backups", "{secure: v1:y}")
    with pytest.raises(SettingsError) as caught:
        parse({"backup": '{"repository": "backups", "password": "canary"}'}, frozenset({"backup"}), encrypted)
    assert "launchpad:backup.repository is [secret]; it must be" in caught.value.problems[0]


def test_one_secret_unencrypted_beside_an_encrypted_one_is_found() -> None:
    text = "config:\n  launchpad:secrets:\n    TOKEN:\n      secure: v1:x\n    PLAIN: canary-42\n"
    assert [*stackfile.unencrypted(stackfile.config(text, "launchpad"), SECRET)] == ["secrets.PLAIN"]
    with pytest.raises(SettingsError) as caught:
        parse({"secrets": '{"TOKEN": "a", "PLAIN": "canary-42"}'}, frozenset({"secrets"}), text)
    assert len(caught.value.problems) == 1
    assert "launchpad:secrets holds PLAIN unencrypted" in caught.value.problems[0]
    assert "canary-42" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "config:\n", "config:\n  launchpad:secrets:\n    secure: v1:x\n"])
def test_nothing_is_unencrypted(text: str) -> None:
    assert [*stackfile.unencrypted(stackfile.config(text, "launchpad"), SECRET)] == []


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("helth_path", "did you mean launchpad:health_path?"),
        ("env.FOO", "to set an item of launchpad:env, run: pulumi config set --path launchpad:env.FOO"),
        ("zzz", "see docs/settings.md"),
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
        ("[]", "must be a map"),
        ('{"prot": 1}', "unknown key 'prot' (allowed: port, from_port, to_port, protocol, cidr, description)"),
    ],
)
def test_bad_rule_is_named(rule: str, wrong: str) -> None:
    good = '{"port": 9001, "cidr": "10.0.0.0/8"}'
    (found,) = problems({"rules": f"[{good}, {rule}]"})
    assert found.endswith(f"; rules[1]: {wrong}")
