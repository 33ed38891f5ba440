"""Every machine gets a /30 that nothing else on the computer uses."""

from ipaddress import IPv4Network

import pytest

from infra.machines.embedded import addresses


@pytest.mark.parametrize(
    ("number", "link", "near", "far"),
    [
        (0, "198.18.0.0/30", "198.18.0.1", "198.18.0.2"),
        (64, "198.18.1.0/30", "198.18.1.1", "198.18.1.2"),
        (16383, "198.18.255.252/30", "198.18.255.253", "198.18.255.254"),
    ],
)
def test_a_link_and_its_two_ends(number: int, link: str, near: str, far: str) -> None:
    network = addresses.link(number)

    assert (str(network), addresses.host_side(network), addresses.machine_side(network)) == (link, near, far)


@pytest.mark.parametrize(
    ("preferred", "taken", "chosen"),
    [
        (5, [], "198.18.0.20/30"),
        (5, ["198.18.0.20/30"], "198.18.0.24/30"),
        (5, ["198.18.0.0/24"], "198.18.1.0/30"),
        (5, ["198.18.0.21/32"], "198.18.0.24/30"),
        (16383, ["198.18.255.252/30"], "198.18.0.0/30"),
        (0, ["198.16.0.0/14", "10.0.0.0/8"], None),
        (0, ["10.0.0.0/8", "192.168.1.0/24"], "198.18.0.0/30"),
    ],
)
def test_the_first_free_link_from_the_preferred_one_on(preferred: int, taken: list[str], chosen: str | None) -> None:
    networks = [IPv4Network(name) for name in taken]

    if chosen is None:
        with pytest.raises(addresses.RangeUsedUp, match=r"every /30 of 198\.18\.0\.0/16 is in use"):
            addresses.choose(preferred, networks)
    else:
        assert str(addresses.choose(preferred, networks)) == chosen
