"""Preparing a machine: what stands in the way is named, two apps live side by side, old releases go."""

import json
import re
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from infra.protocol.codec import SCHEMA
from tests.agent.lab import APPS, Lab, Repo
from tests.agent.listing import differences, listing


def test_a_port_that_is_taken_is_named(machine: Lab) -> None:
    machine.sudo("systemd-run -q --unit=squatter python3 -m http.server 80")
    machine.run("sleep 1")
    done = machine.prepare()
    assert done.code == 1
    assert "error: Port 80 is taken by python3 (process " in done.err
    machine.sudo("systemctl stop squatter")
    assert machine.prepare().code == 0


def test_what_an_interrupted_prepare_wrote_is_applied_by_the_next(machine: Lab) -> None:
    machine.prepare().data()
    machine.sudo("sed -i 's/No release of app/Nothing of app/' /etc/launchpad/proxy/Caddyfile")
    assert machine.get() == (503, "No release of app is serving.")
    machine.sudo("caddy reload --force --config /etc/launchpad/proxy/Caddyfile")
    assert machine.get() == (503, "Nothing of app is serving.")
    assert machine.prepare().data()["changed"] == ["proxy"]
    assert machine.get() == (503, "No release of app is serving.")
    machine.sudo("sed -i 's/No release of app/Nothing of app/' /etc/launchpad/proxy/Caddyfile")
    machine.sudo("systemctl stop launchpad-proxy")
    assert machine.prepare().data()["changed"] == ["proxy"]
    assert machine.get() == (503, "No release of app is serving.")


def test_names_that_belong_to_others(machine: Lab) -> None:
    for name in ("caddy", "getty", "tls"):
        assert "and not one that Debian or Launchpad uses" in machine.prepare(app=name).err
    machine.sudo("useradd --system somebody")
    assert "this machine has a user of that name" in machine.prepare(app="somebody").err
    machine.sudo("tee /usr/lib/systemd/system/ticker@.service", "[Service]\nExecStart=/bin/true\n")
    assert "the system has a unit ticker@.service" in machine.prepare(app="ticker").err
    assert machine.run("sudo python3 launchpad-agent.pyz prepare", json.dumps({"schema": SCHEMA})).err.splitlines() == [
        "error: The prepare specification is not right:",
        "  app: is missing",
    ]
    assert "launchpad-agent needs root: run it with sudo." in machine.run("launchpad-agent status --app app").err


def test_packages_are_installed_when_missing(machine: Lab) -> None:
    assert machine.prepare(packages=["tree"]).data()["changed"] == ["packages"]
    assert machine.run("tree --version").code == 0
    failed = machine.prepare(packages=["no-such-package-at-all"])
    assert failed.code == 1
    assert "Unable to locate package no-such-package-at-all" in failed.err


def test_two_apps_side_by_side(machine: Lab, flask: Repo) -> None:
    machine.prepare().data()
    refused = machine.prepare(app="shop").err
    assert "both app and shop want port 80 without a domain" in refused
    assert "keeps both until the end of the up that takes it off" in refused
    second = machine.prepare(app="shop", http_port=8080).data()
    assert second["ports"] == {"blue": 20003, "green": 20004}
    machine.deploy(flask, "one").data()
    machine.deploy(flask, "two", app="shop").data()
    assert machine.marker() == "one"
    assert machine.run("curl -s http://127.0.0.1:8080/").out == "two \n"
    assert machine.run("sudo -u shop ls /srv/app/data").code != 0
    assert machine.prepare().data()["changed"] == []


def test_old_releases_go_and_come_back_when_asked_for(machine: Lab, flask: Repo) -> None:
    for number in range(4):
        flask.commit(f"n{number}")
        machine.deploy(flask, f"n{number}", keep_releases=2).data()
    kept = {flask.revisions[name][:12] for name in ("n2", "n3")}
    assert set(machine.sudo("ls /srv/app/releases").split()) == kept
    refs = machine.sudo("git -C /srv/app/repo.git for-each-ref --format='%(refname)' refs/launchpad").split()
    assert set(refs) == {f"refs/launchpad/{flask.revisions[name]}" for name in ("n2", "n3")}
    back = machine.deploy(flask, "n2", keep_releases=2)
    assert back.data()["built"] is False
    gone = machine.deploy(flask, "one", keep_releases=2)
    assert gone.data()["built"] is True
    assert f"building {flask.revisions['one'][:12]} again: its earlier build is no longer on this machine" in gone.err
    assert machine.marker() == "one"
    assert machine.history()[-1]["what"] == "rebuild"
    other = machine.deploy(flask, "one", python="3.13")
    assert other.data()["release"] == f"{flask.revisions['one'][:12]}-2"


def test_a_caddy_of_somebody_else_keeps_its_files_and_its_sites(machine: Lab, flask: Repo) -> None:
    machine.put("Caddyfile", b"# caf\xe9\n:8099 {\n\trespond mine\n}\n")
    machine.sudo("sh -c 'cp Caddyfile /etc/caddy/Caddyfile; systemctl restart caddy'")
    theirs = "sh -c 'systemctl show caddy --property=MainPID,ActiveState,UnitFileState,DropInPaths; stat -c %n:%a:%U:%s:%Y /etc/caddy/*'"
    before = machine.sudo(theirs)
    machine.prepare().data()
    machine.deploy(flask, "one").data()
    assert machine.prepare(limits={"response": 70}).data()["changed"] == ["proxy"]
    assert machine.marker() == "one"
    assert machine.run("curl -s localhost:8099").out == "mine"
    assert machine.run("cmp Caddyfile /etc/caddy/Caddyfile").code == 0
    assert machine.sudo(theirs) == before
    machine.prepare().data()
    machine.sudo("systemctl stop caddy")


def test_a_port_of_another_web_server_is_refused_before_anything_changes(machine: Lab) -> None:
    machine.prepare().data()
    machine.put("Caddyfile", b":8077 {\n\trespond mine\n}\n")
    machine.sudo("sh -c 'cp Caddyfile /etc/caddy/Caddyfile; systemctl restart caddy'")
    before = listing(machine)
    refused = machine.prepare(app="shop", http_port=8077, packages=["tree"])
    assert refused.code == 1
    assert "error: Port 8077 is taken by caddy (process " in refused.err
    offered = re.search(r"pulumi config set launchpad:http_port (80[0-9]+)\n", refused.err)
    assert offered
    assert f"app.example.org {{\n    reverse_proxy 127.0.0.1:{offered[1]}\n}}\n" in refused.err
    assert differences(before, listing(machine)) == []
    machine.sudo("systemctl stop caddy")


def test_a_refused_reload_stops_nothing(machine: Lab, flask: Repo) -> None:
    """Settings that can be read but not run with, as a prepare wrote them that was killed before the reload."""
    machine.prepare().data()
    machine.prepare(app="shop", http_port=8080).data()
    machine.deploy(flask, "one").data()
    files = machine.sudo("cat /etc/launchpad/proxy/Caddyfile")
    started = machine.sudo("systemctl show launchpad-proxy --property=MainPID,ActiveState,SubState")
    machine.sudo('sed -i \'s/"http_port": 8080/"http_port": 22/\' /etc/launchpad/shop/app.json')
    deployed = machine.deploy(flask, "two")
    assert "listening on :22: listen tcp :22: bind: address already in use" in deployed.err
    assert "keeps running with the previous ones" in deployed.err
    assert machine.marker() == "two"
    refused = machine.prepare(http_port=81)
    assert refused.code == 1
    assert refused.err.splitlines()[-1].endswith("bind: address already in use")
    assert machine.marker() == "two"
    assert machine.sudo("cat /etc/launchpad/proxy/Caddyfile") == files
    assert machine.sudo("systemctl show launchpad-proxy --property=MainPID,ActiveState,SubState") == started
    machine.sudo("systemctl restart launchpad-proxy")
    assert machine.marker() == "two"
    machine.sudo("systemctl stop launchpad-proxy")
    deployed = machine.deploy(flask, "one")
    assert "The proxy does not start" in deployed.err
    assert deployed.data()["changed"] is True
    assert machine.marker() == "one"
    assert machine.sudo("cat /etc/launchpad/proxy/Caddyfile") == files
    machine.prepare(app="shop", http_port=8080).data()
    assert machine.deploy(flask, "two").data()["changed"] is True
    assert machine.marker() == "two"


@pytest.mark.parametrize("moment", ["before the reload", "after the reload", "after the configuration"])
def test_a_prepare_that_was_killed_is_made_up_for(machine: Lab, flask: Repo, moment: str) -> None:
    machine.prepare().data()
    machine.deploy(flask, "one").data()
    files = machine.sudo("cat /etc/launchpad/proxy/Caddyfile /etc/launchpad/app/app.json")
    started = machine.sudo("systemctl show launchpad-proxy --property=MainPID")
    machine.sudo(
        "sh -c 'sed s,http://:80,http://:81, /etc/launchpad/proxy/Caddyfile > /root/new; rm /var/lib/launchpad/proxy.json'"
    )
    if moment != "before the reload":
        machine.sudo("caddy reload --force --adapter caddyfile --config /root/new")
        assert machine.run("curl -s localhost:81").out == "one \n"
    if moment == "after the configuration":
        machine.sudo("cp /root/new /etc/launchpad/proxy/Caddyfile")
    machine.deploy(flask, "two").data()
    assert machine.marker() == "two"
    assert machine.run("curl -s localhost:81").code != 0
    assert machine.sudo("cat /etc/launchpad/proxy/Caddyfile /etc/launchpad/app/app.json") == files
    assert machine.sudo("systemctl show launchpad-proxy --property=MainPID") == started


def test_former_values_of_a_secret_stay_masked_in_the_log(machine: Lab, flask: Repo) -> None:
    machine.prepare().data()
    says = "import os\nprint('token', os.environ['TOKEN'], flush=True)\n"
    flask.commit("says", {"app.py": says + (flask.path / "app.py").read_text()})
    for value in ("canary-first", "canary-second", "canary-third"):
        machine.deploy(flask, "says", secrets={"TOKEN": value, "WORD": "token"}).data()
    log = machine.sudo("launchpad-agent logs --app app --process web --lines 1000")
    assert "canary" not in log
    assert log.count(": [secret] [secret]") >= 3
    assert "canary-first" in machine.sudo("journalctl --unit=app@blue --unit=app@green --output=cat")
    assert machine.sudo("stat --format='%a %U' /etc/launchpad/app/former-secrets.json") == "600 root\n"


STREAM = """

@app.get("/stream")
def stream():
    def parts():
        for number in range(3):
            yield f"{number}\\n"
            time.sleep(0.5)
    length = {"Content-Length": "6"} if request.args.get("length") else {}
    return app.response_class(parts(), headers=length)
"""


def test_a_reload_keeps_the_requests_that_are_under_way(machine: Lab, flask: Repo) -> None:
    machine.prepare().data()
    flask.commit("streams", {"app.py": (APPS / "flask/app.py").read_text() + STREAM})
    machine.deploy(flask, "streams").data()
    started = machine.sudo("systemctl show launchpad-proxy --property=MainPID")
    with ThreadPoolExecutor(4) as pool:
        for number in range(2):
            slow = [
                pool.submit(machine.get, path) for path in ("/slow/1.0", "/slow/1.0", "/stream", "/stream?length=1")
            ]
            time.sleep(0.3)
            changed = machine.prepare(limits={"response": 50 + number}).data()["changed"]
            assert [answer.result() for answer in slow] == [(200, "streams\n")] * 2 + [(200, "0\n1\n2\n")] * 2
            assert changed == ["proxy"]
    assert machine.sudo("systemctl show launchpad-proxy --property=MainPID") == started


@pytest.mark.parametrize("path", ["/stream", "/stream?length=1"])
def test_an_answer_arrives_piece_by_piece(machine: Lab, path: str) -> None:
    assert machine.marker() == "streams"
    arrived = []
    with urllib.request.urlopen(f"http://{machine.address}{path}", timeout=30) as answer:
        while answer.readline():
            arrived.append(time.monotonic())
    assert arrived[2] - arrived[0] > 0.7
