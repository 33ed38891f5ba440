"""Several apps in one stack: what each may set, what it has from the stack, and every mistake with its path."""

from __future__ import annotations

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as some

from infra import from_settings
from infra.config import reference, stackfile
from infra.config.entries import apart, placed
from infra.config.parse import SettingsError
from infra.config.schema import Schema
from infra.config.settings import AppSettings, Settings
from infra.machines.registry import KINDS
from infra.protocol.app_settings import Process
from tests.unit.config import pem
from tests.unit.config.reading import parse


def problems(
    apps: object, top: dict[str, str] | None = None, secret: tuple[str, ...] = (), stack_file: str = ""
) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse({**(top or {}), "apps": json.dumps(apps)}, frozenset(secret), stack_file)
    return caught.value.problems


def test_a_stack_without_the_key_has_the_one_app_of_its_own_keys() -> None:
    settings = parse({"app": "shop", "http_port": "8080"})
    assert settings.each_app == (settings,)
    assert parse({"apps": "{}"}) == parse({})


def test_each_app_has_its_own_keys_and_the_stacks_where_it_sets_none() -> None:
    entries = {
        "shop": {
            "repository": "./shop",
            "http_port": 8080,
            "keep_releases": "2",
            "processes": {"worker": "python w.py"},
        },
        "blog": {"env": {"DEBUG": "1"}, "python": "3.10", "health_timeout": "2m", "metadata_access": True},
        "api": None,
    }
    top = {"repository": "./all", "env": '{"A": "a"}', "python": "3.12", "keep_releases": "9"}
    settings = parse({**top, "domain": "", "apps": json.dumps({**entries, "api": {"http_port": "8081"}})})
    api, blog, shop = settings.each_app
    assert [app.app for app in settings.each_app] == ["api", "blog", "shop"]
    assert (api.repository, api.http_port, api.env, api.python, api.keep_releases) == (
        "./all",
        8081,
        {"A": "a"},
        "3.12",
        9,
    )
    assert (blog.repository, blog.http_port, blog.env, blog.python) == ("./all", 80, {"DEBUG": "1"}, "3.10")
    assert (blog.health_timeout, blog.metadata_access) == (120, True)
    assert (shop.repository, shop.http_port, shop.keep_releases) == ("./shop", 8080, 2)
    assert shop.processes == {"worker": Process("worker", "python w.py")}
    assert from_settings.app(shop).name == "shop"
    assert settings.public_ports == (8081, 80, 8080)


def test_an_entry_without_keys_is_an_app_all_the_same() -> None:
    assert [app.app for app in parse({"apps": '{"api": null}'}).each_app] == ["api"]


def test_the_public_ports_are_those_of_all_apps_once() -> None:
    apps = {"a": {"domain": "a.org"}, "b": {"domain": "b.org"}, "c": {"http_port": "9000"}}
    settings = parse({"apps": json.dumps(apps), "web_cidrs": '["10.0.0.0/8"]'})
    assert settings.public_ports == (80, 443, 9000)
    rules = KINDS["embedded"].firewall(settings).rules
    assert [rule.from_port for rule in rules if rule.cidr == "10.0.0.0/8"] == [80, 443, 9000]


def test_every_mistake_of_every_app_is_told_at_once_by_its_path() -> None:
    apps = {
        "shop": {
            "machine": "ec2",
            "web_cidrs": [],
            "ec2": {"region": "x"},
            "ec2.disk": "20G",
            "app": "x",
            "htp_port": 1,
        },
        "blog": {"http_port": "http", "env": {"PATH": "x"}, "port": 1},
        "Api": {},
        "text": "https://git.invalid/x.git",
    }
    assert problems(apps, {"http_port": "x"}) == [
        "launchpad:http_port is 'x'; it must be a whole number from 1 to 65535",
        "launchpad:apps.text is 'https://git.invalid/x.git'; it must be a map of keys, such as "
        '{"repository": "https://github.com/you/shop.git"}',
    ]
    del apps["text"]
    assert problems(apps, {"keep_releases": "x"}) == [
        "launchpad:keep_releases is 'x'; it must be a whole number from 1 to 100",
        "launchpad:apps.Api is not the name of an app; it must be a name of 1 to 24 lower-case letters, digits and -, "
        "letter first",
        "launchpad:apps.blog.port is not a key of this program; did you mean launchpad:apps.blog.http_port?",
        "launchpad:apps.blog.http_port is 'http'; it must be a whole number from 1 to 65535",
        "launchpad:apps.blog.env.PATH is 'x'; it must be left out, because Launchpad sets PATH itself; give the app's own "
        "variable another name",
        "launchpad:apps.shop.app is no key of an app, whose name is shop, as the map says; remove it",
        "launchpad:apps.shop.ec2 is about the machine, which all apps share; set launchpad:ec2 instead",
        "launchpad:apps.shop.ec2.disk is a key of the machine, which all apps share; set launchpad:ec2.disk instead",
        "launchpad:apps.shop.htp_port is not a key of this program; did you mean launchpad:apps.shop.http_port?",
        "launchpad:apps.shop.machine is a key of the machine, which all apps share; set launchpad:machine instead",
        "launchpad:apps.shop.web_cidrs is a key of the machine, which all apps share; set launchpad:web_cidrs instead",
        "Api and shop both have http_port 80 and no domain; each app needs a port or a domain of its own: pulumi config "
        "set --path launchpad:apps.shop.http_port 8001",
    ]


def test_a_rule_about_several_keys_names_each_where_it_is_set() -> None:
    certificate, key = pem.pair(hosts=("other.org",))
    apps = {
        "a": {"domain": "a.org", "tls_certificate": certificate},
        "b": {"acme_ca": "https://acme.invalid/dir", "http_port": "8001", "secrets": {"A": "canary"}},
        "c": {"http_port": "20005", "repository": ""},
    }
    assert problems(apps, {"env": '{"A": "1"}', "tls_key": key}, ("apps", "tls_key")) == [
        "launchpad:apps.a.tls_certificate is not for a.org, which is in launchpad:apps.a.domain; set a certificate that "
        "has it among its names",
        "launchpad:env and launchpad:apps.b.secrets both hold A; keep each name in one of them",
        "launchpad:apps.b.tls_certificate and launchpad:tls_key must be set together; one of them is empty",
        "launchpad:apps.b.acme_ca is set but launchpad:apps.b.domain is empty; set the domain of the certificate",
        "launchpad:apps.c.repository is empty; it must be a local path or an https or ssh URL of a git repository",
        "launchpad:apps.c.tls_certificate and launchpad:tls_key must be set together; one of them is empty",
        "launchpad:apps.c.http_port is 20005, which is reserved for releases on the machine (20001 to 29999); choose another",
    ]


def test_a_mistake_that_all_apps_have_from_the_stack_is_told_once() -> None:
    top = {"env": '{"A": "1"}', "secrets": '{"A": "2"}', "app": "shop"}
    assert problems({"a": {}, "b": {"http_port": "8080"}}, top, ("secrets",)) == [
        "launchpad:app is set beside launchpad:apps, which names each app itself; keep one of them: pulumi config rm "
        "launchpad:app or pulumi config rm launchpad:apps",
        "launchpad:env and launchpad:secrets both hold A; keep each name in one of them",
    ]


def test_places_that_two_apps_want_are_refused_with_what_to_set() -> None:
    apps = {
        "a": {"domain": "x.org, www.x.org"},
        "b": {"domain": "www.x.org"},
        "c": {"domain": "c.org", "http_port": "8001"},
        "d": {},
        "e": {},
        "f": {},
    }
    assert problems(apps) == [
        "a and b both have the host name www.x.org; each app needs its own: pulumi config set --path "
        "launchpad:apps.b.domain HOST",
        "a has http_port 80 and c has 8001; apps with a domain share one, which redirects to HTTPS: pulumi config set "
        "--path launchpad:apps.c.http_port 80",
        "d and e both have http_port 80 and no domain; each app needs a port or a domain of its own: pulumi config set "
        "--path launchpad:apps.e.http_port 8002",
        "d and f both have http_port 80 and no domain; each app needs a port or a domain of its own: pulumi config set "
        "--path launchpad:apps.f.http_port 8003",
    ]


@given(some.dictionaries(some.text(string.ascii_lowercase, min_size=4), some.integers(1, 9), min_size=1, max_size=9))
def test_apps_that_are_told_their_ports_have_them(ports: dict[str, int]) -> None:
    """What the messages advise is right: set it, and nothing is left to say."""
    apps = {name: AppSettings(app=name, http_port=8000 + port) for name, port in ports.items()}
    for line in apart(list(apps.values())):
        name, port = line.rpartition("launchpad:apps.")[2].split(".http_port ")
        apps[name] = AppSettings(app=name, http_port=int(port))
    assert list(apart(list(apps.values()))) == []
    assert len({app.http_port for app in apps.values()}) == len(apps)


def test_no_secret_of_an_app_is_told_or_shown() -> None:
    apps = {"shop": {"secrets": {"TOKEN": "canary-1"}, "deploy_key": "canary-2"}, "blog": {"http_port": "canary-3"}}
    said = "\n".join(problems(apps, secret=("apps",)))
    assert "launchpad:apps.shop.deploy_key is [secret]" in said
    assert "canary" not in said
    assert "canary" not in repr(parse({"apps": '{"shop": {"secrets": {"TOKEN": "canary"}}}'}, frozenset({"apps"})))


def test_a_secret_of_an_app_that_is_stored_unencrypted_is_found() -> None:
    apps = {"shop": {"secrets": {"TOKEN": "canary"}}}
    assert problems(apps) == [
        "launchpad:apps.shop.secrets is stored unencrypted; set it again with: pulumi config set --secret --path "
        "launchpad:apps.shop.secrets"
    ]
    file = "config:\n  launchpad:apps:\n    shop:\n      secrets:\n        TOKEN: canary\n        B: {secure: v1:x}\n"
    file += "      deploy_key: canary\n      tls_key: {secure: v1:y}\n"
    found = stackfile.unencrypted(stackfile.config(file, "launchpad"), Schema(KINDS).secret())
    assert sorted(found) == ["apps.shop.deploy_key", "apps.shop.secrets.TOKEN"]


def test_a_value_of_an_app_that_yaml_changes_is_told_although_others_are_secret() -> None:
    file = "config:\n  launchpad:apps:\n    shop:\n      python: 3.10\n      env: {ID: 007}\n      secrets: {A: {secure: x}}\n"
    apps = {"shop": {"python": 3.1, "env": {"ID": 7}, "secrets": {"A": "canary"}}}
    assert problems(apps, secret=("apps",), stack_file=file) == [
        "launchpad:apps.shop.python is written as 3.10 without quotes, and YAML reads that as 3.1; put it in quotes",
        "launchpad:apps.shop.env.ID is written as 007 without quotes, and YAML reads that as 7; put it in quotes",
    ]


def test_a_key_of_an_app_that_is_no_item_of_the_map_is_answered_with_the_right_command() -> None:
    with pytest.raises(SettingsError) as caught:
        parse({"apps.shop.http_port": "80"})
    assert caught.value.problems == [
        "launchpad:apps.shop.http_port is not a key of this program; to set an item of launchpad:apps, run: pulumi "
        "config set --path launchpad:apps.shop.http_port"
    ]


def test_what_is_wrong_with_an_app_later_is_told_by_the_path_of_its_keys_too() -> None:
    settings = parse({"repository": "./all", "apps": '{"shop": {"revision": "v1"}}'})
    line = "launchpad:repository lacks v1: pulumi config rm launchpad:revision, or set launchpad:command"
    assert placed(settings, "shop", line) == (
        "launchpad:repository lacks v1: pulumi config rm --path launchpad:apps.shop.revision, or set "
        "launchpad:apps.shop.command"
    )
    assert placed(parse({"app": "shop"}), "shop", line) == line


def test_machine_keys_are_checked_once_for_the_stack() -> None:
    assert problems({"a": {}, "b": {"http_port": "81"}}, {"ssh_cidrs": '["0.0.0.0/0"]'}) == [
        "launchpad:ssh_cidrs holds 0.0.0.0/0, which covers most of the internet; name your own network, or set "
        "launchpad:ssh_from_anywhere to true if this is intentional"
    ]


def test_the_editor_completes_the_keys_of_an_app_and_no_others() -> None:
    schema = reference.editor_schema(Schema(KINDS))["properties"]["config"]["properties"]["launchpad:apps"]
    (plain, _encrypted) = schema["anyOf"]
    known = set(plain["additionalProperties"]["properties"])
    assert known == set(Schema(KINDS).of_app)
    assert {"repository", "domain", "secrets"} <= known
    assert not known & {"app", "apps", "machine", "ssh_cidrs", "web_cidrs", "rules"}
    assert Settings().apps == {}
