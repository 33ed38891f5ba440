"""Signs a request to AWS (Signature Version 4). Pure.

Source: AWS's documentation, "Signature Version 4 for API requests: Create a signed AWS API request".
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Credentials:
    """The keys of somebody in an account; ``token`` is that of a session, as a machine's role has it."""

    key_id: str
    key: str = field(repr=False)
    token: str = field(default="", repr=False)


def signed(
    body: bytes,
    headers: Mapping[str, str],
    credentials: Credentials,
    region: str,
    service: str,
    *,
    at: str,
    method: str = "POST",
) -> dict[str, str]:
    """The headers of a request for the path ``/`` without parameters, with its signature.

    Args:
        body: What is sent.
        headers: Its headers, ``Host`` among them.
        credentials: Whose request it is.
        region: The AWS region.
        service: What AWS calls the service in signatures.
        at: The time in UTC, such as 20150830T123600Z.
        method: The method of HTTP.
    """
    session = {"X-Amz-Security-Token": credentials.token} if credentials.token else {}
    sent = {**headers, "X-Amz-Date": at, **session}
    canonical = {name.lower(): " ".join(value.split()) for name, value in sent.items()}
    names = ";".join(sorted(canonical))
    lines = [f"{name}:{canonical[name]}" for name in sorted(canonical)]
    request = "\n".join([method, "/", "", *lines, "", names, hashlib.sha256(body).hexdigest()])
    scope = f"{at[:8]}/{region}/{service}/aws4_request"
    to_sign = "\n".join([ALGORITHM, at, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{credentials.key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
    authorization = f"{ALGORITHM} Credential={credentials.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    return {**sent, "Authorization": authorization}
