"""The base image's packages come from where the computer has its own."""

import pytest

from infra.machines.embedded import sources

DEB822 = """\
# a comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""

IMAGE = """\
Types: deb
URIs: http://mirror.example/debian
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: trixie-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""

THIRD_PARTY = {
    "docker.list": "deb [arch=amd64 signed-by=/k/docker.gpg] https://docker.example/linux/debian bookworm stable\n",
    "hashicorp.list": "deb [signed-by=/k/h.gpg] https://apt.example bookworm main\n",
    "node.sources": "Types: deb\nURIs: https://node.example\nSuites: nodistro\nComponents: main\n",
    "off.sources": DEB822.replace("Types:", "Enabled: no\nTypes:").replace("mirror", "off"),
    "source.sources": "Types: deb-src\nURIs: http://s.example/debian\nSuites: bookworm\nComponents: main\n",
}


def test_main_archive_updates_and_security_are_kept_in_the_other_suite() -> None:
    files = {"debian.sources": DEB822}

    assert sources.derive(files, "bookworm", "trixie") == IMAGE


def test_one_line_format_gives_the_same() -> None:
    signed = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    text = f"""\
deb {signed} http://mirror.example/debian bookworm main contrib  # the archive
#deb http://old.example/debian bookworm main
deb {signed} http://mirror.example/debian bookworm-updates main
deb-src http://mirror.example/debian bookworm main
deb http://mirror.example/debian-security bookworm-security main
"""

    derived = sources.derive({"sources.list": text}, "bookworm", "trixie")

    assert derived is not None
    assert [line for line in derived.splitlines() if line.startswith(("URIs", "Suites"))] == [
        "URIs: http://mirror.example/debian",
        "Suites: trixie",
        "URIs: http://mirror.example/debian",
        "Suites: trixie-updates",
        "URIs: http://mirror.example/debian-security",
        "Suites: trixie-security",
    ]


def test_third_parties_disabled_stanzas_and_sources_of_source_code_are_left_out() -> None:
    assert sources.derive({**THIRD_PARTY, "debian.sources": DEB822}, "bookworm", "trixie") == IMAGE


def test_without_a_mirror_of_debian_there_is_nothing_to_derive() -> None:
    assert sources.derive(THIRD_PARTY, "bookworm", "trixie") is None


def test_a_trusted_private_mirror_stays_trusted() -> None:
    derived = sources.derive({"x.list": "deb [trusted=yes] http://10.0.0.1/debian trixie main\n"}, "trixie", "trixie")

    assert derived == "Types: deb\nURIs: http://10.0.0.1/debian\nSuites: trixie\nComponents: main\nTrusted: yes\n"


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ('Acquire::http::Proxy "http://proxy.example:3128";', True),
        ('Acquire::https::CaInfo "/etc/ssl/corporate.pem";', True),
        ('Acquire::Retries "3";', True),
        ('Acquire::Check-Valid-Until "false";', True),
        ('Acquire::IndexTargets::deb::DEP-11::MetaKey "x";', False),
        ('APT::Update::Post-Invoke:: "run-something";', False),
        ('DPkg::Pre-Install-Pkgs:: "/usr/sbin/dpkg-preconfigure --apt || true";', False),
        ('Acquire::http "";', False),
        ('APT::Get::AllowUnauthenticated "true";', False),
    ],
)
def test_settings_on_how_to_fetch_are_inherited_and_hooks_are_not(line: str, kept: bool) -> None:
    assert sources.inherited_settings(f'APT "";\n{line}\n') == (f"{line}\n" if kept else "")
