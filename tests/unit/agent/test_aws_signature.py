"""Signatures of requests to AWS: as AWS's own test suite has them, and as botocore makes them."""

from __future__ import annotations

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as TheirCredentials

from infra.agent.services.aws_signature import Credentials, signed

AT = "20150830T123600Z"
EXAMPLE = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
HOST = {"Host": "example.amazonaws.com"}


@pytest.mark.parametrize(
    ("method", "headers", "names", "signature"),
    [
        # aws-sig-v4-test-suite: get-vanilla, post-vanilla, post-header-key-case with a value, get-header-value-trim
        ("GET", {}, "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", {}, "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "POST",
            {"My-Header1": "value1"},
            "host;my-header1;x-amz-date",
            "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
        ),
        (
            "GET",
            {"My-Header1": " value1", "My-Header2": ' "a   b   c"'},
            "host;my-header1;my-header2;x-amz-date",
            "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        ),
    ],
)
def test_requests_of_the_test_suite_of_aws(method: str, headers: dict[str, str], names: str, signature: str) -> None:
    found = signed(b"", {**HOST, **headers}, EXAMPLE, "us-east-1", "service", at=AT, method=method)
    assert found["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )


def test_a_request_of_a_role_is_signed_as_botocore_signs_it() -> None:
    body, host = b'{"SecretId": "arn:aws:x"}', "secretsmanager.eu-central-1.amazonaws.com"
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager.GetSecretValue"}
    theirs = AWSRequest("POST", f"https://{host}/", headers=dict(headers), data=body)
    SigV4Auth(TheirCredentials("ASIA1", "key", "token"), "secretsmanager", "eu-central-1").add_auth(theirs)
    at = theirs.headers["X-Amz-Date"]
    ours = signed(
        body,
        {"Host": host, **headers},
        Credentials("ASIA1", "key", "token"),
        "eu-central-1",
        "secretsmanager",
        at=at,
    )
    assert ours["Authorization"] == theirs.headers["Authorization"]
    assert ours["X-Amz-Security-Token"] == "token"


def test_no_key_is_in_the_text_of_credentials() -> None:
    assert repr(Credentials("ASIA1", "canary-key", "canary-token")) == "Credentials(key_id='ASIA1')"
