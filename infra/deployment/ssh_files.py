"""The files on the workstation for logging in to the machine: private keys, known_hosts files, and the way."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from infra import local, ssh
from infra.machines.contract import SshAccess, secret
from infra.machines.providers import PlainError, PlainProvider

FILES = {
    "private_key": ssh.KEY,
    "known_host": ssh.KNOWN_HOSTS,
    "jump_private_key": f"{ssh.JUMP}{ssh.KEY}",
    "jump_known_host": f"{ssh.JUMP}{ssh.KNOWN_HOSTS}",
    "login": ssh.LOGIN,
}
"""The files by the property that holds their contents; without the property there is no file."""


def contents(properties: dict[str, Any]) -> dict[Path, str]:
    """The contents of each file, by path; empty: there is to be no such file."""
    folder = local.project() / properties["folder"]
    texts = {folder / file: str(properties.get(name) or "").strip() for name, file in FILES.items()}
    return {path: f"{text}\n" if text else "" for path, text in texts.items()}


def in_place(properties: dict[str, Any]) -> bool:
    """Whether every file exists with the right contents, and no other."""
    return all((path.read_text() if path.is_file() else "") == text for path, text in contents(properties).items())


def write(properties: dict[str, Any]) -> None:
    """Write the files, readable only by their owner, to a folder of their own.

    Raises:
        PlainError: The folder is not writable.
    """
    folder = local.project() / properties["folder"]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path, text in contents(properties).items():
            path.unlink(missing_ok=True)
            if text:
                path.touch(mode=0o600)
                path.write_text(text)
    except OSError as error:
        raise PlainError(f"Cannot write the files for SSH: {error}. Make {folder} writable.") from None


class SshFilesProvider(PlainProvider):
    """Writes the files, detects when they are missing, and removes them."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Write the files."""
        write(props)
        return CreateResult(props["folder"], props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Detect changed inputs and removed files."""
        changed = any(_olds.get(name) != _news.get(name) for name in FILES)
        moved = _olds.get("folder") != _news["folder"]
        return DiffResult(
            changes=changed or moved or not in_place(_news),
            replaces=["folder"] if moved else [],
            delete_before_replace=False,
        )

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Write the files again."""
        write(_news)
        return UpdateResult(_news)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Report the resource as deleted if a file is missing, so that the next ``up`` writes it."""
        return ReadResult(id_ if in_place(props) else "", props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Remove the folder with the files, and the stack's folder if it is empty then."""
        folder = local.project() / _props["folder"]
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()


class SshFiles(Resource, module="launchpad", name="SshFiles"):
    """The files for a person's login; ``folder`` is relative to the project's folder."""

    folder: pulumi.Output[str]

    def __init__(self, name: str, folder: str, access: SshAccess, opts: pulumi.ResourceOptions) -> None:
        jump = access.jump
        properties = {
            "folder": folder,
            "private_key": secret(access.private_key),
            "known_host": access.known_hosts_line(),
            "jump_private_key": secret(jump.private_key) if jump else None,
            "jump_known_host": jump.known_hosts_line() if jump else None,
            "login": access.login().apply(lambda login: login.text()),
        }
        given = {name: value for name, value in properties.items() if value is not None}
        super().__init__(SshFilesProvider(), name, given, opts)
