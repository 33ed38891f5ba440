"""AWS clients that answer or fail soon: nobody waits minutes to hear that there are no credentials."""

from __future__ import annotations

from typing import Any

CONNECT, READ, ATTEMPTS = 5, 20, 3
"""Seconds to connect, seconds to wait for an answer, and how often to try."""


def client(service: str, region: str) -> Any:
    """A boto3 client. Credentials, profile and endpoint come from the environment, as for every AWS tool."""
    import boto3  # noqa: PLC0415 - most of a second, which no other kind of machine should pay
    from botocore.config import Config  # noqa: PLC0415

    limits = Config(
        connect_timeout=CONNECT, read_timeout=READ, retries={"total_max_attempts": ATTEMPTS, "mode": "standard"}
    )
    return boto3.client(service, region_name=region, config=limits)
