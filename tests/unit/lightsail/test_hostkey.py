"""The host key is what Lightsail's API says, checked, or a clear error."""

import base64
from typing import Any

import pytest
from botocore.exceptions import ClientError, NoCredentialsError

from infra.machines.aws import session
from infra.machines.lightsail.hostkey import HEADER, HostKeyError, HostKeyProvider, find_key, reader, wait_for_key
from infra.ssh import fingerprint

BODY = base64.b64encode(HEADER + bytes(32)).decode()
KEY = f"ssh-ed25519 {BODY}"
OTHER = {"algorithm": "ssh-rsa", "publicKey": "AAAAB3NzaC1yc2E="}


def witnessed(body: str = BODY, **more: str) -> dict[str, str]:
    return {"algorithm": "ssh-ed25519", "publicKey": body, **more}


@pytest.mark.parametrize("written", [BODY, KEY, f"{KEY} root@ip-172-26-1-2"])
def test_the_key_is_found_among_others_however_it_is_written(written: str) -> None:
    assert find_key([OTHER, witnessed(written, fingerprintSHA256=fingerprint(KEY))]) == KEY


def test_of_two_the_later_is_the_machines() -> None:
    old = base64.b64encode(HEADER + bytes([1] * 32)).decode()
    assert find_key([witnessed(witnessedAt="2026-02-01"), witnessed(old, witnessedAt="2026-01-01")]) == KEY


def test_keys_of_other_kinds_are_none() -> None:
    assert find_key([]) is None
    assert find_key([OTHER]) is None


@pytest.mark.parametrize("body", ["", "AAAA", "not base64!", base64.b64encode(HEADER + bytes(31)).decode()])
def test_what_is_no_key_is_refused(body: str) -> None:
    with pytest.raises(HostKeyError, match="is no such key; nothing was sent to it"):
        find_key([witnessed(body)])


def test_a_key_that_does_not_fit_its_fingerprint_is_refused() -> None:
    with pytest.raises(HostKeyError, match="calls it SHA256:wrong; nothing was sent to the machine"):
        find_key([witnessed(fingerprintSHA256="SHA256:wrong")])


def test_an_instance_that_boots_is_waited_for() -> None:
    answers: list[list[dict[str, Any]]] = [[], [OTHER], [OTHER, witnessed()]]
    slept: list[float] = []
    assert wait_for_key(lambda: answers.pop(0), timeout=60, pause=3, sleep=slept.append) == KEY
    assert slept == [3, 3]


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ([], "Within -1 s Lightsail knows no host key of the instance"),
        ([OTHER], r"Within -1 s Lightsail knows keys of other kinds only \(ssh-rsa\) of the instance"),
    ],
)
def test_a_key_that_never_comes_is_one_clear_message(known: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(HostKeyError, match=said) as caught:
        wait_for_key(lambda: known, timeout=-1, sleep=lambda _: None)
    assert "launchpad:lightsail.blueprint" in str(caught.value)


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetInstanceAccessDetails")


class Client:
    """Answers one question after the other."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def get_instance_access_details(self, **question: Any) -> Any:
        self.asked.append(question)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return {"accessDetails": {"privateKey": "PRIVATE-canary", "certKey": "CERT", **answer}}


def asking(monkeypatch: pytest.MonkeyPatch, client: Client) -> Any:
    monkeypatch.setattr(session, "client", lambda _service, _region: client)
    return reader("eu-central-1", "web-1")


@pytest.mark.parametrize("code", ["NotFoundException", "OperationFailureException", "ThrottlingException"])
def test_an_instance_that_lightsail_cannot_tell_of_yet_has_no_keys(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    assert asking(monkeypatch, Client(refusal(code)))() == []


def test_only_the_host_keys_are_read_of_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client({"hostKeys": [witnessed()]}, {})
    read = asking(monkeypatch, client)
    assert [read(), read()] == [[witnessed()], []]
    assert client.asked == [{"instanceName": "web-1", "protocol": "ssh"}] * 2


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            refusal("AccessDeniedException"),
            r"of web-1: no \(AccessDeniedException\)\. This requires the permission lightsail:GetInstanceAccessDetails",
        ),
        (NoCredentialsError(), "of web-1: Unable to locate credentials"),
    ],
)
def test_refusals_are_said_plainly(monkeypatch: pytest.MonkeyPatch, error: Exception, said: str) -> None:
    with pytest.raises(HostKeyError, match=said):
        asking(monkeypatch, Client(error))()


def test_the_resource_holds_the_key_of_its_instance_and_nothing_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    asking(monkeypatch, Client({"hostKeys": [witnessed()]}))
    made = HostKeyProvider().create({"instance": "web-1", "region": "eu-central-1"})
    assert (made.id, made.outs) == (
        "web-1",
        {"instance": "web-1", "region": "eu-central-1", "public_key": KEY},
    )


def test_another_instance_has_another_key_and_nothing_else_has() -> None:
    held = {"instance": "web-1", "region": "eu-central-1", "public_key": KEY}
    same = HostKeyProvider().diff("web-1", held, {"instance": "web-1", "region": "eu-central-1"})
    other = HostKeyProvider().diff("web-1", held, {"instance": "web-2", "region": "eu-central-1"})
    assert (same.changes, other.changes, other.replaces) == (False, True, ["instance"])
