"""The first preflight check: does AWS accept the credentials, and is the region enabled?"""

from __future__ import annotations

from typing import Any

from infra.machines.aws.answers import DENIED, Client, code_of

BAD_CREDENTIALS = (
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
)


def credentials(kind: str, region: str, client: Client) -> list[str]:
    """Check that credentials exist, that AWS accepts them, and that the account may use the region.

    Args:
        kind: The kind of machine, whose key ``region`` the problems name.
        region: The AWS region.
        client: Creates a boto3 client.

    Returns:
        The problems, one line each.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - slow, and only machines on AWS need it

    key = f"launchpad:{kind}.region"
    try:
        regions = client("ec2", region).describe_regions(RegionNames=[region], AllRegions=True)["Regions"]
    except ClientError as error:
        return _refused(key, region, code_of(error), error.response["Error"].get("Message", ""))
    except BotoCoreError as error:
        return [_unreachable(key, region, error)]
    return _enabled(key, region, regions)


def _enabled(key: str, region: str, regions: list[dict[str, Any]]) -> list[str]:
    if not regions:
        return [f"{key} is {region!r}, which AWS does not know"]
    if regions[0].get("OptInStatus") == "not-opted-in":
        return [f"{key} is {region}, which is not enabled for this account; enable it or choose another"]
    return []


def _refused(key: str, region: str, code: str, message: str) -> list[str]:
    if code in DENIED:  # the credentials are valid but may not call DescribeRegions
        return []
    if code in BAD_CREDENTIALS:
        return [
            f"AWS rejects these credentials in {region}: {message} ({code}); renew them (aws sso login), select others "
            "with AWS_PROFILE, or, if the region is one that must be enabled first, enable it for the account"
        ]
    if code == "InvalidParameterValue":
        return [f"{key} is {region!r}, which AWS does not know"]
    return [f"AWS returned an error for {region}: {message} ({code})"]


def _unreachable(key: str, region: str, error: Exception) -> str:
    kind = type(error).__name__
    if kind in ("NoCredentialsError", "PartialCredentialsError"):
        return (
            "no AWS credentials were found; log in with `aws sso login`, select a profile with AWS_PROFILE, or set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        )
    if kind == "ProfileNotFound":
        return f"AWS_PROFILE: {error}; `aws configure list-profiles` lists the existing ones"
    if kind == "EndpointConnectionError":
        return f"{key} is {region}, whose EC2 endpoint cannot be reached; check the key and the network"
    return f"cannot connect to AWS: {error}"
