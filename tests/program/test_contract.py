"""The machine contract's way in, as resources and people see it: exact values."""

from pathlib import Path

import pulumi
import pytest

from infra.machines.contract import SshAccess, Tunnel
from tests.program.recorder import HOST_KEY, Recording, plain, run

FOLDER = Path("/project/.launchpad/dev/shop")


def access(port: int = 22, **more: object) -> SshAccess:
    return SshAccess(pulumi.Output.from_input("192.0.2.1"), HOST_KEY, "PRIVATE", port=port, **more)  # type: ignore[arg-type]


def shown(ssh: SshAccess) -> Recording:
    def program() -> None:
        pulumi.export("line", ssh.command_line(FOLDER))
        pulumi.export("known", ssh.known_hosts_line())
        pulumi.export("fingerprint", ssh.fingerprint())

    return run(program, {})


@pytest.mark.parametrize(("port", "name"), [(22, "192.0.2.1"), (2222, "[192.0.2.1]:2222")])
def test_a_person_finds_the_machine_at_its_port(port: int, name: str) -> None:
    found = shown(access(port))
    assert found.outputs == {
        "line": f"ssh -i {FOLDER}/key -o IdentitiesOnly=yes -o UserKnownHostsFile={FOLDER}/known_hosts "
        f"-o StrictHostKeyChecking=yes -p {port} deploy@192.0.2.1",
        "known": f"{name} {HOST_KEY}",
        "fingerprint": "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
    }
    assert found.secret_outputs == set()


def test_a_person_goes_by_the_proxy_command_and_deployments_by_the_tunnel() -> None:
    ssh = access(proxy_command="aws ssm start-session --target i-1", tunnel=Tunnel("127.0.0.1", 23456))
    line = shown(ssh).outputs["line"]
    assert "-o ProxyCommand='aws ssm start-session --target i-1' " in line
    assert line.endswith("-p 22 deploy@192.0.2.1")
    assert shown(ssh).outputs["known"] == f"192.0.2.1 {HOST_KEY}"
    assert (ssh.dialled.host, ssh.dialled.port) == ("127.0.0.1", 23456)


def test_a_connection_dials_the_machines_port_and_keeps_the_key_secret() -> None:
    def program() -> None:
        connection = access(2222, user="root").connection(7)
        pulumi.export("connection", connection.__dict__)

    found = run(program, {})
    assert plain(found.outputs["connection"]) == {
        "host": "192.0.2.1",
        "port": 2222,
        "user": "root",
        "private_key": "PRIVATE",
        "host_key": HOST_KEY,
        "dial_error_limit": 7,
        "per_dial_timeout": 10,
    }
    assert found.secret_outputs == {"connection"}
