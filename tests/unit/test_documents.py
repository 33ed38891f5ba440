"""What the documents for contributors say is there is there."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

from infra.config.schema import Schema
from infra.machines.registry import KINDS

ROOT = Path(__file__).parents[2]
DECISIONS = ROOT / "docs/decisions"
NAMED = re.compile(r"`((?:infra|cli|toolchain|plugins|policy|tests|docs|bench|examples|app)/[\w./*-]*)`")
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
SHELL = re.compile(r"#!/(usr/bin/env bash|bin/sh|usr/bin/env sh)|# shellcheck shell=")


def tracked(*patterns: str) -> list[Path]:
    """Files that git knows."""
    words = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns]
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in found.split("\0") if name and (ROOT / name).is_file()]


DOCUMENTS = [path for path in tracked("*.md") if "tests" not in path.relative_to(ROOT).parts]
SETS = re.compile(r"config set (?P<options>(?:--?[a-z]+ )*)['\"]?launchpad:(?P<key>[a-z_0-9]+)['\"]? [^|\n]")
"""A command that sets a whole key."""
STRUCTURED = [name for name, key in Schema(KINDS).keys.items() if key.default[:1] in ("[", "{")]
FOR_CONTRIBUTORS = [ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted(DECISIONS.glob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(document: Path) -> None:
    links = [
        link for link in LINK.findall(document.read_text()) if "://" not in link and not link.startswith("mailto:")
    ]
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", FOR_CONTRIBUTORS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_file_of_ours_that_is_named_exists(document: Path) -> None:
    named = {name for name in NAMED.findall(document.read_text()) if "NAME" not in name}
    assert sorted(name for name in named if not list(ROOT.glob(name.rstrip("/")))) == []


def test_the_index_has_every_decision_by_its_title() -> None:
    titles = {path.name: path.read_text().splitlines()[0].split(". ", 1)[1] for path in DECISIONS.glob("0*.md")}
    listed = re.findall(r"\| \d+ \| \[([^\]]+)\]\(([^)]+)\) \|", (DECISIONS / "README.md").read_text())
    assert {file: title for title, file in listed} == titles


def test_hooks_of_pre_commit_run_what_setup_has_brought_and_download_nothing() -> None:
    (source,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert source["repo"] == "local"
    programs = {hook["entry"].split()[0]: hook["language"] for hook in source["hooks"]}
    assert {program: kind for program, kind in programs.items() if kind != "system"} == {}
    assert {program for program in programs if not program.startswith(".venv/bin/")} == {"shellcheck"}
    assert [name for name in programs if name.startswith(".venv") and not (ROOT / name).exists()] == []


def test_shell_is_indented_by_two_spaces() -> None:
    scripts = [path for path in tracked("toolchain", "plugins", ".ci") if SHELL.match(path.read_text(errors="replace"))]
    assert len(scripts) > 10
    for script in scripts:
        indents = {len(each) for each in re.findall(r"^( +)\S", script.read_text(), re.MULTILINE)}
        assert min(indents, default=2) == 2, script


def test_the_licence_is_the_one_that_the_project_names() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0"
    assert "Apache License\n                           Version 2.0, January 2004" in (ROOT / "LICENSE").read_text()
    assert "Apache-2.0" in (ROOT / "README.md").read_text()


def test_every_row_of_the_faults_is_a_test_that_there_is() -> None:
    rows = [
        line.split("|")[1:-1] for line in (ROOT / "docs/faults.md").read_text().splitlines() if line.startswith("|")
    ]
    faults = [[cell.strip() for cell in row] for row in rows[2:] if "".join(row[1:]).strip()]
    assert len(faults) >= 20
    for fault in faults:
        assert len([cell for cell in fault if cell]) == 6, fault[0]
        file, _, name = re.findall(r"`(tests/\S+\.py::\w+)`", fault[5])[0].partition("::")
        assert re.search(rf"^def {name}\(", (ROOT / file).read_text(), re.MULTILINE), fault[5]


def test_no_command_that_is_told_sets_a_list_or_a_map_as_a_text_which_pulumi_refuses() -> None:
    places = [*DOCUMENTS, *tracked("infra/*.py", "cli/*.py")]
    found = [(path.name, match) for path in places for match in SETS.finditer(path.read_text())]
    assert len(found) > 5
    assert [(name, match[0]) for name, match in found if match["key"] in STRUCTURED] == []
