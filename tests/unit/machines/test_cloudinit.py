"""The user data lets one account in, by key, and nothing else."""

import json
from typing import Any

import pytest

from infra.machines.cloudinit import HostKey, host_name, user_data


def parsed(text: str) -> dict[str, object]:
    first, _, rest = text.partition("\n")
    assert first == "#cloud-config"
    return dict(json.loads(rest))


def test_everything_that_an_embedded_machine_is_told() -> None:
    text = user_data(
        hostname="launchpad-dev",
        user="deploy",
        authorized_key="ssh-ed25519 CLIENT",
        host_key=HostKey(public="ssh-ed25519 HOST", private="-----BEGIN-----\nx\n-----END-----\n"),
    )

    assert parsed(text) == {
        "hostname": "launchpad-dev",
        "manage_etc_hosts": True,
        "locale": False,
        "users": [
            {
                "name": "deploy",
                "gecos": "Deployments",
                "groups": ["adm", "systemd-journal"],
                "shell": "/bin/bash",
                "sudo": "ALL=(ALL) NOPASSWD:ALL",
                "lock_passwd": True,
                "ssh_authorized_keys": ["ssh-ed25519 CLIENT"],
            }
        ],
        "disable_root": True,
        "ssh_deletekeys": True,
        "ssh_keys": {
            "ed25519_private": "-----BEGIN-----\nx\n-----END-----\n",
            "ed25519_public": "ssh-ed25519 HOST",
        },
        "write_files": [
            {
                "path": "/etc/ssh/sshd_config.d/10-launchpad.conf",
                "permissions": "0644",
                "content": "HostKey /etc/ssh/ssh_host_ed25519_key\n"
                "PermitRootLogin no\n"
                "PasswordAuthentication no\n"
                "KbdInteractiveAuthentication no\n"
                "AuthenticationMethods publickey\n"
                "X11Forwarding no\n",
            }
        ],
    }


def test_without_a_host_key_the_machine_makes_its_own_and_no_private_key_is_in_the_text() -> None:
    text = user_data(hostname="web", user="deploy", authorized_key="ssh-ed25519 CLIENT")

    assert parsed(text)["ssh_genkeytypes"] == ["ed25519"]
    assert "ssh_keys" not in parsed(text)
    assert "PRIVATE" not in text


def test_nothing_asks_cloud_init_to_restart_sshd_while_somebody_may_connect() -> None:
    config = parsed(user_data(hostname="web", user="deploy", authorized_key="k"))

    assert "ssh_pwauth" not in config
    assert "PasswordAuthentication no" in str(config["write_files"])


def test_packages_are_installed_from_fresh_lists() -> None:
    config = parsed(user_data(hostname="web", user="deploy", authorized_key="k", packages=["git"]))

    assert (config["package_update"], config["packages"]) == (True, ["git"])


def test_hostile_text_stays_text() -> None:
    config = parsed(user_data(hostname="web", user="deploy", authorized_key='k"\nruncmd: [reboot]'))

    assert "runcmd" not in config


@pytest.mark.parametrize(
    ("names", "label"),
    [
        (("launchpad", "dev", "machine"), "launchpad-dev-machine"),
        (("Shop.eu", "preview_1", "box"), "shop-eu-preview-1-box"),
        (("launchpad", "x" * 60, "machine"), "launchpad-" + "x" * 53),
    ],
)
def test_two_machines_of_a_stack_have_names_of_their_own_that_a_host_may_have(names: Any, label: str) -> None:
    assert host_name(*names) == label
