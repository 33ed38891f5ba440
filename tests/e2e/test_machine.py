"""The embedded machine for real: its driver as root, its processes, network, disk and firewall, without Pulumi."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.machines.cloudinit import HostKey, user_data
from infra.machines.embedded import client, container
from infra.machines.embedded.requests import (
    Check,
    CleanCache,
    Destroy,
    Ensure,
    Inspect,
    ListMachines,
    Place,
    ProvideBase,
    Request,
    Sweep,
)
from infra.machines.embedded.state import MachineSpec, Owner, machine_id
from infra.machines.firewall import Firewall, plan
from infra.machines.keys import KeyPairProvider
from infra.protocol import codec

DRIVER = [sys.executable, "-B", "-m", "infra.machines.embedded.driver"]
TIMEOUT = 90.0
MACHINES_NETWORK = "198.18.0.0/16"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="looks at the machine from this computer's root")


def rules(*ports: int, ssh: bool = True) -> Firewall:
    """Web ports open to everybody, SSH to this computer."""
    return plan(ports, ("0.0.0.0/0",), (MACHINES_NETWORK,) if ssh else ())


class Rig:
    """One machine of its own, in a machines directory of its own."""

    def __init__(self, place: Path, name: str = "machine") -> None:
        self.place = place
        self.owner = Owner(str(place), "test", "e2e", name)
        self.id = machine_id(self.owner)
        self.machines = place / "machines"
        self.host, self.client = (KeyPairProvider().create({}).outs or {} for _ in range(2))
        self.key = place / f"{name}.key"
        self.key.touch(mode=0o600)
        self.key.write_text(self.client["private_key"])
        self.known_hosts = place / f"{name}.known_hosts"
        self.address = ""

    def request(self, firewall: Firewall | None = None, **spec: Any) -> Ensure:
        """What the provider would ask the driver."""
        wanted = MachineSpec(
            suite="trixie",
            host_key=self.host["public_key"],
            authorized_key=self.client["public_key"],
            memory=2**30,
            disk=2**30,
            firewall=(firewall or rules(80)).rules,
        )
        data = user_data(
            hostname="launchpad-test",
            user="deploy",
            authorized_key=self.client["public_key"],
            host_key=HostKey(self.host["public_key"], self.host["private_key"]),
        )
        return Ensure(self.id, self.owner, "launchpad-test", data, replace(wanted, **spec))

    def feed(self, request: Request[Any]) -> str:
        """What the driver reads for a request."""
        return feed(Place(self.machines, client.cache()), request)

    def ask(self, verb: str, firewall: Firewall | None = None, **spec: Any) -> dict[str, Any]:
        """The driver's answer, as plain values."""
        ensure = self.request(firewall, **spec)
        check = Check(self.id, ensure.spec.suite, ensure.spec.disk)
        requests: list[Request[Any]] = [ensure, check, Inspect(self.id), Destroy(self.id), ListMachines()]
        (request,) = [request for request in requests if verb == request.VERB]
        return ask(request, self.feed(request))

    def ensure(self, firewall: Firewall | None = None, **spec: Any) -> dict[str, Any]:
        """The machine as asked for."""
        answer = self.ask("ensure", firewall, **spec)
        assert "error" not in answer, answer
        self.address = answer["address"]
        self.known_hosts.write_text(f"{self.address} {self.host['public_key']}\n")
        return answer

    def ssh(
        self, command: str, *, user: str = "deploy", options: tuple[str, ...] = ()
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on the machine, trusting only the key that it was given."""
        words = ["ssh", "-F", "none", "-i", str(self.key), "-o", f"UserKnownHostsFile={self.known_hosts}"]
        words += ["-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"]
        words += ["-o", "ConnectTimeout=2", *options, f"{user}@{self.address}", command]
        return subprocess.run(words, capture_output=True, text=True, check=False)

    def run(self, command: str) -> str:
        """The output of a command on the machine, once it can be reached."""
        deadline = time.monotonic() + TIMEOUT
        while (done := self.ssh(command)).returncode == 255 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def serve(self, port: int) -> None:
        """Have the machine answer on a port."""
        self.run(
            f"systemctl --quiet is-active serve-{port} || "
            f"sudo systemd-run --quiet --unit=serve-{port} python3 -m http.server {port} --directory /srv"
        )
        self.run(f"for i in $(seq 1000); do curl -fs localhost:{port} >/dev/null && exit 0; sleep 0.05; done; exit 1")

    def opens(self, port: int) -> bool:
        """Whether a port answers from outside the machine."""
        try:
            with socket.create_connection((self.address, port), timeout=0.5):
                return True
        except OSError:
            return False

    def stops(self) -> None:
        """Wait until the driver sees that the machine has stopped."""
        until = time.monotonic() + TIMEOUT
        while (state := self.ask("inspect")["state"]) != "stopped":
            assert time.monotonic() < until, state
            time.sleep(0.05)

    def pid(self) -> int:
        """The container's first process."""
        return int(json.loads((self.machines / self.id / "machine.json").read_text())["pid"])

    def leftovers(self) -> list[str]:
        """Whatever on this computer still has to do with the machine."""
        command = f"""
            ls -d {self.machines} {self.machines}/{self.id} /sys/fs/cgroup/*/launchpad/{self.id} 2>/dev/null
            ls -d /run/launchpad/{self.id}* /run/systemd/nspawn/*/{self.id} 2>/dev/null
            grep -sF {self.id} /proc/[0-9]*/mountinfo
            losetup --list --noheadings --output BACK-FILE | grep -F {self.id}
            ip -oneline link show {self.id} 2>/dev/null
        """
        lines = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False).stdout.splitlines()
        return [*lines, *processes_about(self.id)]


def processes_about(text: str) -> list[str]:
    """The command lines of processes that mention a text."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = file.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in words and int(file.parent.name) != os.getpid():
            found.append(words)
    return found


def feed(place: Place, request: Request[Any]) -> str:
    """What the driver reads for a request."""
    return json.dumps({"place": codec.dump(place), "request": codec.dump(request)})


def ask(request: Request[Any], text: str) -> dict[str, Any]:
    """Run the driver, as the client does; its answer as plain values."""
    done = subprocess.run(
        [*DRIVER, request.VERB], input=text, capture_output=True, text=True, cwd=client.ROOT, check=False
    )
    assert done.stdout, done.stderr
    answer = dict(json.loads(done.stdout))
    assert answer.pop("schema") == codec.SCHEMA
    assert (done.returncode != 0) == ("error" in answer)
    assert "Traceback" not in done.stderr
    return answer


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """A machine that the tests of this module share, each leaving it running."""
    made = Rig(tmp_path_factory.mktemp("shared"))
    made.ensure()
    yield made
    assert made.ask("destroy") == {"machines": [made.id]}
    assert made.leftovers() == []


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Rig]:
    """A machine for one test; gone at its end, whatever happened."""
    made = Rig(tmp_path)
    yield made
    made.ask("destroy")
    assert made.leftovers() == []


def test_ssh_answers_soon_with_the_key_that_was_known_before(other: Rig) -> None:
    other.ensure()
    ready = time.monotonic()

    assert other.run("id -un; sudo id -u; hostname") == "deploy\n0\nlaunchpad-test"
    assert time.monotonic() - ready < 15
    assert other.run("cloud-init status --wait").startswith("status: done")
    assert other.run("sudo cloud-init schema --system 2>&1").endswith("Valid schema user-data")
    assert other.run("systemctl is-system-running --wait") == "running"


def test_sshd_starts_once_and_is_not_restarted_under_a_connection(other: Rig) -> None:
    other.ensure()
    other.run("cloud-init status --wait")
    starts = other.run("sudo journalctl --boot --unit ssh --output cat").count("Starting ssh.service")
    assert starts == 1


def test_no_other_way_in(rig: Rig) -> None:
    rig.run("true")

    assert rig.ssh("true", user="root").returncode == 255
    password = rig.ssh("true", options=("-o", "PubkeyAuthentication=no", "-o", "PreferredAuthentications=password"))
    assert (password.returncode, "Permission denied (publickey)" in password.stderr) == (255, True)
    rig.known_hosts.write_text(f"{rig.address} {rig.client['public_key']}\n")
    try:
        assert "Host key verification failed" in rig.ssh("true").stderr
    finally:
        rig.known_hosts.write_text(f"{rig.address} {rig.host['public_key']}\n")


def test_an_open_port_answers_a_closed_one_does_not_and_rules_change_while_it_runs(rig: Rig) -> None:
    before = rig.ensure(rules(80))
    rig.serve(80)
    rig.serve(8080)

    assert (rig.opens(80), rig.opens(8080), rig.opens(22)) == (True, False, True)

    after = rig.ensure(rules(8080, ssh=False))

    assert (rig.opens(80), rig.opens(8080), rig.opens(22)) == (False, True, False)
    assert (after["boot_id"], after["instance_id"]) == (before["boot_id"], before["instance_id"])
    rig.ensure(rules(80))
    assert (rig.opens(80), rig.opens(8080), rig.opens(22)) == (True, False, True)


def test_the_machine_has_a_name_on_this_computers_loopback_and_gets_nothing_by_it(rig: Rig, other: Rig) -> None:
    before = rig.ensure(rules(80))["local_ports"]
    rig.serve(80)
    assert local_page(before["80"]) == 200
    beside = other.ensure(rules(80))["local_ports"]
    assert beside["80"] != before["80"]
    assert rig.ensure(rules(80, 8080))["local_ports"]["80"] == before["80"]
    table = ["nft", "list", "table", "ip", f"launchpad_{rig.id}"]
    subprocess.run(["nft", "delete", "table", "ip", f"launchpad_{rig.id}"], check=True)
    assert rig.ensure(rules(80))["local_ports"] == before
    assert local_page(before["80"]) == 200
    rules_of = subprocess.run(table, capture_output=True, text=True, check=True).stdout
    assert f'iifname "{rig.id}" ip daddr 127.0.0.0/8 drop' in rules_of
    other.ask("destroy")
    assert subprocess.run([*table[:-1], f"launchpad_{other.id}"], capture_output=True, check=False).returncode == 1


def local_page(port: str) -> int:
    """The status of a page at a port of loopback, asked for by name."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Host": f"app.localhost:{port}"})
    with urllib.request.urlopen(request, timeout=5) as response:
        return int(response.status)


def test_egress_is_what_the_rules_say(rig: Rig) -> None:
    door = socket.create_server(("0.0.0.0", 0))
    near = rig.address.rpartition(".")[0] + "." + str(int(rig.address.rpartition(".")[2]) - 1)
    reach = f"timeout 1 bash -c '</dev/tcp/{near}/{door.getsockname()[1]}'"
    with door:
        rig.ensure(rules(80))
        rig.run("true")
        assert rig.ssh(reach).returncode == 0
        rig.ensure(Firewall(tuple(rule for rule in rules(80).rules if rule.direction == "ingress")))
        assert rig.ssh(reach).returncode == 124
    rig.ensure(rules(80))


METADATA = "169.254.77.77"
"""An address of clouds' metadata services, but none that one uses: this computer may be in a cloud."""

FRAME = """
import socket, struct, sys
address, port = sys.argv[1], int(sys.argv[2])
route = [line.split() for line in open("/proc/net/arp")][1]
udp = struct.pack("!HHHH", 4000, port, 8 + 5, 0) + b"hello"
def ip(total):
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, total, socket.inet_aton(sys.argv[3]), socket.inet_aton(address))
words = sum(struct.unpack("!10H", ip(0)))
total = ~((words & 0xFFFF) + (words >> 16)) & 0xFFFF
mac = lambda text: bytes.fromhex(text.replace(":", ""))
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
wire.bind(("host0", 0x0800))
own = open("/sys/class/net/host0/address").read().strip()
wire.send(mac(route[3]) + mac(own) + b"\\x08\\x00" + ip(total) + udp)
"""


@pytest.fixture
def metadata() -> Iterator[str]:
    """A metadata address that leads to this computer."""
    subprocess.run(["ip", "address", "add", f"{METADATA}/32", "dev", "lo"], check=True)
    yield METADATA
    subprocess.run(["ip", "address", "delete", f"{METADATA}/32", "dev", "lo"], check=True)


def test_the_metadata_service_of_this_computer_is_closed_to_its_machines(rig: Rig, metadata: str) -> None:
    rig.ensure(rules(80))
    near = rig.address.rpartition(".")[0] + "." + str(int(rig.address.rpartition(".")[2]) - 1)
    rig.run("true")
    with socket.create_server(("0.0.0.0", 0)) as door:
        port = door.getsockname()[1]
        assert rig.ssh(f"timeout 5 bash -c '</dev/tcp/{near}/{port}'").returncode == 0
        refused = rig.ssh(f"timeout 5 bash -c '</dev/tcp/{metadata}/{port}'")
    assert (refused.returncode, "No route to host" in refused.stderr) == (1, True)  # at once, and not after 5 seconds


def test_not_even_the_machines_root_reaches_it_by_writing_to_its_cable(rig: Rig, metadata: str) -> None:
    rig.ensure(rules(80))
    near = rig.address.rpartition(".")[0] + "." + str(int(rig.address.rpartition(".")[2]) - 1)
    rig.run(f"cat >frame.py <<'END'\n{FRAME}\nEND")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as box:
        box.bind(("0.0.0.0", 0))
        box.settimeout(TIMEOUT)
        port = box.getsockname()[1]
        rig.run(f"sudo python3 frame.py {metadata} {port} {rig.address}")
        rig.run(f"sudo python3 frame.py {near} {port} {rig.address}")
        # packets of one cable come in order: had the first one passed, it would be here before the second
        assert box.recv(100) == b"hello"
        box.settimeout(0.2)
        with pytest.raises(TimeoutError):
            box.recv(100)


def test_its_root_is_not_ours_and_cannot_change_its_own_firewall(rig: Rig) -> None:
    rig.run("true")

    assert rig.run("cat /proc/self/uid_map").split() == ["0", str(0x4C500000), "65536"]
    assert rig.ssh("sudo nft flush ruleset").returncode != 0
    assert rig.ssh("sudo ip address add 198.18.200.2/30 dev host0").returncode != 0
    assert rig.ssh("sudo mknod /root/disk b 253 0").returncode != 0
    assert rig.ssh("sudo sh -c 'echo 1 >/proc/sys/kernel/sysrq'").returncode != 0
    # more namespaces give no more power over this one
    assert rig.ssh("sudo unshare --user --map-root-user nft flush ruleset").returncode != 0


def test_a_strictly_sandboxed_unit_runs(rig: Rig) -> None:
    properties = (
        "DynamicUser=yes ProtectSystem=strict ProtectHome=yes PrivateTmp=yes PrivateDevices=yes PrivateUsers=yes "
        "ProtectKernelTunables=yes ProtectControlGroups=yes ProtectProc=invisible ProtectHostname=yes "
        "RestrictNamespaces=yes MemoryDenyWriteExecute=yes NoNewPrivileges=yes SystemCallFilter=@system-service "
        "LoadCredential=word:/etc/hostname"
    )
    flags = " ".join(f"-p {one}" for one in properties.split())

    assert rig.run(f"sudo systemd-run --wait --quiet --pipe {flags} sh -c 'cat $CREDENTIALS_DIRECTORY/word'") == (
        "launchpad-test"
    )


def test_memory_processors_and_disk_change_while_it_runs(rig: Rig) -> None:
    before = rig.ensure()
    after = rig.ensure(memory=2**29, cpus=0.5, disk=2**31)
    rig.run("true")

    # a disk in use grows only where the kernel lets root do so (CAP_SYS_RESOURCE): elsewhere by a restart
    may_grow = bool(int(re.findall(r"CapEff:\s*(\w+)", Path("/proc/self/status").read_text())[0], 16) & 1 << 24)
    assert (after["boot_id"] == before["boot_id"]) is may_grow
    assert after["instance_id"] == before["instance_id"]
    assert int(rig.run("df --output=size -B1 / | tail -1")) > 1.8 * 2**30
    limits = Path("/sys/fs/cgroup/memory/launchpad") / rig.id / "memory.limit_in_bytes"
    if limits.exists():
        assert limits.read_text().strip() == str(2**29)
        assert (limits.parents[3] / "cpu/launchpad" / rig.id / "cpu.cfs_quota_us").read_text().strip() == "50000"
        # and the limit is a limit
        eater = rig.ssh("python3 -c 'x = bytearray(700 * 2**20); print(len(x))'")
        assert eater.returncode != 0
    shrunk = rig.ask("ensure", disk=2**30)
    assert re.match(
        "launchpad:embedded.disk is 1G, but the machine's disk has 2G, and a disk cannot shrink", shrunk["error"]
    )
    rig.ensure(disk=2**31)


def test_a_full_disk_is_the_machines_own_problem(other: Rig) -> None:
    other.ensure(disk=2**29)
    full = "dd if=/dev/zero of=/home/deploy/fill bs=1M count=2000"

    assert "No space left on device" in other.ssh(f"sleep 1; {full}").stderr or (
        other.run("true") == "" and "No space left on device" in other.ssh(full).stderr
    )


def test_a_machine_that_prints_for_ever_does_not_fill_this_computer(rig: Rig) -> None:
    before = rig.ensure(disk=2**31)
    rig.run("sudo sh -c 'head -c 20000000 /dev/zero | tr \\\\0 x >/dev/console; echo the end >/dev/console'")
    logs = list((rig.machines / rig.id).glob("console.log*"))
    until = time.monotonic() + TIMEOUT
    while "the end" not in container.console_tail(rig.machines, rig.id):
        assert time.monotonic() < until
        time.sleep(0.05)

    assert 2**20 < sum(log.stat().st_size for log in logs) <= 2 * 2**22
    assert rig.ensure(disk=2**31)["boot_id"] == before["boot_id"]


def test_what_a_machine_puts_where_systemd_has_its_socket_is_never_opened(rig: Rig) -> None:
    rig.ensure(disk=2**31)
    rig.run("sudo sh -c 'mv /run/systemd/private /run/private; mkfifo /run/systemd/private'")
    try:
        assert rig.ensure(disk=2**31)["state"] == "running"
        rig.run("sudo rm /run/systemd/private; sudo ln -s /nowhere /run/systemd/private")
        assert rig.ensure(disk=2**31)["state"] == "running"
    finally:
        rig.run("sudo mv /run/private /run/systemd/private")


@pytest.mark.parametrize("victim", ["container", "inside", "both"])
def test_a_killed_machine_comes_back_with_its_disk(rig: Rig, victim: str) -> None:
    before = rig.ensure(disk=2**31)
    mark = f"mark-{victim}"
    rig.run(f"echo {mark} | sudo tee /srv/{mark} && sync")
    inside = int(subprocess.check_output(["pgrep", "-x", "-P", str(rig.pid()), "systemd"], text=True).split()[0])
    for pid in {"container": [rig.pid()], "inside": [inside], "both": [rig.pid(), inside]}[victim]:
        os.kill(pid, signal.SIGKILL)
    rig.stops()
    after = rig.ensure(disk=2**31)

    assert rig.run(f"cat /srv/{mark}") == mark
    assert (after["instance_id"], after["address"]) == (before["instance_id"], before["address"])
    assert after["boot_id"] != before["boot_id"]
    assert rig.run("pgrep -xc systemd-journal") == "1"
    # what asked for nothing gets nothing
    assert rig.ensure(disk=2**31)["boot_id"] == after["boot_id"]


def test_a_machine_that_restarts_from_inside_is_back_by_itself_with_all_it_had(other: Rig) -> None:
    before = other.ensure(rules(80))
    other.run("echo kept | sudo tee /srv/kept")
    supervising = len(processes_about(f"{other.id}/resume.json"))
    assert supervising
    for _ in range(2):
        boot = other.run("cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1")
        other.ssh("sudo systemctl reboot")
        until = time.monotonic() + 120
        while other.ssh("cat /proc/sys/kernel/random/boot_id; stat -c %Y /proc/1").stdout.strip() in ("", boot):
            assert time.monotonic() < until
            time.sleep(0.1)
        assert other.run("cat /srv/kept") == "kept"
        other.serve(80)
        other.serve(8080)
        assert (other.opens(80), other.opens(8080), local_page(before["local_ports"]["80"])) == (True, False, 200)
        assert other.ask("inspect") == before
    assert len(processes_about(f"{other.id}/resume.json")) == supervising
    other.run("sudo systemctl poweroff & exit 0")
    until = time.monotonic() + 60
    while other.ask("inspect")["state"] != "stopped" or processes_about(other.id):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert other.ensure(rules(80))["boot_id"] != before["boot_id"]


def test_a_machine_whose_directory_is_gone_is_made_anew(other: Rig) -> None:
    before = other.ensure()
    other.run("sudo touch /srv/old")
    os.kill(other.pid(), signal.SIGKILL)
    other.stops()
    place = other.machines / other.id
    subprocess.run(["rm", "-rf", place], check=True)

    assert other.ask("inspect")["state"] == "absent"
    after = other.ensure()

    assert other.run("ls /srv") == ""
    assert after["instance_id"] != before["instance_id"]
    assert after["address"] == before["address"]


@pytest.mark.parametrize("moment", [0.1, 0.16, 0.22, 0.28, 0.34, 0.4])
@pytest.mark.parametrize("then", ["ensure", "destroy"])
def test_a_driver_killed_in_the_middle_of_a_create_leaves_nothing_that_stays(
    tmp_path: Path, moment: float, then: str
) -> None:
    rig = Rig(tmp_path)
    driver = subprocess.Popen(
        [*DRIVER, "ensure"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=client.ROOT,
    )
    assert driver.stdin is not None
    driver.stdin.write(rig.feed(rig.request()).encode())
    driver.stdin.close()
    time.sleep(moment)
    driver.kill()
    driver.wait()
    if then == "ensure":
        rig.ensure()
        assert rig.run("id -un") == "deploy"
    assert "error" not in rig.ask("destroy")
    assert rig.leftovers() == []


def test_destroying_what_is_gone_succeeds(tmp_path: Path) -> None:
    rig = Rig(tmp_path)

    assert rig.ask("destroy") == {"machines": []}
    assert rig.leftovers() == []


def test_two_machines_made_at_once(tmp_path: Path) -> None:
    rigs = [Rig(tmp_path, "one"), Rig(tmp_path, "two")]
    threads = [threading.Thread(target=one.ensure) for one in rigs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert rigs[0].address != rigs[1].address
    assert [one.run("id -un") for one in rigs] == ["deploy", "deploy"]
    # the rules of one hold against the other too
    assert rigs[0].ssh(f"timeout 30 bash -c '</dev/tcp/{rigs[1].address}/22'").returncode == 0
    rigs[1].ensure(rules(80, ssh=False))
    assert rigs[0].ssh(f"timeout 1 bash -c '</dev/tcp/{rigs[1].address}/22'").returncode == 124
    listed = {one["id"]: one["state"] for one in rigs[0].ask("list")["machines"]}
    assert listed == {rigs[0].id: "running", rigs[1].id: "running"}
    owner = rigs[0].owner
    other, own = (Sweep(owner.clone, owner.project, stack) for stack in ("other", owner.stack))
    assert ask(other, rigs[0].feed(other)) == {"machines": [], "disks": []}
    assert sorted(ask(own, rigs[0].feed(own))["machines"]) == sorted(one.id for one in rigs)
    assert [one.leftovers() for one in rigs] == [[], []]


def test_packages_arrive_through_nat(rig: Rig) -> None:
    rig.ensure(disk=2**31)
    rig.run("sudo apt-get -qq update && sudo apt-get -qq install -y tree >/dev/null 2>&1; tree --version")
    rig.run(
        "python3 -m venv /tmp/v && /tmp/v/bin/pip -q install --no-input iniconfig && /tmp/v/bin/python -c 'import iniconfig'"
    )


def test_a_machine_that_cannot_boot_says_so_with_its_console(other: Rig) -> None:
    other.ensure()
    other.run("sudo rm -f /usr/lib/systemd/systemd /usr/sbin/init && sync")
    os.kill(other.pid(), signal.SIGKILL)
    other.stops()
    started = time.monotonic()
    error = other.ask("ensure")["error"]

    assert re.match(r"The machine (ended right after its start|did not boot)\. Its console's last lines:\n  .+", error)
    assert time.monotonic() - started < container.BOOT_LIMIT


def test_no_space_is_said_before_anything_is_made(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    rig.machines.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16M", "tiny", rig.machines], check=True)
    try:
        problems = rig.ask("check")["problems"]
        error = rig.ask("ensure")["error"]
        assert rig.ask("destroy")["machines"] in ([rig.id], [])
    finally:
        subprocess.run(["umount", rig.machines], check=True)
    rig.machines.rmdir()

    message = rf"Not enough disk space in {rig.machines}.*: 256M needed, 1[0-9.]+M free"
    assert re.match(message, problems[0])
    assert re.match(message, error)
    assert rig.leftovers() == []


def test_a_killed_build_of_the_base_image_ends_and_can_be_cleaned_away(tmp_path: Path) -> None:
    place = Place(tmp_path / "m", tmp_path / "cache")
    driver = subprocess.Popen(
        [*DRIVER, "base"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=client.ROOT
    )
    assert driver.stdin is not None
    assert driver.stderr is not None
    driver.stdin.write(feed(place, ProvideBase("trixie")).encode())
    driver.stdin.close()
    while b"unpacking" not in driver.stderr.readline():
        assert driver.poll() is None
    driver.kill()
    driver.wait()
    deadline = time.monotonic() + TIMEOUT
    while processes_about(str(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.1)

    assert processes_about(str(tmp_path)) == []
    assert ask(CleanCache(), feed(place, CleanCache())) == {"images": []}
    assert not (tmp_path / "cache/base").exists()
