"""The program for a server that is there already: how it is reached, what takes the app off it, what is checked."""

from __future__ import annotations

import json
import runpy
import shlex

import pulumi
import pytest

from infra import host_keys, ssh
from infra.deployment import host_names
from tests.program.recorder import HOST_KEY, ROOT, Recording, record, run
from tests.unit.config import pem

pytestmark = pytest.mark.usefixtures("ssh_agent")

JUMP_KEY = HOST_KEY.replace("2l9GKJl", "2l9GKJm")
SERVER = {"machine": "server", "server.host": "vps.example.org", "server.host_key": HOST_KEY}
JUMP = {
    "server.jump_host": "bastion.example.org",
    "server.jump_host_key": JUMP_KEY,
    "server.jump_port": "2200",
    "server.jump_user": "ada",
}
REMOVE = "launchpad-agent-app.pyz remove --app app --owner launchpad/test"


def connections(recording: Recording) -> dict[str, dict[str, object]]:
    return {each.name: each.inputs["connection"] for each in recording.registrations if "connection" in each.inputs}


def test_the_keys_of_an_agent_are_named_nowhere() -> None:
    recording = record(SERVER)
    expected = {
        "host": "vps.example.org",
        "port": 22,
        "user": "root",
        "hostKey": HOST_KEY,
        "perDialTimeout": 10,
    }
    found = connections(recording)
    assert set(found) == {"app-wait-for-ssh", "app-removal", "app-copy-agent", "app-prepare", "app-release"}
    for connection in found.values():
        assert {key: value for key, value in connection.items() if key != "dialErrorLimit"} == expected
    assert recording.one("app-push-source").inputs["private_key"] == ""
    assert "private_key" not in recording.one("app-ssh-files").inputs
    assert " -i " not in recording.outputs["ssh"]
    assert "/run/agent" not in json.dumps([each.inputs for each in recording.registrations], default=str)


def test_nobody_is_found_by_waiting_without_end() -> None:
    limits = {name: connection["dialErrorLimit"] for name, connection in connections(record(SERVER)).items()}
    assert (limits.pop("app-wait-for-ssh"), set(limits.values())) == (5, {10})


def test_root_needs_no_sudo_and_another_user_does() -> None:
    for user, sudo in (("root", ""), ("deploy", "sudo ")):
        recording = record({**SERVER, "server.user": user})
        assert recording.one("app-prepare").inputs["create"] == f"{sudo}python3 launchpad-agent-app.pyz prepare"
        assert recording.one("app-release").inputs["create"].startswith(f"{sudo}launchpad-agent deploy ")
        assert ("sudo" in recording.one("app-wait-for-ssh").inputs["create"]) is bool(sudo)
        assert ("sudo" in recording.one("app-removal").inputs["delete"]) is bool(sudo)
        assert recording.one("app-push-source").inputs["user"] == user
        assert recording.outputs["ssh"].endswith(f"-p 22 {user}@vps.example.org")


def test_every_way_goes_through_the_jump_host_with_a_key_of_its_own() -> None:
    own, other = pem.ssh(), pem.pair()[1]
    secret = ("server.private_key", "server.jump_private_key")
    values = {**SERVER, **JUMP, "server.port": "2222", "server.private_key": own, "server.jump_private_key": other}
    recording = record(values, secret)
    proxy = {
        "host": "bastion.example.org",
        "port": 2200,
        "user": "ada",
        "privateKey": other.strip(),
        "hostKey": JUMP_KEY,
        "perDialTimeout": 10,
    }
    for connection in connections(recording).values():
        assert (connection["port"], connection["privateKey"]) == (2222, own.strip())
        assert connection["proxy"] == {**proxy, "dialErrorLimit": connection["dialErrorLimit"]}
    pushed = recording.one("app-push-source")
    assert pushed.inputs["jump"] == {
        "user": "ada",
        "host": "bastion.example.org",
        "port": 2200,
        "host_key": JUMP_KEY,
        "private_key": other.strip(),
    }
    files = recording.one("app-ssh-files").inputs
    assert files["jump_known_host"] == f"[bastion.example.org]:2200 {JUMP_KEY}"
    assert files["known_host"] == f"[vps.example.org]:2222 {HOST_KEY}"
    assert ssh.Login.of(files["login"]) == ssh.Login(
        ssh.Endpoint("vps.example.org", "root", 2222), ssh.Endpoint("bastion.example.org", "ada", 2200)
    )
    (way,) = [word for word in shlex.split(recording.outputs["ssh"]) if word.startswith("ProxyCommand=")]
    assert way.endswith(" -p 2200 -W '[%h]:%p' ada@bastion.example.org")
    for each in recording.registrations:
        shown = {key: value for key, value in each.inputs.items() if key not in each.secrets}
        shown.pop("connection", None)
        shown.pop("jump", None)
        assert "PRIVATE KEY" not in json.dumps(shown, default=str)


def test_a_jump_host_takes_the_servers_user_and_key_where_it_has_none() -> None:
    values = {**SERVER, **JUMP, "server.jump_user": "", "server.user": "deploy", "server.private_key": pem.ssh()}
    for connection in connections(record(values, ("server.private_key",))).values():
        proxy = connection["proxy"]
        assert isinstance(proxy, dict)
        assert (proxy["user"], proxy["privateKey"]) == ("deploy", connection["privateKey"])


def test_what_is_on_the_server_goes_with_the_stack_and_the_data_only_with_a_key_that_says_so() -> None:
    removal = record(SERVER).one("app-removal").inputs
    assert f"python3 {REMOVE} --keep-data;" in removal["delete"]
    assert "create" not in removal
    assert "triggers" not in removal  # a replaced one would take the app along that has just come up
    for key in ({"delete_data": "true"}, {"on_destroy": "delete"}):
        assert f"python3 {REMOVE};" in record({**SERVER, **key}).one("app-removal").inputs["delete"]
    kept = record({**SERVER, "on_destroy": "keep"}).one("app-removal").inputs["delete"]
    assert f"python3 {REMOVE} --keep-data;" in kept


def test_no_rules_are_claimed_and_the_public_url_is_checked_all_the_same() -> None:
    recording = record({**SERVER, "server.address": "203.0.113.8"})
    assert recording.outputs["firewall_rules"] == []
    assert (recording.outputs["url"], recording.outputs["address"]) == ("http://203.0.113.8/", "203.0.113.8")
    checked = recording.one("app-check-public-url").inputs["url"]
    assert (checked["address"], checked["port"], checked["unmanaged"]) == ("203.0.113.8", 80, True)
    names = [each.name for each in record({**SERVER, "server.public_check": "false"}).registrations]
    assert "app-check-public-url" not in names
    assert "unmanaged" not in record({}).one("app-check-public-url").inputs["url"]


def test_the_firewall_is_set_up_before_anything_is_deployed_where_a_key_says_so() -> None:
    keys = {"server.firewall": "on", "server.port": "2222", "ssh_cidrs": '["203.0.113.0/24"]', "http_port": "8080"}
    recording = record({**SERVER, **keys})
    opened = {(each["from_port"], each["cidr"]) for each in recording.outputs["firewall_rules"] if each["from_port"]}
    assert opened == {(2222, "203.0.113.0/24"), (8080, "0.0.0.0/0"), (8080, "::/0")}
    rules = recording.one("firewall-rules")
    assert rules.inputs["rules"] == recording.outputs["firewall_rules"]
    assert (rules.inputs["owner"], rules.inputs["port"]) == ("launchpad/test", 2222)
    assert rules.inputs["file"] == "launchpad-agent-server.firewall.pyz"
    names = [each.name for each in recording.registrations]
    assert names.index("firewall-rules") < names.index("app-wait-for-ssh")
    assert "unmanaged" not in recording.one("app-check-public-url").inputs["url"]
    # Without ssh_cidrs nobody is shut out who got in before.
    everybody = record({**SERVER, "server.firewall": "on"}).outputs["firewall_rules"]
    assert {each["cidr"] for each in everybody if each["from_port"] == 22} == {"0.0.0.0/0", "::/0"}


def test_a_server_is_the_same_whoever_logs_in_and_restarts_are_its_owners_affair() -> None:
    first, second = record(SERVER), record({**SERVER, "server.user": "deploy", "server.address": "203.0.113.8"})
    for name in ("app-wait-for-ssh", "app-prepare", "app-release"):
        assert first.one(name).inputs["triggers"] == second.one(name).inputs["triggers"]


def test_without_a_key_nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK")
    asked = Recording()
    with pytest.raises(pulumi.RunError, match=r"^launchpad:server\.private_key is empty, and there is no ssh agent"):
        record(SERVER, answers=lambda: asked)  # type: ignore[arg-type]
    assert asked.registrations == []


def program() -> None:
    runpy.run_path(str(ROOT / "__main__.py"))


@pytest.mark.parametrize("preview", [True, False])
def test_a_name_that_does_not_point_at_the_server_is_a_warning_of_the_preview(
    monkeypatch: pytest.MonkeyPatch, preview: bool
) -> None:
    found = {"203.0.113.8": {"203.0.113.8"}, "a.org": {"203.0.113.8"}, "www.a.org": {"198.51.100.4"}}
    monkeypatch.setattr(host_names, "lookup", lambda name: frozenset(found[name]))
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_words: said.append(text))
    values = {**SERVER, "server.address": "203.0.113.8"}
    run(program, {**values, "domain": "a.org,www.a.org"}, preview=preview)
    (text,) = [text for text in said if "launchpad:domain" in text]
    assert text.startswith(
        "launchpad:domain: www.a.org resolves to 198.51.100.4, and not to this machine. Set its A rec"
    )
    said.clear()
    run(program, {**values, "domain": "a.org,www.a.org", "trusted_proxies": '["198.51.100.0/24"]'}, preview=preview)
    run(program, values, preview=preview)
    assert [text for text in said if "launchpad:domain" in text] == []


def test_a_password_without_https_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, *_words: said.append(text))
    password = {"basic_auth": '{"ana": "canary"}'}
    for values in ({**SERVER, **password}, {**SERVER, **password, "domain": "a.org"}, {**password}, SERVER):
        record(values, ("basic_auth",))
    (text,) = [text for text in said if "basic_auth" in text]
    assert text.startswith(
        "launchpad:basic_auth is set without launchpad:domain: visitors send the password unencrypted."
    )


def test_a_server_with_another_host_key_is_refused_before_anything_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetch(place: ssh.Endpoint, *_more: object) -> str:
        asked.append((place.host, place.user, place.port))
        return JUMP_KEY

    monkeypatch.setattr(host_keys, "fetch", fetch)
    for preview in (True, False):
        recording = Recording()
        with pytest.raises(pulumi.RunError) as caught:
            run(
                lambda: runpy.run_path(str(ROOT / "__main__.py")),
                SERVER,
                answers=lambda recording=recording: recording,  # type: ignore[arg-type]
                preview=preview,
            )
        assert str(caught.value).startswith(
            f"the host key of vps.example.org (port 22) is {ssh.fingerprint(JUMP_KEY)}, but launchpad:server.host_key is "
            f"{ssh.fingerprint(HOST_KEY)}. "
        )
        assert str(caught.value).endswith(" && launchpad trust vps.example.org --stack test")
        assert recording.registrations == []
    assert asked == [("vps.example.org", "root", 22)] * 2
