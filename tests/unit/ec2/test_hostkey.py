"""The host key from the serial console: found, checked, waited for."""

import base64
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError
from moto import mock_aws

from infra.machines.aws import session
from infra.machines.ec2 import hostkey
from infra.machines.ec2.hostkey import HostKeyError, HostKeyProvider, console_reader, find_key, wait_for_key
from infra.ssh import fingerprint

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
OTHER = "ssh-ed25519 " + base64.b64encode(b"\0\0\0\x0bssh-ed25519\0\0\0\x20" + b"o" * 32).decode()


def console(key: str = KEY, printed: str = "", prefix: str = "") -> str:
    """A console as cloud-init leaves it."""
    lines = [
        "[    0.000000] Linux version 6.12.0-cloud-amd64",
        "#############################################################",
        "-----BEGIN SSH HOST KEY FINGERPRINTS-----",
        f"256 {printed or fingerprint(key)} root@launchpad (ED25519)",
        "-----END SSH HOST KEY FINGERPRINTS-----",
        "#############################################################",
        "-----BEGIN SSH HOST KEY KEYS-----",
        f"{key} root@launchpad",
        "-----END SSH HOST KEY KEYS-----",
        "launchpad login: ",
    ]
    return "\r\n".join(prefix + line for line in lines)


def test_key_is_found_without_its_comment() -> None:
    assert find_key(console()) == KEY
    assert find_key(console(prefix="[   12.345678] cloud-init[512]: ")) == KEY


def test_the_last_boot_counts() -> None:
    assert find_key(console(OTHER) + "\r\n" + console(KEY)) == KEY


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Booting...",
        f"{KEY} root@launchpad",  # outside of cloud-init's frame: anybody's words
        console().replace("-----END SSH HOST KEY KEYS-----", ""),  # not all there yet
        console(printed="SHA256:" + "A" * 43),  # a fingerprint of another key
        console().replace("AAAAC3NzaC1lZDI1NTE5", "AAAAC3NzaC1lZDI1[ 13.1] eth0: up NTE5"),
        console().replace("AAAAC3NzaC1lZDI1NTE5", "AAAAB3NzaC1lZDI1NTE5"),  # not what an ed25519 key begins with
        console().replace(KEY, KEY[:-1]),
        console().replace(KEY, "ssh-rsa AAAAB3NzaC1yc2E="),
    ],
)
def test_what_is_no_whole_and_sound_key_is_none(text: str) -> None:
    assert find_key(text) is None


def test_waiting_ends_with_the_key() -> None:
    said = iter(["", "Booting...", console()])
    pauses: list[float] = []
    assert wait_for_key(lambda: next(said), pause=3.0, sleep=pauses.append) == KEY
    assert pauses == [3.0, 3.0]


def test_waiting_in_vain_shows_the_console() -> None:
    with pytest.raises(HostKeyError) as caught:
        wait_for_key(lambda: "one\r\n\r\nKernel panic - not syncing\r\n", timeout=-1)
    assert str(caught.value) == (
        "The instance printed no SSH host key on its serial console within -1 s. The last lines of its console:\n"
        "  one\n  Kernel panic - not syncing\n"
        "Its image must run cloud-init with output to the serial console; see launchpad:ec2.ami."
    )
    with pytest.raises(HostKeyError, match="Its console is empty"):
        wait_for_key(lambda: "", timeout=-1)


class Console:
    """EC2's answers in turn: an error code, or a console."""

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = iter(answers)
        self.asked: list[dict[str, Any]] = []

    def get_console_output(self, **question: Any) -> dict[str, Any]:
        self.asked.append(question)
        answer = next(self.answers)
        if isinstance(answer, Exception):
            raise answer
        return {"Output": answer}


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetConsoleOutput")


def reader(monkeypatch: pytest.MonkeyPatch, console: Console) -> Any:
    monkeypatch.setattr(session, "client", lambda _service, _region: console)
    return console_reader("eu-central-1", "i-1")


def test_the_latest_output_is_asked_for_where_there_is_such(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = Console("", refusal("UnsupportedOperation"), "posted")
    read = reader(monkeypatch, answers)
    assert [read(), read(), read()] == ["", "", "posted"]
    assert [each["Latest"] for each in answers.asked] == [True, True, False]


def test_an_instance_that_ec2_has_not_heard_of_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert reader(monkeypatch, Console(refusal("InvalidInstanceID.NotFound")))() == ""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            refusal("UnauthorizedOperation"),
            r"no \(UnauthorizedOperation\). This requires the permission ec2:GetConsoleOutput",
        ),
        (NoCredentialsError(), "Unable to locate credentials"),
    ],
)
def test_refusals_are_said_plainly(monkeypatch: pytest.MonkeyPatch, error: Exception, said: str) -> None:
    with pytest.raises(HostKeyError, match=said):
        reader(monkeypatch, Console(error))()


@pytest.fixture(scope="module")
def instance() -> Iterator[str]:
    own = {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",  # its five hundred images take ten seconds
    }
    with pytest.MonkeyPatch.context() as environment, mock_aws():
        for name, value in own.items():
            environment.setenv(name, value)
        ec2 = boto3.client("ec2", region_name="eu-central-1")
        image = ec2.register_image(Name="debian-13-amd64-1", RootDeviceName="/dev/xvda")["ImageId"]
        yield ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]


@pytest.mark.slow
def test_a_real_client_reads_the_console(instance: str) -> None:
    assert "Linux version" in console_reader("eu-central-1", instance)()


@pytest.mark.slow
def test_the_resource_pins_the_key_of_its_instance(instance: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hostkey, "find_key", lambda text: KEY if "Linux version" in text else None)
    made = HostKeyProvider().create({"instance_id": instance, "region": "eu-central-1"})
    assert (made.id, made.outs) == (
        instance,
        {"instance_id": instance, "region": "eu-central-1", "public_key": KEY},
    )


def test_another_instance_has_another_key_and_nothing_else_has() -> None:
    held = {"instance_id": "i-1", "region": "eu-central-1", "public_key": KEY}
    same = HostKeyProvider().diff("i-1", held, {"instance_id": "i-1", "region": "eu-central-1"})
    other = HostKeyProvider().diff("i-1", held, {"instance_id": "i-2", "region": "eu-central-1"})
    assert (same.changes, other.changes, other.replaces) == (False, True, ["instance_id"])
