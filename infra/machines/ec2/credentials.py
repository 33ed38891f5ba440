"""The first question of the preflight: who are we to AWS, and may we use the region?"""

from __future__ import annotations

from typing import Any

from infra.machines.ec2.answers import DENIED, Client, code_of

BAD_CREDENTIALS = (
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)


def credentials(region: str, client: Client) -> list[str]:
    """Whether there are credentials, AWS takes them, and the account may use the region."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - slow, and only ec2 needs it

    try:
        found = client("ec2", region).describe_regions(RegionNames=[region], AllRegions=True)["Regions"]
    except ClientError as error:
        return _refused(region, code_of(error), error.response["Error"].get("Message", ""))
    except BotoCoreError as error:
        return [_unasked(region, error)]
    return _enabled(region, found)


def _enabled(region: str, found: list[dict[str, Any]]) -> list[str]:
    if not found:
        return [f"launchpad:region is {region!r}, which AWS does not know"]
    if found[0].get("OptInStatus") == "not-opted-in":
        return [f"launchpad:region is {region}, which is not enabled for this account; enable it or choose another"]
    return []


def _refused(region: str, code: str, said: str) -> list[str]:
    if code in DENIED:  # they are good, and may not ask this
        return []
    if code in BAD_CREDENTIALS:
        return [
            f"AWS does not take these credentials in {region}: {said} ({code}); renew them (aws sso login), choose "
            "others by AWS_PROFILE, or enable the region for the account if it is one that must be"
        ]
    if code == "InvalidParameterValue":
        return [f"launchpad:region is {region!r}, which AWS does not know"]
    return [f"AWS does not answer for {region}: {said} ({code})"]


def _unasked(region: str, error: Exception) -> str:
    kind = type(error).__name__
    if kind in ("NoCredentialsError", "PartialCredentialsError"):
        return (
            "no AWS credentials were found; log in with `aws sso login`, choose a profile with AWS_PROFILE, or set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    if kind == "ProfileNotFound":
        return f"AWS_PROFILE: {error}; `aws configure list-profiles` shows what there is"
    if kind == "EndpointConnectionError":
        return f"launchpad:region is {region}, whose EC2 endpoint cannot be reached; check the key and the network"
    return f"AWS cannot be asked: {error}"
