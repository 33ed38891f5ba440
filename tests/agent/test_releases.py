"""The straight path: deploy, deploy again, roll back, change settings; and what is told about it."""

import json

from tests.agent.lab import Lab, Repo, deploy_spec

NASTY = {
    "QUOTES": 'it\'s "quoted" `here`',
    "LINES": "one\ntwo\n\n three \n",
    "DOLLARS": "$HOME ${HOME} $(id) 100%",
    "BACKSLASHES": "a\\b\\\\c \\n",
    "HASH": "#no comment; # none",
    "UNICODE": "grüße 漢字 🚀",
    "EMPTY": "",
    "SPACES": "  both ends  ",
}


def test_a_second_prepare_does_nothing(lab: Lab) -> None:
    again = lab.prepare()
    assert again.data()["changed"] == []
    # Whatever takes time, such as packages and uv, says so in a line of its own.
    said = [line.partition("] ")[2] for line in again.err.splitlines() if ": still running (" not in line]
    assert said == ["done: ready for app, nothing to do"], again.err


def test_without_a_release_the_proxy_says_so(lab: Lab) -> None:
    assert lab.get() == (503, "No release of app is serving.")


def test_first_release_serves(lab: Lab, flask: Repo) -> None:
    done = lab.deploy(flask, "one").data()
    assert (done["revision"], done["changed"], done["built"]) == (flask.revisions["one"], True, True)
    assert done["release"] == flask.revisions["one"][:12]
    assert lab.marker() == "one"


def test_the_same_again_changes_nothing(lab: Lab, flask: Repo) -> None:
    before = lab.serving()
    done = lab.deploy(flask, "one").data()
    assert (done["changed"], done["built"]) == (False, False)
    assert lab.serving()["processes"] == before["processes"]
    assert len(lab.history()) == 1


def test_another_revision_reuses_the_virtualenv(lab: Lab, flask: Repo) -> None:
    done = lab.deploy(flask, "two")
    assert (done.data()["changed"], done.data()["built"]) == (True, True)
    assert "installing dependencies" not in done.err
    assert lab.marker() == "two"
    assert len(lab.sudo("ls /srv/app/python/venvs").split()) == 1


def test_rollback_builds_nothing(lab: Lab, flask: Repo) -> None:
    done = lab.deploy(flask, "one").data()
    assert (done["changed"], done["built"]) == (True, False)
    assert lab.marker() == "one"


def test_every_value_reaches_the_app_as_it_is(lab: Lab, flask: Repo) -> None:
    done = lab.deploy(flask, "one", env=NASTY, secrets={"SECRET": "top$ecret 'x' \n second line"}).data()
    assert (done["changed"], done["built"]) == (True, False)
    assert {name: lab.get(f"/env/{name}")[1] for name in NASTY} == NASTY
    assert lab.get("/env/SECRET")[1] == "top$ecret 'x' \n second line"


def test_secrets_are_roots_alone(lab: Lab) -> None:
    files = lab.sudo("find /etc/launchpad/app/launch -type f -printf '%m %u %p\\n'").splitlines()
    assert {line.rsplit(" ", 1)[0] for line in files} == {"600 root"}
    assert lab.run("grep -rl 'top.ecret' /etc /srv /var/lib/launchpad /run 2>/dev/null").out == ""
    assert "top" not in lab.sudo("cat /var/lib/launchpad/app/kept/releases.jsonl")


def test_the_app_is_shut_in(lab: Lab) -> None:
    slot = lab.serving()["slot"]
    exposure = lab.run(f"systemd-analyze security app@{slot}.service | tail -1").out
    assert float(exposure.split("level for")[1].split(":")[1].split()[0]) <= 3.0
    assert json.loads(lab.get("/write", data=b"")[1]) == {"data": True, "tmp": True, "tree": False}
    listening = lab.sudo("ss -ltnH").split()
    assert not [address for address in listening if address.startswith(("0.0.0.0:2000", "*:2000", "[::]:2000"))]
    assert lab.sudo("getent passwd app").strip().endswith(":/srv/app/data:/usr/sbin/nologin")


def test_history_tells_all(lab: Lab, flask: Repo) -> None:
    entries = lab.history()
    assert [entry["what"] for entry in entries] == ["deploy", "deploy", "rollback", "restart"]
    assert {entry["result"] for entry in entries} == {"ok"}
    assert {entry["who"] for entry in entries} == {"tester@desk"}
    assert [entry["subject"] for entry in entries] == ["Say one", "Say two", "Say one", "Say one"]
    table = lab.sudo("launchpad-agent releases --app app").splitlines()
    assert table[0].split() == ["RELEASE", "WHEN", "WHO", "TOOK", "RESULT", "SUBJECT"]
    assert table[1].startswith(f"*  {flask.revisions['one'][:12]}")


def test_status_and_environment_without_values(lab: Lab, flask: Repo) -> None:
    text = lab.sudo("launchpad-agent status --app app")
    assert text.startswith(f"app serves {flask.revisions['one'][:12]} (Say one) since ")
    names = lab.sudo("launchpad-agent env --app app").splitlines()
    assert "SECRET (secret)" in names
    assert "QUOTES" in names


def test_all_mistakes_at_once(lab: Lab, flask: Repo) -> None:
    spec = deploy_spec(env={"1X": "a", "PORT": "1"}, keep_releases=0, colour="red")
    done = lab.run(f"sudo launchpad-agent deploy --app app --revision {flask.revisions['one']}", spec)
    assert done.code == 1
    *lines, unknown = done.err.splitlines()
    assert lines == [
        "error: The deploy specification is not right:",
        "  env.1X: is 'a'; it must be named with letters, digits and _, no digit first",
        "  env.PORT: is '1'; it must be left out, because Launchpad sets PORT itself; give the app's own variable another "
        "name",
        "  keep_releases: is 0; it must be a whole number from 1 to 100",
    ]
    assert unknown.startswith("  colour: is not a known key; known: allow_missing, app, build_timeout, ")


def test_rollback_takes_the_settings_that_the_release_had(lab: Lab, flask: Repo) -> None:
    line = "launchpad-agent rollback --app app --who ada@desk --revision"
    done = json.loads(lab.sudo(f"{line} {flask.revisions['two']}"))
    assert (done["changed"], done["built"]) == (True, False)
    assert lab.marker() == "two"
    assert lab.get("/env/SECRET")[1] == ""
    assert lab.history()[-1]["who"] == "ada@desk"
    json.loads(lab.sudo(f"{line} {flask.revisions['one']}"))
    assert lab.get("/env/SECRET")[1] == "top$ecret 'x' \n second line"
    json.loads(lab.sudo(f"{line} {flask.revisions['two']}"))
    folder = "/etc/launchpad/app/specifications"
    assert lab.sudo(f"stat -c '%a %U' {folder} {folder}/{flask.revisions['one'][:12]}.json") == "700 root\n600 root\n"


def test_rollback_to_what_is_not_here_is_refused(lab: Lab) -> None:
    done = lab.run(f"sudo launchpad-agent rollback --app app --revision {'0' * 40}")
    assert done.code == 1
    assert done.err == ("error: 000000000000 is not built on this machine; deploy it: set the revision, pulumi up\n")
    assert lab.marker() == "two"


def test_rollback_to_a_build_of_another_kind(lab: Lab, flask: Repo) -> None:
    spec = deploy_spec(python="3.13")
    done = lab.run(f"sudo launchpad-agent deploy --app app --revision {flask.revisions['two']}", spec)
    assert "again: its build settings changed" in done.err
    assert done.data()["built"] is True
    back = lab.run(f"sudo launchpad-agent rollback --app app --revision {flask.revisions['one']}").data()
    assert (back["revision"], back["built"]) == (flask.revisions["one"], False)
    assert lab.marker() == "one"
    # A Launchpad before this one noted down nothing but what the last deployment was told.
    lab.sudo("rm -r /etc/launchpad/app/specifications")
    lab.run("sudo tee /etc/launchpad/app/deploy.json >/dev/null", deploy_spec(directory="elsewhere"))
    refused = lab.run(f"sudo launchpad-agent rollback --app app --revision {flask.revisions['two']}")
    assert refused.code == 1
    assert "was built here with other settings than are noted down for it" in refused.err
    assert lab.marker() == "one"


def test_fewer_releases_to_keep_are_fewer_at_once(lab: Lab, flask: Repo) -> None:
    assert len(lab.sudo("ls /srv/app/releases").split()) > 1
    assert lab.deploy(flask, "one").code == 0
    done = lab.deploy(flask, "one", keep_releases=1).data()
    assert done["changed"] is False
    assert lab.sudo("ls /srv/app/releases").split() == [done["release"]]


def test_another_sandbox_reaches_an_app_that_runs_already(lab: Lab, flask: Repo) -> None:
    before = lab.serving()["slot"]
    lab.sudo("sed -i /^PrivateDevices=yes$/d /usr/local/lib/launchpad/agent-*/infra/agent/process/units.py")
    assert lab.deploy(flask, "one", keep_releases=1).data()["changed"] is True
    slot = lab.serving()["slot"]
    assert slot != before
    assert "PrivateDevices" not in lab.sudo(f"systemctl cat app@{slot}")
    assert lab.deploy(flask, "one", keep_releases=1).data()["changed"] is False


def test_a_unit_that_a_killed_deployment_wrote_is_read_by_the_next(lab: Lab, flask: Repo) -> None:
    unit = "/etc/systemd/system/app@.service"
    lab.sudo(f"sed -i 's/^RestartSec=1$/RestartSec=2/' {unit}")
    lab.sudo("systemctl daemon-reload")
    lab.sudo(f"sed -i 's/^RestartSec=2$/RestartSec=1/' {unit}")
    lab.deploy(flask, "one", env={"COLOR": "red"}).data()
    slot = lab.serving()["slot"]
    assert (
        lab.sudo(f"systemctl show app@{slot} --property=RestartUSec,NeedDaemonReload")
        == "RestartUSec=1s\nNeedDaemonReload=no\n"
    )


def test_a_release_process_that_takes_too_long_is_ended_and_the_key_named(lab: Lab, flask: Repo) -> None:
    before = lab.marker()
    flask.commit("slow", {"Procfile": "web: gunicorn app:app\nrelease: sleep 60\n"})
    done = lab.deploy(flask, "slow", release_timeout="2s")
    assert done.code == 1
    assert "it did not end within 2 s; to allow more, set launchpad:release_timeout" in done.err
    assert lab.marker() == before
    assert not lab.run("pgrep -x sleep").out


def test_a_process_gets_the_time_to_stop_that_the_settings_say(lab: Lab, flask: Repo) -> None:
    flask.commit("patient", {"Procfile": "web: gunicorn app:app\n"})
    lab.deploy(flask, "patient", stop_timeout="3m").data()
    shown = lab.sudo("systemctl show app@blue.service --property=TimeoutStopUSec")
    assert shown == "TimeoutStopUSec=3min 10s\n"
