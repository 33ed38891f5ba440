"""Debian packages that have another name by now count as installed; uv is known by its hashes."""

import contextlib
import re
from pathlib import Path

import pytest

from infra.agent.build import uv
from infra.agent.system import needed, package_record, packages, sh
from infra.agent.system.failure import Failure
from infra.agent.system.package_record import Record


def test_what_an_installed_package_provides_is_there() -> None:
    shown = "installed libssl3 (= 3.5.1), x:any (= 1)\nnot-installed mail-transport-agent\ninstalled \ninstalled awk\n"
    assert packages.provided(shown) == {"libssl3", "x", "awk"}


ASKED = "apt-get -qq -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends -o Dpkg::Options::=--force-confold -- a b"
UPDATE = "apt-get -qq -o DPkg::Lock::Timeout=300 update"
CONFIGURE = "dpkg --configure -a --force-confold"


@pytest.mark.parametrize(
    ("fresh", "errors", "commands"),
    [
        (True, [], [ASKED]),
        (False, [], [UPDATE, ASKED]),
        (True, ["E: Unable to locate package b"], [ASKED, UPDATE, ASKED]),
        (True, ["E: dpkg was interrupted, run 'dpkg --configure -a'"], [ASKED, CONFIGURE, ASKED]),
        (True, ["404  Not Found", "run dpkg --configure -a"], [ASKED, UPDATE, ASKED, CONFIGURE, ASKED]),
    ],
)
def test_packages_are_installed_by_the_same_command_every_time(
    monkeypatch: pytest.MonkeyPatch, fresh: bool, errors: list[str], commands: list[str]
) -> None:
    run: list[str] = []
    left = list(errors)

    def finish(argv: list[str], **_: object) -> sh.Finished:
        run.append(" ".join(argv))
        return sh.Finished(100, "", left.pop(0)) if "install" in argv and left else sh.Finished(0, "", "")

    monkeypatch.setattr(packages, "missing", list)
    monkeypatch.setattr(package_record, "recording", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(packages, "_fresh", lambda: fresh)
    monkeypatch.setattr(sh, "run", finish)
    assert packages.install(["a", "b"]) is True
    assert run == commands


UNKNOWN = "E: Unable to locate package tree"
LOST = "W: Failed to fetch http://127.0.0.1:9/dists/trixie/InRelease  Could not connect to 127.0.0.1:9"


@pytest.mark.parametrize("lost", [True, False])
def test_a_mirror_out_of_reach_is_named_where_apt_get_names_a_package(
    monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    def finish(argv: list[str], **_: object) -> sh.Finished:
        if "update" in argv:
            return sh.Finished(0, "", f"{LOST}\nW: Some index files failed to download.\n" if lost else "")
        return sh.Finished(100, "", UNKNOWN)

    monkeypatch.setattr(packages, "missing", list)
    monkeypatch.setattr(package_record, "recording", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(sh, "run", finish)
    with pytest.raises(Failure) as caught:
        packages.install(["tree"])
    reason = f"\nThe package lists could not be updated: is the package mirror in reach of the machine?\n{LOST}"
    assert str(caught.value) == f"Installing tree failed:\n{UNKNOWN}{reason if lost else ''}"


def test_uv_is_installed_by_hash() -> None:
    line = uv.requirement()
    assert line.startswith(f"uv=={uv.VERSION} --hash=sha256:")
    assert len(re.findall(r" --hash=sha256:[0-9a-f]{64}\b", line)) == len(uv.HASHES) == len(set(uv.HASHES))


def dpkg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> set[str]:
    """What dpkg knows from now on, which a test may change; the record is a file of the test's own."""
    known = {"bash", "libc6:amd64"}

    def finish(argv: list[str], **_: object) -> sh.Finished:
        shown = "".join(f"installed {name}\n" for name in known) + "not-installed other\n"
        return sh.Finished(0, "amd64\n" if argv[0] == "dpkg" else shown, "")

    monkeypatch.setattr(sh, "run", finish)
    monkeypatch.setattr(package_record, "RECORD", tmp_path / "packages.json")
    return known


def test_only_what_an_installation_brought_is_launchpads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    known = dpkg(monkeypatch, tmp_path)
    assert package_record.ours() == Record()
    with package_record.recording(["git"]):
        known |= {"git", "git-man", "libcurl4:amd64", "libc6:i386"}
    known |= {"mc"}
    assert package_record.ours() == Record(frozenset({"git", "git-man", "libcurl4", "libc6:i386"}), frozenset({"git"}))
    with package_record.recording(["tree", "mc"]):
        known |= {"tree"}
    known -= {"libc6:i386"}
    found = package_record.ours()
    assert found.ours == {"git", "git-man", "libcurl4", "tree"}
    assert "mc" not in found.ours, "it was there before Launchpad asked for it"


def test_what_a_killed_installation_brought_is_launchpads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    known = dpkg(monkeypatch, tmp_path)
    monkeypatch.setattr(package_record, "RECORD", tmp_path / "packages.json")
    with contextlib.suppress(KeyboardInterrupt), package_record.recording(["git"]):
        monkeypatch.setattr(package_record, "_write", lambda _: None)
        raise KeyboardInterrupt
    known |= {"git"}
    assert package_record.ours() == Record(frozenset({"git"}), frozenset({"git"}))


def test_a_removal_that_apt_would_extend_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    def finish(argv: list[str], **_: object) -> sh.Finished:
        ran.append(argv)
        return sh.Finished(
            0, "Remv git [1:2.47]\nPurg mine:amd64 [1]\nInst other (2)\n" if "--simulate" in argv else "amd64\n", ""
        )

    monkeypatch.setattr(sh, "run", finish)
    monkeypatch.setattr(package_record, "ours", lambda: Record(frozenset({"git"}), frozenset({"git"})))
    monkeypatch.setattr(package_record, "unneeded", lambda record, _kept: record.ours)
    assert packages.purge() == ([], "the packages git: without them apt-get would also change mine other")
    assert [argv for argv in ran if "--yes" in argv] == []


def test_only_a_python_without_a_reader_of_toml_gets_one() -> None:
    assert needed.needed((3, 11)) == needed.NEEDED
    assert needed.needed((3, 10)) == (*needed.NEEDED, "python3-tomli")


def test_where_the_system_has_no_package_of_the_proxy_the_message_says_where_one_is() -> None:
    said = packages.hint("E: Unable to locate package caddy")
    assert said.startswith("\nOlder systems, such as Ubuntu 22.04, have no package of Caddy. Add the repository")
    assert packages.hint("E: Unable to locate package tree") == ""
