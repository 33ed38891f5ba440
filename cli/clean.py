"""Cleaning up after the last destroy: caches, the virtualenv, the clone's own folder.

Standard library only, as it also runs where the virtualenv is gone: ``python3 -m cli.clean``.
"""

from __future__ import annotations

import os
import sys

from cli import files, output, process, root
from cli.failure import Failure
from cli.project import Project, here

TOOL_CACHES = (".pytest_cache", ".mypy_cache", ".ruff_cache", ".import_linter_cache")


def clean(project: Project) -> None:
    """Remove the toolchain, the base images and everything that this clone has created.

    Raises:
        Failure: Something is still up, or could not be removed; with what to do.
    """
    if up := stacks_up(project):
        first = ", ".join(output.command("destroy", "-s", name) for name in up)
        raise Failure(f"these stacks still have resources: {' '.join(up)}. First run: {first}")
    if (project.cache / "base").is_dir():
        _clean_base_images(project)
    output.note(f"removing {project.cache}, .venv and .launchpad")
    compiled = [path for path in project.root.rglob("__pycache__") if ".git" not in path.parts]
    for path in (
        project.cache / "toolchain",
        *(project.root / name for name in (".venv", ".launchpad", *TOOL_CACHES)),
        *compiled,
    ):
        files.remove_ours(path)
    if project.cache.is_dir() and not any(project.cache.iterdir()):
        project.cache.rmdir()
    output.note("removed")


def stacks_up(project: Project) -> list[str]:
    """The stacks in the clone's own backend that hold resources."""
    states = sorted((project.state / ".pulumi/stacks").glob("*/*.json"))
    return [state.stem for state in states if '"urn"' in state.read_text(errors="replace")]


def _clean_base_images(project: Project) -> None:
    """Remove the cached images, which belong to root, unless a machine of any clone uses them."""
    base = project.cache / "base"
    if os.geteuid() != 0 and not root.may_sudo():
        raise Failure(
            f"{base} belongs to root, and you are neither root nor have sudo here. "
            f"Run `sudo -v` first, or as root: rm -rf {base}"
        )
    python = project.root / ".venv/bin/python"
    driver = [str(python if python.exists() else sys.executable), "-m", "infra.machines.embedded"]
    standing = process.ask([*driver, "in-use"])
    if standing.returncode:
        raise Failure(status=standing.returncode)
    if machines := standing.stdout.rstrip("\n"):
        raise Failure(
            f"machines still use the base image in {project.cache}:\n{machines}\n"
            f"First run {output.command('destroy')} in the clone at the end of each line."
        )
    process.run([*driver, "clean"])


def main() -> int:
    """Clean this clone; gives the exit status."""
    try:
        clean(here())
    except Failure as failure:
        if str(failure):
            output.note(f"launchpad: {failure}")
        return failure.status
    return 0


if __name__ == "__main__":
    sys.exit(main())
