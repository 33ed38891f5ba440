"""Small pure pieces of the embedded machine."""

import dataclasses
import fcntl
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from infra.common import procfs
from infra.machines.embedded import container, network, record, seed, sizes
from infra.machines.embedded.bootstrap import ProgressReporter
from infra.machines.embedded.recipe import Recipe
from infra.machines.embedded.state import Owner, machine_id


@pytest.mark.parametrize(
    ("text", "size"),
    [("512M", 2**29), ("1G", 2**30), ("1.5g", 3 * 2**29), ("2 GiB", 2**31), ("1T", 2**40), ("4096", 4096)],
)
def test_sizes(text: str, size: int) -> None:
    assert sizes.parse(text) == size


@pytest.mark.parametrize("text", ["", "1X", "-1G", "G", "1,5G", "1G 2"])
def test_what_is_not_a_size(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size: write a number and K, M, G or T"):
        sizes.parse(text)


@pytest.mark.parametrize(("size", "text"), [(2**30, "1G"), (3 * 2**29, "1.5G"), (2**20, "1M"), (100, "100")])
def test_sizes_for_people(size: int, text: str) -> None:
    assert sizes.show(size) == text


def test_a_machine_id_is_an_interface_name_and_depends_on_every_part_of_its_owner() -> None:
    owner = Owner("/home/a/launchpad", "launchpad", "dev", "machine")
    others = [dataclasses.replace(owner, **{field.name: "other"}) for field in dataclasses.fields(owner)]

    assert machine_id(owner) == "lp2cc12275"
    assert network.is_ours(machine_id(owner))
    assert len({machine_id(one) for one in [owner, *others]}) == 5


@pytest.mark.parametrize("name", ["lp0", "lpZZZZZZZZ", "lp12345678p", "eth0", "lp_wan0000"])
def test_other_interfaces_are_not_ours(name: str) -> None:
    assert not network.is_ours(name)


def test_nat_is_a_table_of_our_own_that_records_the_previous_forwarding() -> None:
    assert network.nat("0") == (
        "table ip launchpad {\n"
        "}\n"
        "delete table ip launchpad\n"
        "table ip launchpad {\n"
        '  comment "ip_forward=0"\n'
        "  chain postrouting {\n"
        "    type nat hook postrouting priority srcnat; policy accept;\n"
        '    ip saddr 198.18.0.0/16 oifname != "lp*" masquerade\n'
        "  }\n"
        "  chain prerouting {\n"
        "    type filter hook prerouting priority raw; policy accept;\n"
        '    iifname "lp*" ip daddr { 169.254.0.0/16, 100.100.100.200, 168.63.129.16, 192.0.0.192 } '
        "meta l4proto { tcp, udp } th dport != 53 drop\n"
        "  }\n"
        "}\n"
    )


def test_name_servers_of_a_resolv_conf() -> None:
    text = "# x\nsearch example.org\nnameserver 10.0.0.53\nnameserver fe80::1%eth0\nnameserver\n"

    assert network.name_servers(text) == ["10.0.0.53", "fe80::1"]


def test_the_seed_of_a_machine() -> None:
    files = seed.files("i-1", "web", "#cloud-config\n{}\n")

    assert json.loads(files["meta-data"]) == {"instance-id": "i-1", "local-hostname": "web"}
    assert files["user-data"] == "#cloud-config\n{}\n"


def test_another_recipe_is_another_image_but_a_proxy_is_not() -> None:
    plain = Recipe("trixie", None, "", ())
    others = [
        Recipe("bookworm", None, "", ()),
        Recipe("trixie", "Types: deb\n", "", ()),
        Recipe("trixie", None, 'Acquire::Retries "3";\n', ()),
        Recipe("trixie", None, "", (("own.crt", "pem"),)),
    ]

    assert len({one.key() for one in [plain, *others]}) == 5
    assert Recipe("trixie", None, "", (), (("http_proxy", "http://p"),)).key() == plain.key()


def test_tokens_are_never_the_same() -> None:
    assert len({record.new_token("i") for _ in range(100)}) == 100


def test_progress_of_a_build_names_steps_bytes_and_packages(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("infra.machines.embedded.bootstrap.time.monotonic", lambda: now[0])
    reporter = ProgressReporter()
    for line in [
        "I: running apt-get update...",
        "Get:1 http://mirror.example trixie InRelease",
        "Need to get 78.0 MB of archives.",
        "Unpacking perl (5.40) ...",
        "Unpacking git:amd64 (1:2.47) ...",
        "Setting up perl (5.40) ...",
        "Setting up git:amd64 (1:2.47) ...",
        "E: it broke",
        "I: main() received signal PIPE: waiting for setup...",
    ]:
        reporter.handle(line)
        now[0] += 1.6

    said = [line.partition("] ")[2] for line in capsys.readouterr().err.splitlines()]
    assert said == [
        "machine: base image: reading the package lists",
        "machine: base image: fetching 78.0 MB",
        "machine: base image: 2 packages unpacked, now git",
        "machine: base image: 2 packages set up, now git",
    ]
    assert reporter.last_lines[-1] == "E: it broke"


@pytest.mark.slow
def test_a_driver_that_is_long_at_something_says_so_again() -> None:
    script = (
        "import fcntl, subprocess, sys, time\n"
        "from infra.machines.embedded import shell\n"
        "shell.INTERVAL = 0.1\n"
        "shell.progress('before')\n"
        "shell.repeat_progress()\n"
        "shell.progress('waiting')\n"
        "fcntl.flock(sys.stdin, fcntl.LOCK_EX)\n"
        "shell.progress('working')\n"
        "shell.run(['sleep', '1'])\n"
        "shell.progress('done')\n"
    )
    with tempfile.TemporaryFile("w+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(f"/proc/self/fd/{lock.fileno()}") as other:  # noqa: PTH123 - a second description of the same file
            driver = subprocess.Popen([sys.executable, "-c", script], stdin=other, stderr=subprocess.PIPE, text=True)
        assert driver.stderr is not None
        said = [driver.stderr.readline().partition("machine: ")[2] for _ in range(4)]
        fcntl.flock(lock, fcntl.LOCK_UN)
        said += [line.partition("machine: ")[2] for line in driver.stderr]
    assert driver.wait() == 0
    assert said[:4] == ["before\n", "waiting\n", "waiting (still)\n", "waiting (still)\n"]
    assert said.count("working (still)\n") >= 3
    assert said[-1] == "done\n"


def test_a_driver_that_has_answered_is_not_ended_by_its_own_timer() -> None:
    """Python takes its handlers back before it is gone, and the timer's signal ends a process that has none."""
    script = (
        "import io, signal, sys\n"
        "from infra.machines.embedded import driver, shell\n"
        "def answer(*_):\n"
        "    shell.progress('working')\n"
        "    raise shell.MachineError('no')\n"
        "driver.answer = answer\n"
        "sys.argv, sys.stdin = ['driver', 'destroy'], io.StringIO('{}')\n"
        "print(driver.main(), signal.getitimer(signal.ITIMER_REAL))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "1 (0.0, 0.0)"


def test_the_consoles_last_lines_command_no_terminal(tmp_path: Path) -> None:
    (tmp_path / "lp1").mkdir()
    (tmp_path / "lp1" / "console.log.1").write_bytes(b"x" * 10_000 + b"\n\x1b[0;32mgreen\x1b[0m\r\n")
    (tmp_path / "lp1" / "console.log").write_bytes(b"\x1b]0;title\x07beep\x9b\xff caf\xc3\xa9\n")

    words = container.console_tail(tmp_path, "lp1").splitlines()

    assert words[0] == "Its console's last lines:"
    assert words[2:] == ["  green", "  0;titlebeep\ufffd\ufffd café"]
    assert container.console_tail(tmp_path, "lp2") == "Its console is empty."


def test_a_process_that_has_the_number_and_start_time_of_a_machine_but_is_another_is_not_it() -> None:
    there = record.Record("lp00000001", Owner(), "trixie", memory=1, disk=1, host_key="", authorized_key="")
    there.pid, there.started = os.getpid(), procfs.start_time(os.getpid())

    assert container.is_running(there) is False


def test_a_machine_whose_owner_cannot_be_read_keeps_nobody_from_looking_for_their_own(tmp_path: Path) -> None:
    mine = Owner("/home/me", "launchpad", "dev", "machine")
    one = record.Record("one", mine, "trixie", memory=1, disk=1, host_key="", authorized_key="")
    for name in ("one", "two"):
        record.save(tmp_path, dataclasses.replace(one, id=name))
    kept = tmp_path / "two" / record.FILE
    kept.write_text(json.dumps({**json.loads(kept.read_text()), "owner": "somebody"}))
    owners = {name: found.owner for name, found in record.every(tmp_path) if found}
    assert owners == {"one": mine, "two": Owner()}
