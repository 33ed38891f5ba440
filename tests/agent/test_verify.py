"""What somebody changes by hand is named, and put back while the site serves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.agent.lab import APP, Lab, Repo, begin_deployment, deploy_spec
from tests.agent.load import Load

PROCFILE = "web: gunicorn --workers 1 app:app\nworker: sleep infinity\ncron.nightly: 0 3 * * * true\n"
UNITS = "/etc/systemd/system"
TIMER = f"launchpad-{APP}.cron@nightly.timer"
SHA = r"\(sha256 [0-9a-f]{12}\), should be sha256 [0-9a-f]{12}"


@pytest.fixture(scope="module")
def deployed(lab: Lab, flask: Repo) -> Iterator[Lab]:
    """A machine on which an app with a worker and a job is as it was deployed."""
    lab.prepare(packages=["tree"]).data()
    flask.commit("mine", {"Procfile": PROCFILE})
    lab.deploy(flask, "mine", secrets={"KEY": "caught-4711"}).data()
    yield lab


def verified(lab: Lab) -> list[str]:
    """What ``verify`` names."""
    done = lab.run(f"sudo launchpad-agent verify --app {APP}")
    lines = done.out.splitlines()
    assert done.code == (1 if lines else 0), done.err
    return lines


def repaired(lab: Lab) -> dict[str, Any]:
    """What ``repair`` says of a machine that it can repair."""
    return lab.run(f"sudo launchpad-agent repair --app {APP}").data()


@dataclass(frozen=True)
class Edit:
    """Something that somebody does by hand.

    Attributes:
        line: What, as a shell line of root's; SLOT, RELEASE and VENV stand for what serves.
        named: The only line that ``verify`` prints, as a regular expression with the same names in it.
        serves: Whether the site goes on serving meanwhile.
    """

    line: str
    named: str
    serves: bool = True


EDITS = {
    "unit file edited": Edit(
        f"sed -i s/UMask=0027/UMask=0022/ {UNITS}/{APP}@.service; systemctl daemon-reload",
        f"{UNITS}/{APP}@.service: changed by hand {SHA}",
    ),
    "drop-in added": Edit(
        f"mkdir {UNITS}/{APP}@SLOT.service.d; printf '[Service]\\nNice=5\\n' >{UNITS}/{APP}@SLOT.service.d/nice.conf; "
        "systemctl daemon-reload",
        f"{UNITS}/{APP}@SLOT.service.d/nice.conf: is not Launchpad's, and changes the unit",
    ),
    "web stopped": Edit(
        f"systemctl stop {APP}@SLOT.service", f"unit {APP}@SLOT.service: inactive, should be active", serves=False
    ),
    "worker stopped": Edit(
        f"systemctl stop {APP}@worker.service", f"unit {APP}@worker.service: inactive, should be active"
    ),
    "unit disabled": Edit(
        f"systemctl disable {APP}@SLOT.service", f"unit {APP}@SLOT.service: not enabled, should be started at boot"
    ),
    "unit masked": Edit(f"systemctl mask {APP}@worker.service", f"unit {APP}@worker.service: masked"),
    "job's timer removed": Edit(
        f"systemctl stop {TIMER}; rm {UNITS}/{TIMER}; systemctl daemon-reload", f"{UNITS}/{TIMER}: gone"
    ),
    "job's timer stopped": Edit(f"systemctl stop {TIMER}", f"unit {TIMER}: inactive, should be active"),
    "Caddyfile edited": Edit(
        "sh -c 'echo : >>/etc/launchpad/proxy/Caddyfile'", f"/etc/launchpad/proxy/Caddyfile: changed by hand {SHA}"
    ),
    "proxy's running configuration changed": Edit(
        "curl -sf --unix-socket /run/launchpad-proxy/admin.sock -H 'Host;' -H 'Content-Type: application/json' "
        '-X PUT -d \'{"level": "ERROR"}\' http://localhost/config/logging/logs/mine',
        "proxy configuration: was changed while it runs",
    ),
    "proxy stopped": Edit(
        "systemctl stop launchpad-proxy", "unit launchpad-proxy.service: inactive, should be active", serves=False
    ),
    "agent's command edited": Edit(
        "sed -i 2s/Written/Changed/ /usr/local/bin/launchpad-agent",
        f"/usr/local/bin/launchpad-agent: changed by hand {SHA}",
    ),
    "agent's copy edited": Edit(
        "sed -i '1i#' /usr/local/lib/launchpad/agent-*/infra/agent/release/request.py",
        "agent /usr/local/lib/launchpad/agent-[0-9a-f]{12}: changed by hand",
    ),
    "launcher removed": Edit("rm /usr/local/lib/launchpad/launch.py", "/usr/local/lib/launchpad/launch.py: gone"),
    "user's shell changed": Edit(
        f"usermod --shell /bin/bash {APP}", f"user {APP}: shell /bin/bash, should be /usr/sbin/nologin"
    ),
    "user put into a group": Edit(
        f"usermod --append --groups sudo {APP}", f"user {APP}: in group sudo, should be in its own group only"
    ),
    "package removed": Edit("apt-get -qq purge tree >/dev/null", "package tree: not installed"),
    "secret file opened to all": Edit(
        f"chmod 644 /etc/launchpad/{APP}/launch/SLOT.json",
        f"/etc/launchpad/{APP}/launch/SLOT.json: mode 0644, should be 0600",
    ),
    "switch changed": Edit(
        f"sh -c 'cd /var/lib/launchpad/{APP}/serving; rm green 2>/dev/null || touch green'",
        f"/var/lib/launchpad/{APP}/serving/green: (gone|there, should be gone)",
        serves=False,
    ),
    "site suspended": Edit(
        f"sh -c 'mkdir -p /run/launchpad-suspended; touch /run/launchpad-suspended/{APP}'",
        f"/run/launchpad-suspended/{APP}: there, so the proxy answers 503, should be gone",
        serves=False,
    ),
    "rule for temporary files removed": Edit(
        f"rm /etc/tmpfiles.d/launchpad-{APP}.conf", f"/etc/tmpfiles.d/launchpad-{APP}.conf: gone"
    ),
    "directory given away": Edit(
        f"chown {APP} /srv/{APP}/releases", f"/srv/{APP}/releases: owner {APP}:{APP}, should be root:{APP}"
    ),
    "data closed": Edit(f"chmod 700 /srv/{APP}/data", f"/srv/{APP}/data: mode 0700, should be 0750"),
    "release edited": Edit(
        f"sh -c 'echo more >>/srv/{APP}/releases/RELEASE/app.py'",
        "release RELEASE/app.py: changed since it was deployed",
    ),
    "virtualenv removed": Edit("rm -r VENV", "virtualenv of RELEASE: gone"),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edit_by_hand_is_named_and_repaired(deployed: Lab, edit: Edit) -> None:
    status = deployed.serving()
    launch = json.loads(deployed.sudo(f"cat /etc/launchpad/{APP}/launch/{status['slot']}.json"))
    names = {"SLOT": status["slot"], "RELEASE": status["release"], "VENV": launch["env"]["VIRTUAL_ENV"]}

    def said(text: str) -> str:
        return re.sub("|".join(names), lambda match: str(names[match[0]]), text)

    deployed.sudo(f"sh -c {json.dumps(said(edit.line))}" if "sh -c" not in edit.line else said(edit.line))
    (line,) = verified(deployed)
    assert re.fullmatch(said(edit.named), line), line
    if edit.serves:
        assert deployed.marker() == "mine"
    if edit.named.startswith("agent "):
        refused = deployed.run(f"sudo launchpad-agent repair --app {APP}")
        assert "error: The agent's own files were changed, and it cannot repair itself: launchpad up" in refused.err
        assert deployed.run(f"sudo python3 launchpad-agent.pyz repair --app {APP}").data()["repaired"] == [line]
    else:
        assert repaired(deployed)["repaired"] == [line]
    assert verified(deployed) == []
    assert deployed.marker() == "mine"
    status = deployed.serving()
    assert [status["processes"][name]["state"] for name in (status["slot"], "worker")] == ["active", "active"]


def test_no_request_is_lost_while_a_changed_release_is_built_anew(deployed: Lab) -> None:
    release = deployed.serving()["release"]
    with Load(deployed.address, browser=True) as load:
        deployed.sudo(f"touch /srv/{APP}/releases/{release}/more.py")
        deployed.sudo("sh -c 'echo : >>/etc/launchpad/proxy/Caddyfile'")
        assert len(repaired(deployed)["repaired"]) == 2
    assert load.failures == []
    assert {answer.marker for answer in load.answers} == {"mine"}
    assert deployed.serving()["release"] != release


def test_what_launchpad_does_itself_is_no_difference(deployed: Lab, flask: Repo) -> None:
    hook = ".launchpad/hooks/after_switch"
    flask.commit(
        "bare", {"Procfile": "web: gunicorn --workers 1 app:app\n", hook: "#!/bin/sh\ndate >hooked\n"}, (hook,)
    )
    flask.commit("sick", {"Procfile": "web: false\n", hook: None})
    deployed.deploy(flask, "bare", secrets={"KEY": "another"}, keep_releases=2).data()
    assert verified(deployed) == []
    assert deployed.deploy(flask, "sick").code == 1
    assert verified(deployed) == []
    deployed.run(f"sudo launchpad-agent rollback --app {APP} --revision {flask.revisions['mine']}").data()
    assert verified(deployed) == []
    deployed.prepare(app="shop", http_port=8080).data()
    assert verified(deployed) == []
    deployed.run("sudo launchpad-agent remove --app shop").data()
    assert verified(deployed) == []
    assert "shop" not in deployed.sudo("cat /var/lib/launchpad/manifest.jsonl")


def test_nothing_is_compared_while_a_deployment_runs(deployed: Lab, flask: Repo) -> None:
    flask.commit("slow", {"Procfile": "release: sleep 600\n" + PROCFILE})
    deployed.push(flask, flask.revisions["slow"])
    process = begin_deployment(deployed, flask.revisions["slow"], deploy_spec(), "sleep 600")
    try:
        done = deployed.run(f"sudo launchpad-agent verify --app {APP}")
        assert (done.code, done.out) == (2, "")
        assert "Nothing was compared, for something is under way: tester@desk since " in done.err
        busy = deployed.run(f"sudo launchpad-agent verify --app {APP} --json")
        assert json.loads(busy.out)["differences"] == []
        assert json.loads(busy.out)["busy"].startswith("tester@desk since ")
    finally:
        deployed.sudo(f"launchpad-agent cancel --app {APP}")
        process.wait(60)
    assert verified(deployed) == []


def test_a_reload_of_the_proxy_resets_no_connection(deployed: Lab) -> None:
    with Load(deployed.address, keep_alive=0, fresh=60) as load:
        deployed.sudo("sh -c 'for each in $(seq 25); do systemctl reload launchpad-proxy; done'")
    assert load.failures == []
    assert len(load.answers) > 100
