"""Copying files and directories to other machines over SFTP."""

import os
import posixpath
from pathlib import Path

from asyncssh import SFTPClient, SFTPError, SFTPNoSuchFile, SFTPPermissionDenied
from asyncssh.constants import FILEXFER_TYPE_DIRECTORY

from .call import Call, Failure
from .ssh import connect
from .values import ASSET, Object, signature

_BLOCK = 1024 * 1024  # bytes read and sent at a time; asyncssh cuts and pipelines them


async def run(call: Call, inputs: Object) -> None:
    """Copy `source`, an asset or an archive, or the file `localPath`, to `remotePath`.

    Archives are not unpacked. If the target is an existing directory, a file or directory is copied into it under its
    own name. If a directory's path ends in a slash, its contents are copied.
    """
    source = inputs.get("source", {})
    text = source.get("text", "") if signature(source) == ASSET and not source.get("path") else None
    path, target = inputs.get("localPath") or source.get("path", ""), inputs["remotePath"]
    origin = "text asset" if text is not None else f"local file {path}"
    await call.log(f"Creating file: {inputs['connection']['host']}:{target} from {origin}", "DEBUG", fleeting=False)
    if "localPath" in inputs:
        _require(path)
    async with connect(call, inputs["connection"]) as client:
        try:
            async with client.start_sftp_client() as sftp:
                if text is not None:
                    await _copy_text(sftp, text, target)
                elif "localPath" in inputs:
                    await _put(sftp, path, target)
                else:
                    await _copy(sftp, path, target)
        except SFTPError as error:
            raise Failure(f"failed to copy to remote path {target}: {_reason(error)}") from None


def _require(path: str) -> None:
    try:
        os.close(os.open(path, os.O_RDONLY))
    except OSError as error:
        raise Failure(f"open {path}: {os.strerror(error.errno or 0).lower()}") from None


def _reason(error: SFTPError) -> str:
    match error:
        case SFTPNoSuchFile():
            return "file does not exist"
        case SFTPPermissionDenied():
            return "permission denied"
    return f'sftp: "{error.reason}" (SSH_FX_FAILURE)'


async def _copy_text(sftp: SFTPClient, text: str, target: str) -> None:
    if await _is_directory(sftp, target):
        raise Failure(f"remote path {target} is a directory; when using a text asset, remotePath must be a file path")
    await _make_directories(sftp, posixpath.dirname(target), f"parent directories for {target}")
    try:
        async with sftp.open(target, "wb") as file:
            await file.write(text.encode())
    except SFTPError as error:
        raise Failure(f"failed to create remote file {target}: {_reason(error)}") from None


async def _copy(sftp: SFTPClient, path: str, target: str) -> None:
    _require(path)
    existing = await _is_directory(sftp, target)
    name = posixpath.basename(path.rstrip("/"))
    if not Path(path).is_dir():
        if existing:
            target = posixpath.join(target, name)
        elif existing is None:
            await _make_directories(sftp, posixpath.dirname(target), f"parent directories for {target}")
        await _put(sftp, path, target)
        return
    if existing is None:
        await _make_directories(sftp, target, f"remote directory {target}")
    if not path.endswith("/"):
        target = posixpath.join(target, name)
    await _copy_directory(sftp, path, target)


async def _copy_directory(sftp: SFTPClient, path: str, target: str) -> None:
    existing = await _is_directory(sftp, target)
    if existing is False:
        raise Failure(f"remote path {target} exists but is not a directory")
    if existing is None:
        try:
            await sftp.mkdir(target)
        except SFTPError as error:
            raise Failure(f"failed to create remote directory {target}: {_reason(error)}") from None
    for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
        inner = posixpath.join(target, entry.name)
        if entry.is_dir(follow_symlinks=False):
            await _copy_directory(sftp, entry.path, inner)
        else:
            await _put(sftp, entry.path, inner)


async def _put(sftp: SFTPClient, path: str, target: str) -> None:
    try:
        # Not with sftp.put, which would copy the file into a target that is a directory.
        async with sftp.open(target, "wb") as file:
            with Path(path).open("rb") as source:
                while data := source.read(_BLOCK):
                    await file.write(data)
    except SFTPError as error:
        raise Failure(f"failed to create remote file {target}: {_reason(error)}") from None
    except OSError as error:
        problem = os.strerror(error.errno or 0).lower()
        raise Failure(f"failed to copy file {path} to remote path {target}: read {path}: {problem}") from None


async def _make_directories(sftp: SFTPClient, target: str, what: str) -> None:
    try:
        if target:
            await sftp.makedirs(target, exist_ok=True)
    except SFTPError as error:
        raise Failure(f"failed to create {what}: {_reason(error)}") from None


async def _is_directory(sftp: SFTPClient, target: str) -> bool | None:
    """Whether the remote path is a directory; None if it does not exist."""
    try:
        return (await sftp.stat(target)).type == FILEXFER_TYPE_DIRECTORY
    except SFTPNoSuchFile:
        return None
    except SFTPError as error:
        raise Failure(f"failed to stat remote path {target}: {_reason(error)}") from None
