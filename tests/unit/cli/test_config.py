"""A stack's config as the program would read it."""

from cli.config import Config, mistakes, of_file


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
