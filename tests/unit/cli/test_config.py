"""A stack's config as the program would read it."""

import json

from cli.config import Config, mistakes, of_app, of_file


def test_values_are_what_pulumi_would_hand_to_the_program() -> None:
    settings = {"app": "shop", "http_port": 8080, "preflight": True, "ssh_cidrs": ["a", "b"], "command": None}
    assert of_file(settings) == Config(
        {"app": "shop", "http_port": "8080", "preflight": "true", "ssh_cidrs": '["a","b"]', "command": ""}
    )


def test_what_is_encrypted_is_secret_and_unread() -> None:
    secrets = {"TOKEN": {"secure": "v1:abc"}}
    assert of_file({"secrets": secrets, "tls_key": {"secure": "v1:def"}, "app": "shop"}) == Config(
        {"app": "shop"}, frozenset({"secrets", "tls_key"}), frozenset({"secrets", "tls_key"})
    )


def test_every_mistake_is_told() -> None:
    told = mistakes(of_file({"embedded.memory": "lots", "nope": "x"}), "")
    assert [line.split(" ")[0] for line in told] == ["launchpad:nope", "launchpad:embedded.memory"]


def test_a_key_that_only_pulumi_can_read_makes_no_mistake() -> None:
    held = of_file({"tls_certificate": "no PEM", "domain": "a.example", "tls_key": {"secure": "v1:x"}})
    assert all("tls_key" not in line for line in mistakes(held, ""))
    assert any(line.startswith("launchpad:tls_certificate is") for line in mistakes(held, ""))


def test_one_of_several_apps_has_its_own_values_and_else_the_stacks() -> None:
    apps = {"shop": {"revision": "main", "http_port": 8080, "env": {"A": "1"}}, "blog": None}
    held = Config({"repository": "./all", "revision": "v1", "apps": json.dumps(apps)}, frozenset({"apps"}))
    shop = {"repository": "./all", "revision": "main", "http_port": "8080", "env": '{"A": "1"}', "app": "shop"}
    assert of_app(held, "shop") == Config(shop, frozenset({"apps", "revision", "http_port", "env"}))
    assert of_app(held, "blog").values == {"repository": "./all", "revision": "v1", "app": "blog"}
    assert of_app(Config({"app": "x"}), "x") == Config({"app": "x"})
