"""The machine's settings: the exact texts, what several stacks want together, and what is refused."""

import argparse
import dataclasses
import os
import pwd
from pathlib import Path

import pytest

from infra.agent import cli
from infra.agent.machine import (
    algorithms,
    condition,
    homes,
    journald,
    kernel,
    pending,
    people,
    reboots,
    sshd_config,
    upgrades,
)
from infra.agent.machine.wanted import Wanted, together
from infra.agent.system.failure import Failure
from infra.protocol import codec
from infra.protocol.codec import MessageError
from infra.protocol.machine_settings import Person, SettingsSpec

ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
OTHER = ED25519.replace("2l9GKJl", "2l9GKJm")
SPEC = SettingsSpec(owner="shop/prod", user="deploy")
INCLUDED = "# a comment\nInclude /etc/ssh/sshd_config.d/*.conf\n#Port 22\nX11Forwarding yes\n"


def test_the_drop_in_of_sshd_word_for_word() -> None:
    known = {keyword: algorithms.chosen(keyword, names) for keyword, names in algorithms.CURRENT.items()}
    assert sshd_config.text(sshd_config.options(frozenset({"deploy"}), known)) == (
        "# Written by launchpad-agent settings; changes are overwritten by the next launchpad up.\n"
        "PermitRootLogin no\n"
        "PubkeyAuthentication yes\n"
        "PasswordAuthentication no\n"
        "KbdInteractiveAuthentication no\n"
        "PermitEmptyPasswords no\n"
        "X11Forwarding no\n"
        "KexAlgorithms mlkem768x25519-sha256,sntrup761x25519-sha512,sntrup761x25519-sha512@openssh.com,"
        "curve25519-sha256,curve25519-sha256@libssh.org,diffie-hellman-group18-sha512,diffie-hellman-group16-sha512\n"
        "Ciphers chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com,"
        "aes256-ctr,aes192-ctr,aes128-ctr\n"
        "MACs hmac-sha2-512-etm@openssh.com,hmac-sha2-256-etm@openssh.com,umac-128-etm@openssh.com\n"
        f"HostKeyAlgorithms {','.join(algorithms.SIGNATURES)}\n"
        f"PubkeyAcceptedAlgorithms {','.join(algorithms.SIGNATURES)}\n"
    )


def test_no_algorithm_that_audits_complain_of_is_offered() -> None:
    offered = {name for names in algorithms.CURRENT.values() for name in names}
    assert not [name for name in offered if name.endswith(("-sha1", "-cbc")) or "md5" in name or "ssh-rsa" in name]
    assert {name for name in algorithms.CURRENT["MACs"] if "-etm@" not in name} == set()
    assert not [name for name in algorithms.CURRENT["KexAlgorithms"] if "nistp" in name or "group1" in name.split("-")]


def test_go_finds_an_algorithm_of_each_kind() -> None:
    """What golang.org/x/crypto/ssh offers by default: Pulumi's plugin connects with it."""
    go = {
        "KexAlgorithms": {"curve25519-sha256", "curve25519-sha256@libssh.org"},
        "Ciphers": {"aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"},
        "MACs": {"hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com"},
        "HostKeyAlgorithms": {"ssh-ed25519", "ecdsa-sha2-nistp256"},
        "PubkeyAcceptedAlgorithms": {"ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512"},
    }
    for keyword, names in go.items():
        assert names <= set(algorithms.CURRENT[keyword])


def test_an_older_openssh_gets_what_it_knows_in_the_same_order() -> None:
    assert algorithms.chosen("KexAlgorithms", ["diffie-hellman-group1-sha1", "curve25519-sha256"]) == (
        "curve25519-sha256",
    )
    options = sshd_config.options(frozenset({"root", "deploy"}), {"MACs": ()})
    assert "MACs" not in options  # an empty list would be a mistake that sshd refuses
    assert options["PermitRootLogin"] == "prohibit-password"


def test_the_file_that_sets_an_option_before_ours_is_named() -> None:
    theirs = {
        sshd_config.FOLDER / "00-a.conf": "# PasswordAuthentication no\n\npasswordauthentication=yes\n",
        sshd_config.FOLDER / "50-cloud-init.conf": "X11Forwarding yes\nMatch User backup\n  PermitRootLogin yes\n",
        sshd_config.DROPIN: "X11Forwarding no\n",
    }
    line = sshd_config.setter("PasswordAuthentication", INCLUDED, theirs)
    assert line is not None
    assert (line.path.name, line.number, line.value, line.conditional) == ("00-a.conf", 3, "yes", False)
    assert sshd_config.setter("X11Forwarding", INCLUDED, theirs) is None, "what comes later does not count"
    line = sshd_config.setter("X11Forwarding", "X11Forwarding yes\n" + INCLUDED, theirs)
    assert line is not None
    assert (line.path, line.number) == (sshd_config.MAIN, 1)
    line = sshd_config.setter("PermitRootLogin", INCLUDED, theirs)
    assert line is not None
    assert (line.path.name, line.conditional) == ("50-cloud-init.conf", True)


@pytest.mark.parametrize(
    ("main", "reads"),
    [
        (INCLUDED, True),
        ("include sshd_config.d/*.conf\n", True),
        ("#Include /etc/ssh/sshd_config.d/*.conf\n", False),
        ("Port 22\n", False),
    ],
)
def test_an_sshd_that_reads_no_drop_ins_is_found(main: str, reads: bool) -> None:
    assert sshd_config.includes_dropins(main) is reads


def test_what_sshd_says_is_compared_with_what_is_wanted() -> None:
    found = sshd_config.effective("permitrootlogin without-password\nciphers aes128-ctr\nauthenticationmethods any\n")
    assert sshd_config.differences({"PermitRootLogin": "prohibit-password", "Ciphers": "aes128-ctr"}, found) == {}
    assert sshd_config.differences({"PermitRootLogin": "no", "MACs": "x"}, found) == {
        "PermitRootLogin": "without-password",
        "MACs": "unknown",
    }
    assert not sshd_config.locks_out_keys(found)
    assert not sshd_config.locks_out_keys({"authenticationmethods": "publickey"})
    assert sshd_config.locks_out_keys({"authenticationmethods": "publickey,keyboard-interactive"})


def test_a_list_of_those_who_may_log_in_is_found_where_it_lacks_somebody() -> None:
    found = sshd_config.effective("allowusers deploy\nallowusers an?@192.0.2.*\nport 22\n")
    assert found["allowusers"] == "deploy an?@192.0.2.*"
    assert sshd_config.closed_to("ana", found) == ""
    assert sshd_config.closed_to("ben", found) == "AllowUsers deploy an?@192.0.2.*"
    assert sshd_config.closed_to("ben", {"allowgroups": "sudo"}) == "AllowGroups sudo"
    assert sshd_config.closed_to("ben", {"port": "22"}) == ""


def test_people_log_in_by_key_alone_and_by_those_that_root_keeps() -> None:
    assert sshd_config.people_text(["ana", "ben"]) == (
        "# Written by launchpad-agent settings; changes are overwritten by the next launchpad up.\n"
        "Match User ana,ben\n"
        "    AuthorizedKeysFile /etc/ssh/launchpad/%u\n"
        "    PubkeyAuthentication yes\n"
        "    PasswordAuthentication no\n"
        "    KbdInteractiveAuthentication no\n"
    )
    assert people.rule(["ana", "ben"]).splitlines()[1:] == [
        "ana, ben ALL=(root) NOPASSWD: /usr/local/lib/launchpad/person"
    ]


def test_the_other_texts_word_for_word() -> None:
    assert journald.text(500 * 2**20).splitlines()[1:] == [
        "[Journal]",
        "SystemMaxUse=524288000",
        "SystemMaxFileSize=65536000",
    ]
    assert "OnCalendar=Sun *-*-* 04:00:00\n" in reboots.timer("Sun 04:00")
    assert "OnCalendar=*-*-* 23:30:00\n" in reboots.timer("23:30")
    assert kernel.text({"a.b": ("1", "why")}).splitlines()[1:] == ["# why", "-a.b = 1"]


def test_several_stacks_are_put_together() -> None:
    ana = Person("ana", (ED25519,))
    specs = {
        "shop/prod": dataclasses.replace(SPEC, ssh=True, swap=2**30, people=(ana,), reboot="04:00"),
        "blog/prod": dataclasses.replace(SPEC, owner="blog/prod", user="root", updates=True, people=(ana,)),
    }
    assert together(specs) == Wanted(
        users=frozenset({"deploy", "root"}),
        ssh=True,
        updates=True,
        swap=2**30,
        people={"ana": (ED25519,)},
        reboot="04:00",
    )
    assert together({}) == Wanted()


@pytest.mark.parametrize(
    ("one", "two", "said"),
    [
        ({"reboot": "04:00"}, {"reboot": "Sun 05:00"}, "want reboot_window 04:00 and Sun 05:00"),
        ({"swap": 2**30}, {"swap": 2**31}, "want swap 1G and 2G"),
        (
            {"people": (Person("ana", (ED25519,)),)},
            {"people": (Person("ana", (OTHER,)),)},
            "have other keys for ana: set launchpad:people.ana to the same in both",
        ),
    ],
)
def test_stacks_that_want_something_else_are_told_so(one: dict[str, object], two: dict[str, object], said: str) -> None:
    specs = {"a/x": dataclasses.replace(SPEC, **one), "b/x": dataclasses.replace(SPEC, **two)}  # type: ignore[arg-type]
    with pytest.raises(Failure, match=r"^The stacks a/x and b/x share this machine, and ") as caught:
        together(specs)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "key",
    [
        f'command="id" {ED25519}',
        f"{ED25519}\n{OTHER}",
        "ssh-ed25519 AAAA",
        "ssh-dss AAAAB3NzaC1kc3M=",
        "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
        7,
    ],
)
def test_a_key_is_one_key_and_nothing_else(key: object) -> None:
    spec = {**codec.dump(SPEC), "people": [{"name": "ana", "keys": [key]}]}
    with pytest.raises(MessageError, match="must be a public SSH key in one line"):
        codec.load(SettingsSpec, spec)


def test_a_specification_that_is_wrong_is_told_all_at_once() -> None:
    ana = {"name": "ana", "keys": [f"{ED25519} ana@laptop"]}
    spec = {**codec.dump(SPEC), "swap": 1, "journal": "1M", "reboot": "Sunday", "people": [ana, ana]}
    with pytest.raises(MessageError) as caught:
        codec.load(SettingsSpec, spec)
    assert caught.value.mistakes == [
        "reboot: is 'Sunday'; it must be a time of the day such as 04:00 or Sun 04:00, or empty",
        "journal: is 1048576 bytes; it must be 0 or at least 16M",
        "swap: is 1 bytes; it must be 0 or at least 64M",
        "people: holds a name twice; give one person several keys instead",
    ]
    good = codec.load(SettingsSpec, {**codec.dump(SPEC), "people": [ana]})
    assert good.people == (Person("ana", (ED25519,)),), "the comment is dropped"
    assert codec.load(SettingsSpec, codec.dump(good)) == good


WHOLE = """\
APT::Periodic::Enable "1";
APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
Unattended-Upgrade::Origins-Pattern:: "origin=Debian,codename=${distro_codename},label=Debian-Security";
"""


def test_updates_that_would_not_come_are_found() -> None:
    assert upgrades.wrong_settings(WHOLE) == ""
    ubuntu = WHOLE.replace("Origins-Pattern:: ", "Allowed-Origins:: ").replace(
        "origin=Debian,codename=${distro_codename},label=Debian-Security", "${distro_id}:${distro_codename}-security"
    )
    assert upgrades.wrong_settings(ubuntu) == ""
    off = upgrades.wrong_settings(WHOLE.replace('Unattended-Upgrade "1"', 'Unattended-Upgrade "0"'))
    assert off.startswith("apt has APT::Periodic::Unattended-Upgrade 0 although")
    assert "takes no security updates" in upgrades.wrong_settings(WHOLE.replace("Debian-Security", "Debian"))


def test_waiting_updates_are_counted_and_those_for_security_apart() -> None:
    shown = (
        "Inst libc6 [2.41-12] (2.41-13 Debian:13.9/stable [amd64])\n"
        "Inst libssl3t64 [3.5.1-1] (3.5.4-1 Debian-Security:13/stable-security [amd64]) []\n"
        "Inst openssl [3.0.2-0ubuntu1.1] (3.0.2-0ubuntu1.2 Ubuntu:22.04/jammy-updates, Ubuntu:22.04/jammy-security [amd64])\n"
        "Inst linux-image-6.12 (6.12.1 Debian:13.9/stable [amd64])\n"
        "Conf libc6 (2.41-13 Debian:13.9/stable [amd64])\n"
    )
    assert pending.counted(shown) == (3, 2)
    assert pending.counted("") == (0, 0)


def test_the_condition_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    found: condition.Condition = {
        "updates": 3,
        "security_updates": 1,
        "package_lists": 86400.0,
        "reboot_required": 90000.0,
        "reboot_packages": ["linux-image-amd64"],
        "clock_synchronised": True,
    }
    assert condition.lines(found, container=False) == [
        "  machine      3 updates wait, 1 of them for security (package lists of 1970-01-02 00:00 UTC); "
        "the clock is synchronised",
        "The machine has to restart for an update (linux-image-amd64), since 1970-01-02 01:00 UTC.",
    ]
    quiet: condition.Condition = {**found, "updates": 0, "reboot_required": None, "clock_synchronised": False}
    assert condition.lines(quiet, container=False) == [
        "  machine      no updates wait (package lists of 1970-01-02 00:00 UTC); THE CLOCK IS NOT SYNCHRONISED"
    ]
    assert condition.lines({**quiet, "updates": None}, container=True) == [
        "  machine      updates unknown (no package lists); the clock is its host's"
    ]


def words(*argv: str) -> argparse.Namespace:
    return cli.for_person(cli.parsed(argv), "ana")


@pytest.mark.parametrize("option", [("--who", "ben"), ("--who=ben",), ("--wh", "ben"), ("--wh=ben",)])
def test_a_person_is_recorded_for_nobody_else(option: tuple[str, ...]) -> None:
    assert words("restart", "--app", "shop", *option).who == "ana"
    assert words("run", "--app", "shop", *option, "--", "echo", "--who", "ben").command == ["echo", "--who", "ben"]


def test_a_person_may_operate_an_app_and_nothing_else() -> None:
    for verb in ("status", "releases", "logs", "restart", "console", "env", "cancel", "verify"):
        assert words(verb, "--app", "shop").who == "ana"
    revision = "ab" * 20
    for argv in (
        ("prepare",),
        ("deploy", "--app", "shop", "--revision", revision),
        ("remove", "--app", "shop"),
        ("settings",),
        ("reboot",),
        ("receive-pack", "/shop"),
    ):
        with pytest.raises(SystemExit, match=f"^error: {argv[0]} is not for people; these are: cancel, "):
            words(*argv)
    with pytest.raises(SystemExit):
        cli.for_person(cli.parsed(["status", "--app", "shop"]), "")


def test_a_home_is_removed_only_as_far_as_it_is_as_it_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    skeleton, home, outside = tmp_path / "skel", tmp_path / "home", tmp_path / "outside"
    for folder in (skeleton, home):
        folder.mkdir()
        for name in (".bashrc", ".profile"):
            (folder / name).write_text(name)
    outside.write_text(".profile")
    monkeypatch.setattr(homes, "SKELETON", skeleton)
    monkeypatch.setattr(os, "fchown", lambda *_: None)
    user = pwd.struct_passwd(("ana", "x", os.geteuid(), 1001, people.GECOS, str(home), "/bin/bash"))
    (home / ".bashrc").write_text("changed")
    (home / ".profile").unlink()
    (home / ".profile").symlink_to(outside)
    assert homes.remove(user) == [".bashrc", ".profile"]
    assert home.stat().st_mode & 0o777 == 0o700
    (home / ".bashrc").write_text(".bashrc")
    (home / ".profile").unlink()
    os.mkfifo(home / ".profile")
    assert homes.remove(user) == [".profile"]
    (home / ".profile").unlink()
    assert homes.remove(user) == []
    assert not home.exists()
    assert outside.exists()
