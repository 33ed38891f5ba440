"""The machine's settings on a real machine: applied, held to, limited, and taken back to the last byte."""

from __future__ import annotations

import json
import re
import subprocess
import time
from typing import Any

import pytest

from infra.agent.machine import algorithms
from infra.deployment import bundle
from infra.protocol.codec import SCHEMA
from tests.agent import lab as lab_module
from tests.agent.lab import USER, Done, Lab, Repo, begin_deployment, deploy_spec
from tests.agent.listing import differences, listing
from tests.agent.load import Load

OWNER = "shop/prod"
ALL: dict[str, Any] = {
    "ssh": True,
    "updates": True,
    "reboot": "Sun 04:00",
    "clock": True,
    "journal": 64 * 2**20,
    "swap": 2**30,
    "kernel": True,
}
CONTAINER = {"kernel", "swap", "clock"}
"""What a container has of its host."""


def settle(lab: Lab, owner: str = OWNER, **spec: Any) -> Done:
    """Set up the machine by the program that the workstation brought."""
    whole = {"schema": SCHEMA, "owner": owner, "user": USER, **spec}
    return lab.run("sudo python3 launchpad-agent.pyz settings", json.dumps(whole))


def take_back(lab: Lab, owner: str = OWNER) -> Done:
    return lab.run(f"sudo python3 launchpad-agent.pyz settings --remove --owner {owner}")


@pytest.fixture(scope="module")
def bare(machine: Lab) -> Lab:
    """A machine without the program, and without unattended-upgrades."""
    machine.run("sudo apt-get -qq purge -y --autoremove unattended-upgrades")
    machine.put("launchpad-agent.pyz", bundle.contents())
    return machine


def keys(machine: Lab, name: str) -> str:
    public, _ = lab_module.keys(machine.folder, name)
    return public


def ssh(machine: Lab, user: str, command: str, *options: str, key: str = "") -> Done:
    """Run a command as somebody, over a connection of its own."""
    words = [
        *("ssh", "-F", "none", "-i", str(machine.folder / (key or user)), "-o", "IdentitiesOnly=yes"),
        *("-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={machine.folder / 'known_hosts'}"),
        *(
            "-o",
            "StrictHostKeyChecking=yes",
            "-o",
            "ConnectTimeout=30",
            "-o",
            "ConnectionAttempts=20",
            *options,
            f"{user}@{machine.address}",
            command,
        ),
    ]
    done = subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def offered(machine: Lab) -> dict[str, list[str]]:
    """The algorithms that the server offers in a handshake."""
    shown = ssh(machine, USER, "true", "-vv", key="key").err
    theirs = shown[shown.index("peer server KEXINIT proposal") :]
    found = re.findall(r"debug2: (KEX algorithms|host key algorithms|ciphers stoc|MACs stoc): (\S+)", theirs)
    return {name: names.split(",") for name, names in found}


def test_sshd_takes_keys_only_no_root_and_current_algorithms_or_is_left_as_it_was(bare: Lab) -> None:
    """On a server as somebody else may have it: with passwords, root, and a drop-in of their own."""
    theirs = "HostKey /etc/ssh/ssh_host_ed25519_key\nPermitRootLogin yes\nPasswordAuthentication yes\n"
    bare.sudo("tee /etc/ssh/sshd_config.d/10-launchpad.conf", theirs)
    bare.sudo("sh -c 'mkdir -p /root/.ssh; cp /home/deploy/.ssh/authorized_keys /root/.ssh/; systemctl reload ssh'")
    assert ssh(bare, "root", "id -un", key="key").out == "root\n"
    before = listing(bare)

    bare.sudo("tee /etc/ssh/sshd_config.d/50-theirs.conf", "Colour blue\n")
    broken = settle(bare, ssh=True)
    assert broken.code == 1
    assert "sshd rejects its configuration on this machine as it is; Launchpad has changed nothing." in broken.err
    assert "50-theirs.conf: line 1: Bad configuration option: Colour" in broken.err
    bare.sudo("mv /etc/ssh/sshd_config.d/50-theirs.conf /etc/ssh/sshd_config.d/00-a.conf")
    bare.sudo("tee /etc/ssh/sshd_config.d/00-a.conf", "# mine\nPasswordAuthentication yes\n")
    other = settle(bare, ssh=True)
    assert other.code == 1
    assert "sshd has PasswordAuthentication yes for the user deploy, although Launchpad sets no: " in other.err
    assert (
        "/etc/ssh/sshd_config.d/00-a.conf, line 2, says so, and sshd takes the first value that it reads" in other.err
    )
    bare.sudo("tee /etc/ssh/sshd_config.d/00-a.conf", "Match User deploy\n AuthenticationMethods publickey,publickey\n")
    locked_out = settle(bare, ssh=True)
    assert "so that Launchpad, which has a key, could not log in any more: " in locked_out.err
    assert "00-a.conf, line 2, says so, for some users or addresses." in locked_out.err
    bare.sudo("mv /etc/ssh/sshd_config.d/00-a.conf /etc/ssh/sshd_config.d/05-a.conf")
    two_factors = "KbdInteractiveAuthentication yes\nAuthenticationMethods publickey,keyboard-interactive\n"
    bare.sudo("tee /etc/ssh/sshd_config.d/05-a.conf", two_factors)
    rejected = settle(bare, ssh=True)
    assert "sshd rejects Launchpad's settings, so nothing was changed. Its words:" in rejected.err
    assert "AuthenticationMethods cannot be satisfied by enabled authentication methods" in rejected.err
    bare.sudo("rm /etc/ssh/sshd_config.d/05-a.conf")
    bare.sudo("sed -i 's/^Include/#Include/' /etc/ssh/sshd_config")
    assert (
        "/etc/ssh/sshd_config does not read /etc/ssh/sshd_config.d. Add as its first line" in settle(bare, ssh=True).err
    )
    bare.sudo("sed -i 's/^#Include/Include/' /etc/ssh/sshd_config")
    own = ("/run/launchpad: ", "/var/lib/launchpad")
    changed = [line for line in differences(before, listing(bare)) if not line.startswith(own)]
    assert changed == [], "nothing but the locks and the manifest"

    assert settle(bare, ssh=True).data()["changed"] == ["sshd"]
    assert settle(bare, ssh=True).data()["changed"] == []
    denied = ssh(
        bare, USER, "true", "-o", "PubkeyAuthentication=no", "-o", "PreferredAuthentications=password", key="key"
    )
    assert (denied.code, "Permission denied (publickey)" in denied.err) == (255, True), denied.err
    assert "Permission denied (publickey)" in ssh(bare, "root", "id", key="key").err
    found = offered(bare)
    assert [name for name in found["KEX algorithms"] if not name.startswith(("ext-info", "kex-strict"))] == list(
        algorithms.CURRENT["KexAlgorithms"]
    )
    assert found["ciphers stoc"] == list(algorithms.CURRENT["Ciphers"])
    assert found["MACs stoc"] == list(algorithms.CURRENT["MACs"])
    assert found["host key algorithms"] == ["ssh-ed25519"], "the one key of this machine, which is pinned"

    # killed after the file was written and before sshd has read it
    dropin, state = "/etc/ssh/sshd_config.d/00-launchpad.conf", "/var/lib/launchpad/settings.json"
    bare.sudo(
        f"sh -c 'cp -p {dropin} /root; rm {dropin}; systemctl reload ssh; cp -p /root/00-launchpad.conf {dropin}'"
    )
    bare.sudo(f'sed -i \'s/"former": {{}}/"former": {{"sshd has not read its files": "yes"}}/\' {state}')
    assert ssh(bare, "root", "id -un", key="key").out == "root\n"
    assert settle(bare, ssh=True).data()["changed"] == []
    assert "Permission denied (publickey)" in ssh(bare, "root", "id", key="key").err
    bare.sudo("rm /root/00-launchpad.conf")

    # a deployment as root is not locked out
    assert settle(bare, "blog/prod", ssh=True, user="root").data()["changed"] == ["sshd"]
    assert ssh(bare, "root", "id -un", key="key").out == "root\n"
    assert take_back(bare, "blog/prod").data()["changed"] == ["sshd"]
    assert "Permission denied" in ssh(bare, "root", "id", key="key").err
    assert take_back(bare).data()["changed"] == ["sshd"]
    assert differences(before, listing(bare)) == []


def test_everything_else_is_set_and_taken_back_to_the_last_byte(bare: Lab) -> None:
    before = listing(bare)
    done = settle(bare, **ALL)
    found = done.data()
    assert set(found["changed"]) == {"sshd", "journal", "updates", "reboot"}
    assert set(found["skipped"]) == CONTAINER
    assert "swap: left out: this machine is a container, and has the swap of its host" in done.err
    assert found["warnings"] == ["launchpad:swap is set, but this machine is a container, which cannot swap by itself."]
    for timer in ("apt-daily.timer", "apt-daily-upgrade.timer", "launchpad-reboot.timer"):
        assert bare.run(f"systemctl is-enabled {timer}; systemctl is-active {timer}").out.split() == [
            "enabled",
            "active",
        ]
    bare.sudo("sh -c 'mkdir /root/apt; mv /etc/apt/sources.list* /root/apt; mkdir /etc/apt/sources.list.d'")
    assert "No package source of this machine has security updates" in settle(bare, **ALL).data()["warnings"][1]
    bare.sudo("sh -c 'rm -r /etc/apt/sources.list*; mv /root/apt/* /etc/apt; rmdir /root/apt'")
    assert "label=Debian-Security" in bare.sudo("unattended-upgrade --dry-run --verbose")
    assert "SystemMaxUse=67108864" in bare.sudo("systemd-analyze cat-config systemd/journald.conf")
    applied = listing(bare)
    again = settle(bare, **ALL).data()
    assert (again["changed"], differences(applied, listing(bare))) == ([], [])

    other = settle(bare, "blog/prod", updates=True, reboot="Mon 05:00")
    assert other.code == 1
    assert "want reboot_window Sun 04:00 and Mon 05:00" in other.err
    assert settle(bare, "blog/prod", updates=True).data()["changed"] == []
    kept = take_back(bare).data()
    assert set(kept["changed"]) == {"sshd", "journal", "reboot"}, "the other stack still wants the updates"
    assert "unattended-upgrades" in take_back(bare, "blog/prod").data()["packages"]
    assert differences(before, listing(bare)) == []
    assert take_back(bare).data()["changed"] == [], "it can be run again"


def test_people_operate_the_app_in_their_own_name_and_are_gone_with_their_line(bare: Lab, flask: Repo) -> None:
    before = listing(bare)
    bare.give_uv()
    bare.prepare().data()
    bare.deploy(flask, "one").data()
    ana, ben, new = (keys(bare, name) for name in ("ana", "ben", "new"))
    people = [{"name": "ana", "keys": [ana]}, {"name": "ben", "keys": [ben]}]
    assert settle(bare, people=people).data()["changed"] == ["sshd", "people"]
    bare.sudo("tee /etc/ssh/sshd_config.d/60-theirs.conf", "AllowGroups deploy ben\n")
    again = settle(bare, people=people).data()
    assert again["changed"] == []
    assert again["warnings"] == [
        "ana of launchpad:people cannot log in, as sshd has AllowGroups deploy ben: "
        "/etc/ssh/sshd_config.d/60-theirs.conf, line 1, says so."
    ]
    bare.sudo("rm /etc/ssh/sshd_config.d/60-theirs.conf")
    own = settle(bare, "blog/prod", people=[{"name": "app", "keys": [ana]}])
    assert "launchpad:people.app: this machine has an account app of its own" in own.err

    # what they may do, and in whose name
    assert "app serves" in ssh(bare, "ana", "launchpad-agent status --app app").out
    for who in ("--who=ben", "--wh ben"):
        assert ssh(bare, "ana", f"launchpad-agent restart --app app {who}").code == 0
    done = ssh(
        bare, "ben", "SUDO_USER=ana launchpad-agent run --app app --who ana -- sh -c 'id -un; echo $LAUNCHPAD_X'"
    )
    assert (done.code, done.out.split()) == (0, ["app"]), done.err
    assert [entry["who"] for entry in bare.history()][1:] == ["ana", "ana", "ben"]

    # what they may not
    spec = json.dumps({"schema": SCHEMA, "owner": "a/b", "user": "ana", "people": people})
    agent = "/usr/local/lib/launchpad/person"
    for command in (
        f"echo '{spec}' | launchpad-agent settings",
        f"launchpad-agent deploy --app app --revision {flask.revisions['two']}",
        "launchpad-agent remove --app app",
        "launchpad-agent reboot",
        "launchpad-agent receive-pack --app app",
        f"sudo -n {agent} prepare",
        "sudo -n /usr/local/bin/launchpad-agent status --app app",
        f"sudo -n -u app {agent} status --app app",
        "sudo -n id",
        f"sudo -n PYTHONPATH=/tmp {agent} status --app app",
        f"echo '{new}' >>/etc/ssh/launchpad/ana",
        "cat /etc/launchpad/app/launch/blue.json",
    ):
        assert ssh(bare, "ana", command).code != 0, command
    assert "no release" not in bare.sudo("launchpad-agent status --app app")
    ssh(bare, "ana", f"mkdir -p .ssh; echo '{new}' >.ssh/authorized_keys")
    assert "Permission denied" in ssh(bare, "ana", "true", key="new").err, "only root says whose keys count"

    # another key: whoever came by the former one is out
    lasting = "nohup sleep 1000000 >/dev/null 2>&1 & echo kept >notes; echo $!"
    first = ssh(bare, "ana", lasting).out.strip()
    people[0]["keys"] = [new]
    assert settle(bare, people=people).data()["changed"] == ["people"]
    assert bare.run(f"test -e /proc/{first}").code != 0
    assert "Permission denied" in ssh(bare, "ana", "true").err
    assert ssh(bare, "ana", "true", key="new").code == 0

    # gone with the line: key, rule, account, processes; not what she made
    second = ssh(bare, "ana", lasting, key="new").out.strip()
    assert bare.run(f"test -e /proc/{second}").code == 0
    gone = settle(bare, people=people[1:]).data()
    assert gone["warnings"] == ["/home/ana stays, closed, with what ana left there: .ssh, notes"]
    assert bare.run(f"test -e /proc/{second} || id ana || test -e /etc/ssh/launchpad/ana").code != 0
    assert bare.sudo("stat -c '%U %a' /home/ana") == "root 700\n"
    assert "ana" not in bare.sudo("cat /etc/sudoers.d/launchpad-people /etc/ssh/sshd_config.d/00-launchpad-people.conf")
    assert ssh(bare, "ben", "launchpad-agent env --app app").code == 0
    back = settle(bare, people=people)
    assert "launchpad:people.ana: /home/ana is there already, of somebody who had that name." in back.err

    # Caddy is upgraded by apt, as any package: the proxy serves on, and Debian's service does not come up beside it
    with Load(bare.address, keep_alive=2, fresh=2) as load:
        bare.sudo("apt-get -qq install --reinstall caddy")
    assert (load.failures, {answer.marker for answer in load.answers}) == ([], {"one"})
    states = bare.run("systemctl is-enabled caddy; systemctl is-active caddy launchpad-proxy").out.split()
    assert states == ["disabled", "inactive", "active"]

    # the app goes, and what the settings need stays until they go, too
    removed = bare.run("sudo python3 launchpad-agent.pyz remove --app app")
    assert "the agent stays, for what shop/prod set up on this machine" in removed.err
    assert ssh(bare, "ben", "launchpad-agent status --app app").code == 1
    assert take_back(bare).data()["changed"] == ["sshd", "people"]
    bare.sudo("rm -r /home/ana")
    assert differences(before, listing(bare)) == []


def test_a_required_restart_waits_for_its_window_and_for_deployments_and_the_app_comes_back(
    bare: Lab, flask: Repo
) -> None:
    bare.give_uv()
    bare.prepare().data()
    bare.deploy(flask, "one").data()
    settle(bare, reboot="Sun 04:00").data()
    assert "no update requires it" in bare.run("sudo launchpad-agent reboot").err
    assert bare.serving()["machine"]["reboot_required"] is None
    bare.sudo("tee /run/reboot-required.pkgs", "linux-image-6.12\nlinux-image-6.12\n")
    bare.sudo("touch --date=@1000000000 /run/reboot-required")
    bare.sudo("apt-get -qq update")
    shown = bare.serving()["machine"]
    assert shown["updates"] >= shown["security_updates"] >= 0
    assert (shown["reboot_required"], shown["reboot_packages"]) == (1000000000, ["linux-image-6.12"])
    told = bare.sudo("launchpad-agent status --app app")
    assert "The machine has to restart for an update (linux-image-6.12), since 2001-09-09 01:46 UTC." in told
    assert re.search(
        r"  machine      (no updates wait|\d+ updates? waits?, \d+ of them for security) \(package lists of ", told
    )

    hold = "release: until [ -e $DATA_DIR/go ]; do sleep 0.1; done"
    held = flask.commit("held", {"Procfile": f"web: gunicorn app:app\n{hold}\n"})
    bare.push(flask, held)
    deployment = begin_deployment(bare, held, deploy_spec(), until="build:")
    bare.sudo("systemctl start --no-block launchpad-reboot.service")
    until = time.monotonic() + 120
    while "waiting for the machine, which is used by" not in bare.sudo("journalctl -u launchpad-reboot -o cat"):
        assert time.monotonic() < until, "it does not wait"
        time.sleep(0.1)
    bare.sudo("touch /srv/app/data/go")
    assert deployment.wait() == 0, "the deployment has ended as it would have"
    subprocess.run([*bare.ssh_words, "-O", "exit", bare.address], capture_output=True, check=False)
    until = time.monotonic() + 180
    while bare.run("test ! -e /run/reboot-required && systemctl is-active app@green").code != 0:
        assert time.monotonic() < until, "the machine does not come back"
        time.sleep(0.5)
    while bare.run("curl -sf localhost").code != 0:
        assert time.monotonic() < until, "the app does not come back"
        time.sleep(0.2)
    assert bare.marker() == "held"
    assert "the proxy has finished its requests" in bare.sudo("journalctl -u launchpad-reboot -o cat --boot=all")
