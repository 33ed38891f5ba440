"""How OpenSSH writes down a host, and what a person types; asked of OpenSSH itself where it can be."""

import shlex
import subprocess
from pathlib import Path

import pytest

from infra import ssh
from infra.ssh import Endpoint, Login

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


@pytest.mark.parametrize(("port", "name"), [(22, "198.18.0.2"), (2222, "[198.18.0.2]:2222")])
def test_known_hosts_line_is_found_by_openssh(tmp_path: Path, port: int, name: str) -> None:
    line = ssh.known_hosts_line("198.18.0.2", port, HOST_KEY)
    assert line == f"{name} {HOST_KEY}"
    (tmp_path / "known_hosts").write_text(line + "\n")
    found = ["ssh-keygen", "-F", name, "-f", str(tmp_path / "known_hosts")]
    assert HOST_KEY in subprocess.run(found, capture_output=True, text=True, check=True).stdout


def test_command_line() -> None:
    assert ssh.command_line(Path("/p/.launchpad/dev/app"), Login(Endpoint("198.18.0.2", "deploy", 2222))) == (
        "ssh -i /p/.launchpad/dev/app/key -o IdentitiesOnly=yes -o UserKnownHostsFile=/p/.launchpad/dev/app/known_hosts "
        "-o StrictHostKeyChecking=yes -p 2222 deploy@198.18.0.2"
    )


def test_command_line_through_a_proxy_and_from_a_folder_with_a_space(tmp_path: Path) -> None:
    folder = tmp_path / "my apps"
    folder.mkdir()
    (folder / "key").touch()
    login = Login(Endpoint("192.0.2.1", "deploy"), proxy_command="aws ssm start-session --target i-1")
    line = ssh.command_line(folder, login)
    asked = subprocess.run([*shlex.split(line), "-G"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert {
        "user deploy",
        "hostname 192.0.2.1",
        "port 22",
        f"identityfile {folder}/key",
        "proxycommand aws ssm start-session --target i-1",
    } <= set(asked)
    (hosts,) = [line for line in asked if line.startswith("userknownhostsfile")]
    assert hosts.replace('"', "") == f"userknownhostsfile {folder}/known_hosts"


def test_fingerprint_is_what_ssh_shows(tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(HOST_KEY + "\n")
    shown = subprocess.run(["ssh-keygen", "-lf", str(tmp_path / "key.pub")], capture_output=True, text=True, check=True)
    assert ssh.fingerprint(HOST_KEY) == shown.stdout.split()[1]


def test_with_the_keys_of_an_agent_no_file_is_named() -> None:
    assert ssh.command_line(Path("/p"), Login(Endpoint("vps.example.org", "root", own_key=False))) == (
        "ssh -o UserKnownHostsFile=/p/known_hosts -o StrictHostKeyChecking=yes -p 22 root@vps.example.org"
    )


THROUGH = Login(Endpoint("10.0.0.5", "root", 2222), jump=Endpoint("bastion.example.org", "ada", 2200))


def test_a_jump_host_is_checked_by_its_own_file_and_asked_with_its_own_key() -> None:
    assert ssh.jump_command(Path("/p"), Endpoint("bastion.example.org", "ada", 2200)) == (
        "ssh -F none -o BatchMode=yes -i /p/jump_key -o IdentitiesOnly=yes -o UserKnownHostsFile=/p/jump_known_hosts "
        "-o GlobalKnownHostsFile=none -o StrictHostKeyChecking=yes -p 2200 -W '[%h]:%p' ada@bastion.example.org"
    )


def test_openssh_reads_the_way_through_a_jump_host_from_a_folder_with_a_space(tmp_path: Path) -> None:
    folder = tmp_path / "my apps"
    folder.mkdir()
    (folder / "jump_key").touch()
    line = shlex.split(ssh.command_line(folder, THROUGH))
    (proxy,) = [word.removeprefix("ProxyCommand=") for word in line if word.startswith("ProxyCommand=")]
    inner = shlex.split(proxy.replace("%h", "10.0.0.5").replace("%p", "2222"))  # as ssh and then the shell take it
    asked = subprocess.run([*inner, "-G"], capture_output=True, text=True, check=True).stdout.splitlines()
    assert {"user ada", "hostname bastion.example.org", "port 2200", f"identityfile {folder}/jump_key"} <= set(asked)
    assert {"stricthostkeychecking true", "globalknownhostsfile none", "batchmode yes"} <= set(asked)


def test_a_login_is_read_as_it_was_written() -> None:
    for login in (THROUGH, Login(Endpoint("192.0.2.1", "deploy", own_key=False), proxy_command="aws x")):
        assert Login.of(login.text()) == login


def keys(folder: Path, kind: str) -> str:
    """A public key, with a comment."""
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "root@x", "-f", str(folder / kind)], check=True)
    return (folder / f"{kind}.pub").read_text()


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa"])
def test_a_host_key_is_read_without_its_comment(tmp_path: Path, kind: str) -> None:
    text = keys(tmp_path, kind)
    assert ssh.host_key(f" {text}") == " ".join(text.split()[:2])
    assert ssh.host_key(text).startswith(("ssh-ed25519 AAAA", "ecdsa-sha2-nistp256 AAAA"))


ALLOWED = (
    "a public host key such as ssh-ed25519 AAAA..., of one of the types ssh-ed25519, ecdsa-sha2-nistp256, "
    "ecdsa-sha2-nistp384, ecdsa-sha2-nistp521"
)


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        "ssh-ed25519 AAAAC3!",
        HOST_KEY.replace("ssh-ed25519 ", "ecdsa-sha2-nistp256 "),
        f"203.0.113.7 {HOST_KEY}",
        f"{HOST_KEY}\n{HOST_KEY}",
    ],
)
def test_what_is_no_host_key_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="a public host key") as caught:
        ssh.host_key(wrong)
    assert str(caught.value) == ALLOWED


def test_an_rsa_host_key_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="RSA") as caught:
        ssh.host_key(keys(tmp_path, "rsa"))
    assert str(caught.value) == (
        f"{ALLOWED}: an RSA key cannot be checked by Pulumi's plugin. On the server, ssh-keygen -A makes the others"
    )
