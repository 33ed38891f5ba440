"""Which machines are accepted, and which ports the slots of an app get."""

import pytest

from infra.agent.proxy import ports
from infra.agent.system import machine


@pytest.mark.parametrize(
    ("os_release", "reason"),
    [
        ('PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\n', ""),
        ("ID=ubuntu\nID_LIKE=debian\n", ""),
        ('ID=linuxmint\nID_LIKE="ubuntu debian"\n', ""),
        (
            'PRETTY_NAME="Fedora Linux 43"\nID=fedora\n',
            "This machine runs Fedora Linux 43; only Debian and Ubuntu are supported.",
        ),
        ("", "This machine runs an unknown system; only Debian and Ubuntu are supported."),
    ],
)
def test_only_debian_and_its_kin_are_accepted(os_release: str, reason: str) -> None:
    assert machine.unsupported(os_release) == reason


def test_a_python_that_is_too_old_is_named() -> None:
    assert machine.too_old((3, 10)) == ""
    assert machine.too_old((3, 13)) == ""
    assert machine.too_old((3, 9)) == (
        "This machine has Python 3.9; Launchpad needs 3.10 or newer, as Debian 12 and Ubuntu 22.04 have it."
    )


def test_an_app_gets_two_neighbouring_ports_that_are_free() -> None:
    assert ports.first_pair([]) == (20001, 20002)
    assert ports.first_pair([20002, 20003, 80]) == (20005, 20006)
    assert ports.first_pair(range(20001, 29998)) is None
