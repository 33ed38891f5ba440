"""The password of a database server, read with the role of the machine: questions, answers and what can be wrong."""

from __future__ import annotations

import io
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from email.message import Message
from typing import Any

import pytest

from infra.agent.services import aws_secret
from infra.agent.system.failure import Failure
from infra.protocol.database import Server

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:rds!db-0123-AbCdEf"
SERVER = Server("db.example.org", 5433, "eu-central-1", ARN, 20)
ROLE = "/latest/meta-data/iam/security-credentials/"
KEYS = {"Code": "Success", "AccessKeyId": "ASIA1", "SecretAccessKey": "key-canary", "Token": "token-canary"}
SECRET = {"ARN": ARN, "SecretString": json.dumps({"username": "launchpad", "password": "canary"})}
MANAGER = "https://secretsmanager.eu-central-1.amazonaws.com/"

Answers = dict[str, bytes | int | Exception]


def answers(**more: Any) -> Answers:
    usual: Answers = {
        "http://169.254.169.254/latest/api/token": b"session",
        f"http://169.254.169.254{ROLE}": b"machine-role\n",
        f"http://169.254.169.254{ROLE}machine-role": json.dumps(KEYS).encode(),
        MANAGER: json.dumps(SECRET).encode(),
    }
    return {**usual, **more}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Callable[[Answers], list[urllib.request.Request]]:
    """AWS, of which each address has one answer; the questions that it was asked. Nobody waits."""

    def given(by_url: Answers) -> list[urllib.request.Request]:
        asked: list[urllib.request.Request] = []

        def answer(request: urllib.request.Request, **_options: Any) -> io.BytesIO:
            asked.append(request)
            found = by_url[request.full_url]
            if isinstance(found, Exception):
                raise found
            if isinstance(found, int):
                raise urllib.error.HTTPError(request.full_url, found, "", Message(), io.BytesIO(b"{}"))
            return io.BytesIO(found)

        class Opener:
            open = staticmethod(answer)

        monkeypatch.setattr(urllib.request, "urlopen", answer)
        monkeypatch.setattr(urllib.request, "build_opener", lambda *_handlers: Opener)
        monkeypatch.setattr(aws_secret, "WAIT", 0.0)
        return asked

    return given


def test_the_role_is_asked_for_by_a_token_and_the_secret_by_its_name(
    aws: Callable[[Answers], list[urllib.request.Request]],
) -> None:
    asked = aws(answers())
    assert aws_secret.password(SERVER) == "canary"
    token, *metadata, secret = asked
    assert (token.get_method(), token.get_header("X-aws-ec2-metadata-token-ttl-seconds")) == ("PUT", "60")
    assert [each.get_header("X-aws-ec2-metadata-token") for each in metadata] == ["session", "session"]
    assert (secret.get_method(), secret.data) == ("POST", json.dumps({"SecretId": ARN}).encode())
    headers = {name.lower(): value for name, value in secret.header_items()}
    assert headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert headers["x-amz-security-token"] == "token-canary"
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=ASIA1/")
    assert "canary" not in headers["authorization"]


REFUSED = urllib.error.HTTPError(
    MANAGER, 400, "", Message(), io.BytesIO(b'{"__type": "com.amazon#AccessDeniedException", "Message": "canary"}')
)


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"http://169.254.169.254/latest/api/token": 403}, "the metadata service answers 403 to api/token"),
        (
            {"http://169.254.169.254/latest/api/token": urllib.error.URLError("timed out")},
            "the metadata service does not answer (timed out)",
        ),
        ({f"http://169.254.169.254{ROLE}": b""}, "this machine has no role"),
        (
            {f"http://169.254.169.254{ROLE}machine-role": b'{"Code": "Failed"}'},
            "the metadata service has no keys of the role machine-role",
        ),
        (
            {MANAGER: REFUSED},
            f"secretsmanager.eu-central-1.amazonaws.com answers 400 (AccessDeniedException) for {ARN}",
        ),
        (
            {MANAGER: urllib.error.URLError("Name or service not known")},
            "secretsmanager.eu-central-1.amazonaws.com does not answer (Name or service not known)",
        ),
        ({MANAGER: b'{"SecretString": "no object"}'}, f"the secret {ARN} holds no password"),
        ({MANAGER: b"[]"}, f"the secret {ARN} holds no password"),
    ],
)
def test_what_is_wrong_is_said_without_any_of_the_keys(
    aws: Callable[[Answers], list[urllib.request.Request]], more: Answers, why: str
) -> None:
    aws({**answers(), **more})
    with pytest.raises(Failure) as caught:
        aws_secret.password(SERVER)
    assert str(caught.value) == f"The password of the database server db.example.org cannot be read: {why}"


def test_a_role_that_is_not_known_everywhere_yet_is_waited_for(
    aws: Callable[[Answers], list[urllib.request.Request]], monkeypatch: pytest.MonkeyPatch
) -> None:
    by_url = answers(**{MANAGER: 400})
    aws(by_url)
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        by_url[MANAGER] = json.dumps(SECRET).encode()

    monkeypatch.setattr(aws_secret, "WAIT", 60.0)
    monkeypatch.setattr(time, "sleep", sleep)
    assert aws_secret.password(SERVER) == "canary"
    assert waited == [aws_secret.PAUSE]
