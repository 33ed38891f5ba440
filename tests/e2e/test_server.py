"""A server that somebody has already: nginx, another app and a firewall of its own, root without sudo.

An embedded machine plays it, with its firewall in its own hands. That lets nobody but itself reach the server's SSH on
port 2222, so that whatever arrives there has gone through the jump host: the same machine's SSH on port 22, with
another host key. The jump host's key is in the config, and the server's in an ssh agent.
"""

from __future__ import annotations

import json
import os
import secrets
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from infra import ssh
from infra.machines.embedded import client
from tests import neighbours
from tests.agent import lab as lab_module
from tests.agent.lab import Lab
from tests.agent.listing import Listing, differences, listing
from tests.e2e.stack import Stack, commit, fetch
from tests.e2e.test_flight import app, opens

PORT = 2222
SSHD = (
    f"/usr/sbin/sshd -D -f /dev/null -p {PORT} -h /etc/ssh/own_key -o UsePAM=yes -o PermitRootLogin=prohibit-password "
    "-o 'Subsystem=sftp internal-sftp'"
)
OURS = "/srv/shop /etc/launchpad /var/lib/launchpad /usr/local/bin/launchpad-agent /root/launchpad-agent-shop.pyz"


@dataclass(frozen=True)
class Server:
    """The server and what its owner knows of it."""

    lab: Lab
    host_key: str
    jump_host_key: str
    root_key: Path
    before: Listing = field(default_factory=dict)
    rules: str = ""

    @property
    def address(self) -> str:
        return self.lab.address

    def sudo(self, command: str, feed: str = "") -> str:
        """The same under the name that others have for it."""
        return self.root(command, feed)

    def root(self, line: str, feed: str = "") -> str:
        """What a line prints there, run by root, who needs no sudo."""
        jump = shlex.join([*self.lab.ssh_words, "-W", "%h:%p", f"{lab_module.USER}@{self.address}"])
        words = ["ssh", "-F", "none", "-i", str(self.root_key), "-o", f"ProxyCommand={jump}", "-p", str(PORT)]
        words += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
        done = subprocess.run(
            [*words, f"root@{self.address}", line], input=feed, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with an SSH of its own besides the jump host's, and without sudo."""
    folder, name = tmp_path_factory.mktemp("server"), f"lp{secrets.token_hex(4)}"
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(client, "DRIVER", "tests.agent.server_driver")
            machine = lab_module.make_machine(name, folder)
        neighbours.settle(machine)
        public, _ = lab_module.keys(folder, "root")
        machine.sudo("ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/own_key")
        machine.sudo("install -D -m 600 /dev/stdin /root/.ssh/authorized_keys", public)
        machine.sudo(f"systemd-run --quiet --unit=own-ssh {SSHD}")
        assert machine.run(f"until ss -Hltn sport = :{PORT} | grep -q .; do sleep 0.1; done").code == 0
        host_key = machine.run("cat /etc/ssh/own_key.pub").out
        machine.sudo("mv /usr/bin/sudo /root/")
        found = Server(machine, host_key, (folder / "host.pub").read_text(), folder / "root")
        with neighbours.answering(found.address):
            yield replace(found, before=listing(found), rules=neighbours.rules(found))
    finally:
        lab_module.remove_machine(name)


@pytest.fixture(scope="module")
def agent(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The socket of an ssh agent with root's key, and no other."""
    place = str(tmp_path_factory.mktemp("agent") / "socket")
    running = subprocess.Popen(["ssh-agent", "-D", "-a", place], stdout=subprocess.DEVNULL)
    try:
        while not Path(place).exists():
            assert running.poll() is None
        subprocess.run(["ssh-add", "-q", server.root_key], env={**os.environ, "SSH_AUTH_SOCK": place}, check=True)
        yield place
    finally:
        running.terminate()
        running.wait()


def resources(state: str) -> list[str]:
    """What a stack's state holds."""
    return [each["urn"] for each in json.loads(state)["deployment"]["resources"]]


def test_trust_and_up_are_all_that_a_server_takes(stack: Stack, server: Server, agent: str) -> None:
    stack.extra["SSH_AUTH_SOCK"] = agent
    repository = stack.clone.parent / "shop"
    commit(repository, app("first"), "First")
    given = f"--app shop --machine server --set server.host={server.address} --set server.jump_host={server.address}"
    given += " --set http_port=8080"  # nginx has 80
    said = stack.run(f"launchpad init {repository} --force {given}", check=True).stdout
    assert f"launchpad trust {server.address}" in said
    key = server.lab.folder / "key"
    stack.run(f"pulumi config set --secret launchpad:server.jump_private_key <{key}", check=True)
    way = f"--port {PORT} --jump {lab_module.USER}@{server.address}"
    prints = (
        f"--fingerprint {ssh.fingerprint(server.host_key)} --jump-fingerprint {ssh.fingerprint(server.jump_host_key)}"
    )
    stack.run(f"launchpad trust {server.address} {way} {prints} --yes", check=True)
    said = stack.run("launchpad up", check=True).stdout
    assert f"App:     http://{server.address}:8080/" in said
    found = stack.outputs()
    assert (fetch(found["url"]), found["firewall_rules"]) == ((200, "first"), [])


def test_a_new_commit_the_log_and_a_shell_take_the_same_way(stack: Stack, server: Server) -> None:
    second = commit(stack.clone.parent / "shop", app("second"), "Second")
    stack.run("launchpad up", check=True)
    assert fetch(f"http://{server.address}:8080/") == (200, "second")
    assert stack.run("launchpad ssh -- id -un", check=True).stdout == "root\n"
    assert "Listening at" in stack.run("launchpad logs -n 50", check=True).stdout
    assert "unchanged" in stack.up()
    stack.run("launchpad rollback", check=True)
    assert fetch(f"http://{server.address}:8080/") == (200, "first")
    stack.run(f"launchpad rollback {second}", check=True)
    assert fetch(f"http://{server.address}:8080/") == (200, "second")


def test_a_server_with_another_host_key_gets_nothing(stack: Stack, server: Server) -> None:
    logins = "journalctl -u own-ssh | grep -c Accepted"
    before = int(server.root(logins))
    stack.run(f"pulumi config set launchpad:server.host_key '{server.jump_host_key.strip()}'", check=True)
    differs = (
        f"the host key of {server.address} (port {PORT}) is {ssh.fingerprint(server.host_key)}, but "
        f"launchpad:server.host_key is {ssh.fingerprint(server.jump_host_key)}. "
    )
    for line in ("launchpad up", "pulumi up --yes --skip-preview"):
        said = stack.fails(line)
        assert differs in said
        assert f"launchpad trust {server.address} --stack dev" in said
    assert int(server.root(logins)) == before + 1  # the one that looks
    assert stack.run("launchpad ssh -- id -un", check=True).stdout == "root\n"  # people log in as before
    assert fetch(f"http://{server.address}:8080/") == (200, "second")
    differs = stack.fails(f"launchpad trust {server.address}")
    assert f"is {ssh.fingerprint(server.host_key)}, but launchpad:server.host_key" in differs
    stack.run(f"pulumi config set launchpad:server.host_key '{server.host_key.strip()}'", check=True)
    assert "unchanged" in stack.up()


def test_a_change_that_would_delete_data_is_refused_in_the_preview(stack: Stack, server: Server) -> None:
    server.root("touch -d 2026-01-03 /srv/shop/data/photo")
    exported = stack.run("pulumi stack export", check=True).stdout
    former = json.loads(exported)
    for each in former["deployment"]["resources"]:
        if each["urn"].endswith("::data-guard"):  # as if the machine were one that goes when this server takes over
            for state in (each["inputs"], each["outputs"]):
                state.update(kind="ec2", stays=False)
    told = "DATA: the machine is no longer of kind ec2 but server: the data of shop is DELETED"
    for name, text in (("now.json", exported), ("former.json", json.dumps(former))):
        (stack.clone / name).write_text(text)
    stack.run("pulumi stack import --file former.json", check=True)
    said = stack.fails("pulumi preview")
    assert told in said
    assert "shop: 1 file, 0 bytes in /srv/shop/data, of 2026-01-03" in said
    assert "No key says that it may be deleted." in said
    stack.config(on_destroy="delete")
    said = stack.run("pulumi preview", check=True).stdout
    assert told in said
    assert "DATA: when the stack is destroyed, its data is DELETED" in said
    stack.run("pulumi config rm launchpad:on_destroy && pulumi stack import --file now.json", check=True)


def test_somebody_at_a_terminal_is_asked_before_a_destroy(stack: Stack, server: Server) -> None:
    server.root("touch -d 2026-01-03 /srv/shop/data/photo")
    done = stack.run("echo n | script -qec 'launchpad destroy' /dev/null")
    about = "DATA: shop: 1 file, 0 bytes in /srv/shop/data, of 2026-01-03: keeps the stack from being destroyed"
    assert (done.returncode, about in done.stdout) == (1, True), done.stdout
    assert "Destroy stack dev? [y/N]" in done.stdout
    assert fetch(f"http://{server.address}:8080/") == (200, "second")


def test_destroy_leaves_the_data_which_the_next_up_finds(stack: Stack, server: Server) -> None:
    before = stack.run("pulumi stack export", check=True).stdout
    for line in (
        "pulumi destroy --yes",
        "pulumi destroy --yes --skip-preview --continue-on-error",
        "launchpad destroy",
    ):
        said = stack.fails(line)
        assert "stack dev holds data:\n" in said
        assert "shop: 1 file, 0 bytes in /srv/shop/data, of 2026-01-03" in said
        assert "To keep it: pulumi config set --stack dev launchpad:on_destroy keep, then destroy again" in said
        assert resources(stack.run("pulumi stack export", check=True).stdout) == resources(before)
    assert fetch(f"http://{server.address}:8080/") == (200, "second")
    stack.config(on_destroy="keep")
    said = stack.run("launchpad destroy", check=True).stdout
    assert "its data stays in /srv/shop/data" in said
    assert server.root("ls /srv/shop /srv/shop/data") == "/srv/shop:\ndata\n\n/srv/shop/data:\nphoto\n"
    stack.run("pulumi stack init dev && pulumi config rm launchpad:on_destroy", check=True)
    stack.run("launchpad init --set delete_data=true", check=True)
    stack.run("launchpad up", check=True)
    assert fetch(f"http://{server.address}:8080/") == (200, "second")
    assert stack.run("launchpad run -- ls /srv/shop/data", check=True).stdout == "photo\n"


def test_the_firewall_is_the_owners_until_it_is_launchpads(stack: Stack, server: Server) -> None:
    own = neighbours.rules(server)
    stack.config(**{"server.firewall": "on", "ssh_cidrs": [f"{server.address}/32"]})
    refused = stack.fails("launchpad up")
    assert "This server has another firewall: nftables, chain in of table inet own" in refused
    assert neighbours.rules(server) == own
    server.root("systemctl stop nftables")  # which removes all rules
    needed = [{"port": port, "cidr": "0.0.0.0/0"} for port in (22, *neighbours.PORTS.values())]
    stack.config(rules=needed, ssh_from_anywhere="true")
    stack.run("launchpad up", check=True)
    opened = {(rule["from_port"], rule["cidr"]) for rule in stack.outputs()["firewall_rules"] if rule["from_port"]}
    assert opened >= {(PORT, f"{server.address}/32"), (22, "0.0.0.0/0"), (8080, "0.0.0.0/0")}
    assert not opens(server.address, PORT)
    assert fetch(f"http://{server.address}:8080/") == (200, "second")
    assert "unchanged" in stack.up()
    for key in ("server.firewall", "ssh_cidrs", "rules", "ssh_from_anywhere"):
        stack.run(f"pulumi config rm launchpad:{key}", check=True)
    stack.run("launchpad up", check=True)
    assert neighbours.rules(server) == ""
    server.root("systemctl start nftables")
    assert neighbours.rules(server) == own


def test_destroy_leaves_the_server_without_the_app(stack: Stack, server: Server) -> None:
    stack.run("launchpad destroy", check=True)
    assert server.root(f"ls -d {OURS} 2>/dev/null || true") == ""
    assert server.root("systemctl list-units --all --plain --no-legend 'shop*'") == ""
    assert differences(server.before, listing(server)) == []
    assert neighbours.rules(server) == server.rules
