"""Two stacks and five apps on one server, deployed at the same time, one of them broken; then two are taken out.

An embedded machine plays the server. The stacks are of one clone, as those of one team are.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.agent import lab as lab_module
from tests.agent.lab import Lab
from tests.agent.load import Load
from tests.e2e.stack import TIMEOUT, Stack, commit, fetch

APP = """BROKEN
def application(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len("MARK")))])
    return [b"MARK"]
"""
PORTS = {"shop": 8001, "blog": 8002, "api": 8003, "wiki": 8004, "docs": 8005}
FIRST, SECOND = ("shop", "blog", "api"), ("wiki", "docs")
BROKEN = "blog"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A server with nothing on it."""
    name = f"lp{secrets.token_hex(4)}"
    try:
        machine = lab_module.make_machine(name, tmp_path_factory.mktemp("server"), tuple(PORTS.values()))
        machine.give_uv()
        yield machine
    finally:
        lab_module.remove_machine(name)


@pytest.fixture(scope="module")
def stacks(stack: Stack, server: Lab) -> Stack:
    """The stacks first and second of one clone, for apps that are directories of one repository."""
    repository = stack.clone.parent / "site"
    files = {f"{app}/wsgi.py": APP.replace("MARK", app).replace("BROKEN", "") for app in PORTS}
    files[f"{BROKEN}/wsgi.py"] = APP.replace("BROKEN", "raise RuntimeError('nothing today')")
    commit(repository, {**files, **{f"{app}/requirements.txt": "" for app in PORTS}}, "First")
    for name, apps in (("first", FIRST), ("second", SECOND)):
        lines = [
            "config:",
            "  launchpad:machine: server",
            f"  launchpad:server.host: {server.address}",
            f"  launchpad:server.host_key: {(server.folder / 'host.pub').read_text().strip()}",
            f"  launchpad:server.user: {lab_module.USER}",
            f"  launchpad:repository: {repository}",
            "  launchpad:apps:",
        ]
        for app in apps:
            lines += [f"    {app}:", f"      directory: {app}", f"      http_port: {PORTS[app]}"]
        (stack.clone / f"Pulumi.{name}.yaml").write_text("\n".join([*lines, ""]))
        stack.run(f"pulumi stack init --no-select {name}", check=True)
        key = server.folder / "key"
        stack.run(f"pulumi config set --stack {name} --secret launchpad:server.private_key <{key}", check=True)
    return stack


def page(server: Lab, app: str) -> tuple[int, str]:
    return fetch(f"http://{server.address}:{PORTS[app]}/")


def test_five_apps_of_two_stacks_at_the_same_time_of_which_one_is_broken(stacks: Stack, server: Lab) -> None:
    running = {name: stacks.start(f"launchpad up -s {name}") for name in ("first", "second")}
    said = {name: process.communicate(timeout=TIMEOUT)[0] for name, process in running.items()}
    assert running["second"].returncode == 0, said["second"]
    assert running["first"].returncode == 1, said["first"]
    assert {app: page(server, app) for app in PORTS if app != BROKEN} == {
        app: (200, app) for app in PORTS if app != BROKEN
    }
    assert page(server, BROKEN) == (503, f"No release of {BROKEN} is serving.")
    errors = [line for line in said["first"].splitlines() if line.startswith("error: ")]
    assert [line.partition(": Release")[0] for line in errors] == [f"error: release of {BROKEN}"], said["first"]
    assert said["first"].rstrip().endswith("RuntimeError: nothing today")


def test_commands_are_about_the_app_that_is_named(stacks: Stack) -> None:
    found = stacks.run("launchpad outputs apps -s first", check=True).stdout
    assert '"release": "",' in found
    said = stacks.run("launchpad status -s first", check=True).stdout
    assert [line for line in said.splitlines() if line in ("api:", "blog:", "shop:")] == ["api:", "blog:", "shop:"]
    said = stacks.fails("launchpad logs -s first")
    assert "stack first has several apps. Name one of them: --app api, --app blog, --app shop" in said
    assert "RuntimeError: nothing today" in stacks.run(f"launchpad logs -s first --app {BROKEN}", check=True).stdout
    stacks.run("launchpad run -s first --app api -- sh -c 'echo mine >$DATA_DIR/note'", check=True)


def test_an_app_that_is_taken_out_is_gone_but_for_its_data_and_no_other_loses_a_request(
    stacks: Stack, server: Lab
) -> None:
    for app in ("api", BROKEN):
        stacks.run(f"pulumi config rm --stack first --path launchpad:apps.{app}", check=True)
    said = stacks.run("launchpad preview -s first", check=True).stdout
    plain = stacks.run("pulumi preview --stack first", check=True).stdout
    for app in ("api", BROKEN):
        line = f"DATA: app {app} is taken off the machine: its data in /srv/{app}/data stays"
        assert (said.count(line), line in plain) == (1, True), plain
    assert "app api on the machine: remove\n" in said
    with ExitStack() as visitors:
        loads = [
            visitors.enter_context(Load(server.address, keep_alive=0, fresh=2, port=PORTS[app]))
            for app in ("shop", "wiki", "docs")
        ]
        stacks.run("launchpad up -s first", check=True)
    assert [load.failures for load in loads] == [[], [], []]
    assert all(load.answers for load in loads)
    for app in ("api", BROKEN):
        assert server.run(f"id {app}").code == 0, "its user stays with its data"
        assert server.sudo(f"systemctl list-units --all --plain --no-legend '{app}@*' 'launchpad-{app}*'") == ""
        left = f"ls -d /etc/launchpad/{app} /var/lib/launchpad/{app} /etc/systemd/system/{app}@.service; ls /srv/{app}"
        assert server.run(f"({left}) 2>/dev/null").out == "data\n"
    assert server.sudo("cat /srv/api/data/note") == "mine\n"
    assert stacks.run("launchpad url -s first", check=True).stdout == f"http://{server.address}:{PORTS['shop']}/\n"


def test_a_stack_that_is_destroyed_leaves_the_other_one(stacks: Stack, server: Lab) -> None:
    with Load(server.address, keep_alive=0, fresh=2, port=PORTS["wiki"]) as load:
        stacks.run("launchpad destroy -s first", check=True)
    assert (load.failures, bool(load.answers)) == ([], True)
    assert server.run("ls -d /etc/launchpad/shop").code != 0
    assert "wiki" in stacks.run("launchpad status -s second --app wiki", check=True).stdout
