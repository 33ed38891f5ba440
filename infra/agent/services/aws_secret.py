"""Reads a secret of AWS Secrets Manager with the machine's own role, which may read this one and no other.

The role's keys come from the metadata service, which is closed to apps. Nothing of it is written anywhere.
Source: AWS's documentation, "Use IMDSv2" and the API reference of Secrets Manager, "GetSecretValue".
"""

from __future__ import annotations

import json
import ssl
import time
import urllib.error
import urllib.request
from typing import Any

from infra.agent.services.aws_signature import Credentials, signed
from infra.agent.system.failure import Failure
from infra.protocol.database import Server

METADATA = "http://169.254.169.254/latest"
ROLE = "meta-data/iam/security-credentials/"
TOKEN_TTL = 60
"""Seconds for which the metadata service's token is asked for."""
WAIT, PAUSE = 60.0, 3.0
"""Seconds in which a new role has to be known everywhere in AWS, and between two questions."""
ANSWER = 10.0
"""Seconds that one answer may take."""
LONGEST = 2**20
"""Bytes of an answer."""


class NotYet(Exception):
    """What was asked is not there, which a new machine has to wait for; with the reason."""


def password(server: Server) -> str:
    """The password of the master user of a database server.

    Args:
        server: The server.

    Raises:
        Failure: It cannot be read, and why.
    """
    until = time.monotonic() + WAIT
    while True:
        try:
            return _password(server)
        except NotYet as why:
            if time.monotonic() + PAUSE > until:
                raise Failure(f"The password of the database server {server.host} cannot be read: {why}") from None
            time.sleep(PAUSE)


def _password(server: Server) -> str:
    answer = _secret(server, _credentials())
    try:
        found = json.loads(answer["SecretString"])["password"]
    except (KeyError, TypeError, ValueError):
        raise NotYet(f"the secret {server.secret} holds no password") from None
    return str(found)


def _credentials() -> Credentials:
    """The keys of the machine's role."""
    ttl = {"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_TTL)}
    token = {"X-aws-ec2-metadata-token": _metadata("api/token", ttl, method="PUT")}
    roles = _metadata(ROLE, token).split()
    if not roles:
        raise NotYet("this machine has no role")
    try:
        keys = json.loads(_metadata(ROLE + roles[0], token))
        return Credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["Token"])
    except (KeyError, TypeError, ValueError):
        raise NotYet(f"the metadata service has no keys of the role {roles[0]}") from None


def _metadata(path: str, headers: dict[str, str], method: str = "GET") -> str:
    request = urllib.request.Request(f"{METADATA}/{path}", headers=headers, method=method)
    try:
        # Never by a proxy: it would have the keys.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=ANSWER) as answer:
            return str(answer.read(LONGEST).decode())
    except urllib.error.HTTPError as error:
        raise NotYet(f"the metadata service answers {error.code} to {path}") from None
    except (OSError, ValueError) as error:
        raise NotYet(f"the metadata service does not answer ({getattr(error, 'reason', error)})") from None


def _secret(server: Server, credentials: Credentials) -> dict[str, Any]:
    host = f"secretsmanager.{server.region}.amazonaws.com"
    body = json.dumps({"SecretId": server.secret}).encode()
    headers = {
        "Content-Type": "application/x-amz-json-1.1",
        "Host": host,
        "X-Amz-Target": "secretsmanager.GetSecretValue",
    }
    at = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    sent = signed(body, headers, credentials, server.region, "secretsmanager", at=at)
    request = urllib.request.Request(f"https://{host}/", body, sent, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=ANSWER, context=ssl.create_default_context()) as answer:
            found = json.loads(answer.read(LONGEST))
    except urllib.error.HTTPError as error:
        raise NotYet(f"{host} answers {error.code}{_kind(error)} for {server.secret}") from None
    except (OSError, ValueError) as error:
        raise NotYet(f"{host} does not answer ({getattr(error, 'reason', error)})") from None
    return found if isinstance(found, dict) else {}


def _kind(error: urllib.error.HTTPError) -> str:
    """What AWS calls the error, such as AccessDeniedException; without its message, which may hold anything."""
    try:
        kind = str(json.loads(error.read(LONGEST))["__type"]).rpartition("#")[2]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return f" ({kind})" if kind.isalnum() else ""
