"""The firewall of a server: rules hold on trial, beside whatever else is there, and are gone without a trace."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Iterator

import pytest

from infra.deployment import bundle
from infra.machines import firewall
from infra.machines.embedded import client
from infra.protocol import codec
from infra.protocol.firewall import FirewallSpec
from tests.agent import lab as lab_module
from tests.agent.lab import Done, Lab
from tests.agent.listing import differences, listing

ANYWHERE = ("0.0.0.0/0", "::/0")
BANS = """table inet f2b-table { chain f2b-chain {
type filter hook input priority filter - 1; policy accept; ip saddr 203.0.113.9 drop; }; }"""
OTHER = """table inet mine { chain in { type filter hook input priority filter; policy drop;
tcp dport { 22, 80 } accept; ct state established accept; iif lo accept; }; }"""
AGENT = "sudo python3 launchpad-agent.pyz firewall"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A machine that has its firewall in its own hands, and none; the agent's program lies there."""
    folder, name = tmp_path_factory.mktemp("server"), f"lp{secrets.token_hex(4)}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client, "DRIVER", "tests.agent.server_driver")
        try:
            lab = lab_module.make_machine(name, folder)
            lab.sudo("sh -c 'apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qq install -y nftables'")
            lab.sudo("nft delete table inet launchpad")  # that of the embedded machine, made from outside
            lab.put("launchpad-agent.pyz", bundle.contents())
            yield lab
        finally:
            lab_module.remove_machine(name)


def apply(lab: Lab, owner: str = "shop/dev", ssh: tuple[str, ...] = ANYWHERE, web: int = 80, trial: float = 60) -> Done:
    """Apply a stack's rules, as its workstation does."""
    rules = firewall.plan((web,), ANYWHERE, ssh).rules
    spec = codec.text(FirewallSpec(owner, rules, trial))
    return lab.run(f'{AGENT} apply --connection "$SSH_CONNECTION"', spec)


def fresh(lab: Lab, command: str) -> Done:
    """Run a command over a connection of its own."""
    words = [{"ControlMaster=auto": "ControlMaster=no"}.get(word, word) for word in lab.ssh_words]
    words = ["ControlPath=none" if word.startswith("ControlPath") else word for word in words]
    done = subprocess.run(
        [*words, f"{lab_module.USER}@{lab.address}", command], capture_output=True, text=True, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr)


def ruleset(lab: Lab) -> str:
    """All rules of the machine, whosoever they are."""
    return lab.sudo("nft list ruleset")


def wait_for(lab: Lab, rules: str) -> None:
    """Wait until the machine has these rules."""
    until = time.monotonic() + 300
    while ruleset(lab) != rules:
        assert time.monotonic() < until, ruleset(lab)
        time.sleep(0.2)


def test_rules_that_shut_out_ssh_are_refused_or_taken_back_by_themselves(server: Lab) -> None:
    before = ruleset(server)
    refused = apply(server, ssh=("203.0.113.0/24",))
    assert refused.code == 1
    assert "error: These firewall rules would lock SSH out: this server sees you come from 198.18." in refused.err
    assert "launchpad:ssh_cidrs must contain that address" in refused.err
    assert ruleset(server) == before
    # Where the connection tells nothing, as behind an address translation of the server's.
    rules = firewall.plan((80,), ANYWHERE, ("203.0.113.0/24",)).rules
    applied = server.run(f"{AGENT} apply", codec.text(FirewallSpec("shop/dev", rules)))
    assert applied.data()["trial"] == 60
    assert fresh(server, "true").code == 255
    assert "ip saddr 203.0.113.0/24 tcp dport 22 accept" in ruleset(server), "a connection that was there goes on"
    assert server.sudo("systemctl is-active launchpad-firewall-trial.timer") == "active\n"
    server.sudo("systemctl start launchpad-firewall-trial.service")  # what the timer does at its end
    wait_for(server, before)
    # And the timer does it.
    assert server.run(f"{AGENT} apply", codec.text(FirewallSpec("shop/dev", rules, 1))).code == 0
    wait_for(server, before)
    assert fresh(server, "true").code == 0
    late = fresh(server, f"{AGENT} confirm --owner shop/dev")
    assert (late.code, "the firewall's new rules were taken back already" in late.err) == (1, True)
    assert server.run("ls /etc/launchpad/firewall.d /etc/systemd/system/launchpad-firewall.service").code != 0


@pytest.mark.parametrize(
    ("begin", "end", "name"),
    [
        (f"nft -f - <<< '{OTHER}'", "nft delete table inet mine", "nftables, chain in of table inet mine (nft list"),
        ("mkdir /etc/ufw; echo ENABLED=yes >/etc/ufw/ufw.conf", "rm -r /etc/ufw", "ufw (ufw status)"),
    ],
    ids=["nftables", "ufw"],
)
def test_another_firewall_is_named_and_left_alone(server: Lab, begin: str, end: str, name: str) -> None:
    server.sudo("bash", begin)
    before = ruleset(server)
    refused = apply(server)
    assert refused.code == 1
    assert f"This server has another firewall: {name}" in refused.err
    assert "Leave launchpad:server.firewall off and open the TCP ports 22, 80 there" in refused.err
    assert ruleset(server) == before
    server.sudo("bash", end)


def test_the_rules_of_several_stacks_hold_together_and_leave_no_trace(server: Lab) -> None:
    server.sudo("bash", f"nft -f - <<< '{BANS}'; systemd-run --quiet --unit=old -- python3 -m http.server 9999")
    server.run("until ss -Hltn sport = :9999 | grep -q .; do sleep 0.1; done")
    server.sudo("rm -rf /run/launchpad")
    bare, before = listing(server), ruleset(server)
    server.prepare(app="other", http_port=8080).data()
    applied = apply(server).data()
    assert applied["closed"] == {"9999": "python3"}
    assert fresh(server, f"{AGENT} confirm --owner shop/dev").code == 0
    assert server.sudo("systemctl is-enabled launchpad-firewall") == "enabled\n"
    ports = {line.split("tcp dport ")[1].split()[0] for line in ruleset(server).splitlines() if "tcp dport" in line}
    assert ports == {"22", "80", "8080"}, "another stack's app is as open as it was"
    assert apply(server, "blog/prod", web=8443).code == 0
    assert fresh(server, f"{AGENT} confirm --owner blog/prod").code == 0
    server.prepare(app="later", http_port=8081).data()
    both = ruleset(server)
    assert all(f"tcp dport {port} accept" in both for port in (22, 80, 8080, 8081, 8443))
    # What a boot does: the rules come from the disk. And what somebody does by hand is mended by a deployment.
    server.sudo("bash", "nft delete table inet launchpad; systemctl restart launchpad-firewall")
    assert ruleset(server) == both
    server.sudo("nft insert rule inet launchpad input tcp dport 25 accept")
    assert "firewall table inet launchpad: changed by hand" in server.run("sudo launchpad-agent verify --app later").out
    server.sudo("nft delete table inet launchpad")
    assert "firewall table inet launchpad: gone" in server.run("sudo launchpad-agent verify --app later").out
    server.sudo("rm /etc/systemd/system/sysinit.target.wants/launchpad-firewall.service")
    server.prepare(app="later", http_port=8081).data()
    assert ruleset(server) == both
    assert server.sudo("systemctl is-enabled launchpad-firewall") == "enabled\n"
    # A trial of one stack leaves what is confirmed, also that of the other.
    assert apply(server, web=8444, trial=1).code == 0
    wait_for(server, both)
    assert server.run(f"{AGENT} remove --owner shop/dev").code == 0
    assert "tcp dport 8443" in ruleset(server)
    assert "tcp dport 80 accept" not in ruleset(server)
    for app in ("other", "later"):
        server.run(f"sudo python3 launchpad-agent.pyz remove --app {app}").data()
    assert "tcp dport 8443" in ruleset(server), "a stack's rules are there until it takes them away"
    assert server.run(f"{AGENT} remove --owner blog/prod").code == 0
    assert ruleset(server) == before
    assert differences(bare, listing(server)) == []
