"""The files with which a person at the desk reaches the machine: the client's key and the known host."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, UpdateResult

from infra.machines.providers import PlainError, PlainProvider


def wanted(properties: dict[str, Any]) -> dict[Path, str]:
    """The files and their contents."""
    folder = Path(properties["folder"])
    return {
        folder / "key": properties["private_key"].strip() + "\n",
        folder / "known_hosts": properties["known_host"] + "\n",
    }


def in_place(properties: dict[str, Any]) -> bool:
    """Whether every file is there with the right contents."""
    return all(path.is_file() and path.read_text() == text for path, text in wanted(properties).items())


def write(properties: dict[str, Any]) -> None:
    """Write the files, readable by their owner only, in a folder of their own."""
    try:
        Path(properties["folder"]).mkdir(parents=True, exist_ok=True, mode=0o700)
        for path, text in wanted(properties).items():
            path.unlink(missing_ok=True)
            path.touch(mode=0o600)
            path.write_text(text)
    except OSError as error:
        raise PlainError(
            f"The files for SSH could not be written: {error}. Make {properties['folder']} writable."
        ) from None


class AccessProvider(PlainProvider):
    """Writes the files, notices when they are gone, removes them."""

    def create(self, props: dict[str, Any]) -> CreateResult:
        """Write the files."""
        write(props)
        return CreateResult(props["folder"], props)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """Changed inputs, or files that somebody removed."""
        changed = any(_olds.get(key) != value for key, value in _news.items() if not key.startswith("__"))
        moved = _olds.get("folder") != _news["folder"]
        return DiffResult(
            changes=changed or moved or not in_place(_news),
            replaces=["folder"] if moved else [],
            delete_before_replace=False,
        )

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """Write the files anew."""
        write(_news)
        return UpdateResult(_news)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """Gone files make the resource gone, so that the next up writes them."""
        return ReadResult(id_ if in_place(props) else "", props)

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """Remove the folder with the files."""
        shutil.rmtree(_props["folder"], ignore_errors=True)


class Access(Resource, module="infra", name="Access"):
    """Key and known host at the desk; ``folder`` is relative to the program's folder."""

    folder: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        folder: str,
        private_key: pulumi.Input[str],
        known_host: pulumi.Input[str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        properties = {"folder": folder, "private_key": pulumi.Output.secret(private_key), "known_host": known_host}
        super().__init__(AccessProvider(), name, properties, opts)
