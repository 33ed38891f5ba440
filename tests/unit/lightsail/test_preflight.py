"""The preflight: the price, and one clear message for each thing that AWS would refuse, before anything is made."""

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError

from infra.machines import firewall
from infra.machines.aws.answers import PreflightError
from infra.machines.lightsail import preflight
from infra.machines.lightsail.plan import LightsailArgs
from infra.machines.lightsail.preflight import Findings
from tests.unit.lightsail.account import OWNER, Account, error, image, instance

FIREWALL = firewall.plan((80,), ("0.0.0.0/0",), ("203.0.113.7/32",))
PRICE = (
    "small_3_0 costs $12 a month (US dollars, before tax): 2 vCPUs, 2 GB of memory, 60 GB of disk, 3072 GB of traffic; "
    "snapshots cost extra"
)
DISK = "The data disk of 8 GB costs $0.80 a month (US dollars, before tax)"


def run(account: Account, blueprint: str = "", **args: Any) -> Findings:
    return preflight.run(LightsailArgs("eu-central-1", FIREWALL, **args), blueprint, OWNER, account)


def problems(account: Account, blueprint: str = "", **args: Any) -> list[str]:
    with pytest.raises(PreflightError) as caught:
        run(account, blueprint, **args)
    return caught.value.problems


def test_a_machine_that_can_be_made_is_told_with_its_price() -> None:
    assert run(Account()) == Findings([PRICE, DISK], [])
    assert run(Account(), data_disk=0) == Findings([PRICE], [])


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        (
            NoCredentialsError(),
            "no AWS credentials were found; log in with `aws sso login`, select a profile with AWS_PROFILE, or set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
        ),
        ({"Regions": []}, "launchpad:lightsail.region is 'eu-central-1', which AWS does not know"),
    ],
)
def test_credentials_are_checked_first(failure: Any, message: str) -> None:
    assert problems(Account(describe_regions=failure)) == [message]


def test_the_way_round_names_the_kinds_own_key() -> None:
    with pytest.raises(PreflightError) as caught:
        run(Account(describe_regions={"Regions": []}))
    assert str(caught.value).endswith("(Set launchpad:lightsail.preflight to false to skip these checks.)")


def test_a_region_without_lightsail_is_told_with_those_that_have_it() -> None:
    elsewhere = {"regions": [{"name": "us-east-1"}, {"name": "eu-west-1"}]}
    assert problems(Account(get_regions=elsewhere)) == [
        "launchpad:lightsail.region is eu-central-1, where AWS does not offer Lightsail; it does in eu-west-1, us-east-1"
    ]


def test_other_regions_may_be_closed_to_the_account() -> None:
    class Closed(Account):
        def __call__(self, service: str, region: str) -> "Account":
            closed = EndpointConnectionError(endpoint_url="https://lightsail")
            return Account(get_regions=closed) if service == "lightsail" and region == "us-east-1" else self

    assert run(Closed()) == Findings([PRICE, DISK], [])


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            {"zone": "eu-central-1f"},
            "launchpad:lightsail.zone is eu-central-1f, where Lightsail makes no instance; set one of these: eu-central-1a, "
            "eu-central-1b, eu-central-1c",
        ),
        (
            {"bundle": "tiny_9_9"},
            "launchpad:lightsail.bundle is tiny_9_9, which eu-central-1 does not offer; set one of these: nano_3_0 ($5), "
            "small_3_0 ($12)",
        ),
        (
            {"bundle": "small_ipv6_3_0"},
            "launchpad:lightsail.bundle is small_ipv6_3_0, which has no public IPv4 address; set one of these: nano_3_0 ($5), "
            "small_3_0 ($12)",
        ),
        (
            {"bundle": "small_win_3_0"},
            "launchpad:lightsail.bundle is small_win_3_0, which is for Windows; set one of these: nano_3_0 ($5), "
            "small_3_0 ($12)",
        ),
        (
            {"bundle": "small_1_0"},
            "launchpad:lightsail.bundle is small_1_0, which is not offered for new instances; set one of these: "
            "nano_3_0 ($5), small_3_0 ($12)",
        ),
    ],
)
def test_zone_and_bundle(args: dict[str, Any], message: str) -> None:
    assert problems(Account(), **args) == [message]


def test_a_zone_that_nobody_set_is_told_as_such() -> None:
    gone = {"regions": [{"name": "eu-central-1", "availabilityZones": [{"zoneName": "eu-central-1b"}]}]}
    assert problems(Account(get_regions=gone)) == [
        "launchpad:lightsail.zone is empty, which means eu-central-1a, where Lightsail makes no instance; set one of these: "
        "eu-central-1b"
    ]


def test_a_blueprint_that_is_not_offered_is_told_with_those_that_are() -> None:
    assert problems(Account(), "debian_10") == [
        "launchpad:lightsail.blueprint is debian_10, which eu-central-1 does not offer for new instances; set "
        "launchpad:lightsail.blueprint to one of these: debian_12, debian_13, ubuntu_24_04"
    ]
    assert problems(
        Account(get_blueprints={"blueprints": [image("ubuntu_24_04"), image("debian_12", isActive=False)]})
    ) == ["Lightsail offers no Debian in eu-central-1; set launchpad:lightsail.blueprint to one of these: ubuntu_24_04"]


def test_a_bundle_that_is_too_small_for_the_blueprint() -> None:
    heavy = {"blueprints": [image("debian_13", minPower=500)]}
    assert problems(Account(get_blueprints=heavy), bundle="nano_3_0") == [
        "launchpad:lightsail.bundle is nano_3_0, which is too small for debian_13; choose a larger one"
    ]


def test_every_problem_is_told_at_once() -> None:
    told = problems(Account(), "debian_10", zone="eu-central-1f", bundle="tiny_9_9")
    assert [line.split()[0] for line in told] == [
        "launchpad:lightsail.zone",
        "launchpad:lightsail.bundle",
        "launchpad:lightsail.blueprint",
    ]


def test_what_may_not_be_asked_is_a_remark_that_names_the_permission() -> None:
    denied = error("AccessDeniedException")
    assert run(Account(get_bundles=denied, get_instance_access_details=denied)) == Findings(
        [],
        [
            f"preflight: {what} not checked, because the credentials do not permit it (AccessDeniedException)"
            for what in ("bundle", "host key (lightsail:GetInstanceAccessDetails)")
        ],
    )


def test_an_unexpected_answer_is_said_and_not_raised_raw() -> None:
    told = problems(Account(get_instances=error("Strange")))
    assert told[0].startswith("the machine that is there: unexpected answer from AWS: An error occurred (Strange)")


def present(**more: Any) -> Account:
    other = instance(name="other", tags=[], bundleId="large_3_0")
    return Account(get_instances={"instances": [other, instance(**more)]})


REPLACED = (
    "and will be REPLACED; address and data disk move to the new machine, for which the old one stops; some minutes "
    "without the app. What is elsewhere on the old machine's disk is lost"
)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({}, []),
        ({"bundleId": "nano_3_0"}, [f"web-1 changes its bundle from nano_3_0 to small_3_0 {REPLACED}"]),
        ({"blueprintId": "debian_12"}, []),
        (
            {"location": {"availabilityZone": "eu-central-1b"}},
            [f"web-1 changes its zone from eu-central-1b to eu-central-1a {REPLACED}"],
        ),
    ],
)
def test_what_a_change_does_to_the_machine_is_said_of_the_stacks_own(more: dict[str, Any], said: list[str]) -> None:
    assert run(present(**more)).warnings == said


def test_another_blueprint_replaces_the_machine_only_if_the_config_names_it() -> None:
    assert run(present(blueprintId="debian_12"), "debian_13").warnings == [
        f"web-1 changes its blueprint from debian_12 to debian_13 {REPLACED}"
    ]


def test_a_replacement_without_a_data_disk_loses_the_data_and_says_so() -> None:
    assert run(present(bundleId="nano_3_0"), data_disk=0).warnings == [
        "web-1 changes its bundle from nano_3_0 to small_3_0 and will be REPLACED by a new machine with an empty disk: what "
        "the app keeps in $DATA_DIR is LOST, as launchpad:lightsail.data_disk is 0; it keeps the address"
    ]
