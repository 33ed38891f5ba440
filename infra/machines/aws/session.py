"""AWS clients with short timeouts, so that missing credentials are reported in seconds, not minutes."""

from __future__ import annotations

from typing import Any

CONNECT, READ, ATTEMPTS = 5, 20, 3
"""Connect timeout in seconds, read timeout in seconds, number of attempts."""


def client(service: str, region: str) -> Any:
    """Create a boto3 client. Credentials, profile and endpoint come from the environment, as for every AWS tool."""
    import boto3  # noqa: PLC0415 - takes most of a second, which other kinds of machine must not pay for
    from botocore.config import Config  # noqa: PLC0415

    limits = Config(
        connect_timeout=CONNECT, read_timeout=READ, retries={"total_max_attempts": ATTEMPTS, "mode": "standard"}
    )
    return boto3.client(service, region_name=region, config=limits)
