"""Debian packages that have another name by now count as installed; uv is known by its hashes."""

import re

from infra.host import packages, uv


def test_what_an_installed_package_provides_is_there() -> None:
    shown = "installed libssl3 (= 3.5.1), x:any (= 1)\nnot-installed mail-transport-agent\ninstalled \ninstalled awk\n"
    assert packages.provided(shown) == {"libssl3", "x", "awk"}


def test_uv_is_installed_by_hash() -> None:
    line = uv.requirement()
    assert line.startswith(f"uv=={uv.VERSION} --hash=sha256:")
    assert len(re.findall(r" --hash=sha256:[0-9a-f]{64}\b", line)) == len(uv.HASHES) == len(set(uv.HASHES))
